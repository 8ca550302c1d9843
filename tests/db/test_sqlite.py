"""The SQLite database on real files: what callers may rely on while it runs."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import aiosqlite
import pytest

from bot.db import commits, sqlite
from bot.db.errors import DatabaseClosed, DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from tests.db.conftest import Ledger


@pytest.fixture
async def statements(db: SqliteDatabase) -> list[str]:
    """Everything that the writer executes from now on."""
    seen: list[str] = []
    await sqlite._hop(db._writer, lambda raw: raw.set_trace_callback(seen.append))
    return seen


async def test_no_increment_is_lost(db: SqliteDatabase, ledger: type[Ledger]) -> None:
    seen = await asyncio.gather(*(db.write(ledger.increment("a")) for _ in range(300)))
    assert sorted(seen) == list(range(1, 301))
    assert await db.read(ledger.get("a")) == 300


async def test_writes_that_wait_together_share_one_commit(
    db: SqliteDatabase, ledger: type[Ledger], statements: list[str]
) -> None:
    await asyncio.gather(*(db.write(ledger.increment("a")) for _ in range(commits.GROUP_SIZE + 1)))
    assert statements.count("BEGIN IMMEDIATE") == statements.count("COMMIT") == 2
    assert statements.count("SAVEPOINT own") == commits.GROUP_SIZE


async def test_no_answer_comes_before_the_commit(
    db: SqliteDatabase, ledger: type[Ledger], statements: list[str]
) -> None:
    async def write_then_look(name: str) -> bool:
        await db.write(ledger.put(name, 1))
        return statements[-1] == "COMMIT"

    assert all(await asyncio.gather(*(write_then_look(name) for name in "abc")))


async def test_foreign_keys_hold(db: SqliteDatabase, ledger: type[Ledger]) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await db.write(ledger.note("nobody", "text"))


async def test_what_went_with_a_lost_commit_is_not_confirmed(
    db: SqliteDatabase, ledger: type[Ledger]
) -> None:
    before, bomb, after = await asyncio.gather(
        db.write(ledger.put("before", 1)),
        db.write(ledger.note("before", "bomb")),
        db.write(ledger.put("after", 1)),
        return_exceptions=True,
    )
    assert isinstance(before, DatabaseUnavailable)
    assert isinstance(bomb, sqlite3.IntegrityError)
    assert after is None
    assert await db.read(ledger.everything()) == {"after": 1}


async def test_a_failed_commit_fails_the_whole_group(db: SqliteDatabase, ledger: type[Ledger]) -> None:
    # A deferred constraint is the one thing that makes a real COMMIT fail at will.
    await db.write(
        ledger.sql("CREATE TABLE late (name REFERENCES counters (name) DEFERRABLE INITIALLY DEFERRED)")
    )
    results = await asyncio.gather(
        db.write(ledger.put("a", 1)),
        db.write(ledger.sql("INSERT INTO late VALUES ('nobody')")),
        return_exceptions=True,
    )
    for result in results:
        assert isinstance(result, DatabaseUnavailable)
        assert isinstance(result.__cause__, sqlite3.IntegrityError)
    assert results[0] is not results[1]
    assert await db.write(ledger.increment("a")) == 1


async def test_a_cancelled_caller_neither_undoes_nor_tears(db: SqliteDatabase, ledger: type[Ledger]) -> None:
    gate, entered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow() -> Transaction[None]:
        yield from ledger.put("a", 1)
        loop.call_soon_threadsafe(entered.set)
        gate.wait()
        yield from ledger.put("b", 1)

    running = asyncio.ensure_future(db.write(slow()))
    await entered.wait()
    queued = asyncio.ensure_future(db.write(ledger.put("c", 1)))
    await asyncio.sleep(0)
    running.cancel()
    queued.cancel()
    gate.set()
    await asyncio.wait((running, queued))
    assert running.cancelled()
    assert queued.cancelled()
    assert await db.write(ledger.increment("a")) == 2
    assert await db.read(ledger.everything()) == {"a": 2, "b": 1, "c": 1}


async def test_a_full_disk_is_told_and_survived(db: SqliteDatabase, ledger: type[Ledger]) -> None:
    await db.write(ledger.put("a", 1))
    pages = (await db.write(ledger.sql("PRAGMA page_count")))[0][0]
    await db.write(ledger.sql(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(DatabaseUnavailable) as caught:
        await db.write(ledger.note("a", "x" * 100_000))
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    await db.write(ledger.sql("PRAGMA max_page_count=1000000"))
    assert await db.write(ledger.note("a", "x" * 100_000)) == 1


async def test_a_foreign_lock_is_told_and_survived(
    db: SqliteDatabase, path: Path, ledger: type[Ledger]
) -> None:
    await db.write(ledger.sql("PRAGMA busy_timeout=0"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(*(db.write(ledger.put(n, 1)) for n in "ab"), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    other.close()
    assert await db.write(ledger.increment("a")) == 1


async def test_wrong_sql_stays_what_it_is(db: SqliteDatabase, ledger: type[Ledger]) -> None:
    for run in (db.write, db.read):
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await run(ledger.sql("SELECT * FROM nowhere"))


async def test_a_read_sees_one_moment_and_never_waits_for_the_writer(
    db: SqliteDatabase, ledger: type[Ledger]
) -> None:
    await db.write(ledger.put("a", 1))
    loop, reading, written = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def twice() -> Transaction[tuple[int | None, int | None]]:
        first = yield from ledger.get("a")
        loop.call_soon_threadsafe(reading.set)
        written.wait()
        return first, (yield from ledger.get("a"))

    read = asyncio.ensure_future(db.read(twice()))
    await reading.wait()
    await db.write(ledger.put("a", 2))
    written.set()
    assert await read == (1, 1)
    assert await db.read(ledger.get("a")) == 2


async def test_close_finishes_what_waits_and_refuses_what_comes(
    path: Path, migrations: Path, ledger: type[Ledger]
) -> None:
    db = await SqliteDatabase.open(path, migrations=migrations)
    writes = [asyncio.ensure_future(db.write(ledger.increment("a"))) for _ in range(600)]
    read = asyncio.ensure_future(db.read(ledger.everything()))
    await asyncio.sleep(0)
    await asyncio.gather(db.close(), db.close())
    assert sorted(await asyncio.gather(*writes)) == list(range(1, 601))
    assert await read == {}
    for run in (db.write, db.read):
        with pytest.raises(DatabaseClosed):
            await run(ledger.get("a"))
    assert not path.with_name(path.name + "-wal").exists()


async def test_a_group_that_cannot_even_be_undone_fails_its_callers(
    db: SqliteDatabase, ledger: type[Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "commit_together", broken)
        results = await asyncio.gather(*(db.write(ledger.put(n, 1)) for n in "ab"), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    assert await db.write(ledger.increment("a")) == 1


async def test_close_finishes_what_a_cancelled_flusher_left(
    path: Path, migrations: Path, ledger: type[Ledger]
) -> None:
    db = await SqliteDatabase.open(path, migrations=migrations)
    gate, entered, loop = threading.Event(), asyncio.Event(), asyncio.get_running_loop()

    def slow() -> Transaction[None]:
        loop.call_soon_threadsafe(entered.set)
        gate.wait()
        yield from ledger.put("a", 1)

    first = asyncio.ensure_future(db.write(slow()))
    await entered.wait()
    second = asyncio.ensure_future(db.write(ledger.increment("a")))
    await asyncio.sleep(0)
    assert db._commits._flusher is not None
    db._commits._flusher.cancel()
    gate.set()
    await asyncio.wait((first,))
    assert first.cancelled()
    await db.close()
    assert await second == 2


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 1000)],
)
async def test_the_writer_is_durable_and_strict(
    db: SqliteDatabase, ledger: type[Ledger], pragma: str, value: str | int
) -> None:
    assert await db.write(ledger.sql(f"PRAGMA {pragma}")) == [(value,)]


class TestWhatIsTakenFromAiosqlite:
    """`_hop` relies on private behaviour; these fail when a release changes it."""

    async def test_a_hop_runs_in_one_other_thread(self) -> None:
        async with aiosqlite.connect(":memory:") as connection:
            threads = {await sqlite._hop(connection, lambda _: threading.get_ident()) for _ in range(3)}
        assert len(threads) == 1
        assert threading.get_ident() not in threads

    async def test_a_hop_gets_the_plain_connection_and_hands_on_errors(self) -> None:
        async with aiosqlite.connect(":memory:") as connection:
            assert await sqlite._hop(connection, lambda raw: raw.execute("SELECT 7").fetchone()) == (7,)
            with pytest.raises(sqlite3.OperationalError):
                await sqlite._hop(connection, lambda raw: raw.execute("nonsense"))

    async def test_hops_keep_their_order_and_run_though_cancelled(self) -> None:
        seen: list[int] = []
        gate = threading.Event()

        def append(n: int) -> Callable[[sqlite3.Connection], None]:
            return lambda _: seen.append(n)

        async with aiosqlite.connect(":memory:") as connection:
            blocked = asyncio.ensure_future(sqlite._hop(connection, lambda _: gate.wait()))
            hops = [asyncio.ensure_future(sqlite._hop(connection, append(n))) for n in range(5)]
            await asyncio.sleep(0)
            hops[2].cancel()
            gate.set()
            await asyncio.wait((blocked, *hops))
        assert seen == [0, 1, 2, 3, 4]
