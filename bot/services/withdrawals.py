"""Deleting a clip: by who asked for it, who can have it back for a day, or by a moderator, for good."""

from collections.abc import Callable

import structlog

from bot.db import jobs, withdrawals
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Refused
from bot.domain.jobs import TERMINAL, Job
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)


class NotYoursToDelete(Refused):
    """Only who asked for this clip, or a moderator, can delete it."""


class NothingPosted(Refused):
    """No clip of this job is posted."""


class Withdrawals:
    """Writes down what was deleted; who calls deletes the messages."""

    def __init__(self, *, db: Database, clock: Clock, withdrawn: Callable[[], None]) -> None:
        """`withdrawn` is called after each, so that files are forgotten in time."""
        self._db = db
        self._clock = clock
        self._withdrawn = withdrawn

    async def withdraw(self, job_id: int, *, guild_id: int, user_id: int, may_any: bool) -> Job:
        """Withdraw a clip; one that is withdrawn already is so once more.

        Raises:
            NoSuchJob: there is none of this number here.
            NotYoursToDelete: it is somebody else's.
            NothingPosted: it is not posted, or not yet.
        """

        def withdrawn() -> Transaction[Job]:
            job = yield from jobs.of_guild(job_id, guild_id)
            if job.origin.user_id != user_id and not may_any:
                raise NotYoursToDelete
            if job.message_id is None or job.state not in TERMINAL:
                raise NothingPosted
            return (yield from withdrawals.withdraw(job, user_id, now_ms=self._clock.now_ms()))

        job = await self._db.write(withdrawn())
        log.info("withdrawn", job=job.id, by=user_id)
        self._withdrawn()
        return job
