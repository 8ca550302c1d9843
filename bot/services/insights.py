"""Where things stand: the queue of a guild, the jobs of a member."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.db import jobs, listings
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Refused
from bot.domain.jobs import ACTIVE, Job, JobState
from bot.domain.provider import ProviderFault
from bot.services.attempts import Attempts
from bot.services.gate import Closure, Gate
from bot.services.ports import Card

PAGE = 5
"""Jobs on one page."""


class RequestGone(Refused):
    """This job's provider or model is not at hand any more, so its request cannot be shown."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A guild's unfinished jobs."""

    counts: dict[JobState, int]
    first: list[Card]
    """Running ones, then those that waited longest; cut to what fits a message."""
    paused: Closure | None = None
    """Why nothing that waits is begun; None if it is."""

    @property
    def waiting(self) -> int:
        """How many have not started."""
        return self.counts.get(JobState.QUEUED, 0)

    @property
    def running(self) -> int:
        """How many are on their way, from submission to delivery."""
        return sum(self.counts.values()) - self.waiting


class Only(StrEnum):
    """Which jobs are listed."""

    ALL = "all"
    OPEN = "open"  # waiting, or being made
    DONE = "done"
    FAILED = "failed"  # failed, cancelled, or made and not posted


STATES = {
    Only.ALL: frozenset(JobState),
    Only.OPEN: ACTIVE | {JobState.QUEUED},
    Only.DONE: frozenset({JobState.DONE}),
    Only.FAILED: frozenset({JobState.FAILED, JobState.CANCELLED, JobState.UNDELIVERABLE}),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a member's jobs in one guild, newest first."""

    user_id: int
    only: Only
    jobs: tuple[Job, ...]
    has_newer: bool = False
    has_older: bool = False


class Insights:
    """Reads, and changes nothing."""

    def __init__(
        self, *, db: Database, attempts: Attempts, gate: Gate, card_of: Callable[[int], Awaitable[Card]]
    ) -> None:
        self._db = db
        self._attempts = attempts
        self._gate = gate
        self._card_of = card_of

    async def queue(self, guild_id: int, *, limit: int) -> Queue:
        """A guild's queue, with at most `limit` jobs."""
        counts, first = await self._db.read(_queue(guild_id, limit))
        cards = await asyncio.gather(*(self._card_of(job.id) for job in first))
        return Queue(counts, cards, paused=self._gate.pause)

    async def jobs_of(self, guild_id: int, user_id: int, *, limit: int) -> list[Job]:
        """A member's newest jobs, newest first."""
        return await self._db.read(jobs.of_member(guild_id, user_id, limit=limit))

    async def newest(self, guild_id: int, user_id: int, only: Only = Only.ALL) -> Page:
        """The first page of a member's jobs."""
        return await self._db.read(_older(guild_id, user_id, only))

    async def older(self, guild_id: int, user_id: int, only: Only, before_id: int) -> Page:
        """The page below a job, which need not exist any more."""
        return await self._db.read(_older(guild_id, user_id, only, before_id))

    async def newer(self, guild_id: int, user_id: int, only: Only, after_id: int) -> Page:
        """The page above a job, or the first one where that would not be full."""
        return await self._db.read(_newer(guild_id, user_id, only, after_id))

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


def _queue(guild_id: int, limit: int) -> Transaction[tuple[dict[JobState, int], list[Job]]]:
    counts = yield from jobs.count_by_state(guild_id)
    first = yield from jobs.unfinished_of(guild_id, limit=limit)
    return counts, first


def _older(guild_id: int, user_id: int, only: Only, before_id: int | None = None) -> Transaction[Page]:
    states = STATES[only]
    found = yield from listings.older(guild_id, user_id, states, before_id, limit=PAGE + 1)
    shown = tuple(found[:PAGE])
    if before_id is None:
        return Page(user_id, only, shown, has_older=len(found) > PAGE)
    if not shown:  # the rest has changed its state, or was forgotten
        return (yield from _older(guild_id, user_id, only))
    above = yield from listings.newer(guild_id, user_id, states, shown[0].id, limit=1)
    return Page(user_id, only, shown, has_newer=bool(above), has_older=len(found) > PAGE)


def _newer(guild_id: int, user_id: int, only: Only, after_id: int) -> Transaction[Page]:
    found = yield from listings.newer(guild_id, user_id, STATES[only], after_id, limit=PAGE + 1)
    if len(found) <= PAGE:
        return (yield from _older(guild_id, user_id, only))
    return Page(user_id, only, tuple(found[1:]), has_newer=True, has_older=True)
