"""The runner of several processes: whichever worker is free takes a job's next step."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol

import psycopg
import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision, exceptions
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.worker import Worker

from bot import logs
from bot.db.errors import DatabaseUnavailable
from bot.db.postgres.queue import ADMIT, QUEUE, STEP, Carrier
from bot.db.ticks import Tick
from bot.services.ports import Clock
from bot.services.runner.housekeeping import BEATS_EVERY_S, EVERY_S, STALLED_AFTER_S, Housekeeping

log = structlog.stdlib.get_logger(__name__)

AT_ONCE = 100
"""Steps under way in one process; most of them wait for somebody's answer."""

_GIVES_UP_AFTER = 8
_LONGEST_BACKOFF_S = 60
_DATABASE_PAUSE_S = 5
_LEFT_FOR_S, _LEFT_AGAIN_FOR_S = 1, 5
"""To another worker. What waits for a provider that only others have may do so for hours, until they have a free slot."""
_POLLED_EVERY_S = 1.0
"""Of a tick whose time has come, or which another one held up, nobody is told."""
_NEVER_S = 86_400.0
"""Workers are taken for dead by `Housekeeping`, which knows when they could not say that they are alive."""


class Advance(Protocol):
    """One step of a job: `bot.services.stages.Stages.advance`."""

    def __call__(
        self, job_id: int, *, early: bool, holds: Callable[[], Awaitable[bool]]
    ) -> Awaitable[int | None]:
        """Take the step when it is due, or at once if `early`, while the caller `holds` it; returns when to come again."""
        ...


class ClusterRunner:
    """Carries jobs from step to step, together with the other workers."""

    def __init__(
        self,
        *,
        carrier: Carrier,
        advance: Advance,
        give_up: Callable[[int], Awaitable[None]],
        fill: Callable[[], Awaitable[bool]],
        clock: Clock,
        tasks: asyncio.TaskGroup,
        housekeeping_every_s: float = EVERY_S,
        stalled_after_s: float = STALLED_AFTER_S,
    ) -> None:
        """`fill` gives free slots away; False if another worker should. Where `run` is not called, other processes do what `wake` asks for."""
        self._carrier = carrier
        self._advance = advance
        self._give_up = give_up
        self._fill = fill
        self._clock = clock
        self._tasks = tasks
        self._woken: set[int] = set()
        self._carried: dict[asyncio.Task[Exception | None], int] = {}
        """Ticks by id; one that was taken away may come back while its first carrier has not noticed yet."""
        self._is_parked = False
        self._pauses: set[asyncio.Event] = set()
        """What park cuts short."""
        self._worker: Worker | None = None
        self._beats_every_s = min(BEATS_EVERY_S, stalled_after_s / 4)
        self._housekeeping = Housekeeping(
            carrier,
            carried=self._carried.values,
            clock=clock,
            every_s=housekeeping_every_s,
            stalled_after_s=stalled_after_s,
        )
        carrier.app.task(name=STEP, pass_context=True, retry=_Again())(self._step)
        carrier.app.task(name=ADMIT, pass_context=True, retry=_Again())(self._admit)

    def wake(self, job_id: int) -> None:
        """Have this job's next step taken now; if that cannot be said, it is taken in its time."""
        if job_id not in self._woken:
            self._woken.add(job_id)
            self._tasks.create_task(self._summon(job_id), name=f"wake-{job_id}")

    def park(self) -> frozenset[asyncio.Task[Exception | None]]:
        """Begin no further step. Returns who is in the middle of one: whoever is cut off, another worker goes on."""
        self._is_parked = True
        for pause in self._pauses:
            pause.set()
        if self._worker is not None:
            self._worker.stop()
        return frozenset(self._carried)

    async def run(self) -> None:
        """Take steps for as long as the bot runs."""
        housekeeping = self._tasks.create_task(self._housekeeping.run(), name="housekeeping")
        failures = 0
        try:
            while not self._is_parked:
                began_ms = self._clock.now_ms()
                await asyncio.wait((self._tasks.create_task(self._work(), name="worker"),))
                lasted_s = (self._clock.now_ms() - began_ms) / 1000
                failures = 0 if lasted_s > _LONGEST_BACKOFF_S else failures + 1
                await self._pause(min(2**failures, _LONGEST_BACKOFF_S))
        except asyncio.CancelledError:
            self._carrier.hurry()
            raise
        finally:
            housekeeping.cancel()

    async def _work(self) -> None:
        if self._is_parked:
            return
        self._worker = Worker(
            self._carrier.app,
            queues=[QUEUE],
            name=None,
            concurrency=AT_ONCE,
            fetch_job_polling_interval=_POLLED_EVERY_S,
            abort_job_polling_interval=_NEVER_S,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
            update_heartbeat_interval=self._beats_every_s,
            stalled_worker_timeout=_NEVER_S,
        )
        try:
            await self._worker.run()
        except Exception:  # nobody waits for this task; whatever it was about is begun anew
            log.exception("the worker of the queue failed")

    async def _summon(self, job_id: int) -> None:
        try:
            await self._carrier.give([Tick(job_id, is_early=True)])
        except (psycopg.Error, exceptions.ConnectorException) as fault:
            log.info("not woken", job=job_id, reason=str(fault))
        finally:
            self._woken.discard(job_id)

    async def _step(self, context: JobContext, *, job_id: int, at_ms: int | None, early: bool) -> None:
        await self._own(context, f"job-{job_id}", self._carry(context.job, job_id, at_ms, early=early))

    async def _admit(self, context: JobContext) -> None:
        await self._own(context, "admission", self._let_in(context.job.attempts))

    async def _own(
        self, context: JobContext, name: str, work: Coroutine[None, None, Exception | None]
    ) -> None:
        """Do the work in a task of the bot's, which ends with it; raises what comes of it."""
        assert context.job.id is not None
        task = self._tasks.create_task(work, name=name)
        self._carried[task] = context.job.id
        try:
            fault = await task
        finally:
            del self._carried[task]
        if fault is not None:
            raise fault

    async def _carry(self, tick: Job, job_id: int, at_ms: int | None, *, early: bool) -> Exception | None:
        logs.follow(job=job_id)
        if at_ms is not None:
            await self._wait(at_ms)  # the clock of the server may be ahead
        try:
            if (
                tick.attempts >= _GIVES_UP_AFTER
            ):  # before the step, which may have killed the workers that took it
                await self._give_up(job_id)
            return await self._advance_while_due(tick, job_id, early=early)
        except Exception:
            log.exception("step crashed", job=job_id, crashes=tick.attempts + 1)
        return _after_crash(tick.attempts)

    async def _advance_while_due(self, tick: Job, job_id: int, *, early: bool) -> Exception | None:
        """Take steps until the next one is due later: for that one a tick waits, put there with the change of state."""

        async def holds() -> bool:
            is_ours = await self._carrier.queue.holds(tick)
            if not is_ours:
                log.warning("step left to the worker that has it now", job=job_id)
            return is_ours

        while not self._is_parked:
            try:
                next_ms = await self._advance(job_id, early=early, holds=holds)
            except DatabaseUnavailable as fault:  # it tells so itself, once
                log.debug("database out of reach", job=job_id, reason=str(fault))
                await self._pause(_DATABASE_PAUSE_S)
                continue
            if next_ms is None or next_ms > self._clock.now_ms():
                return None
            early = False
        return _Later(0)

    async def _let_in(self, attempts: int) -> Exception | None:
        logs.follow()
        try:
            if not self._is_parked:
                is_enough = await self._fill()
                return None if is_enough else _Later(_LEFT_AGAIN_FOR_S if attempts else _LEFT_FOR_S)
        except DatabaseUnavailable:
            await self._pause(_DATABASE_PAUSE_S)
        except Exception:
            log.exception("admission failed")
            return _after_crash(attempts)
        return _Later(0)

    async def _pause(self, pause_s: int) -> None:
        await self._wait(self._clock.now_ms() + pause_s * 1000)

    async def _wait(self, until_ms: int) -> None:
        pause = asyncio.Event()
        self._pauses.add(pause)
        try:
            if not self._is_parked:
                await self._clock.wait(pause, until_ms=until_ms)
        finally:
            self._pauses.discard(pause)


class _Later(Exception):
    """A tick goes back into the queue."""

    def __init__(self, pause_s: int) -> None:
        super().__init__()
        self.pause_s = pause_s


def _after_crash(attempts: int) -> _Later:
    return _Later(min(2 ** min(attempts + 1, 9), _LONGEST_BACKOFF_S))


class _Again(BaseRetryStrategy):
    """No tick ends before it was attended to: what was cut off is begun anew at once."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """When the tick is ready again."""
        del job
        return RetryDecision(retry_in={"seconds": exception.pause_s if isinstance(exception, _Later) else 0})
