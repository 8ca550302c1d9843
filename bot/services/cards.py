"""Keeps the cards of jobs true: rarely edited, never on the delivery path."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import structlog

from bot import logs
from bot.db import history, jobs, lanes
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database, Transaction
from bot.domain import polling
from bot.domain.errors import DeliveryFault, DestinationForbidden, DestinationGone, PictureMissing
from bot.domain.jobs import TERMINAL, Job, JobState
from bot.domain.provider import Provider
from bot.services.gate import Gate
from bot.services.ports import Card, Clock, Publisher
from bot.services.routing import Routes
from bot.services.thumbnails import Thumbnails

log = structlog.stdlib.get_logger(__name__)

PROGRESS_EVERY_MS = 10_000
"""Discord documents no rate for edits; about five in five seconds a channel were seen (discord-api-docs#4413)."""

STEP_AFTER_MS = 2_000
"""A change of state may follow the last edit sooner than mere progress."""

EDITED_FOR_MS = 3_600_000
"""Messages older than an hour have a stricter limit of their own (error 30046)."""


Show: TypeAlias = Callable[[Card], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Shown:
    state: JobState
    at_ms: int
    looks: object = None
    """What an edit that Discord took has shown; None while it is on its way, and for one that was not taken."""


@dataclass(slots=True)
class _Refresh:
    """An edit that is waited for or on its way, and what became known meanwhile."""

    job_id: int
    state: JobState
    is_newer: bool = True
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Cards:
    """Coalesces changes: each card is edited at most so often, always to the newest state."""

    def __init__(
        self,
        *,
        db: Database,
        publisher: Publisher,
        providers: Mapping[str, Provider],
        routes: Routes,
        gate: Gate,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        thumbnails: Thumbnails | None = None,
        has_page: bool = False,
    ) -> None:
        """Without `thumbnails` cards show no pictures; `has_page`: there is a page on which motion can be painted."""
        self._db = db
        self._publisher = publisher
        self._providers = providers
        self._routes = routes
        self._gate = gate
        self._clock = clock
        self._tasks = tasks
        self._thumbnails = thumbnails
        self._has_page = has_page
        self._shown: dict[int, _Shown] = {}
        self._refreshes: dict[int, _Refresh] = {}

    def begin(self, job: Job, show: Show) -> None:
        """Show a card for the first time, by other means than the publisher's; later edits wait for it."""

        async def first(card: Card) -> None:
            await show(await self._pictured(card))

        if job.id not in self._refreshes:
            self._start(job, first)

    def changed(self, job: Job) -> None:
        """A job has moved: its card is refreshed when the next edit is due."""
        if job.state in TERMINAL or self._clock.now_ms() - job.created_at_ms > EDITED_FOR_MS:
            return
        refresh = self._refreshes.get(job.id)
        if refresh is not None:
            refresh.state, refresh.is_newer = job.state, True
            refresh.news.set()
            return
        self._start(job, self._show)

    def _start(self, job: Job, show: Show) -> None:
        self._refreshes[job.id] = refresh = _Refresh(job.id, job.state)
        refresh.task = self._tasks.create_task(self._carry_out(refresh, show), name=f"card-{job.id}")

    async def finish(self, job: Job) -> None:
        """Show how a job ended.

        Raises:
            DiscordUnavailable: come again later. A card that is gone or out of reach counts as shown.
        """
        await self._stop(job)
        self._shown.pop(job.id, None)
        try:
            await self._show(await self._db.read(self._last(job)))
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("card out of reach", job=job.id, reason=str(fault))

    async def amend(self, job: Job) -> None:
        """Show what has become of a job after its end, if its card can still be reached."""
        try:
            await self._show(await self._db.read(self._last(job)))
        except (DeliveryFault, DatabaseFault) as fault:
            log.info("card not amended", job=job.id, reason=str(fault))

    async def of(self, job_id: int) -> Card:
        """Everything a card says about a job, read at one moment."""
        return await self._db.read(self._read(job_id))

    async def _stop(self, job: Job) -> None:
        """Let an edit that is on its way arrive, so that it cannot come after the last one."""
        refresh = self._refreshes.get(job.id)
        if refresh is not None and refresh.task is not None:
            refresh.state = job.state
            refresh.news.set()
            await asyncio.wait([refresh.task])

    async def _carry_out(self, refresh: _Refresh, show: Show) -> None:
        logs.follow(job=refresh.job_id)
        try:
            while refresh.is_newer and await self._is_due(refresh):
                refresh.is_newer = False
                await self._show_newest(refresh, show)
                show = self._show
        except (DeliveryFault, DatabaseFault) as fault:
            log.info("card not refreshed", job=refresh.job_id, reason=str(fault))
        except Exception:  # a card that lags behind must not end the bot
            log.exception("card not refreshed", job=refresh.job_id)
        finally:
            del self._refreshes[refresh.job_id]

    async def _is_due(self, refresh: _Refresh) -> bool:
        """Wait for the moment of the next edit, which news may bring nearer; False once the job has ended."""
        while refresh.state not in TERMINAL:
            due_ms = self._due_ms(refresh)
            if due_ms <= self._clock.now_ms():
                return True
            refresh.news.clear()
            await self._clock.wait(refresh.news, until_ms=due_ms)
        return False

    async def _show_newest(self, refresh: _Refresh, show: Show) -> None:
        card = await self.of(refresh.job_id)
        if card.job.state in TERMINAL:
            return  # the carrier of the job shows the end itself
        last, shown = self._shown.get(card.job.id), _Shown(card.job.state, self._clock.now_ms())
        if last is not None and last.looks == _looks(card):
            return  # an edit that changes nothing is one too many
        self._shown[card.job.id] = shown
        await show(card)
        self._shown[card.job.id] = replace(shown, looks=_looks(card))

    async def _show(self, card: Card) -> None:
        """Edit a card; the picture is uploaded if its message has not got it, and goes with a clip that was deleted."""
        is_shown = card.job.request.image is not None and card.job.withdrawn_at_ms is None
        has_one = self._thumbnails is not None and is_shown
        try:
            await self._publisher.show(replace(card, is_pictured=has_one))
        except PictureMissing:
            await self._publisher.show(await self._pictured(card))

    async def _pictured(self, card: Card) -> Card:
        """The card with its picture to be uploaded, if there is one."""
        thumbnail = await self._thumbnails.of(card.job) if self._thumbnails else None
        return replace(card, is_pictured=thumbnail is not None, thumbnail=thumbnail)

    def _due_ms(self, refresh: _Refresh) -> int:
        last = self._shown.get(refresh.job_id)
        if last is None:
            return self._clock.now_ms()
        return last.at_ms + (STEP_AFTER_MS if last.state is not refresh.state else PROGRESS_EVERY_MS)

    def _last(self, job: Job) -> Transaction[Card]:
        """How it ended; what was doubted may be why it failed."""
        cautions = self._routes.cautions(job) if job.state is JobState.FAILED else ()
        came_from = yield from _source_of(job)
        return Card(job, cautions=cautions, came_from=came_from, can_be_painted=self._can_be_painted(job))

    def _read(self, job_id: int) -> Transaction[Card]:
        job = yield from jobs.get(job_id)
        if job.state in TERMINAL:
            return (yield from self._last(job))
        forecast = yield from history.forecast(history.Kind.of(job))
        is_waiting = job.state is JobState.QUEUED
        ahead = (yield from lanes.place_of(job)).ahead if is_waiting else None
        provider = self._providers.get(job.provider)
        waiting = polling.waiting_s(
            ahead or 0, slots=provider.concurrency if provider else 0, forecast=forecast
        )
        now_s = self._clock.now_ms() // 1000
        since_s = now_s if job.marked_at_ms is None else job.marked_at_ms // 1000
        paused = self._gate.closure if is_waiting else None
        between_s = (since_s + waiting[0], since_s + waiting[1]) if waiting and not paused else None
        came_from = yield from _source_of(job)
        return Card(
            job,
            ahead,
            between_s,
            self._routes.cautions(job),
            came_from,
            can_be_painted=self._can_be_painted(job),
            paused=paused,
            at_s=now_s,
        )

    def _can_be_painted(self, job: Job) -> bool:
        """Whether it is worth offering; who presses the button is told what is in the way by then."""
        is_shown = self._has_page and job.withdrawn_at_ms is None
        return is_shown and self._routes.to_paint(job.request) is not None


def _looks(card: Card) -> object:
    """All that a person can see change on a card before its end."""
    job, between_s = card.job, card.ready_between_s or ()
    return (
        job.state,
        job.marked_at_ms is None,
        job.progress and round(100 * job.progress),
        job.cancel_requested,
        (job.provider, job.model, job.price),
        card.ahead,
        card.paused,
        between_s,
        sum(card.at_s >= moment_s for moment_s in between_s),
        card.cautions,
    )


def _source_of(job: Job) -> Transaction[Job | None]:
    """The job that it came out of; None where it came out of none."""
    lineage = job.origin.lineage
    return (yield from jobs.of_guild(lineage.job_id, job.origin.guild_id)) if lineage else None
