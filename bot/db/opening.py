"""The database, of whichever kind the settings name."""

from pathlib import Path
from typing import TYPE_CHECKING, Optional

from pydantic import SecretStr

from bot.db import installation
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database

if TYPE_CHECKING:
    from bot.db.postgres.database import Defer


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
        from bot.db.postgres.database import PostgresDatabase  # noqa: PLC0415 - psycopg need not be installed

        return await PostgresDatabase.open(place.get_secret_value(), defer=defer)  # noqa: ASYNC240 - no path here
    db = await SqliteDatabase.open(place)
    try:
        await db.read(installation.ensure_not_moved())
    except BaseException:
        await db.close()
        raise
    return db
