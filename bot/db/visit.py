"""One transaction on a database that a running bot may own; nothing is locked for it, made or migrated.

SQLite itself keeps the processes apart: a read sees one moment, a write waits for its turn. What the bot holds in
memory does not follow, so that only rows may be written which it reads again each time.
"""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import TypeVar

from bot.db import migrate
from bot.db.errors import (
    DatabaseBroken,
    DatabaseDamaged,
    DatabaseInUse,
    DatabaseMissing,
    DatabaseUnavailable,
    SchemaTooNew,
    SchemaTooOld,
)
from bot.db.group import commit_together, read_alone, translated
from bot.db.lock import FileLock
from bot.db.transaction import Transaction
from bot.disk import ensure_writable

T = TypeVar("T")


def read(path: Path, transaction: Transaction[T]) -> T:
    """Run a transaction that only reads.

    Raises:
        DatabaseUnusable: it is missing, not Kinora's or of another version.
        DatabaseUnavailable: it cannot be opened or read.
    """
    with closing(opened(path)) as connection:
        connection.execute("PRAGMA query_only=ON")
        return read_alone(connection, transaction)


def write(path: Path, transaction: Transaction[T]) -> T:
    """Run a transaction that writes; what it returns is durable.

    Raises:
        DatabaseUnusable: it is missing, not Kinora's or of another version.
        DatabaseUnavailable: it cannot be opened or written, or others wrote for seconds.
    """
    with closing(opened(path)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        [outcome] = commit_together(connection, [transaction])
        if outcome.error is not None:
            raise _explained(outcome.error, path)
        return outcome.value


def damage(path: Path) -> str | None:
    """What is wrong with the file itself; None where nothing is. It reads all of it.

    Raises:
        DatabaseUnusable: it is missing, not Kinora's or of another version.
        DatabaseUnavailable: it cannot be opened or read.
    """
    try:
        with closing(opened(path)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise translated(error) from error
    return None if verdict == "ok" else str(verdict)


def is_owned(path: Path) -> bool:
    """Whether a bot runs on it at this moment, even if the file itself was taken away from it."""
    lock = path.with_name(path.name + ".lock")
    try:
        if lock.exists():  # otherwise acquiring would make it
            FileLock.acquire(lock).release()
    except DatabaseInUse:
        return True
    except (sqlite3.Error, OSError):
        return False
    return False


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a database of this version, for whoever needs more than one transaction.

    Raises:
        DatabaseUnusable: it is missing, not Kinora's or of another version.
        DatabaseUnavailable: it cannot be opened or read.
    """
    if not path.exists():
        raise DatabaseMissing(f"There is no database at {path} yet; the bot makes it when it first runs.")
    try:
        # Not mode=ro: that one cannot tidy up, and would leave files that are this user's and not the bot's.
        uri = f"{path.resolve().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
    except sqlite3.Error as error:
        raise DatabaseUnavailable(f"The database {path} cannot be opened: {error}.") from error
    try:
        _ensure_current(connection)
    except sqlite3.Error as error:
        connection.close()
        fault = translated(error)
        is_passing = isinstance(fault, DatabaseUnavailable) and not isinstance(fault, DatabaseDamaged)
        raise (_explained(fault, path) if is_passing else DatabaseBroken()) from error
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


def _explained(fault: BaseException, path: Path) -> BaseException:
    """The same, unless it is one that no waiting mends: a folder in which nothing can be written."""
    if not isinstance(fault, DatabaseUnavailable):
        return fault
    try:
        ensure_writable(path.resolve().parent)
    except OSError as error:
        explained = DatabaseUnavailable(
            f"The database {path} cannot be used: its folder cannot be written ({error.strerror})."
        )
        explained.__cause__ = fault
        return explained
    return fault


def _ensure_current(connection: sqlite3.Connection) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if owner != migrate.APPLICATION_ID:
        raise DatabaseBroken
    known = migrate.load(resources.files("bot.db").joinpath("migrations"))
    (applied,) = connection.execute("SELECT count(*) FROM schema_version").fetchone()
    if applied != len(known):
        raise SchemaTooNew if applied > len(known) else SchemaTooOld
