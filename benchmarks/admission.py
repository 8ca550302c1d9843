"""How long the fair queue takes to answer with 100 and with 100,000 jobs waiting.

2,000 servers; the first of them owns half of the jobs, spread over 500 members. Admissions are timed inside
one transaction that is undone afterwards, so without the fsync that they would share; the other figures are
whole reads, as a command makes them. The sizes take turns.
"""

import contextlib
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.rounds import median, spread
from benchmarks.table import RESULTS, Table
from benchmarks.values import NOW_MS, REQUEST
from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import Job

NAME = "admission"
SMALL, LARGE = 100, 100_000
ROUNDS, ADMISSIONS = 15, 32
POOL = "local"
BIG_GUILD = 1
SHOWN = 10
"""Jobs in a listing."""


class _Undone(Exception):
    """Takes the admissions of a round back."""


async def run(*, quick: bool) -> Table:
    """Measure everything at both sizes."""
    rounds, large = (3, LARGE // 10) if quick else (ROUNDS, LARGE)
    taken: dict[tuple[str, int], list[float]] = {}
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=RESULTS))
        questions = {
            size: await _questions(await _filled(Path(folder, str(size)), size, stack))
            for size in (SMALL, large)
        }
        for _ in range(rounds):
            for size, asked in questions.items():
                for name, ask in asked.items():
                    taken.setdefault((name, size), []).append(await ask())
    return Table(
        title="Milliseconds to answer from the queue",
        columns=("", f"{SMALL} waiting", f"{large:,} waiting", "times", "spread"),
        rows=tuple(_row(name, taken[name, SMALL], taken[name, large]) for name in questions[SMALL]),
        notes=(f"Medians of {rounds} rounds in turns; the spread is that of the larger queue.",),
    )


def _row(name: str, small: list[float], large: list[float]) -> tuple[str, ...]:
    low, high = median(small) * 1000, median(large) * 1000
    return (name, f"{low:.2f}", f"{high:.2f}", f"{high / low:.1f}", spread(large))


async def _filled(path: Path, size: int, stack: AsyncExitStack) -> Database:
    db = await SqliteDatabase.open(path)
    stack.push_async_callback(db.close)
    await db.write(lanes.open_pool(POOL))
    await db.write(_fill(size))
    return db


async def _questions(db: Database) -> dict[str, Callable[[], Awaitable[float]]]:
    newest = (await db.read(jobs.of_member(BIG_GUILD, BIG_GUILD * 1000, limit=1)))[0]
    small_guild = (await db.read(_newest()))[0]

    async def admissions(figure: Callable[[list[float]], float]) -> float:
        seconds: list[float] = []
        with contextlib.suppress(_Undone):
            await db.write(_admissions(seconds))
        return figure(seconds)

    async def asked(question: Callable[[], Transaction[object]]) -> float:
        start_s = time.perf_counter()
        await db.read(question())
        return time.perf_counter() - start_s

    return {
        "one admission": lambda: admissions(median),
        "the slowest of 32 in a row": lambda: admissions(max),
        "place of a job, the largest server": lambda: asked(lambda: lanes.place_of(newest)),
        "place of a job, another server": lambda: asked(lambda: lanes.place_of(small_guild)),
        "counts of the largest server": lambda: asked(lambda: jobs.count_by_state(BIG_GUILD)),
        "its first ten jobs": lambda: asked(lambda: jobs.unfinished_of(BIG_GUILD, limit=SHOWN)),
        "counts of one of its members": lambda: asked(
            lambda: jobs.count_by_state(BIG_GUILD, BIG_GUILD * 1000)
        ),
    }


def _newest() -> Transaction[list[Job]]:
    rows = yield "SELECT max(guild_id) AS guild_id FROM lanes", {}
    return (yield from jobs.unfinished_of(rows[0]["guild_id"], limit=1))


def _admissions(seconds: list[float]) -> Transaction[None]:
    for _ in range(ADMISSIONS):
        start_s = time.perf_counter()
        job = yield from jobs.admit(POOL, slots=10**6, now_ms=NOW_MS)
        seconds.append(time.perf_counter() - start_s)
        assert job is not None
    raise _Undone


def _fill(size: int) -> Transaction[None]:
    """Everything at once: accepting 100,000 one by one would take most of the time there is."""
    yield _JOBS, {"size": size, "request": REQUEST.model_dump_json(exclude_defaults=True), "now_ms": NOW_MS}
    yield (
        "INSERT INTO guilds (guild_id, guild_running, user_running) SELECT DISTINCT guild_id, 5, 2 FROM jobs",
        {},
    )
    yield (
        "INSERT INTO lanes (pool, guild_id, queued, pass) SELECT DISTINCT provider, guild_id, 0, 0 FROM jobs",
        {},
    )
    yield (
        "INSERT INTO turns (pool, guild_id, user_id, queued) SELECT DISTINCT provider, guild_id, user_id, 0 FROM jobs",
        {},
    )
    yield from lanes.recount()


_JOBS = """
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :size),
    places (n, guild_id, member) AS (
        SELECT n, CASE n % 2 WHEN 0 THEN 1 ELSE 2 + n / 2 % 1999 END, CASE n % 2 WHEN 0 THEN n / 2 % 500 ELSE n % 5 END
        FROM numbers
    )
    INSERT INTO jobs (state, request_key, guild_id, channel_id, user_id, card_id, upload_limit, request,
        provider, model, credits, run_at_ms, created_at_ms)
    SELECT 'queued', 'key-' || n, guild_id, guild_id, guild_id * 1000 + member, n, 10485760, :request,
        'local', 'local-camera', 5, :now_ms, :now_ms
    FROM places
"""
