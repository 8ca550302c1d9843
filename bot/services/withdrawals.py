"""Deleting a clip: by who asked for it, who can have it back for a day, or by a moderator, for good."""

from collections.abc import Callable, Iterable

import structlog

from bot.db import erasures, jobs, withdrawals
from bot.db.erasures import Erasure
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Refused
from bot.domain.jobs import TERMINAL, Aftercare, Job, JobState
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_CLAIM_LASTS_MS = 25 * 60_000
"""An interaction can be answered for 15 min, and clocks may be some minutes apart."""

_DISCORD_BEGAN_MS = 1_420_070_400_000
_TIME_SHIFT = 22  # where in an id the moment stands (Discord API reference, Snowflakes)

ERASED_AFTER_MS = 30_000
"""Messages are deleted at once; those that were not by then (a crash, a Discord that is away) are deleted then."""


class NotYoursToDelete(Refused):
    """Only who asked for this clip, or a moderator, can delete it."""


class NothingPosted(Refused):
    """No clip of this job is posted."""


class BeingClaimed(Refused):
    """This clip is just being posted, so it is kept until it is there. Delete it then, or try again in half an hour."""


class Withdrawals:
    """Writes down what was deleted and which messages are to go; who calls deletes them."""

    def __init__(
        self, *, db: Database, clock: Clock, withdrawn: Callable[[], None], wake: Callable[[int], None]
    ) -> None:
        """What it needs.

        Args:
            db: Where it is written down.
            clock: The time.
            withdrawn: Called after each, so that files are forgotten and messages erased in time.
            wake: Takes the next step of a job that was let go: showing its card.
        """
        self._db = db
        self._clock = clock
        self._withdrawn = withdrawn
        self._wake = wake

    async def withdraw(
        self,
        job_id: int,
        *,
        guild_id: int,
        user_id: int,
        may_any: bool,
        shown: Iterable[tuple[int, int]] = (),
    ) -> tuple[Job, tuple[tuple[int, int], ...]]:
        """Withdraw a clip; one that is withdrawn already is so once more.

        Returns the job, and every message (channel, message) that is to be deleted: those in `shown` among them. With 0
        for a message it is a thread that is to be given another name. What no place took is posted nowhere: it is let
        go, and its credits with it.

        Raises:
            NoSuchJob: there is none of this number here.
            NotYoursToDelete: it is somebody else's.
            NothingPosted: it is not posted, or not yet.
            BeingClaimed: no place took it, and perhaps one does at this moment: it must not be given back and posted.
        """
        now_ms = self._clock.now_ms()

        def withdrawn() -> Transaction[tuple[Job, tuple[tuple[int, int], ...]]]:
            job = yield from jobs.of_guild(job_id, guild_id)
            if job.origin.user_id != user_id and not may_any:
                raise NotYoursToDelete
            if job.state is JobState.UNDELIVERABLE:
                yield from _ensure_unclaimed(job, now_ms)
                return (yield from withdrawals.give_up(job, user_id, now_ms=now_ms)), ()
            if job.message_id is None or job.state not in TERMINAL:
                raise NothingPosted
            job = yield from withdrawals.withdraw(job, user_id, now_ms=now_ms)
            messages = withdrawals.take_down(job, shown, erased_at_ms=now_ms + ERASED_AFTER_MS)
            return job, (yield from messages)

        job, messages = await self._db.write(withdrawn())
        log.info("withdrawn", job=job.id, by=user_id)
        self._withdrawn()
        if job.aftercare is Aftercare.CARD:
            self._wake(job.id)
        return job, messages

    async def is_gone(self, channel_id: int, message_id: int) -> None:
        """A message was deleted, or with `message_id` 0 a thread given another name."""
        await self._db.write(erasures.erased(Erasure(channel_id, message_id, at_ms=0)))


def _ensure_unclaimed(job: Job, now_ms: int) -> Transaction[None]:
    for _, message_id in (yield from erasures.shared(job.id)):
        if (message_id >> _TIME_SHIFT) + _DISCORD_BEGAN_MS > now_ms - _CLAIM_LASTS_MS:
            raise BeingClaimed
