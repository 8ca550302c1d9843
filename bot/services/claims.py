"""Clips that no place took: their members have them posted where they ask for them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.db import erasures, jobs, places
from bot.db.transaction import Database, Transaction
from bot.domain.errors import DestinationForbidden, DestinationGone, Refused
from bot.domain.jobs import Job, JobState
from bot.language import marked
from bot.media.errors import CannotFit, NoSuchBlob
from bot.services.delivery import Delivery
from bot.services.ports import Clock, Publisher, Sent

log = structlog.stdlib.get_logger(__name__)


class NothingToClaim(Refused):
    """Every clip of yours in this server has found its place; there is none to claim."""


class ClaimedBefore(Refused):
    """This clip was posted when you claimed it before."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job


class ClipLost(Refused):
    """The clip is not kept any more, so there is nothing to claim; nothing was charged."""


class OnlyAmongAdults(Refused):
    """The clip was asked for in an age-restricted channel; claim it in one."""


class ClipInDoubt(Refused):
    """An earlier claim may have posted this clip, where the bot cannot look now."""

    def __init__(self, job_id: int, channel_id: int) -> None:
        super().__init__()
        self.job_id = job_id
        self.channel_id = channel_id


@dataclass(frozen=True, slots=True)
class Claim:
    """A clip that is being claimed."""

    job: Job
    left: int
    """How many more there are to claim."""


class Claims:
    """Finds what can be claimed, and has it paid for when it is."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        delivery: Delivery,
        publisher: Publisher,
        wake: Callable[[int], None],
        withdrawn: Callable[[], None],
    ) -> None:
        """`wake` sees to the card of a job; `withdrawn` is called when a message or a file is to be erased."""
        self._wake = wake
        self._withdrawn = withdrawn
        self._db = db
        self._clock = clock
        self._delivery = delivery
        self._publisher = publisher
        self._under_way: set[int] = set()
        """Jobs that are being claimed now: another claim at the same time gets another one."""

    @asynccontextmanager
    async def newest(
        self, guild_id: int, user_id: int, *, among_adults: bool, besides: Collection[int] = ()
    ) -> AsyncGenerator[Claim]:
        """The newest clip of a member that no place took, for as long as the block lasts.

        Raises:
            NothingToClaim: there is none.
            OnlyAmongAdults: there are some, but none of them for where it is claimed.
        """
        found = await self._db.read(places.undelivered(guild_id, user_id))
        waiting = [job for job in found if job.id not in {*besides, *self._under_way}]
        fitting = [job for job in waiting if among_adults or not job.origin.is_age_restricted]
        if not fitting:
            raise OnlyAmongAdults if waiting else NothingToClaim
        job = fitting[0]
        self._under_way.add(job.id)
        try:
            yield Claim(job, left=len(waiting) - 1)
        finally:
            self._under_way.discard(job.id)

    async def post(
        self,
        job: Job,
        channel_id: int,
        message_id: int,
        *,
        claimed_limit: int,
        send: Callable[[Path], Awaitable[Sent]],
    ) -> None:
        """Let the clip be sent, made smaller until it is taken; where it is now is written down as it is paid for.

        The message is noted before it has the clip: should the process end in between, the next claim finds it there.

        Args:
            job: The job.
            channel_id: Where it is to be posted.
            message_id: The message that is to have it.
            claimed_limit: Bytes that may be sent, as Discord says.
            send: Sends a file; raises ClipTooLarge where that is too large all the same.

        Raises:
            ClaimedBefore: it was posted before; that is written down and paid for now.
            ClipInDoubt: that cannot be told; it stays to be claimed.
            CannotFit: it cannot be made small enough; likewise.
            DeliveryFault: likewise, Discord did not take it.
            ClipLost: its file is; its credits go back.
            NothingToClaim: it was deleted, or its member forgotten, meanwhile.
        """
        if (found := await posted(job, self._db, self._publisher)) is not None:
            raise ClaimedBefore(await self._settle(job, *found))
        if not await self._db.write(erasures.share(job.id, channel_id, message_id)):
            raise NothingToClaim
        try:
            sent = await self._delivery.send_smaller(job, job.origin.guild_id, claimed_limit, send)
        except CannotFit:  # the message may yet become that of another clip
            await self._db.write(erasures.unshare(job.id, message_id))
            raise
        except NoSuchBlob as fault:
            await self._lose(job)
            raise ClipLost from fault
        await self._settle(job, channel_id, sent)

    async def _settle(self, job: Job, channel_id: int, sent: Sent) -> Job:
        job = await self._db.write(claimed(job.id, channel_id, sent, now_ms=self._clock.now_ms()))
        if job.message_id != sent.message_id:
            self._withdrawn()
            raise NothingToClaim
        log.info("claimed", job=job.id, channel=channel_id, message=sent.message_id)
        self._wake(job.id)
        return job

    async def _lose(self, job: Job) -> None:
        log.error("clip lost", job=job.id, blob=job.clip)
        lost = await self._db.write(_lost(job.id, now_ms=self._clock.now_ms()))
        self._wake(lost.id)
        self._withdrawn()


async def posted(job: Job, db: Database, publisher: Publisher) -> tuple[int, Sent] | None:
    """Where a claim that was cut short has posted the clip; None if none has.

    Raises:
        ClipInDoubt: it is in no message that the bot may see, and there are others.
        DiscordUnavailable: come again.
    """
    hidden: tuple[int, DestinationForbidden] | None = None
    for channel_id, message_id in await db.read(erasures.shared(job.id)):
        try:
            sent = await publisher.holds(job, channel_id, message_id)
        except DestinationGone as fault:
            log.info("not looked for", job=job.id, channel=channel_id, reason=str(fault))
        except DestinationForbidden as fault:
            hidden = channel_id, fault
        else:
            if sent is not None:
                return channel_id, sent
    if hidden is not None:
        raise ClipInDoubt(job.id, hidden[0]) from hidden[1]
    return None


def _lost(job_id: int, *, now_ms: int) -> Transaction[Job]:
    job = yield from jobs.get(job_id)
    if job.state is not JobState.UNDELIVERABLE:
        return job
    why = marked("The clip is not kept any more.")
    return (yield from jobs.let_go(job, now_ms=now_ms, comes_back=True, error=why))


def claimed(job_id: int, channel_id: int, sent: Sent, *, now_ms: int) -> Transaction[Job]:
    """Pay for it, unless it was deleted or let go since the claim began: then the message goes, too."""
    job = yield from jobs.get(job_id)
    yield from erasures.unshare(job_id, sent.message_id)
    if job.message_id == sent.message_id:  # found and paid for meanwhile
        return job
    if job.state is not JobState.UNDELIVERABLE:
        yield from erasures.erase(channel_id, sent.message_id, now_ms=now_ms)
        return job
    known: dict[str, object] = {
        "message_channel_id": channel_id,
        "message_id": sent.message_id,
        "posted_bytes": sent.size_bytes,
        "is_direct": 0,
        "post_marked_at_ms": None,  # no place was being tried any more
    }
    return (yield from jobs.move(job, JobState.DONE, now_ms=now_ms, **known))
