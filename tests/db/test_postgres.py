"""PostgreSQL on a real server: what callers may rely on while it runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.db import commits, ticks
from bot.db.errors import DatabaseClosed, DatabaseUnavailable
from bot.db.postgres import database, lines
from bot.db.postgres.database import PostgresDatabase
from bot.db.ticks import Tick
from bot.db.transaction import Transaction
from bot.domain.errors import NoSuchJob
from tests.db.conftest import Ledger

HOLD = "SELECT pg_advisory_xact_lock(1265200751, 1)"


class Boom(Exception):
    pass


@pytest.fixture
def db(shared: PostgresDatabase) -> PostgresDatabase:
    return shared


@pytest.fixture
async def second(bare_postgres_url: str, postgres_migrations: Path) -> AsyncIterator[PostgresDatabase]:
    """Another process on the database of `db`."""
    database = await PostgresDatabase.open(bare_postgres_url, migrations=postgres_migrations)
    yield database
    await database.close()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the writer says beside the statements of transactions, from now on."""
    seen: list[str] = []
    control = lines.control

    async def heard(connection: lines.Connection, sql: str) -> str:
        seen.append(sql)
        return await control(connection, sql)

    monkeypatch.setattr(database, "control", heard)
    return seen


async def test_no_increment_is_lost_however_many_processes_write(
    db: PostgresDatabase, second: PostgresDatabase, ledger: type[Ledger]
) -> None:
    seen = await asyncio.gather(
        *(one.write(ledger.increment("a")) for _ in range(150) for one in (db, second))
    )
    assert sorted(seen) == list(range(1, 301))
    assert await second.read(ledger.get("a")) == 300


async def test_writes_that_wait_together_share_one_commit(
    db: PostgresDatabase, ledger: type[Ledger], statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "HOLDS_S", 3600)
    await asyncio.gather(*(db.write(ledger.increment("a")) for _ in range(commits.GROUP_SIZE + 1)))
    assert statements.count("COMMIT") == 2
    assert sum("SAVEPOINT own" in said for said in statements) == commits.GROUP_SIZE


async def test_a_failed_commit_fails_the_whole_group(db: PostgresDatabase, ledger: type[Ledger]) -> None:
    results = await asyncio.gather(
        db.write(ledger.put("a", 1)),
        db.write(ledger.sql("INSERT INTO late VALUES ('nobody')")),
        return_exceptions=True,
    )
    for result in results:
        assert isinstance(result, DatabaseUnavailable)
        assert isinstance(result.__cause__, psycopg.errors.ForeignKeyViolation)
    assert results[0] is not results[1]
    assert await db.write(ledger.increment("a")) == 1


async def test_a_cancelled_caller_neither_undoes_nor_tears(
    db: PostgresDatabase, other: psycopg.AsyncConnection[Any], ledger: type[Ledger]
) -> None:
    await other.execute(HOLD)
    writes = [asyncio.ensure_future(db.write(ledger.increment(name))) for name in "aab"]
    await waits_for_lock(other)
    for write in writes:
        write.cancel()
    await asyncio.wait(writes)
    assert all(write.cancelled() for write in writes)
    await other.rollback()
    assert await db.write(ledger.increment("a")) == 3
    assert await db.read(ledger.everything()) == {"a": 3, "b": 1}


async def test_a_cancelled_read_leaves_no_connection_in_the_middle_of_something(
    db: PostgresDatabase, ledger: type[Ledger]
) -> None:
    await db.write(ledger.put("a", 1))
    for _ in range(2 * database.READERS):
        read = asyncio.ensure_future(db.read(ledger.sql("SELECT pg_sleep(0.01)")))
        await asyncio.sleep(0)
        read.cancel()
        await asyncio.wait((read,))
    values = await asyncio.gather(*(db.read(ledger.get("a")) for _ in range(3 * database.READERS)))
    assert values == [1] * 3 * database.READERS


async def test_wrong_sql_stays_what_it_is_and_is_noted(db: PostgresDatabase, ledger: type[Ledger]) -> None:
    for run in (db.write, db.read):
        with pytest.raises(psycopg.errors.UndefinedTable) as error:
            await run(ledger.sql("SELECT * FROM nowhere"))
        assert error.value.__notes__ == ["SELECT * FROM nowhere"]


async def test_a_transaction_may_turn_a_failure_into_a_better_one(
    db: PostgresDatabase, ledger: type[Ledger]
) -> None:
    def explained() -> Transaction[None]:
        try:
            yield from ledger.put("a", 5000)
        except psycopg.errors.CheckViolation:
            raise NoSuchJob from None

    for together in ((explained(),), (ledger.put("b", 1), explained())):
        *_, last = await asyncio.gather(*map(db.write, together), return_exceptions=True)
        assert isinstance(last, NoSuchJob)
    assert await db.read(ledger.everything()) == {"b": 1}


async def test_a_read_sees_one_moment_and_never_waits_for_a_writer(
    db: PostgresDatabase, other: psycopg.AsyncConnection[Any], ledger: type[Ledger]
) -> None:
    await db.write(ledger.put("a", 1))
    await other.execute(HOLD)
    loop = asyncio.get_running_loop()
    written: list[asyncio.Task[None]] = []

    def twice() -> Transaction[tuple[int | None, int | None]]:
        first = yield from ledger.get("a")
        written.append(loop.create_task(change()))
        yield "SELECT pg_sleep(0.2)", {}
        return first, (yield from ledger.get("a"))

    async def change() -> None:
        await other.execute("UPDATE counters SET n = 2")
        await other.commit()

    assert await db.read(twice()) == (1, 1)
    await written[0]
    assert await db.read(ledger.get("a")) == 2


async def test_close_finishes_what_waits_and_refuses_what_comes(
    bare_postgres_url: str, postgres_migrations: Path, ledger: type[Ledger]
) -> None:
    db = await PostgresDatabase.open(bare_postgres_url, migrations=postgres_migrations)
    writes = [asyncio.ensure_future(db.write(ledger.increment("a"))) for _ in range(300)]
    read = asyncio.ensure_future(db.read(ledger.everything()))
    await asyncio.sleep(0)
    await asyncio.gather(db.close(), db.close())
    assert sorted(await asyncio.gather(*writes)) == list(range(1, 301))
    assert (await read).keys() <= {"a"}
    for run in (db.write, db.read):
        with pytest.raises(DatabaseClosed):
            await run(ledger.get("a"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("synchronous_commit", "on"),
        ("lock_timeout", "2500ms"),
        ("idle_in_transaction_session_timeout", "5s"),
        ("statement_timeout", "15s"),
        ("application_name", "kinora"),
    ],
)
async def test_the_writer_is_durable_and_impatient(
    db: PostgresDatabase, ledger: type[Ledger], setting: str, value: str
) -> None:
    assert await db.write(ledger.sql(f"SHOW {setting}")) == [(value,)]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT sum(n) AS v FROM (VALUES (CAST(:given AS BIGINT)), (4611686018427387904)) AS t (n)", 9),
        ("SELECT CAST(:given AS BIGINT) > 4 AS v", 1),
        ("SELECT avg(n) AS v FROM (VALUES (CAST(:given AS BIGINT)), (4)) AS t (n)", 4.5),
        ("SELECT CAST(:given AS TEXT) AS v", "5"),
        ("SELECT NULL AS v", None),
    ],
)
async def test_values_are_those_of_sqlite(db: PostgresDatabase, sql: str, value: object) -> None:
    def asked() -> Transaction[object]:
        [row] = yield sql, {"given": 5}
        assert (len(row), list(row), row.keys(), dict(row)) == (1, [row["v"]], ["v"], {"v": row["v"]})
        return row["v"]

    expected = 4611686018427387909 if value == 9 else value
    found = await db.read(asked())
    assert found == expected
    assert type(found) is type(expected)


async def test_a_character_that_postgresql_cannot_hold_stops_nothing(db: PostgresDatabase) -> None:
    await db.write(Ledger.put("a\0b", 1))
    assert await db.read(Ledger.everything()) == {"a\ufffdb": 1}


# ---- Ticks


class Queue:
    """Keeps the ticks in a table, as the real one does."""

    def __init__(self) -> None:
        self.told: list[Tick] = []
        self.n = 1

    def defer(self, due: Sequence[Tick]) -> str:
        self.told += due
        rows = ", ".join(f"('tick {tick.job_id}', {self.n})" for tick in due)
        return f"INSERT INTO counters VALUES {rows} ON CONFLICT DO NOTHING"


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
async def ticking(
    bare_postgres_url: str, postgres_migrations: Path, queue: Queue
) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(
        bare_postgres_url, defer=queue.defer, migrations=postgres_migrations
    )
    yield database
    await database.close()


def moved(name: str, job_id: int, fault: Exception | None = None) -> Transaction[None]:
    yield from Ledger.put(name, 1)
    yield from ticks.step(job_id, at_ms=7, early=True)
    if fault is not None:
        raise fault
    yield from ticks.admission()


async def test_ticks_are_committed_with_what_makes_them_due(
    ticking: PostgresDatabase, queue: Queue, ledger: type[Ledger]
) -> None:
    await asyncio.gather(
        ticking.write(moved("a", 1)),
        ticking.write(moved("b", 2, Boom())),
        ticking.write(moved("c", 3)),
        return_exceptions=True,
    )
    assert queue.told == [Tick(1, 7, is_early=True), Tick(), Tick(3, 7, is_early=True), Tick()]
    assert set(await ticking.read(ledger.everything())) == {"a", "c", "tick 1", "tick None", "tick 3"}


async def test_a_queue_that_fails_undoes_the_group(
    ticking: PostgresDatabase, queue: Queue, ledger: type[Ledger]
) -> None:
    queue.n = 5000
    results = await asyncio.gather(
        ticking.write(moved("a", 1)), ticking.write(ledger.put("b", 1)), return_exceptions=True
    )
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    assert await ticking.read(ledger.everything()) == {}


async def waits_for_lock(connection: psycopg.AsyncConnection[Any], processes: int = 1) -> None:
    """Wait until so many wait for the lock of writers."""
    while True:
        found = await connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        if len(await found.fetchall()) == processes:
            return
        await asyncio.sleep(0.005)


# ---- Several processes


async def test_a_crowd_in_one_process_keeps_another_waiting_for_one_turn_only(
    db: PostgresDatabase,
    second: PostgresDatabase,
    other: psycopg.AsyncConnection[Any],
    ledger: type[Ledger],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "HOLDS_S", 0)
    await other.execute(HOLD)
    crowd = [asyncio.ensure_future(db.write(ledger.increment("a"))) for _ in range(50)]
    await waits_for_lock(other)
    seen = asyncio.ensure_future(second.write(ledger.get("a")))
    await waits_for_lock(other, processes=2)
    await other.rollback()
    assert await seen == 1
    assert await asyncio.gather(*crowd) == list(range(1, 51))


@pytest.mark.parametrize("is_busy", [False, True])
async def test_whoever_migrates_disturbs_a_process_that_runs_for_a_moment_only(
    db: PostgresDatabase, other: psycopg.AsyncConnection[Any], ledger: type[Ledger], *, is_busy: bool
) -> None:
    def whole(name: str) -> Transaction[dict[str, object]]:
        [row] = yield "SELECT * FROM counters WHERE name = :name", {"name": name}
        return dict(row)

    async def all_ways() -> list[dict[str, object] | BaseException]:
        writes = [db.write(whole("a")) for _ in range(2 if is_busy else 1)]
        reads = [db.read(whole("a")) for _ in range(2 * database.READERS)]
        return await asyncio.gather(*writes, *reads, return_exceptions=True)

    await db.write(ledger.put("a", 1))
    for _ in range(10):  # so often that plans are kept
        await all_ways()
        await asyncio.gather(*(db.write(refused()) for _ in range(2)), return_exceptions=True)
        await asyncio.gather(db.write(refused()), return_exceptions=True)
    await other.execute("ALTER TABLE counters ADD COLUMN more INTEGER DEFAULT 7")
    await other.commit()
    for result in await all_ways():
        assert isinstance(result, dict | DatabaseUnavailable)
    assert await all_ways() == [{"name": "a", "n": 1, "more": 7}] * (2 * database.READERS + 1 + is_busy)


def refused() -> Transaction[None]:
    yield "SELECT 1 AS one", {}
    raise NoSuchJob
