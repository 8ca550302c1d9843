"""A real database file per test, with a schema of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.db.postgres.database import PostgresDatabase
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from tests.histories import History, PostgresHistory

SCHEMA = """
CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n <= 1000));
CREATE TABLE notes (id INTEGER PRIMARY KEY, name TEXT NOT NULL REFERENCES counters (name), text TEXT);
CREATE TRIGGER bomb BEFORE INSERT ON notes WHEN new.text = 'bomb'
BEGIN
    SELECT RAISE(ROLLBACK, 'everything is rolled back');
END;
"""

POSTGRES_SCHEMA = """
CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n <= 1000));
CREATE TABLE notes (
    -- pg: id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL REFERENCES counters (name) DEFERRABLE INITIALLY IMMEDIATE, text TEXT
);
CREATE TABLE late (name TEXT REFERENCES counters (name) DEFERRABLE INITIALLY DEFERRED);
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_start.sql").write_text(SCHEMA)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kinora.sqlite"


@pytest.fixture
async def db(path: Path, migrations: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(path, migrations=migrations)
    yield database
    await database.close()


@pytest.fixture
def postgres_migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "postgres_migrations"
    folder.mkdir()
    (folder / "0001_start.sql").write_text(POSTGRES_SCHEMA)
    return folder


@pytest.fixture
async def shared(bare_postgres_url: str, postgres_migrations: Path) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(bare_postgres_url, migrations=postgres_migrations)
    yield database
    await database.close()


@pytest.fixture
async def other(bare_postgres_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Another program on the database of `shared`."""
    connection = await psycopg.AsyncConnection.connect(bare_postgres_url)
    yield connection
    await connection.close()


class Ledger:
    """The transactions that the tests run."""

    @staticmethod
    def put(name: str, n: int) -> Transaction[None]:
        yield (
            "INSERT INTO counters VALUES (:name, :n) ON CONFLICT (name) DO UPDATE SET n = :n",
            {"name": name, "n": n},
        )

    @staticmethod
    def get(name: str) -> Transaction[int | None]:
        rows = yield "SELECT n FROM counters WHERE name = :name", {"name": name}
        return rows[0]["n"] if rows else None

    @staticmethod
    def everything() -> Transaction[dict[str, int]]:
        rows = yield "SELECT name, n FROM counters", {}
        return {row["name"]: row["n"] for row in rows}

    @classmethod
    def increment(cls, name: str) -> Transaction[int]:
        n = yield from cls.get(name)
        yield from cls.put(name, (n or 0) + 1)
        return (n or 0) + 1

    @classmethod
    def put_then_fail(cls, name: str, n: int, error: Exception) -> Transaction[None]:
        yield from cls.put(name, n)
        raise error

    @staticmethod
    def note(name: str, text: str) -> Transaction[int]:
        rows = yield (
            "INSERT INTO notes (name, text) VALUES (:name, :text) RETURNING id",
            {"name": name, "text": text},
        )
        return rows[0]["id"]

    @staticmethod
    def sql(statement: str) -> Transaction[list[tuple[object, ...]]]:
        rows = yield statement, {}
        return [tuple(row) for row in rows]


@pytest.fixture
def ledger() -> type[Ledger]:
    return Ledger


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """An empty SQLite database that is up to date, for what is SQLite's own."""
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database that is up to date; the test runs once on each kind."""
    if request.param == "sqlite":
        database: Database = await SqliteDatabase.open(tmp_path / "kinora.db")
    else:
        database = await PostgresDatabase.open(request.getfixturevalue("postgres_url"))
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def anew(request: pytest.FixtureRequest) -> Iterator[Callable[[], History]]:
    """Gives a history with nothing in it as often as it is asked; the test runs once on each kind of database."""
    if request.param == "sqlite":
        yield History
        return
    history = PostgresHistory(request.getfixturevalue("postgres_url"))

    def emptied() -> History:
        history.begin_anew()
        return history

    yield emptied
    history.close()
