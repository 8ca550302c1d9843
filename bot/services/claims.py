"""Clips that no place took: their members have them posted where they ask for them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.db import erasures, jobs, places
from bot.db.transaction import Database, Transaction
from bot.domain.errors import DeliveryFault, Refused
from bot.domain.jobs import Job
from bot.media.errors import CannotFit
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.ports import Clock, Sent

log = structlog.stdlib.get_logger(__name__)


class NothingToClaim(Refused):
    """Every clip of yours in this server has found its place; there is none to claim."""


class OnlyAmongAdults(Refused):
    """The clip was asked for in an age-restricted channel; claim it in one."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A clip that is being claimed."""

    job: Job
    left: int
    """How many more there are to claim."""


class Claims:
    """Finds what can be claimed, and remembers what was."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        delivery: Delivery,
        cards: Cards,
        withdrawn: Callable[[], None],
    ) -> None:
        """`withdrawn` is called when a message was noted that is to be erased."""
        self._withdrawn = withdrawn
        self._db = db
        self._clock = clock
        self._delivery = delivery
        self._cards = cards
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
        """Let the clip be sent, made smaller until it is taken, and remember where it is now.

        The message is noted before it has the clip: should the process end in between, it goes when the clip goes.

        Raises:
            CannotFit: it cannot be made small enough; it stays to be claimed.
            DeliveryFault: likewise, Discord did not take it.
            NothingToClaim: it was deleted, or its member forgotten, meanwhile.
        """
        if not await self._db.write(erasures.share(job.id, channel_id, message_id)):
            raise NothingToClaim
        try:
            sent = await self._delivery.send_smaller(job, job.origin.guild_id, claimed_limit, send)
        except CannotFit:  # the message may yet become that of another clip
            await self._db.write(erasures.unshare(job.id, message_id))
            raise
        job = await self._db.write(_claimed(job.id, channel_id, sent, now_ms=self._clock.now_ms()))
        log.info("claimed", job=job.id, channel=channel_id, message=sent.message_id)
        if job.withdrawn_at_ms is not None:
            self._withdrawn()
            return
        try:
            await self._cards.finish(job)
        except DeliveryFault as fault:
            log.info("card not refreshed", job=job.id, reason=str(fault))


def _claimed(job_id: int, channel_id: int, sent: Sent, *, now_ms: int) -> Transaction[Job]:
    """Whoever looks after the end of the job may have moved it since the claim began, or its member may be forgotten."""
    job = yield from jobs.get(job_id)
    yield from erasures.unshare(job_id, sent.message_id)
    if job.withdrawn_at_ms is not None:
        yield from erasures.erase(channel_id, sent.message_id, now_ms=now_ms)
        return job
    known: dict[str, object] = {
        "message_channel_id": channel_id,
        "message_id": sent.message_id,
        "posted_bytes": sent.size_bytes,
        "is_direct": 0,
    }
    return (yield from jobs.move(job, job.state, now_ms=now_ms, **known))
