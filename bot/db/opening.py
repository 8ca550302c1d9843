"""The database, of whichever kind the settings name: SQLite's file, or PostgreSQL's URL.

`look` and `change` are for one transaction beside a bot that may be running (`bot.db.visit`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Optional, TypeVar

from pydantic import SecretStr

from bot.db import installation, visit
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction

if TYPE_CHECKING:
    from bot.db.postgres.database import Defer

T = TypeVar("T")

# psycopg need not be installed for SQLite.
# ruff: noqa: PLC0415


async def open_database(place: Path | SecretStr, *, defer: Optional["Defer"] = None) -> Database:
    """Open it, made and up to date.

    Args:
        place: SQLite's file, or PostgreSQL's URL.
        defer: Takes the ticks of what PostgreSQL commits.

    Raises:
        DatabaseUnusable: it cannot be used as it is.
        DatabaseUnavailable: it cannot be reached or written.
    """
    if isinstance(place, SecretStr):
        from bot.db.postgres.database import PostgresDatabase

        return await PostgresDatabase.open(place.get_secret_value(), defer=defer)  # noqa: ASYNC240 - no path here
    db = await SqliteDatabase.open(place)
    try:
        await db.read(installation.ensure_not_moved())
    except BaseException:
        await db.close()
        raise
    return db


def look(place: Path | SecretStr, transaction: Transaction[T]) -> T:
    """Run a transaction that only reads.

    Raises:
        DatabaseUnusable: it is missing, not Kinora's or of another version.
        DatabaseUnavailable: it cannot be reached or read.
    """
    if isinstance(place, SecretStr):
        from bot.db.postgres import visit as shared

        return shared.read(place.get_secret_value(), transaction)
    return visit.read(place, transaction)


def change(place: Path | SecretStr, transaction: Transaction[T]) -> T:
    """Run a transaction that writes; what it returns is durable.

    Raises:
        DatabaseUnusable: it is missing, not Kinora's or of another version.
        DatabaseUnavailable: it cannot be reached or written, or others wrote for seconds.
    """
    if isinstance(place, SecretStr):
        from bot.db.postgres import visit as shared

        return shared.write(place.get_secret_value(), transaction)
    return visit.write(place, transaction)


def is_owned(place: Path | SecretStr) -> bool:
    """Whether a bot runs on it at this moment."""
    if isinstance(place, SecretStr):
        from bot.db.postgres import visit as shared

        return shared.is_in_use(place.get_secret_value())
    return visit.is_owned(place)
