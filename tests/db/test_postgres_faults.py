"""PostgreSQL that dies, stands still or refuses: nothing confirmed is lost, and the bot goes on by itself."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.db.errors import DatabaseUnavailable
from bot.db.postgres import lines
from bot.db.postgres.database import PostgresDatabase
from bot.db.transaction import Transaction
from tests.db.conftest import Ledger
from tests.db.test_postgres import HOLD
from tests.postgres import PostgresServer


@asynccontextmanager
async def opened(url: str, schema: Path) -> AsyncGenerator[PostgresDatabase]:
    db = await PostgresDatabase.open(url, migrations=schema)
    try:
        yield db
    finally:
        await db.close()


@pytest.fixture
def db(shared: PostgresDatabase) -> PostgresDatabase:
    return shared


class Insistent:
    """Somebody who writes one row after the other, and knows which were confirmed."""

    def __init__(self) -> None:
        self.confirmed: set[str] = set()
        self.refused: set[str] = set()
        self.many, self.over = asyncio.Event(), asyncio.Event()

    async def insist(self, db: PostgresDatabase, who: int) -> None:
        for number in count():
            if self.over.is_set():
                return
            name = f"{who} {number}"
            try:
                await db.write(Ledger.put(name, 1))
            except DatabaseUnavailable:
                self.refused.add(name)
                await asyncio.sleep(0.01)
            else:
                self.confirmed.add(name)
            if len(self.confirmed) > 100:
                self.many.set()


async def written(db: PostgresDatabase, name: str) -> None:
    """Write until the database takes it."""
    while True:
        try:
            await db.write(Ledger.put(name, 1))
        except DatabaseUnavailable:
            await asyncio.sleep(0.01)
        else:
            return


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_what_was_confirmed_outlasts_a_server_that_dies_in_the_middle_of_commits(
    own_postgres: PostgresServer,
    postgres_migrations: Path,
    how: signal.Signals,
    caplog: pytest.LogCaptureFixture,
) -> None:
    own_postgres.execute("CREATE DATABASE kinora")
    caplog.set_level(logging.INFO)
    crowd = Insistent()
    async with opened(own_postgres.url("kinora"), postgres_migrations) as db:
        callers = [asyncio.ensure_future(crowd.insist(db, who)) for who in range(8)]
        await crowd.many.wait()
        await asyncio.to_thread(own_postgres.restart, how)
        await written(db, "after")
        crowd.over.set()
        await asyncio.gather(*callers)
        kept = set(await db.read(Ledger.everything())) - {"after"}
    assert crowd.confirmed <= kept
    assert kept - crowd.confirmed <= crowd.refused
    assert len(kept - crowd.confirmed) <= 8  # in one commit of which nobody could hear how it ended
    told = [record.message for record in caplog.records if record.name == "bot.db.outages"]
    assert [message.partition(":")[0] for message in told] == [
        "the database cannot be written",
        "the database can be written again",
    ]


async def test_connections_that_were_cut_while_idle_are_made_anew_without_anybody_noticing(
    db: PostgresDatabase, other: psycopg.AsyncConnection[Any]
) -> None:
    await db.write(Ledger.put("a", 1))
    await asyncio.gather(*(db.read(Ledger.get("a")) for _ in range(6)))
    await cut_off(other)
    await db.write(Ledger.increment("a"))
    assert await asyncio.gather(*(db.read(Ledger.get("a")) for _ in range(6))) == [2] * 6


async def test_a_connection_that_is_cut_in_the_middle_confirms_nothing(
    db: PostgresDatabase, other: psycopg.AsyncConnection[Any]
) -> None:
    def slow() -> Transaction[None]:
        yield from Ledger.put("b", 1)
        yield "SELECT pg_sleep(60)", {}

    together = [
        asyncio.ensure_future(db.write(one)) for one in (Ledger.put("a", 1), slow(), Ledger.put("c", 1))
    ]
    reading = asyncio.ensure_future(db.read(Ledger.sql("SELECT pg_sleep(60)")))
    await sleeping(other, 2)
    await cut_off(other)
    results: list[Any] = await asyncio.gather(*together, return_exceptions=True)
    results += await asyncio.gather(reading, return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 4
    assert await db.read(Ledger.everything()) == {}
    assert await db.write(Ledger.increment("a")) == 1


async def test_a_lock_that_another_process_keeps_is_not_waited_for_for_ever(
    db: PostgresDatabase, other: psycopg.AsyncConnection[Any]
) -> None:
    await other.execute(HOLD)
    results = await asyncio.gather(*(db.write(Ledger.put(name, 1)) for name in "ab"), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 2
    await other.rollback()
    assert await db.write(Ledger.increment("a")) == 1


async def test_a_holder_of_the_lock_that_stands_still_is_thrown_out(
    db: PostgresDatabase, other: psycopg.AsyncConnection[Any]
) -> None:
    await other.execute("SET idle_in_transaction_session_timeout = 200")
    await other.execute(HOLD)
    assert await db.write(Ledger.increment("a")) == 1
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        await other.execute("SELECT 1")


async def test_a_server_that_says_nothing_at_all_is_given_up(
    db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[int] = []

    def frozen() -> Transaction[None]:
        yield from Ledger.put("a", 1)
        [row] = yield "SELECT pg_backend_pid() AS pid", {}
        monkeypatch.setattr(lines, "_ANSWER_PATIENCE_S", 0.3)
        os.kill(row["pid"], signal.SIGSTOP)
        stopped.append(row["pid"])
        yield from Ledger.put("a", 2)

    try:
        with pytest.raises(DatabaseUnavailable):
            await db.write(frozen())
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    monkeypatch.undo()
    await written(db, "b")
    assert await db.read(Ledger.everything()) == {"b": 1}


async def test_a_server_that_says_nothing_to_begin_with_is_asked_once_more(
    db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    [[pid]] = await db.write(Ledger.sql("SELECT pg_backend_pid()"))
    assert isinstance(pid, int)
    monkeypatch.setattr(lines, "_ANSWER_PATIENCE_S", 0.3)
    os.kill(pid, signal.SIGSTOP)
    try:
        await written(db, "a")
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_who_is_patient_waits_for_an_answer_however_long_it_takes(
    bare_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = lines.Address.of(bare_postgres_url)
    patient, impatient = await lines.connect(address, patient=True), await lines.connect(address)
    monkeypatch.setattr(lines, "_ANSWER_PATIENCE_S", 0)
    async with patient, impatient:
        await lines.control(patient, "SELECT pg_advisory_xact_lock(1, 1)")
        assert await (await lines.send(patient, "SELECT 1 AS one", {})).fetchall()
        with pytest.raises(psycopg.OperationalError):
            await lines.send(impatient, "SELECT 1 AS one", {})


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(db: PostgresDatabase) -> None:
    def slow() -> Transaction[None]:
        yield "SET LOCAL statement_timeout = 50", {}
        yield "SELECT pg_sleep(60)", {}

    with pytest.raises(DatabaseUnavailable) as fault:
        await db.write(slow())
    assert isinstance(fault.value.__cause__, psycopg.errors.QueryCanceled)


async def test_a_server_that_takes_no_more_clients_is_unavailable_and_not_unusable(
    own_postgres: PostgresServer, postgres_migrations: Path
) -> None:
    own_postgres.execute("CREATE DATABASE kinora")
    async with opened(own_postgres.url("kinora"), postgres_migrations) as db:
        own_postgres.execute("ALTER DATABASE kinora CONNECTION LIMIT 0")
        own_postgres.execute("ALTER ROLE kinora NOSUPERUSER")
        with pytest.raises(DatabaseUnavailable):
            await db.read(Ledger.everything())
        assert await db.write(Ledger.increment("a")) == 1


async def test_a_server_that_lets_nobody_in_any_more_is_unavailable_and_not_unusable(
    own_postgres: PostgresServer, postgres_migrations: Path
) -> None:
    own_postgres.execute("CREATE ROLE bot LOGIN")
    own_postgres.execute("CREATE DATABASE kinora OWNER bot")
    async with opened(own_postgres.url("kinora", user="bot"), postgres_migrations) as db:
        own_postgres.execute("ALTER ROLE bot NOLOGIN")
        with pytest.raises(DatabaseUnavailable) as fault:
            await db.read(Ledger.everything())
        assert "not permitted to log in" in str(fault.value.__cause__)
        assert "bot" not in str(fault.value)
        assert await db.write(Ledger.increment("a")) == 1
        own_postgres.execute("ALTER ROLE bot LOGIN")
        assert await db.read(Ledger.everything()) == {"a": 1}


async def cut_off(connection: psycopg.AsyncConnection[Any]) -> None:
    """End everybody else's session in the same database."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.commit()


async def sleeping(connection: psycopg.AsyncConnection[Any], sessions: int) -> None:
    """Wait until so many sessions are in pg_sleep."""
    while True:
        found = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        )
        [number] = await found.fetchone() or (0,)
        await connection.commit()
        if number >= sessions:
            return
        await asyncio.sleep(0.005)
