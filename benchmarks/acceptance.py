"""Requests accepted per second: quota, ledger, queue and job in one durable transaction, against huey.

Ours is `bot.db.jobs.accept` on `SqliteDatabase`. huey stores the same kilobyte with `SqliteHuey` and
fsync on; it keeps no quota, no ledger and no order between servers. Callers of ours are coroutines, callers
of huey are threads, as each is used. Both are on the disk that holds this folder, in files of their own.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.rounds import median, spread
from benchmarks.table import CannotRun, Table
from benchmarks.values import CHOICE, NOW_MS, REQUEST, WIDE_CAPS, origin
from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase

NAME = "acceptance"
CALLERS = (1, 32)
GUILDS = 50
MEMBERS = 20
"""A guild."""
ROUNDS, ROUND_S = 5, 1.0
SIZE = len(REQUEST.model_dump_json(exclude_defaults=True))


async def run(*, quick: bool) -> Table:
    """Let both take turns."""
    rounds, round_s = (2, 0.3) if quick else (ROUNDS, ROUND_S)
    rates: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as folder:
        for number in range(rounds):
            for callers in CALLERS:
                path = Path(folder, f"{number}-{callers}")
                rates.setdefault(("Kinora", callers), []).append(await _ours(path, callers, round_s))
                rate = await asyncio.to_thread(_huey, path, callers, round_s)
                rates.setdefault(("huey", callers), []).append(rate)
        fsync_ms = await asyncio.to_thread(_fsync_ms, Path(folder))
    ratio = median(rates["Kinora", 32]) / median(rates["huey", 32])
    return Table(
        title="Requests accepted per second, each on disk before it is answered",
        columns=("", "callers", "per second", "spread"),
        rows=tuple(
            (name, str(callers), f"{median(found):,.0f}", spread(found))
            for (name, callers), found in sorted(rates.items(), reverse=True)
        ),
        notes=(
            f"At 32 callers Kinora accepts {ratio:.1f} times as many as huey.",
            f"Medians of {rounds} rounds in turns; synchronous=FULL on both; {SIZE:,} bytes a request.",
            f"One fsync takes {fsync_ms:.2f} ms on this disk.",
        ),
    )


async def _ours(folder: Path, callers: int, round_s: float) -> float:
    await asyncio.to_thread(folder.mkdir)
    db = await SqliteDatabase.open(folder / "kinora.db")
    try:
        await db.write(lanes.open_pool(CHOICE.spec.provider))
        numbers = count()
        ends_s = time.perf_counter() + round_s

        async def caller() -> int:
            accepted = 0
            while time.perf_counter() < ends_s:
                number = next(numbers)
                guild_id = 1 + number % GUILDS
                where = origin(guild_id=guild_id, user_id=guild_id * 1000 + number // GUILDS % MEMBERS)
                await db.write(jobs.accept(where, REQUEST, CHOICE, defaults=WIDE_CAPS, now_ms=NOW_MS))
                accepted += 1
            return accepted

        start_s = time.perf_counter()
        total = sum(await asyncio.gather(*(caller() for _ in range(callers))))
        return total / (time.perf_counter() - start_s)
    finally:
        await db.close()


def _huey(folder: Path, callers: int, round_s: float) -> float:
    enqueue = _enqueuer(folder / "huey.db")
    payload = REQUEST.model_dump_json(exclude_defaults=True)
    ends_s = time.perf_counter() + round_s

    def caller(_: int) -> int:
        accepted = 0
        while time.perf_counter() < ends_s:
            enqueue(payload)
            accepted += 1
        return accepted

    with ThreadPoolExecutor(callers) as threads:
        start_s = time.perf_counter()
        total = sum(threads.map(caller, range(callers)))
        return total / (time.perf_counter() - start_s)


def _enqueuer(path: Path) -> Callable[[str], Any]:
    try:
        from huey import SqliteHuey  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - not in the ordinary install
    except ImportError as error:
        raise CannotRun("huey is not installed; `make bench` installs it.") from error
    queue: Any = SqliteHuey(filename=str(path), fsync=True, timeout=30)

    def render(_request: str) -> None:
        """Never run here."""

    return queue.task()(render)


def _fsync_ms(folder: Path) -> float:
    """What this disk takes to make one page durable."""
    taken: list[float] = []
    with (folder / "page").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(bytes(4096))
            start_s = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - start_s)
    return median(taken) * 1000
