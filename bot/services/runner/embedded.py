"""The default runner: every open job is carried by a task of this process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from bot import logs
from bot.db.errors import DatabaseUnavailable
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_GIVES_UP_AFTER = 8
_LONGEST_BACKOFF_S = 60
_DATABASE_PAUSE_MS = 5_000
"""A database that is away is no reason to give a job up, however long it takes."""


class Advance(Protocol):
    """One step of a job: `bot.services.stages.Stages.advance`."""

    def __call__(self, job_id: int, *, early: bool) -> Awaitable[int | None]:
        """Take the step when it is due, or at once if `early`; returns when to come again."""
        ...


class EmbeddedRunner:
    """Carries jobs from step to step. What is due stands in the rows, so nothing is lost with the process."""

    def __init__(
        self,
        *,
        advance: Advance,
        give_up: Callable[[int], Awaitable[None]],
        clock: Clock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._advance = advance
        self._give_up = give_up
        self._clock = clock
        self._tasks = tasks
        self._woken: dict[int, asyncio.Event] = {}
        self._carriers: set[asyncio.Task[None]] = set()
        self._is_parked = False

    def wake(self, job_id: int) -> None:
        """Take this job's next step now; starts to carry it if nobody does yet."""
        if job_id in self._woken:
            self._woken[job_id].set()
        elif not self._is_parked:
            self._woken[job_id] = asyncio.Event()
            carrier = self._tasks.create_task(self._carry(job_id), name=f"job-{job_id}")
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)

    def park(self) -> frozenset[asyncio.Task[None]]:
        """Begin no further step. Returns who is in the middle of one: whoever is cut off, the next start goes on."""
        self._is_parked = True
        for woken in self._woken.values():
            woken.set()
        return frozenset(self._carriers)

    async def _carry(self, job_id: int) -> None:
        logs.follow(job=job_id)
        woken = self._woken[job_id]
        crashes = 0
        try:
            while not self._is_parked:
                early = woken.is_set()
                woken.clear()
                try:
                    next_ms = await self._advance(job_id, early=early)
                    crashes = 0
                except DatabaseUnavailable as fault:
                    log.debug(
                        "database out of reach", job=job_id, reason=str(fault)
                    )  # it tells so itself, once
                    next_ms = self._clock.now_ms() + _DATABASE_PAUSE_MS
                except Exception:
                    log.exception("step crashed", job=job_id, crashes=crashes + 1)
                    crashes += 1
                    next_ms = await self._after_crash(job_id, crashes)
                if next_ms is None and not woken.is_set():
                    return
                await self._clock.wait(woken, until_ms=next_ms)
        finally:
            del self._woken[job_id]

    async def _after_crash(self, job_id: int, crashes: int) -> int:
        if crashes >= _GIVES_UP_AFTER:
            try:
                await self._give_up(job_id)
            except Exception:  # the same fault, most likely: what stands in the rows is taken up again
                log.exception("giving up failed", job=job_id)
        return self._clock.now_ms() + min(2 ** min(crashes, 9), _LONGEST_BACKOFF_S) * 1000
