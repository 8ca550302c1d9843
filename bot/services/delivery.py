"""The outbox: a finished clip becomes exactly one message, in the best place that takes it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import structlog

from bot.db import jobs, places
from bot.db.transaction import Database
from bot.domain.errors import (
    ClipTooLarge,
    DeliveryFault,
    DestinationForbidden,
    DestinationGone,
    KinoraError,
)
from bot.domain.jobs import Job, JobState, Origin
from bot.domain.places import ThreadStyle
from bot.domain.provider import Fence, open_fence
from bot.language import speaking, tr
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import CannotFit, StoreUnavailable
from bot.services.notices import Notices
from bot.services.ports import Clock, Place, PlaceKind, Publisher, Sent
from bot.services.remembered import Remembered
from bot.services.uploads import UploadLimits

log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

NONCE_TRUSTED_MS = 60_000
"""For how long a repeated nonce surely returns the first message ("the past few minutes", Discord's
message resource); after a doubt older than this every place is read first."""

TOLD_EVERY_MS = 24 * 3_600_000
"""So often moderators hear that their gallery takes no clips."""

_MAX_REASON = 300
_NOT_OPENED = Place(0, PlaceKind.DIRECT)
_THREADS = (PlaceKind.THREAD, PlaceKind.RUNNING)


class NoPlaceLeft(KinoraError):
    """No place in Discord took this clip."""


class Delivery:
    """Posts clips: where the server wants them, else where they were asked for, else as direct messages."""

    def __init__(
        self,
        *,
        db: Database,
        publisher: Publisher,
        blobs: Blobs,
        clips: Clips,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._db = db
        self._publisher = publisher
        self._blobs = blobs
        self._clips = clips
        self._clock = clock
        self._notices = notices
        self._limits = UploadLimits(clock)
        self._told = Remembered()  # galleries whose moderators heard that they take no clips

    async def deliver(self, job: Job, fence: Fence = open_fence) -> tuple[Job, Sent]:
        """Post the clip of a job, once. The job is returned because marks were made on it.

        `fence` is waited for right before each post; what it raises is raised.

        Raises:
            NoPlaceLeft: every place refused for good.
            DiscordUnavailable: come again; nothing is lost and nothing will be posted twice.
        """
        if job.post_marked_at_ms is not None and not self._is_nonce_trusted(job.post_marked_at_ms):
            job, sent = await self._look_for(job, job.post_marked_at_ms)
            if sent is not None:
                return job, sent
        for place in await self._places(job):
            job, sent = await self._try(job, place, fence)
            if sent is not None:
                return job, sent
        raise NoPlaceLeft

    def _is_nonce_trusted(self, since_ms: int) -> bool:
        return 0 <= self._clock.now_ms() - since_ms <= NONCE_TRUSTED_MS  # below 0 the clock was set back

    async def _look_for(self, job: Job, since_ms: int) -> tuple[Job, Sent | None]:
        """Find a post in doubt, wherever it may be: what a backup says of the place is older than the post."""
        for place in await self._places(job):
            try:
                opened = await self._opened(job, place)
                found = await self._publisher.find(job, opened, after_ms=since_ms)
            except (DestinationGone, DestinationForbidden) as fault:
                log.info("not looked for", job=job.id, channel=place.channel_id, reason=str(fault))
                continue
            if found is not None:
                return await self._mark(job, **_marks(opened)), found
        return await self._mark(job, post_marked_at_ms=None), None

    async def put_away(self, job: Job) -> None:
        """Archive the thread of a delivered job, so that a server's active threads stay few."""
        try:
            is_running = await self._db.read(places.is_running(job.origin, job.thread_id or 0))
            await self._publisher.archive(job, only_if_quiet=is_running)
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("thread not archived", job=job.id, reason=str(fault))

    async def _places(self, job: Job) -> list[Place]:
        """Where to try, one after the other: a place in doubt, the gallery, where it was asked, and last in private."""
        found: list[Place] = []
        if job.post_marked_at_ms is not None and job.message_channel_id is not None:
            found.append(Place(job.message_channel_id, _kind_in_doubt(job)))
        preferred = await self._db.read(places.preferred_by(job.origin.guild_id))
        if preferred.gallery_id is not None and await self._is_for_gallery(job, preferred.gallery_id):
            found.append(Place(preferred.gallery_id, PlaceKind.GALLERY))
        if job.origin.parent_id is None:
            found += await self._below_channel(job, preferred.style)
        else:
            found += _around_thread(job.origin)
        if await self._db.read(places.allows_direct(job.origin.user_id)):
            found.append(_NOT_OPENED)
        return list(dict.fromkeys(found))

    async def _below_channel(self, job: Job, style: ThreadStyle) -> list[Place]:
        """Asked in a channel: there, or in a thread below it; a style says in which order."""
        channel = Place(job.origin.channel_id)
        threads = [Place(job.origin.card_id, PlaceKind.THREAD)]
        if style is ThreadStyle.NONE:
            return [channel, *threads]
        if style is ThreadStyle.MEMBER:
            running_id = await self._db.write(places.member_thread(job.origin))
            ids = dict.fromkeys((running_id, job.origin.card_id))
            threads = [Place(thread_id, PlaceKind.RUNNING) for thread_id in ids]
        return [*threads, channel]

    async def _is_for_gallery(self, job: Job, gallery_id: int) -> bool:
        """What was asked for in a private thread is not shown to everybody."""
        if job.origin.is_private:
            return False
        try:
            return await self._publisher.suits(job, gallery_id)
        except (DestinationGone, DestinationForbidden) as fault:
            await self._tell_of_gallery(job, gallery_id, fault)
            return False

    async def _try(self, job: Job, place: Place, fence: Fence) -> tuple[Job, Sent | None]:
        """Post the clip in a place; None if that refuses for good."""
        try:
            place = await self._opened(job, place)
            job, sent = await self._post_once(job, place, fence)
        except (DestinationGone, DestinationForbidden) as fault:
            log.warning("place refused", job=job.id, channel=place.channel_id, reason=str(fault))
            await self._learn(job, place, fault)
            return await self._mark(await self._db.read(jobs.get(job.id)), post_marked_at_ms=None), None
        return job, sent

    async def _opened(self, job: Job, place: Place) -> Place:
        if place != _NOT_OPENED:
            return place
        return Place(await self._publisher.open_direct(job.origin.user_id), place.kind)

    async def _learn(self, job: Job, place: Place, fault: DeliveryFault) -> None:
        """What follows from a refusal for the clips after this one."""
        if place.kind is PlaceKind.GALLERY:
            await self._tell_of_gallery(job, place.channel_id, fault)
        if place.kind is PlaceKind.RUNNING and isinstance(fault, DestinationGone):
            await self._db.write(places.replace_thread(job.origin, gone=place.channel_id))

    async def _tell_of_gallery(self, job: Job, gallery_id: int, fault: DeliveryFault) -> None:
        """Tell the moderators that their gallery takes no clips, once a day."""
        now_ms = self._clock.now_ms()
        if not self._told.is_new(gallery_id, now_ms, for_ms=TOLD_EVERY_MS):
            return
        with speaking(job.origin.language):
            text = tr(
                "**Clips cannot be posted in the gallery** {gallery}. {reason} They go where they are asked for "
                "until that is mended, or `/settings set gallery` names another channel.",
                gallery=f"<#{gallery_id}>",
                reason=f"{str(fault)[:_MAX_REASON].rstrip('.')}.",
            )
        await self._notices.tell(job.origin.guild_id, text, key=f"gallery {gallery_id} {now_ms}")

    async def _post_once(self, job: Job, place: Place, fence: Fence) -> tuple[Job, Sent]:
        since_ms = job.post_marked_at_ms if job.message_channel_id == place.channel_id else None
        if since_ms is None:
            return await self._post_anew(job, place, fence)
        try:
            return await self._post_smaller_until_taken(job, place, fence)
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("closed in doubt", job=job.id, channel=place.channel_id, reason=str(fault))
        found = await self._publisher.find(job, place, after_ms=since_ms)
        return (job, found) if found is not None else await self._post_anew(job, place, fence)

    async def _post_anew(self, job: Job, place: Place, fence: Fence) -> tuple[Job, Sent]:
        """Post where nothing of the job is, or can be."""
        if place.kind in _THREADS:
            await self._publisher.open_thread(job, place)
        job = await self._mark(job, **_marks(place), post_marked_at_ms=self._clock.now_ms())
        return await self._post_smaller_until_taken(job, place, fence)

    async def _post_smaller_until_taken(self, job: Job, place: Place, fence: Fence) -> tuple[Job, Sent]:
        claimed = await self._publisher.upload_limit(job, place)

        async def post(clip: Path) -> Sent:
            await fence()
            return await self._publisher.post(job, clip, place)

        async def refused(limit: int) -> None:
            nonlocal job
            job = await self._mark(job, upload_limit=limit)

        try:
            sent = await self.send_smaller(
                job, _limited_by(job, place), claimed, post, refused=refused, can_wait=False
            )
        except CannotFit as fault:
            raise NoPlaceLeft(str(fault)) from fault
        return job, sent

    async def send_smaller(
        self,
        job: Job,
        owner_id: int,
        claimed: int,
        send: Callable[[Path], Awaitable[T]],
        *,
        refused: Callable[[int], Awaitable[None]] | None = None,
        can_wait: bool = True,
    ) -> T:
        """Send the clip of a job, made smaller until it is taken.

        Args:
            job: The job.
            owner_id: Whose limit it is: a server's, or 0 for direct messages.
            claimed: Bytes that may be sent, as Discord says.
            send: Sends a file; raises ClipTooLarge where that is too large all the same.
            refused: Told of the next limit, after each time.
            can_wait: Whether it was delivered before, so that new clips are made smaller first.

        Raises:
            CannotFit: it cannot be made that small and still be worth seeing.
        """
        limit = self.known_limit(owner_id, claimed)
        while True:
            try:
                async with self.fitted(job, limit, can_wait=can_wait) as clip:
                    return await send(clip)
            except ClipTooLarge:
                limit = self._limits.refused(owner_id, claimed, min(limit, job.clip_bytes or limit))
                log.warning("clip too large here", job=job.id, next_limit=limit)
                if refused is not None:
                    await refused(limit)

    def known_limit(self, owner_id: int, claimed: int) -> int:
        """Bytes that are taken, of which Discord claims so many."""
        return self._limits.known(owner_id, claimed)

    @asynccontextmanager
    async def fitted(self, job: Job, limit: int, *, can_wait: bool = False) -> AsyncGenerator[Path]:
        """The clip of a job as a file of at most `limit` bytes, re-encoded if it is larger.

        Raises:
            CannotFit: it cannot be made that small and still be worth seeing.
        """
        assert job.clip is not None
        async with self._blobs.path(job.clip) as original:
            if (job.clip_bytes or 0) <= limit:
                yield original
                return
            async with AsyncExitStack() as stack:
                fitted = self._clips.fitted(job.clip, original, limit, can_wait=can_wait)
                try:
                    smaller = await stack.enter_async_context(fitted)
                except OSError as fault:  # a full disk will have room again
                    raise StoreUnavailable from fault
                yield smaller

    async def _mark(self, job: Job, **known: object) -> Job:
        now_ms = self._clock.now_ms()
        return await self._db.write(jobs.move(job, JobState.DELIVERING, now_ms=now_ms, **known))


def _kind_in_doubt(job: Job) -> PlaceKind:
    """What the place is in which a post was about to be made."""
    if job.is_direct:
        return PlaceKind.DIRECT
    return PlaceKind.THREAD if job.message_channel_id == job.thread_id else PlaceKind.CHANNEL


def _marks(place: Place) -> dict[str, object]:
    """What is written down before a post; a thread that was opened stays known, to be put away."""
    known: dict[str, object] = {
        "message_channel_id": place.channel_id,
        "is_direct": int(place.kind is PlaceKind.DIRECT),
    }
    return {**known, "thread_id": place.channel_id} if place.kind in _THREADS else known


def _around_thread(origin: Origin) -> list[Place]:
    """Asked in a thread: there, else in the channel above, unless only some see the thread."""
    above = [Place(origin.parent_id)] if origin.parent_id is not None and not origin.is_private else []
    return [Place(origin.channel_id), *above]


def _limited_by(job: Job, place: Place) -> int:
    """Who sets the upload limit: the server, or Discord for direct messages."""
    return 0 if place.kind is PlaceKind.DIRECT else job.origin.guild_id
