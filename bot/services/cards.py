"""Keeps the cards of jobs true: rarely edited, never on the delivery path."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from bot.db import history, jobs, lanes
from bot.db.transaction import Database, Transaction
from bot.domain import polling
from bot.domain.errors import DeliveryFault, DestinationForbidden, DestinationGone
from bot.domain.jobs import TERMINAL, Job, JobState
from bot.domain.provider import Provider
from bot.services.ports import Card, Clock, Publisher

log = structlog.stdlib.get_logger(__name__)

PROGRESS_EVERY_MS = 10_000
"""Discord documents no rate for edits; about five in five seconds a channel were seen (discord.md, section 7)."""

STEP_AFTER_MS = 2_000
"""A change of state may follow the last edit sooner than mere progress."""

EDITED_FOR_MS = 3_600_000
"""Messages older than an hour have a stricter limit of their own (error 30046)."""


@dataclass(slots=True)
class _Shown:
    state: JobState
    at_ms: int


class Cards:
    """Coalesces changes: each card is edited at most so often, always to the newest state."""

    def __init__(
        self,
        *,
        db: Database,
        publisher: Publisher,
        providers: Mapping[str, Provider],
        clock: Clock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._db = db
        self._publisher = publisher
        self._providers = providers
        self._clock = clock
        self._tasks = tasks
        self._shown: dict[int, _Shown] = {}
        self._dirty: dict[int, asyncio.Event] = {}

    def shown(self, job: Job) -> None:
        """Somebody has just brought this card up to date."""
        self._shown[job.id] = _Shown(job.state, self._clock.now_ms())

    def changed(self, job: Job) -> None:
        """A job has moved: its card is refreshed when the next edit is due."""
        if job.state in TERMINAL or self._clock.now_ms() - job.created_at_ms > EDITED_FOR_MS:
            return
        if job.id in self._dirty:
            self._dirty[job.id].set()
        else:
            self._dirty[job.id] = asyncio.Event()
            self._tasks.create_task(self._refresh(job), name=f"card-{job.id}")

    async def finish(self, job: Job) -> None:
        """Show how a job ended.

        Raises:
            DiscordUnavailable: come again later. A card that is gone or out of reach counts as shown.
        """
        self._shown.pop(job.id, None)
        try:
            await self._publisher.show(Card(job))
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("card out of reach", job=job.id, reason=str(fault))

    async def of(self, job_id: int) -> Card:
        """Everything a card says about a job, read at one moment."""
        return await self._db.read(self._read(job_id))

    async def _refresh(self, job: Job) -> None:
        try:
            while not await self._refreshed(job):
                pass
        finally:
            del self._dirty[job.id]

    async def _refreshed(self, job: Job) -> bool:
        """Show the newest state when it is due; True once nothing newer is waiting."""
        dirty = self._dirty[job.id]
        await self._clock.wait(asyncio.Event(), until_ms=self._due_ms(job))
        dirty.clear()
        card = await self.of(job.id)
        if card.job.state in TERMINAL:
            return True  # the carrier of the job shows the end itself
        self.shown(card.job)
        try:
            await self._publisher.show(card)
        except DeliveryFault as fault:
            log.info("card not refreshed", job=job.id, reason=str(fault))
        return not dirty.is_set()

    def _due_ms(self, job: Job) -> int:
        last = self._shown.get(job.id)
        if last is None:
            return self._clock.now_ms()
        return last.at_ms + (STEP_AFTER_MS if last.state is not job.state else PROGRESS_EVERY_MS)

    def _read(self, job_id: int) -> Transaction[Card]:
        job = yield from jobs.get(job_id)
        if job.state in TERMINAL:
            return Card(job)
        forecast = yield from history.forecast(history.Kind.of(job))
        ahead = (yield from lanes.place_of(job)).ahead if job.state is JobState.QUEUED else None
        provider = self._providers.get(job.provider)
        waiting = polling.waiting_s(
            ahead or 0, slots=provider.concurrency if provider else 0, forecast=forecast
        )
        if waiting is None:
            return Card(job, ahead)
        since_s = (job.marked_at_ms or self._clock.now_ms()) // 1000
        return Card(job, ahead, (since_s + waiting[0], since_s + waiting[1]))
