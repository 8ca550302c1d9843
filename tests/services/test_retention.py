"""What is kept how long, on a real database and a real store."""

import asyncio
import io
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from structlog.testing import capture_logs

from bot.app import task_group
from bot.db import audit, erasures, exports, jobs, lanes, offers
from bot.db import blobs as uses
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import DestinationForbidden, DiscordUnavailable
from bot.domain.jobs import CLAIMABLE_FOR_MS, Job, JobState
from bot.domain.requests import Picture
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import StoreUnavailable
from bot.services.retention import DAY_MS, LET_GO_LASTS_MS, Retention
from tests import builders
from tests.bucket import PAGE
from tests.patience import PATIENCE_S
from tests.services.doubles import RecordingPublisher, TurnedClock

DAYS = 90
OWNER, MODERATOR = 100, 7


@dataclass
class Archive:
    """Jobs with clips, and what forgets them; files are as old as the clock says."""

    db: SqliteDatabase
    blobs: Blobs
    clips: Clips
    clip: bytes
    folder: Path | None
    clock: TurnedClock = field(default_factory=TurnedClock)
    days: int | None = DAYS
    picture_days: int | None = None
    publisher: RecordingPublisher = field(default_factory=RecordingPublisher)
    woken: list[int] = field(default_factory=list[int])
    """Jobs whose cards are to be seen to."""

    def __post_init__(self) -> None:
        self.blobs._now = lambda: self.clock.now_ms() / 1000
        self.retention = self.another()

    def another(self) -> Retention:
        """As the next process would have it."""
        self.blobs._came_s.clear()
        return Retention(
            db=self.db,
            blobs=self.blobs,
            clips=self.clips,
            clock=self.clock,
            publisher=self.publisher,
            wake=self.woken.append,
            originals_last_ms=None if self.days is None else self.days * DAY_MS,
            pictures_last_ms=None if self.picture_days is None else self.picture_days * DAY_MS,
        )

    async def put(self, data: bytes) -> str:
        blob = (await self.blobs.put(data, max_bytes=len(data))).hash
        now_s = self.clock.now_ms() / 1000
        if self.folder is not None:
            os.utime(self.folder / blob[:2] / blob[2:], (now_s, now_s))
        return blob

    async def picture(self, data: bytes) -> Picture:
        return Picture(blob=await self.put(data), media_type="image/png", width=640, height=360)

    async def job(
        self, *, picture: bytes = b"a picture", state: JobState = JobState.DONE, clip: bytes | None = None
    ) -> Job:
        now_ms = self.clock.now_ms()
        request = builders.request(image=await self.picture(picture))
        await self.db.write(
            jobs.accept(
                builders.origin(user_id=OWNER),
                request,
                builders.choice(),
                defaults=builders.NO_CAPS,
                now_ms=now_ms,
            )
        )
        job = await self.db.write(jobs.admit("local", slots=99, now_ms=now_ms))
        assert job is not None
        for step in (JobState.RENDERING, JobState.FETCHING):
            job = await self.db.write(jobs.move(job, step, now_ms=now_ms))
        data = self.clip if clip is None else clip
        known = {"clip": await self.put(data), "clip_bytes": len(data)}
        job = await self.db.write(jobs.move(job, JobState.DELIVERING, now_ms=now_ms, **known))
        if state is JobState.DELIVERING:
            return job
        return await self.db.write(jobs.move(job, state, now_ms=now_ms))

    async def withdraw(self, job: Job, by: int) -> None:
        now_ms = self.clock.now_ms()
        await self.db.write(jobs.move(job, job.state, now_ms=now_ms, withdrawn_at_ms=now_ms, withdrawn_by=by))
        self.retention.wake()

    async def after(self, ms: int) -> Job:
        """The first job, once so much time has gone by and what was due has been forgotten."""
        self.clock.turn(ms / 1000)
        await self.retention.forget_due()
        return await self.db.read(jobs.get(1))


@pytest.fixture
async def archive(request: pytest.FixtureRequest, tmp_path: Path, clip: bytes) -> AsyncGenerator[Archive]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("local"))
    async with Clips() as clips:
        if getattr(request, "param", "folder") == "folder":
            yield Archive(db, Blobs.open(tmp_path / "blobs"), clips, clip, tmp_path / "blobs")
        else:
            kept = request.getfixturevalue("bucket").blobs(tmp_path / "spool")
            yield Archive(db, kept, clips, clip, None, TurnedClock(int(time.time() * 1000)))
    await db.close()


@pytest.mark.parametrize("archive", ["folder", "bucket"], indirect=True)
async def test_an_original_is_forgotten_after_its_days_and_its_last_frame_is_kept(archive: Archive) -> None:
    job = await archive.job()
    assert job.clip is not None
    assert (await archive.after(DAYS * DAY_MS)).clip == job.clip
    kept = await archive.after(1)
    assert (kept.clip, kept.clip_bytes) == (None, job.clip_bytes)
    assert kept.last_frame is not None
    frame = Image.open(io.BytesIO(await archive.blobs.get(kept.last_frame)))
    assert (frame.format, frame.size) == ("JPEG", (320, 240))
    assert await archive.blobs.exists(job.clip)  # somebody might just be using it
    kept = await archive.after(LET_GO_LASTS_MS)
    assert not await archive.blobs.exists(job.clip)
    kept = await archive.after(10 * 365 * DAY_MS)
    assert kept.last_frame is not None
    assert await archive.blobs.exists(kept.last_frame)
    assert await archive.blobs.exists(kept.request.pictures[0].blob)


async def test_without_days_originals_are_kept_for_ever(archive: Archive) -> None:
    archive.days = None
    archive.retention = archive.another()
    job = await archive.job()
    assert (await archive.after(50 * 365 * DAY_MS)).clip == job.clip


async def test_pictures_are_kept_as_long_as_their_jobs_unless_the_operator_says_otherwise(
    archive: Archive,
) -> None:
    job = await archive.job()
    await archive.after(50 * 365 * DAY_MS)
    assert await archive.blobs.exists(job.request.pictures[0].blob)


async def test_pictures_are_forgotten_after_their_days_and_clips_are_not(archive: Archive) -> None:
    archive.days, archive.picture_days = None, 7
    archive.retention = archive.another()
    job = await archive.job()
    [picture] = job.request.pictures
    await archive.after(7 * DAY_MS)
    assert await archive.blobs.exists(picture.blob)
    await archive.after(1)
    await archive.after(LET_GO_LASTS_MS)
    assert not await archive.blobs.exists(picture.blob)
    kept = await archive.after(0)
    assert job.clip is not None
    assert kept.clip == job.clip
    assert await archive.blobs.exists(job.clip)
    assert list(kept.request.pictures) == [picture]


async def test_pictures_that_a_later_job_needs_stay_until_its_days_are_over(archive: Archive) -> None:
    archive.picture_days = 7
    archive.retention = archive.another()
    job = await archive.job()
    await archive.after(4 * DAY_MS)
    await archive.job()  # with the same picture
    await archive.after(4 * DAY_MS)
    await archive.after(LET_GO_LASTS_MS)
    assert await archive.blobs.exists(job.request.pictures[0].blob)
    await archive.after(4 * DAY_MS)
    await archive.after(LET_GO_LASTS_MS)
    assert not await archive.blobs.exists(job.request.pictures[0].blob)


async def test_pictures_of_a_job_that_has_not_ended_are_never_forgotten(archive: Archive) -> None:
    archive.picture_days = 1
    archive.retention = archive.another()
    job = await archive.job(state=JobState.DELIVERING)
    await archive.after(30 * DAY_MS)
    await archive.after(LET_GO_LASTS_MS)
    assert await archive.blobs.exists(job.request.pictures[0].blob)


async def test_a_clip_that_no_place_took_is_let_go_and_given_back_when_nobody_claims_it(
    archive: Archive,
) -> None:
    job = await archive.job(state=JobState.UNDELIVERABLE)
    assert (await archive.after(CLAIMABLE_FOR_MS - 1)).clip == job.clip
    assert archive.woken == []
    gone = await archive.after(1)
    assert (gone.state, gone.clip) == (JobState.FAILED, None)
    assert gone.error == "No place took the clip, and within 14 days nobody claimed it."
    assert archive.woken == [job.id]
    assert await archive.db.read(audit.discrepancies()) == 0
    await archive.after(LET_GO_LASTS_MS)
    assert not await archive.blobs.exists(job.clip or "")


@pytest.mark.parametrize("after_ms", [0, CLAIMABLE_FOR_MS])
async def test_a_clip_that_a_claim_has_posted_before_it_was_cut_short_is_paid(
    archive: Archive, after_ms: int
) -> None:
    job = await archive.job(state=JobState.UNDELIVERABLE)
    await archive.db.write(erasures.share(job.id, 20, 9001))
    archive.publisher.standing.add((20, 9001))
    paid = await archive.after(after_ms)
    assert (paid.state, paid.message_channel_id, paid.message_id) == (JobState.DONE, 20, 9001)
    assert archive.woken == [job.id]
    assert await archive.db.read(erasures.due(now_ms=archive.clock.now_ms(), limit=9)) == []
    assert await archive.db.read(audit.discrepancies()) == 0


async def test_a_clip_is_not_let_go_while_nobody_can_tell_whether_it_was_claimed(archive: Archive) -> None:
    job = await archive.job(state=JobState.UNDELIVERABLE)
    await archive.db.write(erasures.share(job.id, 20, 9001))
    archive.publisher.closed[20] = DiscordUnavailable()
    with pytest.raises(DiscordUnavailable):
        await archive.after(CLAIMABLE_FOR_MS)
    assert (await archive.db.read(jobs.get(job.id))).state is JobState.UNDELIVERABLE
    archive.publisher.closed[20] = (
        DestinationForbidden()
    )  # it may never be told: nobody pays for what may not be there
    assert (await archive.after(0)).state is JobState.FAILED
    due = await archive.db.read(erasures.due(now_ms=archive.clock.now_ms(), limit=9))
    assert [(one.channel_id, one.message_id) for one in due] == [(20, 9001)]


async def test_retention_comes_back_when_a_clip_is_claimable_no_more(archive: Archive) -> None:
    job = await archive.job(state=JobState.UNDELIVERABLE)
    await archive.after(CLAIMABLE_FOR_MS - 600_000)
    assert await archive.retention.forget_due() == job.claimable_until_ms


async def test_the_original_of_a_claimed_clip_is_kept_as_long_as_that_of_any_other(archive: Archive) -> None:
    job = await archive.job(state=JobState.UNDELIVERABLE)
    archive.clock.turn(10 * DAY_MS / 1000)
    posted = {"message_channel_id": 10, "message_id": 20}
    await archive.db.write(jobs.move(job, JobState.DONE, now_ms=archive.clock.now_ms(), **posted))
    assert (await archive.after(DAYS * DAY_MS)).clip == job.clip
    assert (await archive.after(DAY_MS)).clip is None


@pytest.mark.parametrize("state", [JobState.DELIVERING])
async def test_a_clip_that_is_still_to_be_delivered_is_kept_however_old_it_is(
    archive: Archive, state: JobState
) -> None:
    job = await archive.job(state=state)
    assert (await archive.after(DAYS * 10 * DAY_MS)).clip == job.clip


async def test_a_clip_that_its_member_deleted_is_forgotten_after_a_day(archive: Archive) -> None:
    job = await archive.job()
    await archive.withdraw(job, OWNER)
    assert (await archive.after(DAY_MS)).clip == job.clip
    gone = await archive.after(1)
    assert (gone.clip, gone.last_frame) == (None, None)
    await archive.after(LET_GO_LASTS_MS)
    assert job.clip is not None
    assert not await archive.blobs.exists(job.clip)


async def test_a_clip_that_a_moderator_deleted_is_forgotten_at_once(archive: Archive) -> None:
    job = await archive.job()
    await archive.withdraw(job, MODERATOR)
    gone = await archive.after(0)
    assert (gone.clip, gone.last_frame) == (None, None)


async def test_the_last_frame_of_a_deleted_clip_is_forgotten_too(archive: Archive) -> None:
    await archive.job()
    kept = await archive.after(DAYS * DAY_MS + 1)
    await archive.withdraw(kept, MODERATOR)
    gone = await archive.after(LET_GO_LASTS_MS)
    assert (kept.last_frame is not None, gone.last_frame) == (True, None)
    await archive.after(LET_GO_LASTS_MS)
    assert kept.last_frame is not None
    assert not await archive.blobs.exists(kept.last_frame)


async def test_what_two_jobs_share_stays_until_both_have_let_it_go(archive: Archive) -> None:
    first, second = await archive.job(), await archive.job()
    assert first.clip is not None
    assert first.clip == second.clip
    await archive.withdraw(first, MODERATOR)
    await archive.after(0)
    await archive.after(LET_GO_LASTS_MS)
    assert await archive.blobs.exists(first.clip)
    await archive.withdraw(second, MODERATOR)
    await archive.after(0)
    await archive.after(LET_GO_LASTS_MS)
    assert not await archive.blobs.exists(first.clip)


async def test_what_is_needed_again_meanwhile_stays(archive: Archive) -> None:
    job = await archive.job()
    await archive.db.write(uses.forget(job, now_ms=archive.clock.now_ms()))
    again = await archive.job()  # the same picture, the same clip
    await archive.after(LET_GO_LASTS_MS)
    assert await archive.blobs.exists(again.request.pictures[0].blob)
    assert await archive.db.read(uses.let_go(before_ms=archive.clock.now_ms(), limit=9)) == []


@pytest.mark.parametrize("clip", [b"no video", b""])
async def test_an_original_that_is_no_video_is_forgotten_without_a_frame(
    archive: Archive, clip: bytes
) -> None:
    await archive.job(clip=clip)
    gone = await archive.after(DAYS * DAY_MS + 1)
    assert (gone.clip, gone.last_frame) == (None, None)


async def test_an_original_whose_file_is_lost_is_forgotten_without_a_frame(archive: Archive) -> None:
    job = await archive.job()
    assert job.clip is not None
    await archive.blobs.delete(job.clip)
    gone = await archive.after(DAYS * DAY_MS + 1)
    assert (gone.clip, gone.last_frame) == (None, None)


async def test_a_crash_between_the_rows_and_the_files_delays_and_loses_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await archive.job()
    assert job.clip is not None
    await archive.withdraw(job, MODERATOR)
    await archive.after(0)

    async def dies(_: str) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as dying:
        dying.setattr(archive.blobs, "delete", dies)
        with pytest.raises(StoreUnavailable):
            await archive.after(LET_GO_LASTS_MS)
    archive.retention = archive.another()
    await archive.after(0)
    assert not await archive.blobs.exists(job.clip)
    await archive.db.write(uses.settled(job.clip))
    await archive.after(LET_GO_LASTS_MS)  # had it died after deleting, it would delete nothing once more


@pytest.mark.parametrize("archive", ["bucket"], indirect=True)
async def test_a_sweep_of_a_bucket_goes_over_all_its_pages(archive: Archive) -> None:
    job = await archive.job()
    strays = [await archive.put(f"{number}".encode()) for number in range(2 * PAGE)]
    archive.clock.turn(2 * DAY_MS / 1000)
    assert await archive.another().sweep() == len(strays)
    assert job.clip is not None
    assert await archive.blobs.exists(job.clip)


async def test_a_start_sweeps_what_no_row_has_named_for_a_day(archive: Archive) -> None:
    job = await archive.job()
    stray, offered = await archive.put(b"of a refused request"), await archive.put(b"of an offer")
    now_ms = archive.clock.now_ms()
    await archive.db.write(
        offers.make(1, OWNER, f'{{"image": "{offered}"}}', lapses_at_ms=now_ms + 3 * DAY_MS, now_ms=now_ms)
    )
    await archive.after(DAY_MS)
    assert await archive.blobs.exists(stray)
    fresh = await archive.put(b"of a request that is being taken")
    archive.clock.turn(1)
    archive.retention = archive.another()
    assert await archive.retention.sweep() == 1
    named = (job.clip, job.request.pictures[0].blob, offered, fresh)
    assert [await archive.blobs.exists(blob) for blob in (stray, *filter(None, named))] == [
        False,
        *[True] * 4,
    ]
    archive.clock.turn(3 * DAY_MS / 1000)
    assert await archive.retention.sweep() == 2  # the offer has lapsed, the request never became a job


async def test_what_an_offer_needs_is_forgotten_when_that_has_lapsed_and_not_with_the_next_sweep(
    archive: Archive,
) -> None:
    blob = await archive.put(b"a mask")
    now_ms = archive.clock.now_ms()
    kept = offers.make(
        1, OWNER, f'{{"image":"{blob}"}}', lapses_at_ms=now_ms + 2 * LET_GO_LASTS_MS, now_ms=now_ms
    )
    await archive.db.write(kept)
    await archive.db.write(uses.spare(blob, at_ms=now_ms))
    archive.retention = archive.another()
    archive.clock.turn(LET_GO_LASTS_MS / 1000 + 1)
    assert await archive.retention.forget_due() <= now_ms + 3 * LET_GO_LASTS_MS
    assert await archive.blobs.exists(blob)
    archive.clock.turn(2 * LET_GO_LASTS_MS / 1000)
    await archive.retention.forget_due()
    assert not await archive.blobs.exists(blob)


async def test_what_a_job_came_to_need_meanwhile_is_let_go_by_the_job_alone(archive: Archive) -> None:
    job = await archive.job()
    [picture] = job.request.pictures
    now_ms = archive.clock.now_ms()
    await archive.db.write(
        offers.make(1, OWNER, f'{{"image":"{picture.blob}"}}', lapses_at_ms=now_ms + DAY_MS, now_ms=now_ms)
    )
    await archive.db.write(uses.put_off(picture.blob, now_ms=now_ms))
    assert await archive.db.read(uses.let_go(before_ms=now_ms + 9 * DAY_MS, limit=9)) == []


async def test_a_sweep_comes_once_a_day(archive: Archive) -> None:
    await archive.job()
    await archive.after(0)
    archive.clock.turn(1)
    stray = await archive.put(b"stray")
    await archive.after(DAY_MS - 1001)
    await archive.after(1)  # the second sweep, for which the file is a second too young
    await archive.after(DAY_MS - 1)
    assert await archive.blobs.exists(stray)
    await archive.after(1)
    assert not await archive.blobs.exists(stray)


async def test_a_sweep_goes_through_every_page(archive: Archive) -> None:
    for number in range(450):
        await archive.put(f"stray {number}".encode())
    archive.clock.turn(2 * DAY_MS / 1000)
    assert await archive.retention.sweep() == 450
    assert not [page async for page in archive.blobs.listed() if page]


@asynccontextmanager
async def running(archive: Archive) -> AsyncGenerator[None]:
    async with task_group() as tasks:
        tasks.create_task(archive.retention.run())
        yield


async def until_forgotten(archive: Archive) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await archive.db.read(jobs.get(1))).clip is not None:  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.005)


async def test_the_loop_wakes_for_what_was_withdrawn_and_for_what_has_become_old(archive: Archive) -> None:
    job = await archive.job()
    async with running(archive):
        await archive.withdraw(job, MODERATOR)
        await until_forgotten(archive)
    archive.retention = archive.another()
    second = await archive.job()
    async with running(archive):
        await asyncio.sleep(0)
        for _ in range(DAYS * 24 + 2):
            archive.clock.turn(3600)
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            while (await archive.db.read(jobs.get(second.id))).clip is not None:
                archive.clock.turn(3600)
                await asyncio.sleep(0.005)


async def test_it_comes_again_when_something_is_due_and_within_the_hour(archive: Archive) -> None:
    now_ms = archive.clock.now_ms()
    assert await archive.retention.forget_due() == now_ms + 3_600_000
    job = await archive.job()
    await archive.withdraw(job, MODERATOR)
    assert await archive.retention.forget_due() == now_ms + LET_GO_LASTS_MS


@pytest.mark.parametrize(
    "fault", [StoreUnavailable(), DatabaseUnavailable("away"), RuntimeError("unforeseen")]
)
async def test_what_fails_is_tried_again_and_does_not_end_the_bot(
    archive: Archive, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await archive.job()
    await archive.withdraw(job, MODERATOR)
    forget_due, tries = archive.retention.forget_due, 0

    async def fails_once() -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise fault
        return await forget_due()

    monkeypatch.setattr(archive.retention, "forget_due", fails_once)
    with capture_logs() as logs:
        async with running(archive), asyncio.timeout(PATIENCE_S):
            while (await archive.db.read(jobs.get(1))).clip is not None:
                archive.clock.turn(3600)
                await asyncio.sleep(0.005)
    assert logs[0]["event"] == ("retention failed" if isinstance(fault, RuntimeError) else "retention waits")


async def test_a_job_that_is_moved_meanwhile_is_looked_at_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await archive.job()
    await archive.withdraw(job, MODERATOR)
    forget, moved = archive.retention._forget_withdrawn, 0

    async def overtaken(found: Job) -> Job:
        nonlocal moved
        moved += 1
        if moved not in (4, 6):
            await archive.db.write(jobs.move(found, found.state, now_ms=1, tries=moved))
        return await forget(found)

    monkeypatch.setattr(archive.retention, "_forget_withdrawn", overtaken)
    assert (await archive.after(0)).clip is not None  # it gives way three times, and comes again in a minute
    assert (await archive.after(0)).clip is None
    second = await archive.job()
    await archive.withdraw(second, MODERATOR)
    await archive.after(0)
    assert moved == 6
    assert (await archive.db.read(jobs.get(second.id))).clip is None


async def test_a_file_that_cannot_be_had_keeps_no_other(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await archive.job(picture=b"one")
    archive.clock.turn(60)
    sound = await archive.job(picture=b"another", clip=archive.clip + b"\0\0\0\x08free")
    stuck, spared = await archive.put(b"cannot be deleted"), await archive.put(b"of a forgotten member")
    whole, discarded = archive.blobs.path, archive.blobs.discard

    def path(blob: str) -> AbstractAsyncContextManager[Path]:
        if blob == broken.clip:
            raise StoreUnavailable
        return whole(blob)

    async def discard(blob: str, *, unless: Callable[[], Awaitable[bool]]) -> bool:
        if blob == stuck:
            raise StoreUnavailable
        return await discarded(blob, unless=unless)

    monkeypatch.setattr(archive.blobs, "path", path)
    monkeypatch.setattr(archive.blobs, "discard", discard)
    await archive.db.write(uses.spare(stuck, at_ms=archive.clock.now_ms() - 1))
    await archive.db.write(uses.spare(spared, at_ms=archive.clock.now_ms()))
    archive.blobs._came_s.clear()
    with pytest.raises(StoreUnavailable):
        await archive.after((DAYS + 1) * DAY_MS)
    assert (await archive.db.read(jobs.get(broken.id))).clip == broken.clip
    assert (await archive.db.read(jobs.get(sound.id))).clip is None
    assert not await archive.blobs.exists(spared)
    monkeypatch.undo()
    assert (await archive.after(0)).clip is None
    assert not await archive.blobs.exists(stuck)


@pytest.mark.parametrize("fault", [OSError("the disk"), RuntimeError("unforeseen")])
async def test_one_that_fails_in_a_way_nobody_foresaw_keeps_no_other(
    archive: Archive, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await archive.job(picture=b"one")
    archive.clock.turn(60)
    sound = await archive.job(picture=b"another", clip=archive.clip + b"\0\0\0\x08free")
    whole = archive.blobs.path

    def path(blob: str) -> AbstractAsyncContextManager[Path]:
        if blob == broken.clip:
            raise fault
        return whole(blob)

    monkeypatch.setattr(archive.blobs, "path", path)
    with capture_logs() as logs, pytest.raises(type(fault)):
        await archive.after((DAYS + 1) * DAY_MS)
    assert [line["job"] for line in logs if line["event"] == "not forgotten"] == [broken.id]
    assert (await archive.db.read(jobs.get(sound.id))).clip is None
    monkeypatch.undo()
    assert (await archive.after(0)).clip is None


async def test_a_database_that_goes_away_meanwhile_ends_the_round(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for picture in (b"one", b"another"):
        await archive.withdraw(await archive.job(picture=picture), MODERATOR)
    tries = 0

    async def away(_: Job) -> Job:
        nonlocal tries
        tries += 1
        raise DatabaseUnavailable

    monkeypatch.setattr(archive.retention, "_forget_withdrawn", away)
    with pytest.raises(DatabaseUnavailable):
        await archive.after(0)
    assert tries == 1


async def test_an_export_stays_while_a_link_leads_to_it_however_old_its_bytes_are(archive: Archive) -> None:
    blob = await archive.put(b"the same as yesterday")
    archive.clock.turn(23 * 3600)
    now_ms = archive.clock.now_ms()
    await archive.db.write(exports.begin(OWNER, now_ms=now_ms, not_since_ms=0))
    assert await archive.db.write(exports.keep(OWNER, blob, now_ms=now_ms + 60_000))
    archive.clock.turn(24 * 3600)
    await archive.another().forget_due()
    assert await archive.blobs.exists(blob)
    archive.clock.turn(2 * 3600)
    await archive.another().forget_due()
    assert not await archive.blobs.exists(blob)


async def test_how_much_is_kept_is_told_as_of_the_last_sweep(archive: Archive) -> None:
    [before] = archive.retention.metrics()
    assert str(before.samples[()]) == "nan"
    await archive.job()
    await archive.retention.sweep()
    [after] = archive.retention.metrics()
    assert after.samples[()] == len(b"a picture") + len(archive.clip)
