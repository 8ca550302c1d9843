"""Several workers on one PostgreSQL, each with a runner of its own, and steps that tests watch and hold up."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from bot.app import task_group
from bot.clock import SystemClock
from bot.db import jobs, lanes
from bot.db.postgres.database import PostgresDatabase
from bot.db.postgres.queue import Carrier
from bot.db.transaction import Transaction
from bot.domain.jobs import Job, JobState
from bot.services.ports import Clock
from bot.services.runner.cluster import ClusterRunner
from tests import builders
from tests.patience import PATIENCE_S

STALLED_AFTER_S = 3.0


@dataclass
class Steps:
    """Stands in for `Stages`: moves the row on, as often as a job has steps, and keeps what was asked."""

    db: PostgresDatabase
    clock: Clock
    steps: int = 1
    """After so many a job has to wait for an hour."""
    faults: list[Exception] = field(default_factory=list[Exception])
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])
    given_up: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Which job, and after how many steps."""
    fills: int = 0
    left: list[int] = field(default_factory=list[int])
    """Jobs that were somebody else's to carry when their step had ended."""
    under_way: Counter[int] = field(default_factory=Counter[int])
    most_at_once: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.may_end.set()

    async def advance(self, job_id: int, *, early: bool, holds: Callable[[], Awaitable[bool]]) -> int | None:
        job = await self.db.read(jobs.get(job_id))
        if job.state is JobState.CANCELLED:
            return None
        if job.run_at_ms > self.clock.now_ms() and not early:
            return job.run_at_ms
        self.under_way[job_id] += 1
        self.most_at_once = max(self.most_at_once, self.under_way[job_id])
        self.taken.append((job_id, early))
        await self._tell()
        try:
            await self.may_end.wait()
            if self.faults:
                raise self.faults.pop(0)
            return await self._moved(job)
        except jobs.Overtaken:
            if await holds():
                return self.clock.now_ms()
            self.left.append(job_id)
            await self._tell()
            return None
        finally:
            self.under_way[job_id] -= 1

    async def _moved(self, job: Job) -> int:
        is_last = job.tries + 1 >= self.steps
        run_at_ms = self.clock.now_ms() + 3_600_000 * is_last
        known: dict[str, Any] = {"tries": 0 if is_last else job.tries + 1, "run_at_ms": run_at_ms}
        await self.db.write(jobs.move(job, job.state, now_ms=self.clock.now_ms(), **known))
        return run_at_ms

    async def give_up(self, job_id: int) -> None:
        self.given_up.append((job_id, len(self.taken)))
        await self._tell()

    async def fill(self) -> bool:
        while await self.db.write(jobs.admit("scripted", slots=9, now_ms=self.clock.now_ms())):
            pass
        self.fills += 1
        await self._tell()
        return True

    async def until(self, number: int) -> None:
        """Wait until so many steps were begun."""
        await self.see(lambda: len(self.taken) >= number)

    async def see(self, is_so: Any) -> None:
        """Wait until something is so that a step, an admission or giving up brings about."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(is_so)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@dataclass
class Cluster:
    """A database with its queue, as a gateway has them."""

    url: str
    db: PostgresDatabase
    carrier: Carrier
    clock: Clock

    def steps(self, **known: Any) -> Steps:
        return Steps(self.db, self.clock, **known)

    @asynccontextmanager
    async def worker(
        self, steps: Steps, *, housekeeping_every_s: float = 0.2
    ) -> AsyncGenerator[ClusterRunner]:
        """A worker with connections of its own."""
        async with open_carrier(self.url, self.clock) as carrier, task_group() as tasks:
            runner = ClusterRunner(
                carrier=carrier,
                advance=steps.advance,
                give_up=steps.give_up,
                fill=steps.fill,
                clock=self.clock,
                tasks=tasks,
                housekeeping_every_s=housekeeping_every_s,
                stalled_after_s=STALLED_AFTER_S,
            )
            tasks.create_task(runner.run())
            yield runner

    async def queued(self) -> Job:
        accepted = await self.db.write(self.accepting())
        return accepted.job

    def accepting(self) -> Transaction[jobs.Accepted]:
        return jobs.accept(
            builders.origin(),
            builders.request(),
            builders.choice(provider="scripted"),
            defaults=builders.NO_CAPS,
            now_ms=self.clock.now_ms(),
        )

    async def admitted(self) -> Job:
        """A job that has a step to take; nothing waits to be admitted."""
        await self.queued()
        job = await self.db.write(jobs.admit("scripted", slots=99, now_ms=self.clock.now_ms()))
        assert job is not None
        self.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'admit'")
        return job

    async def move(self, job: Job, **known: Any) -> Job:
        return await self.db.write(jobs.move(job, job.state, now_ms=self.clock.now_ms(), **known))

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    async def take_away(self) -> None:
        """Give the tick that is being carried to somebody else, as if its worker was dead."""
        [(tick_id,)] = self.execute("SELECT id FROM procrastinate_jobs WHERE status = 'doing'")
        [tick] = await self.carrier.queue.list_jobs_async(id=tick_id)
        await self.carrier.queue.retry_job(tick)

    def ticks(self) -> list[tuple[str, int | None, bool, str]]:
        """The task, the job, whether it is due later, and the status of each, in order."""
        return self.execute(
            "SELECT task_name, (args->>'job_id')::bigint, scheduled_at > now() IS TRUE, status::text"
            " FROM procrastinate_jobs ORDER BY priority DESC, id"
        )

    async def until(self, statement: str, expected: object) -> None:
        """Ask the database until it says so."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := self.execute(statement)) != expected:
                assert found is not None
                await asyncio.sleep(0.02)


@asynccontextmanager
async def open_carrier(url: str, clock: Clock) -> AsyncGenerator[Carrier]:
    carrier = await Carrier.open(url, now_ms=clock.now_ms)
    try:
        yield carrier
    finally:
        await carrier.close()


@asynccontextmanager
async def open_cluster(url: str, clock: Clock) -> AsyncGenerator[Cluster]:
    async with open_carrier(url, clock) as carrier:
        db = await PostgresDatabase.open(url, defer=carrier.defer)
        await db.write(lanes.open_pool("scripted"))
        yield Cluster(url, db, carrier, clock)
        await db.close()


async def _hang(url: str) -> None:
    """A process of its own that begins a step and never ends it."""
    async with open_cluster(url, SystemClock()) as cluster:
        steps = cluster.steps()
        steps.may_end.clear()
        async with cluster.worker(steps):
            await steps.until(1)
            sys.stdout.write("begun\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_hang(sys.argv[1]))
