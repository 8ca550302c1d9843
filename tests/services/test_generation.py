import asyncio
import io
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from bot.db import audit, guilds, jobs, lanes, paintings
from bot.db.sqlite import SqliteDatabase
from bot.domain.begun import Begun
from bot.domain.errors import (
    NoSuchJob,
    NotExpressible,
    OfferLapsed,
    QuotaExceeded,
    TooLateToCancel,
    TooManyQueued,
)
from bot.domain.jobs import Job, JobState, Lineage, Origin, Relation
from bot.domain.models import ModelSpec
from bot.domain.money import Balance
from bot.domain.requests import Asked, MotionBrush, Options, Point, Quality, Task
from bot.media.blobs import Blobs
from bot.media.errors import Fit, NotAPicture, PictureRefused
from bot.media.images import Images
from bot.services.gate import Gate
from bot.services.generation import (
    OFFER_LASTS_MS,
    Ask,
    Generation,
    PictureNeedsFitting,
)
from bot.services.notices import Notices
from bot.services.paintings import PaintingLapsed, PaintingSent
from bot.services.pictures import Painted
from bot.services.policy import Policy, RefusedRequest
from bot.services.questions import NeedsConfirmation
from tests import books, builders
from tests.services.doubles import RecordingPublisher, TurnedClock, routes

WORDS = Options(prompt="the boat drifts")


def png(width: int = 640, height: int = 360) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), (20, 90, 160)).save(data, "PNG")
    return data.getvalue()


LONG = png(1600, 320)
"""Five to one: no provider takes it, but it can be padded or cropped."""

LONG_AND_LARGE = png(3000, 700)


@dataclass
class Counter:
    """Where requests are accepted, and what that set in motion."""

    db: SqliteDatabase
    blobs: Blobs
    clock: TurnedClock
    woken: list[int] = field(default_factory=list[int])
    refused: list[RefusedRequest] = field(default_factory=list[RefusedRequest])
    stopping: list[Job] = field(default_factory=list[Job])
    queued: int = 0
    gate: Gate = field(default_factory=lambda: Gate(changed=lambda: None))
    images: Any = None

    def generations(self, spec: ModelSpec) -> Generation:
        return Generation(
            db=self.db,
            routes=routes(self.db, spec),
            images=self.images,
            blobs=self.blobs,
            clock=self.clock,
            runner=self,
            notices=Notices(db=self.db, publisher=RecordingPublisher(), clock=self.clock),
            policy=Policy(db=self.db, refused=self.refused.append),
            gate=self.gate,
            defaults=builders.caps(user_day=20, user_queued=3),
            queued=self.one_more,
            stopping=self.stopping.append,
            let_go=lambda: None,
        )

    def wake(self, job_id: int) -> None:
        self.woken.append(job_id)

    def one_more(self, job: Job) -> None:
        self.queued += 1

    async def balance(self) -> Balance:
        return await self.db.read(books.balance(now_ms=self.clock.now_ms()))

    async def jobs(self) -> list[Job]:
        return await self.db.read(jobs.of_member(1, 100, limit=50))


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncGenerator[Counter]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("local"))
    made = Counter(db, Blobs.open(tmp_path / "blobs"), TurnedClock())
    async with Images() as images:
        made.images = images
        yield made
    assert await db.read(audit.discrepancies()) == 0
    await db.close()


BRUSH = builders.LOCAL.model_copy(
    update={
        "parameters": ("prompt", "end_frame", "motion", "shots"),
        "durations_s": (5, 8, 10),
        "only": {"motion": ("std/5", "pro/5")},
        "exclusive": (("end_frame", "motion"),),
    }
)
"""A model that takes painted motion and several shots."""


@pytest.fixture
def brush(counter: Counter) -> Generation:
    """The counter where there is such a model."""
    return counter.generations(BRUSH)


@pytest.fixture
def generation(counter: Counter) -> Generation:
    return counter.generations(builders.LOCAL)


async def needing_a_fit(
    generation: Generation, origin: Origin | None = None, *, image: bytes = LONG, **options: Any
) -> PictureNeedsFitting:
    with pytest.raises(PictureNeedsFitting) as refusal:
        await generation.accept(origin or builders.origin(), Ask(Options(**options), image=image))
    return refusal.value


async def test_a_request_is_reserved_queued_and_announced(counter: Counter, generation: Generation) -> None:
    job = await generation.accept(builders.origin(), Ask(WORDS))
    assert (job.state, job.credits, job.request.task) == (JobState.QUEUED, 5, Task.TEXT_TO_VIDEO)
    assert (await counter.balance()).reserved == 5
    assert counter.queued == 1


async def test_pictures_are_kept_as_they_will_be_sent(counter: Counter, generation: Generation) -> None:
    ask = Ask(Options(), image=png(), end_frame=png(800, 600))
    job = await generation.accept(builders.origin(), ask)
    assert job.request.image
    assert job.request.end_frame
    assert (job.request.image.width, job.request.end_frame.height) == (640, 600)
    kept = Image.open(io.BytesIO(await counter.blobs.get(job.request.image.blob)))
    assert kept.size == (640, 360)


async def test_the_same_interaction_twice_is_one_job_and_one_reservation(
    counter: Counter, generation: Generation
) -> None:
    origin = builders.origin()
    first = await generation.accept(origin, Ask(WORDS))
    assert await generation.accept(origin, Ask(WORDS)) == first
    assert (await counter.balance()).reserved == 5
    assert counter.queued == 1


async def test_the_same_interaction_many_times_at_once_is_one_job(
    counter: Counter, generation: Generation
) -> None:
    origin = builders.origin()
    made = await asyncio.gather(*(generation.accept(origin, Ask(Options(), image=png())) for _ in range(10)))
    assert len({job.id for job in made}) == 1
    assert (await counter.balance()).reserved == 5


async def test_what_was_queued_is_no_longer_noted(generation: Generation) -> None:
    origin = builders.origin()
    await generation.note(_asked(origin))
    assert [asked.request_key for asked in await generation.left()] == [origin.request_key]
    await generation.accept(origin, Ask(WORDS))
    assert await generation.left() == []


async def test_what_was_refused_is_noted_until_the_person_knows(generation: Generation) -> None:
    origin = builders.origin()
    await generation.note(_asked(origin))
    with pytest.raises(NotAPicture):
        await generation.accept(origin, Ask(WORDS, image=b"<html>"))
    [asked] = await generation.left()
    assert asked == _asked(origin)
    await generation.forget(asked)
    assert await generation.left() == []


async def test_what_was_painted_is_sent_once_and_again_only_after_it_was_refused(
    counter: Counter, generation: Generation
) -> None:
    origin = builders.origin()
    asked = await _painted(counter, origin)
    await generation.note(asked)
    assert await generation.came_of(asked) == asked
    with pytest.raises(PaintingSent):
        await generation.note(asked)
    await generation.forget(asked)
    assert await generation.came_of(asked) is None
    await generation.note(asked)
    job = await generation.accept(origin, Ask(WORDS, image=png()))
    assert await generation.came_of(asked) == job
    late = await _painted(counter, builders.origin())
    counter.clock.turn(2)
    with pytest.raises(PaintingLapsed):
        await generation.note(late)


async def test_what_was_painted_is_not_opened_again_while_its_question_waits(
    counter: Counter, generation: Generation
) -> None:
    await counter.db.write(guilds.prefer(1, {"confirm_above": 4}, defaults=builders.NO_CAPS))
    origin = builders.origin()
    asked = await _painted(counter, origin)
    await generation.note(asked)
    with pytest.raises(NeedsConfirmation):
        await generation.accept(origin, Ask(WORDS, image=png()))
    await generation.forget(asked)
    assert isinstance(await generation.came_of(asked), NeedsConfirmation)
    with pytest.raises(PaintingSent):
        await generation.note(asked)


async def _painted(counter: Counter, origin: Origin) -> Asked:
    """A request with the painting that it came from, which lasts for a second."""
    now_ms = counter.clock.now_ms()
    kept = paintings.make(origin.guild_id, origin.user_id, "{}", lapses_at_ms=now_ms + 1000, now_ms=now_ms)
    return _asked(origin).model_copy(update={"painting_id": await counter.db.write(kept)})


def _asked(origin: Origin) -> Asked:
    known = {name: getattr(origin, name) for name in Asked.model_fields if hasattr(origin, name)}
    return Asked(**known, options=WORDS, image_url=None, end_frame_url=None)


@pytest.mark.parametrize("ask", [Ask(WORDS, image=b"<html>"), Ask(WORDS, image=png(), end_frame=b"GIF89a")])
async def test_a_picture_that_is_none_is_refused_with_nothing_kept(
    counter: Counter, generation: Generation, ask: Ask
) -> None:
    with pytest.raises(Exception, match="picture"):
        await generation.accept(builders.origin(), ask)
    assert await counter.jobs() == []
    assert (counter.queued, (await counter.balance()).reserved) == (0, 0)


async def test_what_no_model_makes_is_refused_with_nothing_kept(
    counter: Counter, generation: Generation
) -> None:
    with pytest.raises(NotExpressible):
        await generation.accept(builders.origin(), Ask(Options(prompt="x", sound=True)))
    assert await counter.jobs() == []


async def test_a_cap_refuses_with_nothing_kept(counter: Counter, generation: Generation) -> None:
    dear = Options(prompt="x", duration_s=10, quality=Quality.PRO)
    await generation.accept(builders.origin(), Ask(dear))
    with pytest.raises(QuotaExceeded) as refusal:
        await generation.accept(builders.origin(), Ask(WORDS))
    assert (refusal.value.price, refusal.value.left) == (5, 0)
    assert len(await counter.jobs()) == 1


async def test_a_member_has_so_many_waiting_and_no_more(generation: Generation) -> None:
    for _ in range(3):
        await generation.accept(builders.origin(), Ask(WORDS))
    with pytest.raises(TooManyQueued) as refusal:
        await generation.accept(builders.origin(), Ask(WORDS))
    assert refusal.value.cap == 3


async def test_a_picture_that_can_be_made_to_fit_is_offered_again(
    counter: Counter, generation: Generation
) -> None:
    offer = await needing_a_fit(generation, prompt="slowly", duration_s=10)
    assert set(offer.remedies) == {Fit.PAD, Fit.CROP}
    assert await counter.jobs() == []
    job = await generation.accept_offer(offer.offer_id, Fit.PAD, builders.origin())
    assert (job.request.prompt, job.request.duration_s) == ("slowly", 10)
    assert job.request.image
    assert job.request.image.width / job.request.image.height <= 2.5
    assert (await counter.balance()).reserved == 10


async def test_a_cropped_picture_keeps_its_end_frame(generation: Generation) -> None:
    ask = Ask(Options(prompt="x"), image=LONG_AND_LARGE, end_frame=png())
    with pytest.raises(PictureNeedsFitting) as refusal:
        await generation.accept(builders.origin(), ask)
    job = await generation.accept_offer(refusal.value.offer_id, Fit.CROP, builders.origin())
    assert job.request.end_frame
    assert job.request.end_frame.width == 640


async def test_an_edit_whose_picture_was_made_to_fit_still_says_what_it_came_out_of(
    generation: Generation,
) -> None:
    edited = await generation.accept(builders.origin(), Ask(WORDS))
    lineage = Lineage(edited.id, Relation.EDIT)
    with pytest.raises(PictureNeedsFitting) as refusal:
        await generation.accept(builders.origin(lineage=lineage), Ask(WORDS, image=LONG_AND_LARGE))
    job = await generation.accept_offer(refusal.value.offer_id, Fit.PAD, builders.origin())
    assert job.origin.lineage == lineage


async def test_an_offer_is_taken_once(counter: Counter, generation: Generation) -> None:
    offer = await needing_a_fit(generation)
    await generation.accept_offer(offer.offer_id, Fit.PAD, builders.origin())
    with pytest.raises(OfferLapsed):
        await generation.accept_offer(offer.offer_id, Fit.PAD, builders.origin())
    assert (await counter.balance()).reserved == 5


async def test_two_clicks_at_once_take_an_offer_once(counter: Counter, generation: Generation) -> None:
    offer = await needing_a_fit(generation)
    answers = await asyncio.gather(
        *(generation.accept_offer(offer.offer_id, fit, builders.origin()) for fit in (Fit.PAD, Fit.CROP)),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Job", "OfferLapsed"]
    assert (await counter.balance()).reserved == 5


@pytest.mark.parametrize("stranger", [{"user_id": 101}, {"guild_id": 2}])
async def test_an_offer_is_for_the_one_it_was_made_to(
    generation: Generation, stranger: dict[str, int]
) -> None:
    offer = await needing_a_fit(generation)
    with pytest.raises(OfferLapsed):
        await generation.accept_offer(offer.offer_id, Fit.PAD, builders.origin(**stranger))
    assert await generation.accept_offer(offer.offer_id, Fit.PAD, builders.origin())


async def test_an_offer_lasts_an_hour(counter: Counter, generation: Generation) -> None:
    kept, lapsed = await needing_a_fit(generation), await needing_a_fit(generation)
    counter.clock.turn(OFFER_LASTS_MS / 1000)
    await generation.accept_offer(kept.offer_id, Fit.PAD, builders.origin())
    counter.clock.turn(1)
    with pytest.raises(OfferLapsed):
        await generation.accept_offer(lapsed.offer_id, Fit.PAD, builders.origin())


async def test_an_offer_refused_for_credits_can_be_taken_later(
    counter: Counter, generation: Generation
) -> None:
    offer = await needing_a_fit(generation)
    for _ in range(2):
        await generation.accept(builders.origin(), Ask(Options(prompt="x", duration_s=10)))
    with pytest.raises(QuotaExceeded):
        await generation.accept_offer(offer.offer_id, Fit.PAD, builders.origin())
    first = (await counter.jobs())[0]
    await generation.cancel(first.id, guild_id=1, user_id=100, may_cancel_any=False)
    assert await generation.accept_offer(offer.offer_id, Fit.PAD, builders.origin())


POINTS = (Point(x=10, y=20), Point(x=30, y=40))
URL = "https://cdn.example.com/picture.png"


@pytest.mark.parametrize(
    ("options", "brought", "refusal"),
    [
        (Options(prompt="x", duration_s=7), {}, NotExpressible),
        (Options(prompt="x", model="nope"), {"image_url": URL}, NotExpressible),
        (Options(prompt="x"), {"end_frame_url": URL}, ValidationError),
        (Options(), {}, ValidationError),
        (Options(prompt="x"), {"still_mask_url": URL}, ValidationError),
        (Options(prompt="x", duration_s=10), {"image_url": URL, "still_mask_url": URL}, NotExpressible),
        (Options(), {"image_url": URL, "moving_urls": (URL,), "paths": (POINTS[:1],)}, NotExpressible),
        (Options(), {"image_url": URL, "moving_urls": (URL,), "paths": (POINTS,), "end_frame_url": URL}, NotExpressible),
    ],
)  # fmt: skip
async def test_what_cannot_be_made_is_refused_before_anything_is_fetched(
    brush: Generation, options: Options, brought: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await brush.check(_asked(builders.origin()).model_copy(update={"options": options, **brought}))


@pytest.mark.parametrize(
    "brought",
    [
        {},
        {"image_url": URL, "end_frame_url": URL},
        {"image_url": URL, "still_mask_url": URL},
        {"image_url": URL, "moving_urls": (URL, URL), "paths": (POINTS, POINTS)},
    ],
)
async def test_what_can_be_made_passes_the_check(brush: Generation, brought: dict[str, Any]) -> None:
    await brush.check(_asked(builders.origin()).model_copy(update=brought))


async def painted(brush: Generation, *, image: bytes, motion: Painted, **options: Any) -> MotionBrush:
    job = await brush.accept(builders.origin(), Ask(Options(**options), image=image, motion=motion))
    assert job.request.motion
    return job.request.motion


async def test_masks_and_paths_are_brought_to_the_size_of_the_picture(
    counter: Counter, brush: Generation
) -> None:
    motion = await painted(
        brush, image=png(8192, 4000), motion=Painted(png(4096, 2000), ((png(2048, 1000), POINTS),))
    )
    assert [(mask.width, mask.height, mask.media_type) for mask in motion.masks] == [
        (4096, 2000, "image/png"),
        (4096, 2000, "image/png"),
    ]
    assert [(point.x, point.y) for point in motion.moving[0].path] == [(5, 10), (15, 20)]
    kept = Image.open(io.BytesIO(await counter.blobs.get(motion.moving[0].mask.blob)))
    assert (kept.size, kept.mode) == ((4096, 2000), "L")


async def test_a_path_that_leads_outside_ends_at_the_edge(brush: Generation) -> None:
    path = (Point(x=0, y=0), Point(x=640, y=10), Point(x=9, y=99_999))
    motion = await painted(brush, image=png(), motion=Painted(None, ((png(), path),)))
    assert [(point.x, point.y) for point in motion.moving[0].path] == [(0, 0), (639, 10), (9, 359)]


@pytest.mark.parametrize(
    ("image", "motion", "said"),
    [
        (png(), Painted(png(640, 400)), "The still mask: This mask is 640 by 400 pixels and its picture 640 by 360"),
        (png(), Painted(None, ((png(), POINTS), (b"MZ", POINTS))), "Mask 2: This file is not a picture"),
        (png(200, 200), Painted(png(200, 200)), "at least 300; send a larger one"),
        (LONG_AND_LARGE, Painted(LONG_AND_LARGE), "send a larger one that is less narrow"),
        (b"MZ", Painted(png()), "not a picture I can read"),
    ],
)  # fmt: skip
async def test_what_cannot_be_painted_on_is_refused_with_nothing_kept_or_offered(
    counter: Counter, brush: Generation, image: bytes, motion: Painted, said: str
) -> None:
    with pytest.raises(PictureRefused, match=said):
        await painted(brush, image=image, motion=motion)
    assert await counter.jobs() == []
    assert (await counter.balance()).reserved == 0


BOARD = Begun(options=Options(), image_url=URL, text="3 | The boat leaves")


async def test_a_storyboard_is_its_members_for_a_day(counter: Counter, generation: Generation) -> None:
    number = await generation.keep(1, 100, BOARD)
    assert await generation.begun(number, 1, 100) == BOARD
    for guild_id, user_id in ((1, 101), (2, 100)):
        with pytest.raises(OfferLapsed):
            await generation.begun(number, guild_id, user_id)
    counter.clock.turn(24 * 3600 + 1)
    with pytest.raises(OfferLapsed):
        await generation.begun(number, 1, 100)


async def test_an_offer_is_no_storyboard_and_a_storyboard_no_offer(generation: Generation) -> None:
    number = await generation.keep(1, 100, BOARD)
    with pytest.raises(OfferLapsed):
        await generation.accept_offer(number, Fit.PAD, builders.origin())
    offer = await needing_a_fit(generation)
    with pytest.raises(OfferLapsed):
        await generation.begun(offer.offer_id, 1, 100)


def test_a_storyboard_that_nobody_can_make_is_refused_before_it_is_written(
    generation: Generation, brush: Generation
) -> None:
    with pytest.raises(NotExpressible) as refusal:
        generation.check_storyboard(BOARD)
    assert refusal.value.problems == ("The local renderer does not take several shots; leave it out.",)
    brush.check_storyboard(BOARD)
    with pytest.raises(NotExpressible, match="sound"):
        brush.check_storyboard(BOARD.model_copy(update={"options": Options(sound=True)}))


async def test_a_waiting_job_is_cancelled_by_its_owner_at_once(
    counter: Counter, generation: Generation
) -> None:
    job = await generation.accept(builders.origin(), Ask(WORDS))
    cancelled = await generation.cancel(job.id, guild_id=1, user_id=100, may_cancel_any=False)
    assert cancelled.state is JobState.CANCELLED
    assert counter.woken == [job.id]
    assert (await counter.balance()).reserved == 0


async def test_a_moderator_may_cancel_any_job_of_the_server(generation: Generation) -> None:
    job = await generation.accept(builders.origin(), Ask(WORDS))
    with pytest.raises(NoSuchJob):
        await generation.cancel(job.id, guild_id=1, user_id=5, may_cancel_any=False)
    with pytest.raises(NoSuchJob):
        await generation.cancel(job.id, guild_id=2, user_id=5, may_cancel_any=True)
    assert await generation.cancel(job.id, guild_id=1, user_id=5, may_cancel_any=True)


async def test_a_job_that_has_ended_is_not_cancelled_again(counter: Counter, generation: Generation) -> None:
    job = await generation.accept(builders.origin(), Ask(WORDS))
    await generation.cancel(job.id, guild_id=1, user_id=100, may_cancel_any=False)
    with pytest.raises(TooLateToCancel):
        await generation.cancel(job.id, guild_id=1, user_id=100, may_cancel_any=False)
    assert counter.woken == [job.id]


async def test_a_running_job_is_asked_to_end(counter: Counter, generation: Generation) -> None:
    job = await generation.accept(builders.origin(), Ask(WORDS))
    await counter.db.write(jobs.admit("local", slots=1, now_ms=counter.clock.now_ms()))
    asked = await generation.cancel(job.id, guild_id=1, user_id=100, may_cancel_any=False)
    assert (asked.state, asked.cancel_requested) == (JobState.SUBMITTING, True)
    assert counter.woken == [job.id]
    assert counter.stopping == [asked]
