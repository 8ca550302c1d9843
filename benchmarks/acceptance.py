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
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.rounds import median, spread
from benchmarks.table import RESULTS, CannotRun, Table
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


@dataclass(frozen=True, slots=True)
class Rate:
    """One round of one contestant."""

    per_s: float
    cpu_us: float
    """Processor time of this process, all threads, per request."""


class _Stopwatch:
    """Wall and processor time from its making."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def rate(self, total: int) -> Rate:
        """What `total` requests took until now."""
        cpu_s = time.process_time() - self._cpu_s
        return Rate(total / (time.perf_counter() - self._wall_s), cpu_s / total * 1e6)


async def run(*, quick: bool) -> Table:
    """Let both take turns."""
    rounds, round_s = (2, 0.3) if quick else (ROUNDS, ROUND_S)
    found: dict[tuple[str, int], list[Rate]] = {}
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        for number in range(rounds):
            for callers in CALLERS:
                path = Path(folder, f"{number}-{callers}")
                found.setdefault(("Kinora", callers), []).append(await _ours(path, callers, round_s))
                rate = await asyncio.to_thread(_huey, path, callers, round_s)
                found.setdefault(("huey", callers), []).append(rate)
        fsync_ms = await asyncio.to_thread(_fsync_ms, Path(folder))
    rates = {contestant: [rate.per_s for rate in found[contestant]] for contestant in found}
    ratio = median(rates["Kinora", 32]) / median(rates["huey", 32])
    return Table(
        title="Requests accepted per second, each on disk before it is answered",
        columns=("", "callers", "per second", "spread", "CPU us each"),
        rows=tuple(
            (
                contestant[0],
                str(contestant[1]),
                f"{median(rates[contestant]):,.0f}",
                spread(rates[contestant]),
                f"{median([rate.cpu_us for rate in found[contestant]]):.0f}",
            )
            for contestant in sorted(found, reverse=True)
        ),
        notes=(
            f"At 32 callers Kinora accepts {ratio:.1f} times as many as huey.",
            f"Medians of {rounds} rounds in turns; synchronous=FULL on both; {SIZE:,} bytes a request.",
            f"One fsync takes {fsync_ms:.2f} ms on this disk.",
        ),
    )


async def _ours(folder: Path, callers: int, round_s: float) -> Rate:
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

        watch = _Stopwatch()
        return watch.rate(sum(await asyncio.gather(*(caller() for _ in range(callers)))))
    finally:
        await db.close()


def _huey(folder: Path, callers: int, round_s: float) -> Rate:
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
        watch = _Stopwatch()
        return watch.rate(sum(threads.map(caller, range(callers))))


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
