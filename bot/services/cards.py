"""Keeps the cards of jobs true: rarely edited, never on the delivery path.

Where several processes edit cards, an edit is begun in a row that all see (`bot.db.cards`), so that they pace each
other. No process waits for another one: whoever has shown something that is not the end looks afterwards whether the
job has ended meanwhile, and then shows the end after it. One that died over an edit cannot: so whoever shows the end does
it once more where another process had begun an edit just before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import structlog

from bot import logs
from bot.db import cards as edits
from bot.db import history, jobs, lanes
from bot.db.cards import Shown
from bot.db.errors import DatabaseFault, DatabaseUnavailable
from bot.db.transaction import Database, Transaction
from bot.domain import polling
from bot.domain.errors import (
    DeliveryFault,
    DestinationForbidden,
    DestinationGone,
    DiscordUnavailable,
    PictureMissing,
)
from bot.domain.jobs import TERMINAL, Job, JobState
from bot.domain.provider import Provider
from bot.services.gate import Gate
from bot.services.ports import Card, Clock, Publisher
from bot.services.remembered import Remembered
from bot.services.routing import Routes
from bot.services.thumbnails import Thumbnails

log = structlog.stdlib.get_logger(__name__)

PROGRESS_EVERY_MS = 10_000
"""Discord documents no rate for edits; about five in five seconds a channel were seen (discord-api-docs#4413)."""

STEP_AFTER_MS = 2_000
"""A change of state may follow the last edit sooner than mere progress."""

EDITED_FOR_MS = 3_600_000
"""Messages older than an hour have a stricter limit of their own (error 30046)."""

_LOOKS = 5
"""So often one that may have been overtaken tries to show what is true; Discord took another edit just before."""

ON_ITS_WAY_MS = 15_000
"""An edit that another process began longer ago than this has arrived, or never will if that process has died."""

Show: TypeAlias = Callable[[Card], Awaitable[None]]


@dataclass(slots=True)
class _Refresh:
    """An edit that is waited for or on its way, and what became known meanwhile."""

    job_id: int
    step: str
    has_ended: bool = False
    """Whether the end is about to be shown by this process."""
    is_first: bool = False
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
        are_shared: bool = False,
    ) -> None:
        """Without `thumbnails` cards show no pictures.

        `has_page`: there is a page on which motion can be painted. `are_shared`: other processes edit cards, too.
        """
        self._db = db
        self._publisher = publisher
        self._providers = providers
        self._routes = routes
        self._gate = gate
        self._clock = clock
        self._tasks = tasks
        self._thumbnails = thumbnails
        self._has_page = has_page
        self._are_shared = are_shared
        self._shown: dict[int, Shown] = {}
        self._refreshes: dict[int, _Refresh] = {}
        self._arrived = Remembered()
        """Edits of this process that Discord took, by job and moment, where others edit cards, too."""

    def begin(self, job: Job, show: Show) -> None:
        """Show a card for the first time, by other means than the publisher's; later edits wait for it."""

        async def first(card: Card) -> None:
            await show(await self._pictured(card))

        if job.id not in self._refreshes:
            self._start(job, first, is_first=True)

    def changed(self, job: Job) -> None:
        """A job has moved: its card is refreshed when the next edit is due."""
        if job.state in TERMINAL or self._clock.now_ms() - job.created_at_ms > EDITED_FOR_MS:
            return
        refresh = self._refreshes.get(job.id)
        if refresh is not None:
            refresh.step, refresh.is_newer = _step(job), True
            refresh.news.set()
            return
        self._start(job, self._show)

    def _start(self, job: Job, show: Show, *, is_first: bool = False) -> None:
        self._refreshes[job.id] = refresh = _Refresh(job.id, _step(job), is_first=is_first)
        refresh.task = self._tasks.create_task(self._carry_out(refresh, show), name=f"card-{job.id}")

    async def finish(self, job: Job) -> int | None:
        """Show how a job ended. Returns when to do so again (ms since 1970), None if nothing can come after it.

        Raises:
            DiscordUnavailable: come again later. A card that is gone or out of reach counts as shown.
        """
        await self._stop(job)
        self._shown.pop(job.id, None)
        card, elsewhere = await self._db.read(self._newest(job.id))
        try:
            await self._show(card)
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("card out of reach", job=job.id, reason=str(fault))
            return None
        return None if elsewhere is None else self._arrives_until_ms(job, elsewhere)

    def _arrives_until_ms(self, job: Job, last: Shown) -> int | None:
        """Until when an edit may still arrive; None if it has, or is too long ago."""
        is_lately = abs(self._clock.now_ms() - last.at_ms) < ON_ITS_WAY_MS
        is_open = is_lately and (job.id, last.at_ms) not in self._arrived
        return last.at_ms + ON_ITS_WAY_MS if is_open else None

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
            refresh.has_ended = True
            refresh.news.set()
            await asyncio.wait([refresh.task])

    async def _carry_out(self, refresh: _Refresh, show: Show) -> None:
        logs.follow(job=refresh.job_id)
        try:
            while refresh.is_newer and await self._is_due(refresh):
                refresh.is_newer = False
                await self._show_newest(refresh, show)
                if not refresh.is_first:
                    show = self._show
        except (DeliveryFault, DatabaseFault) as fault:
            log.info("card not refreshed", job=refresh.job_id, reason=str(fault))
        except Exception:  # a card that lags behind must not end the bot
            log.exception("card not refreshed", job=refresh.job_id)
        finally:
            del self._refreshes[refresh.job_id]
            if self._are_shared:  # the rows tell
                self._shown.pop(refresh.job_id, None)

    async def _is_due(self, refresh: _Refresh) -> bool:
        """Wait for the moment of the next edit, which news may bring nearer; False once the job has ended."""
        while not refresh.has_ended:
            due_ms = self._due_ms(refresh)
            if due_ms <= self._clock.now_ms():
                return True
            refresh.news.clear()
            await self._clock.wait(refresh.news, until_ms=due_ms)
        return False

    async def _show_newest(self, refresh: _Refresh, show: Show) -> None:
        card, elsewhere = await self._db.read(self._newest(refresh.job_id))
        job = card.job
        if job.state in TERMINAL:
            return  # the carrier of the job shows the end itself
        if elsewhere is not None:
            self._shown[job.id] = elsewhere
        last, edit = self._shown.get(job.id), Shown(_step(job), self._clock.now_ms(), _looks(card))
        if last is not None and last.looks == edit.looks:
            return  # an edit that changes nothing is one too many
        if self._are_shared and not await self._begin(refresh, job, edit, elsewhere):
            return
        refresh.is_first = False
        self._shown[job.id] = replace(edit, looks=None)
        try:
            await show(card)
        except DeliveryFault:
            if self._are_shared:
                await self._db.write(edits.doubt(job.id))
            raise
        self._shown[job.id] = edit
        if self._are_shared:
            self._arrived.add((job.id, edit.at_ms))
            await self._look_afterwards(refresh, edit)

    async def _begin(self, refresh: _Refresh, job: Job, edit: Shown, last: Shown | None) -> bool:
        """Begin an edit, unless another process was faster or it is too early after one: then it is tried again."""
        refresh.step = edit.step
        if not refresh.is_first:
            if last is None:  # the process that took the request shows the card first
                self._shown.setdefault(job.id, Shown("", job.created_at_ms))
            if self._due_ms(refresh) > self._clock.now_ms():
                refresh.is_newer = True
                return False
        since_ms = None if last is None else last.at_ms
        begin = edits.begin(job.id, edit, since_ms=since_ms, is_first=refresh.is_first)
        has_begun = await self._db.write(begin)
        refresh.is_newer = refresh.is_newer or not has_begun
        return has_begun

    async def _look_afterwards(self, refresh: _Refresh, edit: Shown) -> None:
        """What was shown may have come after what another process has shown since: then it is not left standing."""
        for _ in range(_LOOKS):
            try:
                return await self._show_what_came_since(refresh, edit)
            except (DiscordUnavailable, DatabaseUnavailable) as fault:
                log.info("what came since is not shown yet", job=refresh.job_id, reason=str(fault))
                await self._clock.wait(refresh.news, until_ms=self._clock.now_ms() + PROGRESS_EVERY_MS)
        return None

    async def _show_what_came_since(self, refresh: _Refresh, edit: Shown) -> None:
        job, last = await self._db.read(_since(refresh.job_id))
        if job.state in TERMINAL:
            if not refresh.has_ended:
                await self._show(await self._db.read(self._last(job)))
        elif last is None or last.at_ms != edit.at_ms:
            await self._db.write(edits.doubt(job.id))
            refresh.is_newer = True

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
        last, now_ms = self._shown.get(refresh.job_id), self._clock.now_ms()
        if (
            last is None or refresh.is_first or last.at_ms > now_ms + PROGRESS_EVERY_MS
        ):  # by a clock that is ahead
            return now_ms
        return last.at_ms + (STEP_AFTER_MS if last.step != refresh.step else PROGRESS_EVERY_MS)

    def _newest(self, job_id: int) -> Transaction[tuple[Card, Shown | None]]:
        """What there is to show, and what another process has shown."""
        card = yield from self._read(job_id)
        return card, (yield from edits.shown(job_id)) if self._are_shared else None

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
        paused = self._gate.pause if is_waiting else None
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


def _since(job_id: int) -> Transaction[tuple[Job, Shown | None]]:
    return (yield from jobs.get(job_id)), (yield from edits.shown(job_id))


def _step(job: Job) -> str:
    """How far it is, as somebody waits for it to be shown."""
    return f"{job.state}{' stopping' if job.cancel_requested else ''}"


def _looks(card: Card) -> str:
    """All that a person can see change on a card before its end."""
    job, between_s = card.job, card.ready_between_s or ()
    return repr(
        (
            job.state.value,
            job.marked_at_ms is None,
            job.progress and round(100 * job.progress),
            job.cancel_requested,
            (job.provider, job.model, job.price),
            card.ahead,
            card.paused and card.paused.value,
            between_s,
            sum(card.at_s >= moment_s for moment_s in between_s),
            card.cautions,
        )
    )


def _source_of(job: Job) -> Transaction[Job | None]:
    """The job that it came out of; None where it came out of none."""
    lineage = job.origin.lineage
    return (yield from jobs.of_guild(lineage.job_id, job.origin.guild_id)) if lineage else None
