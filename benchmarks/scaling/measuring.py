"""One run: so many clips asked for, and what they took."""

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from benchmarks import servers
from benchmarks.scaling.crowd import Crowd, gathered
from benchmarks.scaling.fleet import Fleet, alone, cluster
from benchmarks.servers import Postgres
from benchmarks.spent import cpu_s
from bot.db import migrate
from bot.db.postgres import schema
from tests.vendors.vendor import Outcome

_ENDS_WITHIN_S = 900.0
_LOOKS_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """How clips are asked for and made."""

    jobs: int
    per_s: float
    """Requests; the next one does not wait for the last."""
    renders_for_s: tuple[float, float] | None = None
    """None is at once."""
    archives: bool = False
    """Whether to stay until the last thread is archived, five minutes after its clip."""


_WARM = Plan(jobs=5, per_s=5.0)
"""Before anything is measured: connections, plans, imports."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What clips took, each of them unless it says otherwise."""

    name: str
    workers: int
    jobs: int
    jobs_per_s: float
    """From the first request to the last message."""
    gateway_ms: float
    """Processor time, as the next two."""
    worker_ms: float
    discord_ms: float
    """This process: Discord, the vendor, and the people."""
    gateway_mb: float
    """The most that one held, as the next."""
    worker_mb: float
    database: dict[str, float]
    """Of PostgreSQL; SQLite is part of the bot's process and only has its bytes."""
    routes: dict[str, float]
    """Requests to Discord."""
    counted: float
    """Of them, those that count towards the limit of a bot's requests."""
    uploaded_bytes: float
    polls: float
    failed: dict[str, int]
    """Requests to Discord that did not succeed, all together."""


async def measured(plan: Plan, *, workers: int) -> Measured:
    """Run it: without workers as one process with SQLite, else with PostgreSQL and a gateway.

    Raises:
        CannotRun: PostgreSQL is not installed, or a process ended.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        crowd = await stack.enter_async_context(gathered())
        if workers:
            server = stack.enter_context(servers.postgres())
            fleet = await stack.enter_async_context(cluster(crowd, folder, server.url, workers=workers))
        else:
            server = None
            fleet = await stack.enter_async_context(alone(crowd, folder))
        await _play(crowd, _WARM)
        crowd.traffic.forget()
        return await _watched(crowd, fleet, plan, server, folder)


async def spoken(plan: Plan, *, workers: int) -> dict[str, float]:
    """How many statements PostgreSQL gets for each clip: in all, and while the lock of all writes is held."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        crowd = await stack.enter_async_context(gathered())
        server = stack.enter_context(servers.postgres())
        server.note_statements()
        await stack.enter_async_context(cluster(crowd, folder, server.url, workers=workers))
        await _play(crowd, _WARM)
        before = server.statements()
        await _play(crowd, plan)
        found = server.statements().since(before)
    return {name: value / plan.jobs for name, value in asdict(found).items()}


async def _watched(crowd: Crowd, fleet: Fleet, plan: Plan, server: Postgres | None, folder: Path) -> Measured:
    used, own_s, fleet_s = (
        _database(server, folder),
        cpu_s(os.getpid()) - _children_s(fleet, server),
        fleet.cpu_s(),
    )
    polled = _polls(crowd)
    async with _lock_share(server) as shares:
        begun_s = time.perf_counter()
        await _play(crowd, plan)
        took_s = time.perf_counter() - begun_s
    if plan.archives:
        await crowd.traffic.bell.until(
            lambda: crowd.traffic.archived >= plan.jobs or None,
            timeout_s=_ENDS_WITHIN_S,
            awaited="the archive",
        )
    own_s = cpu_s(os.getpid()) - _children_s(fleet, server) - own_s
    gateway_s, worker_s = (after - before for after, before in zip(fleet.cpu_s(), fleet_s, strict=True))
    database = {name: value - used[name] for name, value in _database(server, folder).items()}
    gateway_mb, worker_mb = fleet.resident_mb()
    jobs, traffic = plan.jobs, crowd.traffic
    return Measured(
        name="SQLite" if server is None else "PostgreSQL",
        workers=len(fleet.workers),
        jobs=jobs,
        jobs_per_s=jobs / took_s,
        gateway_ms=gateway_s / jobs * 1000,
        worker_ms=worker_s / jobs * 1000,
        discord_ms=own_s / jobs * 1000,
        gateway_mb=gateway_mb,
        worker_mb=worker_mb,
        database={name: value / jobs for name, value in database.items()} | shares,
        routes={route: number / jobs for route, number in sorted(traffic.routes.items())},
        counted=traffic.counted / jobs,
        uploaded_bytes=traffic.uploaded_bytes / jobs,
        polls=(_polls(crowd) - polled) / jobs,
        failed=dict(traffic.failed),
    )


async def _play(crowd: Crowd, plan: Plan) -> None:
    """Ask for all clips, at the plan's pace, and wait for the last message."""
    awaited = crowd.traffic.posted + plan.jobs
    crowd.vendor.outcomes.extend([Outcome.READY if plan.renders_for_s is None else Outcome.SLOW] * plan.jobs)
    begun_s = time.monotonic()
    async with asyncio.TaskGroup() as people:
        rendering = people.create_task(crowd.render(plan.renders_for_s or (0.0, 0.0)))
        for number in range(plan.jobs):
            await asyncio.sleep(begun_s + number / plan.per_s - time.monotonic())
            people.create_task(crowd.ask(number))
        await crowd.traffic.bell.until(
            lambda: crowd.traffic.posted >= awaited or None,
            timeout_s=_ENDS_WITHIN_S,
            awaited=f"{plan.jobs} clips",
            there=lambda: f"{crowd.traffic.posted - awaited + plan.jobs}",
        )
        rendering.cancel()


def _database(server: Postgres | None, folder: Path) -> dict[str, float]:
    if server is None:
        with closing(sqlite3.connect(folder / "kinora.db")) as connection:
            (size,) = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
        return {"database_bytes": float(size[0])}
    known: dict[str, float] = asdict(server.use())
    ticks = server.ask("SELECT last_value FROM procrastinate_jobs_id_seq")[0][0]
    return known | {"ticks": float(ticks)}


def _children_s(fleet: Fleet, server: Postgres | None) -> float:
    """Processor seconds of what was started from here."""
    return sum(fleet.cpu_s()) + (server.use().cpu_s if server else 0.0)


def _polls(crowd: Crowd) -> int:
    return sum(task.polls for task in crowd.vendor.tasks.values())


@asynccontextmanager
async def _lock_share(server: Postgres | None) -> AsyncGenerator[dict[str, float]]:
    """For what share of the block somebody held the lock of all writes; filled in at its end."""
    found: dict[str, float] = {}
    if server is None:
        yield found
        return
    looks = [0, 0]
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:

        async def look() -> None:
            while True:
                rows = await connection.execute(_HELD, (migrate.APPLICATION_ID, schema.WRITING))
                looks[bool(await rows.fetchone())] += 1
                await asyncio.sleep(_LOOKS_EVERY_S)

        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(look())
            yield found
            looking.cancel()
    found["lock_share"] = looks[1] / max(1, sum(looks))


_HELD = """
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s::bigint::oid AND objid = %s::bigint::oid
"""
