"""Where things stand: the queue of a guild, the jobs of a member."""

from dataclasses import dataclass

from bot.db import jobs
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Refused
from bot.domain.jobs import Job, JobState
from bot.domain.provider import ProviderFault
from bot.services.attempts import Attempts


class RequestGone(Refused):
    """This job's provider or model is not at hand any more, so its request cannot be shown."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A guild's unfinished jobs."""

    counts: dict[JobState, int]
    first: list[Job]
    """Running ones, then those that waited longest; cut to what fits a message."""

    @property
    def waiting(self) -> int:
        """How many have not started."""
        return self.counts.get(JobState.QUEUED, 0)

    @property
    def running(self) -> int:
        """How many are on their way, from submission to delivery."""
        return sum(self.counts.values()) - self.waiting


class Insights:
    """Reads, and changes nothing."""

    def __init__(self, *, db: Database, attempts: Attempts) -> None:
        self._db = db
        self._attempts = attempts

    async def queue(self, guild_id: int, *, limit: int) -> Queue:
        """A guild's queue, with at most `limit` jobs."""
        return await self._db.read(_queue(guild_id, limit))

    async def jobs_of(self, guild_id: int, user_id: int, *, limit: int) -> list[Job]:
        """A member's newest jobs, newest first."""
        return await self._db.read(jobs.of_member(guild_id, user_id, limit=limit))

    async def job(self, job_id: int, guild_id: int) -> Job:
        """One job of a guild.

        Raises:
            NoSuchJob: there is none of this number here.
        """
        return await self._db.read(jobs.of_guild(job_id, guild_id))

    def preview(self, job: Job) -> str:
        """The requests that make a job, as cURL commands with secrets masked.

        Raises:
            RequestGone: its provider or model is not at hand any more.
        """
        try:
            return self._attempts.preview(job)
        except ProviderFault as fault:
            raise RequestGone from fault


def _queue(guild_id: int, limit: int) -> Transaction[Queue]:
    counts = yield from jobs.count_by_state(guild_id)
    first = yield from jobs.unfinished_of(guild_id, limit=limit)
    return Queue(counts, first)
