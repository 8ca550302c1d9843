"""Who goes next: gives free slots of providers to waiting jobs, fairly."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import structlog

from bot.db import jobs, lanes, operation
from bot.db.errors import DatabaseUnavailable
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import Job
from bot.domain.provider import Provider
from bot.services.gate import Closure, Gate
from bot.services.health import Health
from bot.services.ports import Clock
from bot.services.routing import Routes

log = structlog.stdlib.get_logger(__name__)

_AT_ONCE = 32
"""Jobs admitted in one transaction; more wait for the next, so that writers in between get their turn."""

_TOLD = 20
"""Waiting jobs of a server whose cards are brought up to date when it was served."""

_TOLD_OF_PAUSE = 200
"""Waiting jobs whose cards say that nothing is begun for now, or is again; people ask for the newest."""

_RETRY_AFTER_MS = 1_000
"""After a failure, which means that the database is out of reach: waiting jobs can stand this."""


class Admission:
    """Runs whenever a job was queued or a slot became free."""

    def __init__(
        self,
        *,
        db: Database,
        providers: Mapping[str, Provider],
        clock: Clock,
        gate: Gate,
        health: Health,
        routes: Routes,
        has_left: Callable[[str], bool],
        admitted: Callable[[Job], None],
        moved_up: Callable[[Job], None],
    ) -> None:
        """`has_left`: whether a provider that is not at hand here is at hand nowhere else either.

        `admitted` is told of jobs that have a step to take, `moved_up` of those that still wait: elsewhere, nearer, or shut out.
        """
        self._db = db
        self._providers = providers
        self._clock = clock
        self._gate = gate
        self._health = health
        self._routes = routes
        self._has_left = has_left
        self._admitted = admitted
        self._moved_up = moved_up
        self._shown: tuple[Closure | None, ...] = ()
        """Why nothing is begun, as the cards of waiting jobs say; empty after a start, when nobody knows what they say."""
        self._due = asyncio.Event()
        self._due.set()
        self._others_are_asked = False
        """Whether somebody waits for a provider that only other processes have."""
        self._filling = asyncio.Lock()
        self._asked = self._done = 0
        """How many have asked for slots to be filled, and how many of them were served."""

    def wake(self) -> None:
        """A slot may be free, or a job may be waiting."""
        self._due.set()

    async def run(self) -> None:
        """Admit jobs for as long as the bot runs."""
        while True:
            next_try_ms = self._health.next_try_ms() if self._gate.admits else None
            await self._clock.wait(self._due, until_ms=next_try_ms)
            self._due.clear()
            try:
                await self.fill()
            except Exception as fault:
                if not isinstance(fault, DatabaseUnavailable):  # which tells so itself, once
                    log.exception("admission failed")
                self._due.set()
                await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _RETRY_AFTER_MS)

    async def fill(self) -> bool:
        """Give every free slot away, once; those who ask while others are served share the next time.

        Returns False if another process should be asked as well: this one begins nothing, and the others do.

        Raises:
            DatabaseUnavailable: it is not known which were given away.
        """
        self._asked += 1
        number = self._asked
        async with self._filling:
            if self._done >= number:
                return self._is_enough
            asked = self._asked
            while await self._fill_all():
                pass
            await self._tell_of_pause()
            self._done = asked
        return self._is_enough

    @property
    def _is_enough(self) -> bool:
        return not (self._gate.leaves_to_others or self._others_are_asked)

    async def _adopt(self, strange: Collection[str]) -> bool:
        """Find a provider for the jobs that wait for one which the operator has taken away, or end them.

        What another process may have is left to it: an operator who adds or removes one begins processes anew one by one.

        Returns whether there were any.
        """
        left = [provider for provider in strange if self._has_left(provider)]
        self._others_are_asked = len(left) < len(strange)
        waiting = await self._db.read(jobs.waiting_for(left)) if left else []
        for job in waiting:
            with suppress(jobs.Overtaken):  # cancelled at this moment
                await self._find_place(job)
        return bool(waiting)

    async def _find_place(self, job: Job) -> None:
        now_ms = self._clock.now_ms()
        choice = await self._routes.next_for(job)
        if choice is not None:
            log.info("taken over", job=job.id, left=job.provider, provider=choice.spec.provider)
            self._moved_up(await self._db.write(jobs.move_on(job, choice, now_ms=now_ms)))
            return
        log.warning("turned away", job=job.id, left=job.provider)
        reason = f"{job.provider} is no longer at hand here, and nobody else can make this for what it costs."
        self._admitted(await self._db.write(jobs.turn_away(job, reason, now_ms=now_ms)))

    async def _fill_all(self) -> bool:
        """Let in what there is room for, wherever something waits; returns whether there may be room for more."""
        waited_for = await self._db.read(lanes.waited_for()) if self._gate.admits else []
        if await self._adopt(set(waited_for) - self._providers.keys()):
            return True
        fullest = [
            len(await self._fill_up(provider))
            for name, provider in self._providers.items()
            if name in waited_for
        ]
        return _AT_ONCE in fullest

    async def _fill_up(self, provider: Provider) -> list[Job]:
        admitted = await self._db.write(self._fill(provider)) if self._gate.admits else []
        if admitted:
            self._health.probed(provider.name)
        for job in admitted:
            log.info("admitted", job=job.id, guild=job.origin.guild_id, provider=provider.name)
            self._admitted(job)
        for guild_id in {job.origin.guild_id for job in admitted}:
            waiting = jobs.next_waiting(provider.name, guild_id, limit=_TOLD)
            for job in await self._db.read(waiting):
                self._moved_up(job)
        return admitted

    async def _tell_of_pause(self) -> None:
        """Let the cards of jobs that wait say that nothing is begun, or no more. Of a stop the next start tells."""
        closure = self._gate.pause
        if self._shown == (closure,) or closure is Closure.STOPPING:
            return
        for job in await self._db.read(operation.waiting(limit=_TOLD_OF_PAUSE)):
            self._moved_up(job)
        self._shown = (closure,)

    def _fill(self, provider: Provider) -> Transaction[list[Job]]:
        admitted: list[Job] = []
        if (yield from operation.drained()):  # by whichever process; the gate hears of it some seconds later
            return admitted
        most = min(_AT_ONCE, (yield from self._health.admitting(provider.name, _AT_ONCE)))
        while self._gate.admits and len(admitted) < most:
            now_ms = self._clock.now_ms()
            job = yield from jobs.admit(provider.name, slots=provider.concurrency, now_ms=now_ms)
            if job is None:
                break
            admitted.append(job)
        if admitted:
            yield from self._health.probing(provider.name)
        return admitted
