"""The outbox: a finished clip becomes exactly one message, in the best place that takes it."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from bot.db import jobs
from bot.db.transaction import Database
from bot.domain.errors import ClipTooLarge, DestinationForbidden, DestinationGone, KinoraError
from bot.domain.jobs import Job, JobState
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import CannotFit, StoreUnavailable
from bot.services.ports import Clock, Publisher

log = structlog.stdlib.get_logger(__name__)

NONCE_TRUSTED_MS = 60_000
"""For how long a repeated nonce surely returns the first message ("the past few minutes", Discord's
message resource); after a doubt older than this the channel is read first."""

SURE_LIMIT = 10 * 1024 * 1024
"""What every place takes (discord-api-docs#8572: 10 MiB, since September 2026 perhaps 20)."""

_SHRINK = 0.8


class NoPlaceLeft(KinoraError):
    """No place in Discord took this clip."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Where the clip went."""

    channel_id: int
    message_id: int
    thread_id: int | None


class Delivery:
    """Posts clips: in a thread on the card, else beside the card as a reply, else in the channel above."""

    def __init__(
        self, *, db: Database, publisher: Publisher, blobs: Blobs, clips: Clips, clock: Clock
    ) -> None:
        self._db = db
        self._publisher = publisher
        self._blobs = blobs
        self._clips = clips
        self._clock = clock

    async def deliver(self, job: Job) -> tuple[Job, Posted]:
        """Post the clip of a job, once. The job is returned because marks were made on it.

        Raises:
            NoPlaceLeft: every place refused for good.
            DiscordUnavailable: come again; nothing is lost and nothing will be posted twice.
        """
        thread_id = await self._thread(job)
        doubtful_id = job.message_channel_id if job.post_marked_at_ms else None
        places = (doubtful_id, thread_id, job.origin.channel_id, job.origin.parent_id)
        for channel_id in dict.fromkeys(place for place in places if place is not None):
            try:
                job, message_id = await self._post_once(job, channel_id)
            except (DestinationGone, DestinationForbidden) as fault:
                log.warning("place refused", job=job.id, channel=channel_id, reason=str(fault))
                job = await self._mark(await self._db.read(jobs.get(job.id)), post_marked_at_ms=None)
                continue
            return job, Posted(channel_id, message_id, thread_id)
        raise NoPlaceLeft

    async def put_away(self, job: Job) -> None:
        """Archive the thread of a delivered job, so that a server's active threads stay few."""
        try:
            await self._publisher.archive(job)
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("thread not archived", job=job.id, reason=str(fault))

    async def _thread(self, job: Job) -> int | None:
        """A thread of the job's own; None where it was asked in one, or none can be."""
        if job.origin.parent_id is not None or job.thread_id is not None:
            return job.thread_id
        try:
            return await self._publisher.open_thread(job)
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("no thread", job=job.id, reason=str(fault))
            return None

    async def _post_once(self, job: Job, channel_id: int) -> tuple[Job, int]:
        marked_at_ms = job.post_marked_at_ms if job.message_channel_id == channel_id else None
        if marked_at_ms is not None and self._clock.now_ms() - marked_at_ms > NONCE_TRUSTED_MS:
            found = await self._publisher.find(job, channel_id=channel_id, after_ms=marked_at_ms)
            if found is not None:
                return job, found
            marked_at_ms = None
        if marked_at_ms is None:
            job = await self._mark(job, message_channel_id=channel_id, post_marked_at_ms=self._clock.now_ms())
        return await self._post_smaller_until_taken(job, channel_id)

    async def _post_smaller_until_taken(self, job: Job, channel_id: int) -> tuple[Job, int]:
        limit = await self._publisher.upload_limit(job)
        while True:
            try:
                async with self.fitted(job, limit) as clip:
                    return job, await self._publisher.post(job, clip, channel_id=channel_id)
            except ClipTooLarge:
                limit = _smaller(min(limit, job.clip_bytes or limit))
                log.warning("clip too large here", job=job.id, channel=channel_id, next_limit=limit)
                job = await self._mark(job, upload_limit=limit)
            except CannotFit as fault:
                raise NoPlaceLeft(str(fault)) from fault

    @asynccontextmanager
    async def fitted(self, job: Job, limit: int) -> AsyncGenerator[Path]:
        """The clip of a job as a file of at most `limit` bytes, re-encoded if it is larger.

        Raises:
            CannotFit: it cannot be made that small and still be worth seeing.
        """
        assert job.clip is not None
        async with self._blobs.path(job.clip) as original:
            if (job.clip_bytes or 0) <= limit:
                yield original
                return
            with ExitStack() as stack:
                try:
                    folder = stack.enter_context(TemporaryDirectory(prefix="kinora-fit-"))
                    smaller = Path(folder) / "clip.mp4"
                    await self._clips.fit(original, limit, smaller)
                except OSError as fault:  # a full disk will have room again
                    raise StoreUnavailable from fault
                yield smaller

    async def _mark(self, job: Job, **known: object) -> Job:
        now_ms = self._clock.now_ms()
        return await self._db.write(jobs.move(job, JobState.DELIVERING, now_ms=now_ms, **known))


def _smaller(limit: int) -> int:
    """The next size to try where this one was refused."""
    return SURE_LIMIT if limit > SURE_LIMIT else int(limit * _SHRINK)
