"""Whichever database several processes share: rows are compared and set alike in both."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.db.postgres.database import PostgresDatabase
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database

KINDS = ("sqlite", "postgres")


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
