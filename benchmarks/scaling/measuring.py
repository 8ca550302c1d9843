"""One run: so many clips asked for, and what they took."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import servers
from benchmarks.scaling.crowd import Crowd, gathered
from benchmarks.scaling.fleet import Fleet, alone, cluster
from benchmarks.scaling.totals import Scene, Totals
from benchmarks.servers import Postgres
from bot.db import migrate
from bot.db.postgres import schema
from tests.vendors.vendor import Outcome

_ENDS_WITHIN_S = 900.0
_LOOKS_EVERY_S = 0.05
_SETTLES_S = 5.0
"""After the last message of the warming up: the cards get their last edits."""


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
    idles_s: float = 0.0
    """For how long the same processes are first watched without clips; what they take then is no clip's. 0 is not at all."""


_WARM = Plan(jobs=5, per_s=5.0)
"""Before anything is measured: connections, plans, imports."""


@dataclass(frozen=True, slots=True)
class Idle:
    """What processes take each second, while nobody asks for anything."""

    lasts_s: float
    """For which they were watched."""
    gateway_ms: float
    """Processor time of one gateway, as the next."""
    worker_ms: float
    database: dict[str, float]
    """Of PostgreSQL, by how many processes are connected to it: it does this for each of them."""
    routes: dict[str, float]
    """Requests to Discord, of all of them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What clips took, each of them unless it says otherwise; without what an idle span takes, where there was one."""

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
    """Requests to the vendor that ask how a clip is doing."""
    failed: dict[str, int]
    """Requests to Discord that did not succeed, all together."""
    idle: Idle | None


async def measured(plan: Plan, *, workers: int) -> Measured:
    """Run it: without workers as one process with SQLite, else with PostgreSQL and a gateway.

    At a pace PostgreSQL writes its statements down, so that they can be counted, which takes it a little time that it
    does not take otherwise.

    Raises:
        CannotRun: PostgreSQL is not installed, or a process ended.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        crowd = await stack.enter_async_context(gathered())
        if workers:
            server = stack.enter_context(servers.postgres())
            if plan.renders_for_s is not None:
                server.note_statements()
            fleet = await stack.enter_async_context(cluster(crowd, folder, server.url, workers=workers))
        else:
            server = None
            fleet = await stack.enter_async_context(alone(crowd, folder))
        await _play(crowd, _WARM)
        if server is not None and plan.renders_for_s is not None:
            _know_renders(server, plan.renders_for_s)
        scene = Scene(crowd, fleet, server, folder)
        idle = await _idled(scene, plan.idles_s) if plan.idles_s else None
        crowd.traffic.forget()
        return await _watched(scene, plan, idle)


def _know_renders(server: Postgres, for_s: tuple[float, float]) -> None:
    """Let it have seen many clips: when it asks how one is doing depends on how long those before took."""
    low_s, high_s = for_s
    server.ask(f"UPDATE renders SET seconds = {low_s} + {high_s - low_s} * random()")
    server.ask(
        "INSERT INTO renders (provider, model, quality, duration_s, seconds) "
        f"SELECT provider, model, quality, duration_s, {low_s} + {high_s - low_s} * random() "
        "FROM renders, generate_series(1, 20)"
    )


async def _idled(scene: Scene, lasts_s: float) -> Totals:
    """A span in which nobody asks for anything."""
    await asyncio.sleep(_SETTLES_S)
    if scene.server is not None:  # else its first vacuum would be taken for what each minute brings
        scene.server.tidy()
        await asyncio.sleep(_SETTLES_S)
    before = scene.totals()
    await asyncio.sleep(lasts_s)
    return scene.totals().since(before)


async def _watched(scene: Scene, plan: Plan, idle: Totals | None) -> Measured:
    crowd, fleet, server = scene.crowd, scene.fleet, scene.server
    before = scene.totals()
    is_rush = plan.renders_for_s is None  # at a pace, looking would be a part of what is measured
    async with _lock_share(server if is_rush else None) as shares:
        begun_s = time.perf_counter()
        await _play(crowd, plan)
        took_s = time.perf_counter() - begun_s
    if plan.archives:
        await crowd.traffic.bell.until(
            lambda: crowd.traffic.archived >= plan.jobs or None,
            timeout_s=_ENDS_WITHIN_S,
            awaited="the archive",
        )
    each = scene.totals().since(before).beyond(idle).each(plan.jobs)
    gateway_mb, worker_mb = fleet.resident_mb()
    return Measured(
        name="SQLite" if server is None else "PostgreSQL",
        workers=len(fleet.workers),
        jobs=plan.jobs,
        jobs_per_s=plan.jobs / took_s,
        gateway_ms=each.cpu_s["gateway"] * 1000,
        worker_ms=each.cpu_s["worker"] * 1000,
        discord_ms=each.cpu_s["discord"] * 1000,
        gateway_mb=gateway_mb,
        worker_mb=worker_mb,
        database={**each.database, **shares},
        routes={route: number for route, number in each.routes.items() if number},
        counted=each.counted,
        uploaded_bytes=crowd.traffic.uploaded_bytes / plan.jobs,
        polls=each.polls,
        failed=dict(crowd.traffic.failed),
        idle=None if idle is None else _idle(idle, fleet),
    )


def _idle(span: Totals, fleet: Fleet) -> Idle:
    gateways, workers = len(fleet.gateways), len(fleet.workers)
    second = span.each(span.lasts_s)
    return Idle(
        lasts_s=span.lasts_s,
        gateway_ms=second.cpu_s["gateway"] / gateways * 1000,
        worker_ms=second.cpu_s["worker"] / max(1, workers) * 1000,
        database={name: value / (gateways + workers) for name, value in second.database.items()},
        routes={route: number for route, number in second.routes.items() if number},
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
