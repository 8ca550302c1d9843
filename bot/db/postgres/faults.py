"""What PostgreSQL and the way to it can refuse, in our words."""

import psycopg
from psycopg import errors

from bot.db.errors import DatabaseDamaged, DatabaseFault, DatabaseUnavailable, DatabaseUnusable, WriteInRead
from bot.db.group import unavailable

_DAMAGED = {"XX001", "XX002"}
_PASSING = {
    "25006",  # read only: a standby that has not been promoted yet
    "25P03",  # thrown out, for it did nothing in the middle of a transaction
    "25P04",
    "40001",
    "40P01",
    "55P03",  # waited too long for a lock
    "57014",  # took too long
    "57P01",  # the server shuts down
    "57P02",
    "57P03",
    "57P05",
    "XX000",
}
_PASSING_CLASSES = {"08", "53", "58"}
"""The connection, the disk and memory, the system."""

_WRONG = (
    "does not exist",
    "authentication failed",
    "pg_hba.conf",
    "not permitted to log in",
    "permission denied",
)


def translated(error: Exception) -> Exception:
    """Ours for what the machine did, with its cause; the error itself where the statement was wrong."""
    if not isinstance(error, psycopg.Error):
        return error
    if error.sqlstate in _DAMAGED:
        damaged = DatabaseDamaged("The database is damaged, so nothing was confirmed; restore a backup.")
        damaged.__cause__ = error
        return damaged
    return unavailable(error) if is_passing(error) else error


def translated_read(error: Exception) -> Exception:
    """The same, for a transaction that was to read only."""
    if isinstance(error, errors.ReadOnlySqlTransaction):
        fault = WriteInRead()
        fault.__cause__ = error
        return fault
    return translated(error)


def is_outdated(error: psycopg.Error) -> bool:
    """Whether the connection holds a plan for a table as it was before somebody migrated it; a new one does not."""
    return error.sqlstate == "0A000" and error.diag.source_function == "RevalidateCachedQuery"


def is_passing(error: psycopg.Error) -> bool:
    """Whether the same may succeed later."""
    if error.sqlstate is None:  # not from the server: the connection, or what was to be sent
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate in _PASSING or error.sqlstate[:2] in _PASSING_CLASSES or is_outdated(error)


def unreachable(place: str, error: psycopg.Error) -> DatabaseFault:
    """Why there is no connection; what libpq says of it names everything but the password."""
    reason = " ".join(str(error).split()).removeprefix("connection failed: ")
    if any(words in reason for words in _WRONG):
        return DatabaseUnusable(
            f"PostgreSQL at {place} does not let the bot in: {reason}. Correct DATABASE_URL."
        )
    first = str(error).strip().partition("\n")[0].removeprefix("connection failed: ").rstrip(".")
    return DatabaseUnavailable(f"PostgreSQL at {place} cannot be reached: {first}.")
