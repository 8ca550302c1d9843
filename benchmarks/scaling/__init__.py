"""What a clip costs from the click to its message, and how many a second 1, 2 and 4 workers carry.

The bot's processes are real ones, started as an operator starts them: one with SQLite, then a gateway and workers with
a PostgreSQL of their own. Discord, the vendor (Kling's protocol) and the people are this process, so that every request
to them goes over a socket and can be counted; they share the machine's cores, and what they take is told. A clip is asked
for with a picture, and ends as a thread with a message.

At a *pace*, clips are made for a minute or two each and everything that a clip needs is counted until its thread is
archived. The same processes are watched for a minute before, without clips: what they take then is told by itself, and
is no part of what a clip takes. In a *rush* all are asked for at once and rendered at once: that says where it saturates. At last 1, 2 and
4 processes accept requests in one PostgreSQL as fast as they can, which says how far the one lock of all writes carries.
"""

from collections.abc import Awaitable
from dataclasses import asdict
from time import perf_counter
from typing import TypeVar

from benchmarks import servers
from benchmarks.scaling import lock
from benchmarks.scaling.listening import heard
from benchmarks.scaling.lock import Writes
from benchmarks.scaling.measuring import Measured, Plan, measured
from benchmarks.table import Table

NAME = "scaling"
WORKERS = (1, 2, 4)
RUSH = Plan(jobs=150, per_s=50.0)
PACE = Plan(jobs=120, per_s=2.0, renders_for_s=(60.0, 120.0), archives=True, idles_s=60.0)
QUICK_RUSH = Plan(jobs=12, per_s=10.0)
QUICK_PACE = Plan(jobs=6, per_s=3.0, renders_for_s=(3.0, 6.0), idles_s=3.0)
LOCK_S = 4.0
ACCEPTING_S = 1.0
T = TypeVar("T")


async def run(*, quick: bool) -> Table:
    """Measure all of it.

    Raises:
        CannotRun: PostgreSQL is not installed.
    """
    servers.ensure_there()
    rush, pace = (QUICK_RUSH, QUICK_PACE) if quick else (RUSH, PACE)
    took_s: dict[str, float] = {}

    async def timed(part: str, measuring: Awaitable[T]) -> T:
        begun_s = perf_counter()
        try:
            return await measuring
        finally:
            took_s[part] = round(took_s.get(part, 0.0) + perf_counter() - begun_s, 1)

    numbers = (0, *((1,) if quick else WORKERS))
    rushed = [await timed("rush", measured(rush, workers=number)) for number in numbers]
    paced = await timed("pace", measured(pace, workers=1 if quick else 2))
    ear = await timed("heard", heard(quick=quick))
    written = await timed("lock", _writes(0.5 if quick else LOCK_S))
    accepting = await timed("accepting", _accepting())
    return Table(
        title=f"{rush.jobs} clips asked for at once; milliseconds of processor time for each",
        columns=(
            "",
            "workers",
            "clips/s",
            "gateway",
            "worker",
            "database",
            "Discord",
            "KB kept",
            "lock held",
        ),
        rows=tuple(map(_row, rushed)),
        notes=(
            *_told(paced),
            f"A server takes {ear.kb_per_guild:.0f} KB of a gateway, a message in it {ear.us_per_message:.0f} us.",
            *map(_told_of_lock, written),
            *(
                f"An accepted request takes {each:.1f} statements under the lock where {callers} callers write together."
                for callers, each in accepting.items()
            ),
            f"Taken: {', '.join(f'{part} {lasted_s:.0f} s' for part, lasted_s in took_s.items())}.",
        ),
        figures={
            "rush": [asdict(one) for one in rushed],
            "pace": asdict(paced),
            "plans": {"rush": asdict(rush), "pace": asdict(pace)},
            "accepting": accepting,
            "heard": asdict(ear),
            "lock": [asdict(one) for one in written],
            "took_s": took_s,
        },
    )


async def _writes(lasts_s: float) -> list[Writes]:
    found: list[Writes] = []
    for callers in lock.CALLERS:
        for processes in lock.PROCESSES:
            with servers.postgres() as server:  # a new one each, so that none has the rows of the others
                found.append(await lock.carried(server, processes, callers, lasts_s))
    return found


async def _accepting() -> dict[str, float]:
    """Statements of an accepted request under the lock, by how many callers write together."""
    found: dict[str, float] = {}
    for callers in lock.CALLERS:
        with servers.postgres() as server:
            found[str(callers)] = await lock.spoken(server, callers, ACCEPTING_S)
    return found


def _row(one: Measured) -> tuple[str, ...]:
    database = one.database
    is_apart = one.workers > 0
    return (
        one.name,
        f"{one.workers or '-'}",
        f"{one.jobs_per_s:.1f}",
        f"{one.gateway_ms:.0f}",
        f"{one.worker_ms:.0f}" if is_apart else "-",
        f"{database['cpu_s'] * 1000:.0f}" if is_apart else "-",
        f"{one.discord_ms:.0f}",
        f"{database['database_bytes'] / 1000:.1f}",
        f"{database['lock_share']:.0%}" if is_apart else "-",
    )


def _told(one: Measured) -> tuple[str, ...]:
    """Of clips that take their time."""
    database, idle = one.database, one.idle
    assert idle is not None
    return (
        (
            f"At {one.jobs_per_s:.2f} clips a second with {one.workers} workers, each made for a minute or two: "
            f"{one.gateway_ms:.0f} ms of the gateway, {one.worker_ms:.0f} of workers, {database['cpu_s'] * 1000:.0f} of "
            f"PostgreSQL, {database['ticks']:.1f} ticks, {database['wal_bytes'] / 1000:.0f} KB of WAL in "
            f"{database['wal_syncs']:.1f} syncs, {one.polls:.1f} questions to the vendor."
        ),
        (
            f"PostgreSQL gets {database['statements']:.0f} statements for each, {database['locked_statements']:.0f} of them within "
            f"{database['locks']:.1f} commits under the lock of all writes."
        ),
        (
            f"Not in it, a second of {idle.lasts_s:.0f} without clips: an idle gateway {idle.gateway_ms:.1f} ms, an idle worker "
            f"{idle.worker_ms:.1f}, PostgreSQL {idle.database['cpu_s'] * 1000:.1f} for each, with "
            f"{idle.database['commits']:.1f} commits and {idle.database['wal_bytes'] / 1000:.2f} KB of WAL."
        ),
        f"Requests to Discord for each: {sum(one.routes.values()):.1f}, of which {one.counted:.1f} count towards a bot's limit.",
    )


def _told_of_lock(one: Writes) -> str:
    return (
        f"{one.processes} processes with {one.callers} callers each accept {one.per_s:,.0f} requests a second, for "
        f"{one.client_us:,.0f} us of theirs, {one.server_us:,.0f} of PostgreSQL, {one.wal_bytes / 1000:.1f} KB of WAL each; "
        f"{one.refused:.1%} waited too long."
    )
