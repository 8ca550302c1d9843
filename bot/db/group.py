"""Group commit: what happens in the writer's thread. Many transactions, one fsync."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.db.errors import DatabaseDamaged, DatabaseUnavailable, WriteInRead
from bot.db.transaction import Transaction, run


@dataclass(slots=True)
class Outcome:
    """What a transaction returned, or why it failed."""

    value: Any = None
    error: Exception | None = None
    has_changed: bool = False
    """Whether it wrote anything; a commit of nothing succeeds on the fullest disk."""


def commit_together(
    connection: sqlite3.Connection, transactions: Sequence[Transaction[Any]]
) -> list[Outcome]:
    """Run transactions in order inside one SQLite transaction; one outcome each, final once this returns.

    A transaction that raises is rolled back to its own savepoint. This raises only
    when not even ROLLBACK works; then nothing was committed.
    """
    _roll_back(connection)  # nothing to do, unless the ROLLBACK of the last group failed too
    group = _Group(connection, alone=len(transactions) == 1)
    for transaction in transactions:
        group.add(transaction)
    group.commit()
    return group.outcomes


def read_alone(connection: sqlite3.Connection, transaction: Transaction[Any]) -> Any:
    """Run one transaction on a snapshot that later commits do not change."""
    try:
        connection.execute("BEGIN")
        return _run(connection, transaction)
    except sqlite3.Error as error:
        if _code(error) == sqlite3.SQLITE_READONLY:
            raise WriteInRead from error
        fault = translated(error)
        if fault is error:
            raise
        raise fault from error
    finally:
        _roll_back(connection)


def translated(error: Exception) -> Exception:
    """Ours for what the machine did, with its cause; the error itself where the statement was wrong."""
    code = _code(error)
    if code in _DAMAGED:
        damaged = DatabaseDamaged()
        damaged.__cause__ = error
        return damaged
    return unavailable(error) if code in _PASSING else error


def unavailable(cause: Exception) -> DatabaseUnavailable:
    """One for each caller: a shared instance would collect everybody's traceback."""
    fault = DatabaseUnavailable()
    fault.__cause__ = cause
    return fault


_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}


class _Group:
    """The open SQLite transaction that several of ours share."""

    def __init__(self, connection: sqlite3.Connection, *, alone: bool) -> None:
        self._connection = connection
        self._alone = alone
        self.outcomes: list[Outcome] = []

    def add(self, transaction: Transaction[Any]) -> None:
        outcome = Outcome()
        try:
            self._begin()
            before = self._connection.total_changes
            outcome.value = self._attempt(transaction)
            outcome.has_changed = self._connection.total_changes > before
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this transaction's caller
            transaction.close()
            outcome.error = translated(error)
            if not self._connection.in_transaction:
                self._lose(error)
        self.outcomes.append(outcome)

    def commit(self) -> None:
        if not self._connection.in_transaction:
            return
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            _roll_back(self._connection)
            self._lose(error)

    def _begin(self) -> None:
        # Also in mid-group: SQLite may have rolled everything back by itself, as it does when a disk is full.
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def _attempt(self, transaction: Transaction[Any]) -> Any:
        if not self._alone:
            self._connection.execute("SAVEPOINT own")
        try:
            value = _run(self._connection, transaction)
        except BaseException:
            self._undo()
            raise
        if not self._alone:
            self._connection.execute("RELEASE own")
        return value

    def _undo(self) -> None:
        if self._alone:
            _roll_back(self._connection)
            return
        try:
            self._connection.execute("ROLLBACK TO own")
            self._connection.execute("RELEASE own")
        except sqlite3.Error:
            # Its writes must not be committed with the others'; `add` tells those what happened.
            _roll_back(self._connection)

    def _lose(self, cause: Exception) -> None:
        """Take back what looked done: it went with the SQLite transaction."""
        for outcome in self.outcomes:
            if outcome.error is None:
                outcome.value, outcome.error = None, unavailable(cause)


def _run(connection: sqlite3.Connection, transaction: Transaction[Any]) -> Any:
    cursor = connection.cursor()

    def execute(sql: str, parameters: Mapping[str, object]) -> list[Any]:
        try:
            return cursor.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            error.add_note(" ".join(sql.split()))
            raise

    return run(transaction, execute)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _code(error: Exception) -> int | None:
    """The primary result code; the upper bytes only say more about it."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
