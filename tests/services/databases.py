"""Whichever database several processes share: rows are compared and set alike in both."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from bot.db.postgres.database import PostgresDatabase
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database
from tests.services.doubles import TurnedClock

KINDS = ("sqlite", "postgres")


class ServersClock(TurnedClock):
    """Turns the clock of a PostgreSQL database, too; to be made before anybody opens that."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._tell(_OWN_CLOCK.format(now_ms=self.now_ms()))

    def turn(self, seconds: float) -> None:
        super().turn(seconds)
        self._tell(f"UPDATE turned.clock SET at_ms = at_ms + {int(seconds * 1000)}")

    def _tell(self, statements: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statements.encode())


def clock_of(kind: str, request: pytest.FixtureRequest) -> TurnedClock:
    """The clock of what `processes` opens."""
    return ServersClock(request.getfixturevalue("postgres_url")) if kind == "postgres" else TurnedClock()


@asynccontextmanager
async def processes(
    kind: str, folder: Path, request: pytest.FixtureRequest
) -> AsyncGenerator[list[Database]]:
    """What two processes have opened of one database; SQLite lets one process in, which is both of them here."""
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
        opened: list[Database] = [await PostgresDatabase.open(url) for _ in range(2)]
    else:
        opened = [await SqliteDatabase.open(folder / "kinora.db")] * 2
    yield opened
    for database in opened:
        await database.close()


_OWN_CLOCK = """
    CREATE SCHEMA turned;
    CREATE TABLE turned.clock AS SELECT {now_ms}::bigint AS at_ms;
    CREATE FUNCTION turned.clock_timestamp() RETURNS timestamptz LANGUAGE sql
        AS 'SELECT to_timestamp(at_ms / 1000.0) FROM turned.clock';
    DO 'BEGIN EXECUTE format(''ALTER DATABASE %I SET search_path = public, turned, pg_catalog'', current_database()); END'
"""
