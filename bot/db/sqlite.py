"""The default database: one SQLite file, one writer with group commit, one reader.

Every transaction runs whole in a connection's own thread, in one hop: a cancelled caller cannot tear
it, and the event loop is not asked between two statements. All writes that wait at one moment are
committed together (`bot.db.commits`, `bot.db.group`), so that the fsync which makes them durable is shared.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from bot.db import migrate
from bot.db.commits import Commits
from bot.db.errors import (
    DatabaseBroken,
    DatabaseClosed,
    DatabaseDamaged,
    DatabaseFault,
    DatabaseMoved,
    DatabaseUnavailable,
    DatabaseUnusable,
)
from bot.db.group import Outcome, commit_together, read_alone, translated, unavailable
from bot.db.lock import FileLock
from bot.db.outages import Outages
from bot.db.transaction import InContext, Transaction

T = TypeVar("T")

log = logging.getLogger(__name__)

OLDEST_SQLITE = (3, 35, 0)
"""The first with RETURNING."""
CHECKED_UP_TO_BYTES = 64 * 1024 * 1024
"""A file up to this size is looked through at start, some 0.1 s; damage in a larger one shows when it is read."""
PATIENCE_MS = 1_000
"""For a lock that another program holds: a click has to be answered within three seconds, a fault among the answers."""
_CACHED_STATEMENTS = 512


class SqliteDatabase:
    """Runs transactions on one file, which this process owns until `close()`."""

    def __init__(
        self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection, lock: FileLock
    ) -> None:
        self._path = path
        self._identity = _identity(path)
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._outages = Outages()
        self._commits = Commits(self._commit, self._outages)
        self._closing = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, migrations: Traversable | None = None) -> "SqliteDatabase":
        """Lock, check and migrate the file, which is made when missing; its folder must exist.

        Args:
            path: the database; `-wal`, `-shm` and `.lock` files stand beside it.
            migrations: a folder of numbered files instead of the bot's own.

        Raises:
            DatabaseUnusable: in use, broken, too new, or not to be migrated.
            DatabaseUnavailable: the file cannot be opened or written.
        """
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise DatabaseUnusable(
                f"Kinora needs SQLite 3.35 or newer; this Python has {sqlite3.sqlite_version}."
            )
        steps = migrate.load(migrations or resources.files("bot.db").joinpath("migrations"))
        try:
            return await cls._open(path, steps)
        except sqlite3.Error as error:
            raise _unopened(path, error) from error

    @classmethod
    async def _open(cls, path: Path, steps: tuple[migrate.Migration, ...]) -> "SqliteDatabase":
        lock = await asyncio.to_thread(FileLock.acquire, path.with_name(path.name + ".lock"))
        opened: list[aiosqlite.Connection] = []
        try:
            for prepare in (partial(_prepare_writer, path, steps), _prepare_reader):
                connection = await aiosqlite.connect(
                    path, isolation_level=None, cached_statements=_CACHED_STATEMENTS
                )
                opened.append(connection)
                await _hop(connection, prepare)
        except BaseException:
            for connection in opened:
                await connection.close()
            lock.release()
            raise
        writer, reader = opened
        return cls(path, writer, reader, lock)

    async def write(self, transaction: Transaction[T]) -> T:
        """Run a transaction and return its value once it is durable (see `Database.write`)."""
        self._refuse_when_closed(transaction)
        return await self._commits.add(transaction)

    async def read(self, transaction: Transaction[T]) -> T:
        """Run a transaction that only reads, on one consistent snapshot (see `Database.read`)."""
        self._refuse_when_closed(transaction)
        try:
            return await _hop(self._reader, partial(_read, InContext(transaction)))
        except DatabaseUnavailable as fault:
            self._outages.met(fault, doing="read")
            raise

    async def close(self) -> None:
        """Finish what was asked for, close both connections, give the file free; twice does nothing."""
        self._closed = True
        async with self._closing:
            await self._commits.finish()
            # The reader first: the last connection to close folds the WAL back into the file.
            await self._reader.close()
            await self._writer.close()
            self._lock.release()

    def _refuse_when_closed(self, transaction: Transaction[Any]) -> None:
        if self._closed:
            transaction.close()
            raise DatabaseClosed

    async def _commit(self, transactions: Sequence[Transaction[Any]]) -> list[Outcome]:
        return await _hop(self._writer, partial(self._together, transactions))

    def _together(
        self, transactions: Sequence[Transaction[Any]], connection: sqlite3.Connection
    ) -> list[Outcome]:
        """Commit, unless the file is not there any more: SQLite itself would go on writing to what nobody finds again."""
        try:
            is_there = _identity(self._path) == self._identity
        except OSError as error:
            return _refused(transactions, partial(unavailable, error))
        if not is_there:
            return _refused(transactions, partial(DatabaseMoved, f"{DatabaseMoved.__doc__} ({self._path})"))
        return commit_together(connection, transactions)


async def _hop(connection: aiosqlite.Connection, function: Callable[[sqlite3.Connection], T]) -> T:
    """Call a function in a connection's thread, after what was asked before; cancelling does not stop it.

    The only place that touches aiosqlite's private side: it offers no public way to run more than one
    statement per hop, and a hop costs 70 microseconds. Hence the pinned minor version.
    """
    raw = connection._conn  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return await connection._execute(function, raw)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]


def _prepare_writer(path: Path, steps: tuple[migrate.Migration, ...], connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout=5000")
    migrate.recognise(connection)  # before WAL mode, which is written into the file
    if path.stat().st_size <= CHECKED_UP_TO_BYTES:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise DatabaseBroken(f"{DatabaseBroken.__doc__} ({path}: {verdict})")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # who is forgotten is not to be read out of free pages
    if count := migrate.apply(connection, steps):
        log.info("migrations applied to the database: %d", count)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
    connection.row_factory = sqlite3.Row


def _prepare_reader(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
    connection.execute("PRAGMA query_only=ON")
    connection.row_factory = sqlite3.Row


def _read(transaction: Transaction[T], connection: sqlite3.Connection) -> T:
    return read_alone(connection, transaction)


def _refused(
    transactions: Sequence[Transaction[Any]], fault: Callable[[], DatabaseUnavailable]
) -> list[Outcome]:
    for transaction in transactions:
        transaction.close()
    return [Outcome(error=fault()) for _ in transactions]


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None for none. Windows lets nobody delete a file that is open.

    Raises:
        OSError: the disk does not tell.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_dev, found.st_ino)


def _unopened(path: Path, error: sqlite3.Error) -> DatabaseFault:
    fault = translated(error)
    if isinstance(fault, DatabaseDamaged):
        return DatabaseBroken(f"{DatabaseBroken.__doc__} ({path})")
    return DatabaseUnavailable(f"The database {path} cannot be opened: {error}.")
