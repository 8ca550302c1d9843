"""One process owns a database file: two engines on it would run every job twice."""

import sqlite3
from pathlib import Path

from bot.db.errors import DatabaseInUse


class FileLock:
    """An exclusive transaction held open on a small file beside the database.

    SQLite's own locks work the same on every system, and the system drops them when the process dies,
    however it dies. The file stays behind; it means nothing without the lock.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def acquire(cls, path: Path) -> "FileLock":
        """Lock at once or raise.

        Raises:
            DatabaseInUse: another process, or another database of this one, holds it.
        """
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            connection.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise DatabaseInUse(f"{DatabaseInUse.__doc__} ({path.parent})") from error
        return cls(connection)

    def release(self) -> None:
        """Let others have it; calling it again does nothing."""
        self._connection.close()
