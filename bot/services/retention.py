"""How long files are kept: originals for as long as the operator wants, withdrawn clips for a day, the rest while needed.

What no place took and nobody claimed in time is let go here, too, and its credits with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import structlog

from bot.db import blobs as uses
from bot.db import cards, jobs, moves, offers, retention
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database, Transaction
from bot.domain.errors import DeliveryFault
from bot.domain.jobs import CLAIMABLE_FOR_MS, Job, JobState
from bot.domain.metrics import Metric, gauge
from bot.language import marked
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import BlobFault, NoSuchBlob, NotAVideo
from bot.services.claims import ClipInDoubt, claimed, posted
from bot.services.ports import Clock, Publisher

log = structlog.stdlib.get_logger(__name__)

DAY_MS = 24 * 3_600_000
WITHDRAWN_LASTS_MS = DAY_MS
"""So long a member can have a clip back that they deleted themselves."""

LET_GO_LASTS_MS = 600_000
"""Bytes that nobody needs are deleted after this: a request that is just being made out of an old one may need them."""

STRAY_AFTER_MS = DAY_MS
"""A picture that was in no request, offer or question for so long will not get into one."""

_UNCLAIMED = marked("No place took the clip, and within 14 days nobody claimed it.")
_LONGEST_PAUSE_MS = 3_600_000
_SHORTEST_PAUSE_MS = 60_000
_TIDIES_EVERY_MS = 600_000
_TIDIED_AFTER_MS = 7_200_000
"""Rows about edits and about blobs on their way matter for an hour at most."""
_PAGE = 100
_TRIES = 3
_MAX_FRAME_BYTES = 50_000_000


class Retention:
    """Forgets what its time has come for, one file at a time and never one that somebody needs."""

    def __init__(
        self,
        *,
        db: Database,
        blobs: Blobs,
        clips: Clips,
        clock: Clock,
        publisher: Publisher,
        wake: Callable[[int], None],
        originals_last_ms: int | None,
        pictures_last_ms: int | None = None,
    ) -> None:
        """`wake` sees to the card of a job that ends here.

        `originals_last_ms` None keeps originals for ever, `pictures_last_ms` None pictures for as long as their jobs.
        """
        self._db = db
        self._blobs = blobs
        self._clips = clips
        self._clock = clock
        self._publisher = publisher
        self._wake_job = wake
        self._originals_last_ms = originals_last_ms
        self._pictures_last_ms = pictures_last_ms
        self._due = asyncio.Event()
        self._sweeps_at_ms = clock.now_ms()
        self._tidies_at_ms = 0
        self._kept_bytes = float("nan")
        self._fault: Exception | None = None
        """The last one since what is due was looked at."""

    def wake(self) -> None:
        """A clip was withdrawn, or a job has let go of its files."""
        self._due.set()

    async def run(self) -> None:
        """Forget what is due, for as long as the bot runs."""
        while True:
            self._due.clear()
            try:
                next_ms = await self.forget_due()
            except (DatabaseFault, BlobFault, DeliveryFault) as fault:
                log.info("retention waits", reason=str(fault))
                next_ms = self._clock.now_ms() + _LONGEST_PAUSE_MS
            except Exception:  # what is kept too long must not end the bot
                log.exception("retention failed")
                next_ms = self._clock.now_ms() + _LONGEST_PAUSE_MS
            await self._clock.wait(self._due, until_ms=next_ms)

    async def forget_due(self) -> int:
        """Forget what is due now; returns when to come again (ms since 1970), within the hour.

        Raises:
            DatabaseFault: the rest waits.
            Exception: what one of them met, once the others are forgotten; most likely a `BlobFault`.
        """
        now_ms = self._clock.now_ms()
        self._fault = None
        await self._db.write(offers.drop_lapsed(now_ms=now_ms))
        if now_ms >= self._tidies_at_ms:
            await self._db.write(_tidied(before_ms=now_ms - _TIDIED_AFTER_MS))
            self._tidies_at_ms = now_ms + _TIDIES_EVERY_MS
        await self._delete_let_go(before_ms=now_ms - LET_GO_LASTS_MS)
        await self._each(retention.half_claimed(limit=_PAGE), self._settle)
        before_ms = now_ms - CLAIMABLE_FOR_MS
        await self._each(retention.unclaimed(before_ms=before_ms, limit=_PAGE), self._let_go)
        before_ms = now_ms - WITHDRAWN_LASTS_MS
        await self._each(retention.withdrawn(before_ms=before_ms, limit=_PAGE), self._forget_withdrawn)
        if self._originals_last_ms is not None:
            before_ms = now_ms - self._originals_last_ms
            await self._each(retention.aged(before_ms=before_ms, limit=_PAGE), self._forget_original)
        if self._pictures_last_ms is not None:
            before_ms = now_ms - self._pictures_last_ms
            await self._each(retention.pictured(before_ms=before_ms, limit=_PAGE), self._forget_pictures)
        if now_ms >= self._sweeps_at_ms:
            await self.sweep()
            self._sweeps_at_ms = now_ms + DAY_MS
        if self._fault is not None:
            raise self._fault
        return await self._next_ms()

    async def sweep(self) -> int:
        """Delete files that no row has named for a day; returns how many.

        They are pictures of requests that were refused, of offers that lapsed, and what a crash left.

        Raises:
            StoreUnavailable: what there is cannot be told.
            DatabaseFault: the rest waits.
        """
        before_s = (self._clock.now_ms() - STRAY_AFTER_MS) / 1000
        deleted = kept_bytes = 0
        async for page in self._blobs.listed():
            for found in page:
                if found.written_s < before_s and not await self._is_needed(found.hash):
                    with self._alone(blob=found.hash):
                        deleted += await self._delete(found.hash)
                else:
                    kept_bytes += found.size_bytes
        self._kept_bytes = kept_bytes
        if deleted:
            log.info("strays deleted", count=deleted)
        return deleted

    def metrics(self) -> list[Metric]:
        """How much is kept, as of the last sweep."""
        return [
            gauge(
                "kinora_blobs_bytes",
                "Pictures and clips that are kept, counted at each start and daily; NaN before.",
                self._kept_bytes,
            )
        ]

    async def _each(self, due: Transaction[list[int]], forget: Callable[[Job], Awaitable[Job]]) -> None:
        for job_id in await self._db.read(due):
            with self._alone(job=job_id):
                await self._forget(job_id, forget)

    async def _forget(self, job_id: int, forget: Callable[[Job], Awaitable[Job]]) -> None:
        for _ in range(_TRIES):
            try:
                await forget(await self._db.read(jobs.get(job_id)))
            except jobs.Overtaken:  # somebody took its last steps meanwhile
                continue
            break

    @contextmanager
    def _alone(self, **about: object) -> Generator[None]:
        """One that cannot be forgotten keeps no other: those that wait longest come first every time."""
        try:
            yield
        except DatabaseFault:  # the others need it, too
            raise
        except (BlobFault, DeliveryFault) as fault:
            log.warning("not forgotten yet", reason=str(fault), **about)
            self._fault = fault
        except Exception as fault:
            log.exception("not forgotten", **about)
            self._fault = fault

    async def _settle(self, job: Job) -> Job:
        """Have a clip paid for that a claim has posted before it was cut short."""
        if job.state is not JobState.UNDELIVERABLE:
            return job
        try:
            found = await posted(job, self._db, self._publisher)
        except ClipInDoubt as doubt:
            log.warning("claim in doubt", job=job.id, channel=doubt.channel_id)
            return job
        if found is None:
            return job
        log.info("claim found", job=job.id, channel=found[0], message=found[1].message_id)
        settled = await self._db.write(claimed(job.id, *found, now_ms=self._clock.now_ms()))
        self._wake_job(settled.id)
        return settled

    async def _let_go(self, job: Job) -> Job:
        job = await self._settle(job)
        if job.state is not JobState.UNDELIVERABLE:  # claimed at the last moment
            return job
        log.info("not claimed", job=job.id)
        now_ms = self._clock.now_ms()
        failed = await self._db.write(jobs.let_go(job, now_ms=now_ms, error=_UNCLAIMED))
        self._wake_job(failed.id)
        return failed

    async def _forget_withdrawn(self, job: Job) -> Job:
        log.info("withdrawn clip forgotten", job=job.id, by=job.withdrawn_by)
        return await self._move(job, clip=None, last_frame=None)

    async def _forget_original(self, job: Job) -> Job:
        frame = await self._last_frame(job)
        log.info("original forgotten", job=job.id, has_last_frame=frame is not None)
        return await self._move(job, clip=None, last_frame=frame)

    async def _forget_pictures(self, job: Job) -> Job:
        await self._db.write(uses.forget_pictures(job, now_ms=self._clock.now_ms()))
        if job.request.pictures:
            log.info("pictures forgotten", job=job.id, count=len(job.request.pictures))
        return job

    async def _last_frame(self, job: Job) -> str | None:
        """The last frame of a clip, kept as a picture; None where there is no clip to take it from."""
        assert job.clip is not None
        try:
            async with self._blobs.path(job.clip) as path:
                picture = await self._clips.poster(path, at="last")
        except (NoSuchBlob, NotAVideo) as fault:
            log.warning("no last frame", job=job.id, reason=str(fault))
            return None
        return (await self._blobs.put(picture, max_bytes=_MAX_FRAME_BYTES)).hash

    async def _move(self, job: Job, **known: object) -> Job:
        return await self._db.write(jobs.move(job, job.state, now_ms=self._clock.now_ms(), **known))

    async def _delete_let_go(self, *, before_ms: int) -> None:
        for blob in await self._db.read(uses.let_go(before_ms=before_ms, limit=_PAGE)):
            with self._alone(blob=blob):
                if await self._delete(blob):
                    await self._db.write(uses.settled(blob))
                elif await self._is_needed(blob):
                    await self._db.write(uses.put_off(blob, now_ms=self._clock.now_ms()))

    async def _delete(self, blob: str) -> bool:
        return await self._blobs.discard(blob, unless=lambda: self._is_needed(blob))

    async def _is_needed(self, blob: str) -> bool:
        return await self._db.read(uses.is_needed(blob, now_ms=self._clock.now_ms()))

    async def _next_ms(self) -> int:
        known = await self._db.read(
            retention.next_ms(
                originals_last_ms=self._originals_last_ms,
                pictures_last_ms=self._pictures_last_ms,
                withdrawn_lasts_ms=WITHDRAWN_LASTS_MS,
                let_go_lasts_ms=LET_GO_LASTS_MS,
            )
        )
        now_ms = self._clock.now_ms()
        latest_ms = now_ms + _LONGEST_PAUSE_MS
        return max(now_ms + _SHORTEST_PAUSE_MS, min(known or latest_ms, latest_ms))


def _tidied(*, before_ms: int) -> Transaction[None]:
    yield from cards.drop_old(before_ms=before_ms)
    yield from moves.drop_old(before_ms=before_ms)
