"""What one job leaves for the next."""

import io
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from bot.db import jobs
from bot.domain.errors import DestinationForbidden, NoSuchJob, NotExpressible
from bot.domain.jobs import Job, JobState, Origin
from bot.domain.requests import Asked, MotionBrush, Options, Picture, Point, Stroke, camera_control
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.services.reuse import (
    CannotBePainted,
    ClipGone,
    ClipUnclaimed,
    ClipWithdrawn,
    Inputs,
    NotADraft,
    OnlyAmongThose,
    OnlyForAdults,
    PicturesGone,
    Reuse,
)
from tests import builders
from tests.services import doubles
from tests.services.conftest import Engine

ZOOM = camera_control("zoom", 3)
SENT = b"a picture as it was sent"
SPEC = builders.SCRIPTED.model_copy(update={"parameters": ("prompt", "end_frame", "motion")})


class Shelf:
    """Jobs with what is kept of them."""

    def __init__(self, engine: Engine, blobs: Blobs, clips: Clips) -> None:
        self.engine = engine
        self.blobs = blobs
        self.clips = clips
        self.reuse = Reuse(db=engine.db, blobs=blobs, clips=clips, routes=doubles.routes(engine.db, SPEC))

    async def picture(self, data: bytes) -> Picture:
        blob = await self.blobs.put(data, max_bytes=1_000_000)
        return Picture(blob=blob.hash, media_type="image/png", width=640, height=360)

    async def job(self, origin: Origin | None = None, /, **known: object) -> Job:
        """A job from a picture to an end frame; `known` are columns."""
        image, end_frame = await self.picture(b"first"), await self.picture(b"last")
        mask = await self.picture(b"mask")
        motion = MotionBrush(moving=(Stroke(mask=mask, path=(Point(x=1, y=2), Point(x=3, y=4))),))
        request = builders.request(image=image, end_frame=end_frame, motion=motion)
        accepted = await self.engine.db.write(
            jobs.accept(
                origin or builders.origin(),
                request,
                builders.choice(provider="scripted"),
                defaults=builders.NO_CAPS,
                now_ms=1,
            )
        )
        if not known:
            return accepted.job
        return await self.engine.db.write(jobs.move(accepted.job, accepted.job.state, now_ms=1, **known))


@pytest.fixture
async def shelf(engine: Engine, tmp_path: Any) -> Any:
    async with Clips() as clips:
        yield Shelf(engine, Blobs.open(tmp_path / "blobs"), clips)


def asked(job: Job | None, relation: str | None = "again", **known: Any) -> Asked:
    usual: dict[str, Any] = {
        "request_key": "1",
        "guild_id": 1,
        "channel_id": 10,
        "parent_id": None,
        "user_id": 100,
        "upload_limit": 1,
        "options": Options(prompt="a boat"),
        "image_url": None,
        "end_frame_url": None,
        "from_job_id": job and job.id,
        "relation": relation if job else None,
    }
    return Asked(**usual | known)


async def test_a_request_that_comes_out_of_nothing_keeps_what_came_with_it(shelf: Shelf) -> None:
    given = Inputs(SENT)
    assert await shelf.reuse.filled_in(asked(None), given) is given
    await shelf.reuse.check(asked(None))


@pytest.mark.parametrize("relation", ["again", "edit"])
async def test_the_same_pictures_masks_and_paths_are_used(shelf: Shelf, relation: str) -> None:
    job = await shelf.job()
    request = job.request
    filled = await shelf.reuse.filled_in(asked(job, relation), Inputs())
    assert filled == Inputs(request.image, request.end_frame, request.motion)


async def test_another_picture_takes_the_place_of_the_first_and_of_what_was_painted_on_it(
    shelf: Shelf,
) -> None:
    job = await shelf.job()
    filled = await shelf.reuse.filled_in(asked(job, "edit"), Inputs(SENT))
    assert filled == Inputs(SENT, job.request.end_frame, None)


async def test_it_goes_on_from_the_last_frame_and_without_the_end_frame(shelf: Shelf, clip: bytes) -> None:
    blob = await shelf.blobs.put(clip, max_bytes=10_000_000)
    filled = await shelf.reuse.filled_in(asked(await shelf.job(clip=blob.hash), "extend"), Inputs())
    assert isinstance(filled.image, bytes)
    with Image.open(io.BytesIO(filled.image)) as image:
        assert image.format == "JPEG"
    assert (filled.end_frame, filled.motion) == (None, None)


async def test_where_the_clip_is_not_kept_its_last_frame_does(shelf: Shelf) -> None:
    frame = await shelf.picture(b"the last frame")
    filled = await shelf.reuse.filled_in(asked(await shelf.job(last_frame=frame.blob), "extend"), Inputs())
    assert filled.image == b"the last frame"


@pytest.mark.parametrize("known", [{}, {"clip": "b" * 64}, {"last_frame": "b" * 64}])
async def test_nothing_goes_on_from_a_clip_that_is_not_kept(shelf: Shelf, known: dict[str, str]) -> None:
    with pytest.raises(ClipGone):
        await shelf.reuse.filled_in(asked(await shelf.job(**known), "extend"), Inputs())


async def test_nothing_goes_on_from_a_clip_that_is_still_to_be_claimed(shelf: Shelf) -> None:
    engine = shelf.engine
    closed = DestinationForbidden("closed")
    engine.publisher.thread_fault = closed
    engine.publisher.closed = {10: closed, 777: closed}
    job = await engine.until(await engine.admitted(), JobState.UNDELIVERABLE)
    for reused in (
        shelf.reuse.check(asked(job, "extend")),
        shelf.reuse.filled_in(asked(job, "extend"), Inputs()),
    ):
        with pytest.raises(ClipUnclaimed):
            await reused
    await shelf.reuse.check(asked(job, "again"))


async def test_what_is_known_to_be_gone_is_refused_before_anything_is_fetched(shelf: Shelf) -> None:
    with pytest.raises(ClipGone):
        await shelf.reuse.check(asked(await shelf.job(), "extend"))


async def test_pictures_that_are_gone_are_missed_at_once(shelf: Shelf) -> None:
    job = await shelf.job()
    assert job.request.motion is not None
    await shelf.blobs.delete(job.request.motion.masks[0].blob)
    with pytest.raises(PicturesGone):
        await shelf.reuse.filled_in(asked(job), Inputs())


@pytest.mark.parametrize("relation", ["again", "edit", "extend", "final"])
async def test_nothing_comes_out_of_a_clip_that_was_deleted(shelf: Shelf, relation: str) -> None:
    request = asked(await shelf.job(withdrawn_at_ms=1, withdrawn_by=100), relation)
    with pytest.raises(ClipWithdrawn):
        await shelf.reuse.check(request)
    with pytest.raises(ClipWithdrawn):
        await shelf.reuse.filled_in(request, Inputs())


@pytest.mark.parametrize("relation", ["again", "edit", "extend"])
async def test_what_was_asked_for_in_private_is_shown_elsewhere_by_its_member_alone(
    shelf: Shelf, clip: bytes, relation: str
) -> None:
    blob = await shelf.blobs.put(clip, max_bytes=10_000_000)
    job = await shelf.job(builders.origin(channel_id=77, user_id=100, is_private=True), clip=blob.hash)
    with pytest.raises(OnlyAmongThose):
        await shelf.reuse.check(asked(job, relation, user_id=7))
    with pytest.raises(OnlyAmongThose):
        await shelf.reuse.filled_in(asked(job, relation, user_id=7), Inputs())
    await shelf.reuse.check(asked(job, relation, user_id=7, channel_id=77))
    await shelf.reuse.check(asked(job, relation))


async def test_what_was_asked_for_among_adults_is_made_again_among_them(shelf: Shelf) -> None:
    job = await shelf.job(builders.origin(is_age_restricted=True))
    with pytest.raises(OnlyForAdults, match="; ask in one of those"):
        await shelf.reuse.check(asked(job))
    await shelf.reuse.check(asked(job, is_age_restricted=True))


async def test_only_a_draft_has_a_final(shelf: Shelf) -> None:
    with pytest.raises(NotADraft):
        await shelf.reuse.check(asked(await shelf.job(), "final"))


async def test_another_servers_job_is_none(shelf: Shelf) -> None:
    with pytest.raises(NoSuchJob):
        await shelf.reuse.check(asked(await shelf.job(), guild_id=2))


async def test_what_nobody_could_make_is_refused_before_anything_is_fetched(shelf: Shelf) -> None:
    job = await shelf.job()
    await shelf.reuse.check(asked(job))
    with pytest.raises(NotExpressible):
        await shelf.reuse.check(asked(job, options=Options(prompt="a boat", duration_s=7)))
    with pytest.raises(NotExpressible):
        await shelf.reuse.check(asked(job, options=Options(prompt="a boat", sound=True)))


async def test_a_path_on_another_picture_is_not_held_against_it(shelf: Shelf) -> None:
    await shelf.reuse.check(asked(await shelf.job(), "edit", image_url="https://cdn.example/other.png"))


async def test_what_was_painted_brings_all_that_it_needs(shelf: Shelf) -> None:
    job = await shelf.job()
    painted = asked(job, "edit", painting_id=1, image=job.request.image, motion=job.request.motion)
    await shelf.reuse.check(painted)
    given = Inputs(painted.image, None, painted.motion)
    assert await shelf.reuse.filled_in(painted, given) == given


async def test_what_is_to_be_painted_has_the_picture_and_what_was_asked_and_no_camera(shelf: Shelf) -> None:
    job = await shelf.job()
    begun = await shelf.reuse.to_paint(asked(job, "edit", options=Options(prompt="a ship", camera=ZOOM)))
    assert begun.image == job.request.image
    assert begun.options == Options(prompt=job.request.prompt, quality=job.request.quality)


async def test_what_nobody_could_paint_or_is_gone_is_not_begun(shelf: Shelf) -> None:
    job = await shelf.job()
    silent = SPEC.model_copy(update={"parameters": ("prompt",)})
    other = Reuse(
        db=shelf.engine.db,
        blobs=shelf.blobs,
        clips=shelf.clips,
        routes=doubles.routes(shelf.engine.db, silent),
    )
    with pytest.raises(CannotBePainted):
        await other.to_paint(asked(job, "edit"))
    assert job.request.image is not None
    await shelf.blobs.delete(job.request.image.blob)
    with pytest.raises(PicturesGone):
        await shelf.reuse.to_paint(asked(job, "edit"))


async def test_words_are_still_needed_where_there_is_no_picture(shelf: Shelf) -> None:
    accepted = await shelf.engine.db.write(
        jobs.accept(
            builders.origin(),
            builders.request(),
            builders.choice(provider="scripted"),
            defaults=builders.NO_CAPS,
            now_ms=1,
        )
    )
    with pytest.raises(ValidationError):
        await shelf.reuse.check(asked(accepted.job, "edit", options=Options()))
