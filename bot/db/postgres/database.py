"""PostgreSQL, which several processes share: the same transactions, one commit of the whole cluster at a time.

Every commit first takes one advisory lock, so that transactions see each other as they do in SQLite: nothing can
deadlock or fail for having run beside another, which no transaction here could be begun anew for. What waits in one
process shares a commit (`bot.db.commits`), so that neither the lock nor the fsync is paid for by each alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias, TypeVar

import psycopg

from bot.db import migrate, ticks
from bot.db.commits import Commits
from bot.db.errors import DatabaseClosed, DatabaseUnavailable
from bot.db.group import Outcome, unavailable
from bot.db.outages import Outages
from bot.db.postgres import schema
from bot.db.postgres.faults import translated, translated_read
from bot.db.postgres.lines import Address, Connection, Line, connect, control, send
from bot.db.ticks import Tick
from bot.db.transaction import InContext, Rows, Transaction, drive

T = TypeVar("T")

Defer: TypeAlias = Callable[[Sequence[Tick]], str]
"""The statement, without parameters, that puts ticks into the queue of jobs; it is sent with the COMMIT."""

READERS = 4
"""Reads at a time; more wait for their turn."""
HOLDS_S = 0.1
"""So long a commit takes in what waits: then it is another process's turn, none of which waits for long."""
_BEGIN_WRITE = f"BEGIN; SELECT pg_advisory_xact_lock({migrate.APPLICATION_ID}, {schema.WRITING})"
_BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresDatabase:
    """Runs transactions on one PostgreSQL; connections that are lost are made anew by themselves."""

    def __init__(self, address: Address, writer: Connection, defer: Defer | None) -> None:
        self._outages = Outages()
        self._commits = Commits(self._commit, self._outages)
        self._writer = Line(address, writer)
        self._defer = defer
        self._readers = [Line(address) for _ in range(READERS)]
        self._free = asyncio.Semaphore(READERS)
        self._reads: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls, url: str, *, defer: Defer | None = None, migrations: Traversable | None = None
    ) -> "PostgresDatabase":
        """Connect, and bring the schema up to date.

        Args:
            url: `postgresql://…`
            defer: Takes the ticks of what is committed; without it they are dropped.
            migrations: a folder of numbered files instead of the bot's own.

        Raises:
            DatabaseUnusable: it does not let us in, is another program's, too old or too new, or not to be migrated.
            DatabaseUnavailable: it cannot be reached.
        """
        address = Address.of(url)
        steps = migrate.load(migrations or resources.files("bot.db").joinpath("migrations"))
        await schema.bring_up_to_date(address, steps)
        return cls(address, await connect(address), defer)

    async def write(self, transaction: Transaction[T]) -> T:
        """Run a transaction and return its value once it is durable (see `Database.write`)."""
        self._refuse_when_closed(transaction)
        return await self._commits.add(transaction)

    async def read(self, transaction: Transaction[T]) -> T:
        """Run a transaction that only reads, on one consistent snapshot (see `Database.read`)."""
        self._refuse_when_closed(transaction)
        # In a task of its own: a cancelled caller leaves at once, and no connection in the middle of something.
        task = asyncio.get_running_loop().create_task(self._read(InContext(transaction)))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        try:
            return await asyncio.shield(task)
        except DatabaseUnavailable as fault:
            self._outages.met(fault, doing="read")
            raise

    async def close(self) -> None:
        """Finish what was asked for, then close all connections; twice does nothing."""
        self._closed = True
        async with self._closing:
            await self._commits.finish()
            if self._reads:
                await asyncio.wait(self._reads)
            for line in (*self._readers, self._writer):
                await line.close()

    def _refuse_when_closed(self, transaction: Transaction[Any]) -> None:
        if self._closed:
            transaction.close()
            raise DatabaseClosed

    async def _read(self, transaction: Transaction[T]) -> T:
        async with self._free:
            line = self._readers.pop()
            try:
                connection = await line.begin(_BEGIN_READ)
                return await drive(transaction, _sender(connection))
            except Exception as error:
                transaction.close()
                fault = translated_read(error)
                if fault is error:
                    raise
                raise fault from error
            finally:
                await line.roll_back()
                self._readers.append(line)

    async def _commit(self, transactions: Sequence[Transaction[Any]]) -> list[Outcome]:
        clock = asyncio.get_running_loop()
        try:
            connection = await self._writer.begin(_BEGIN_WRITE)
        except (psycopg.Error, DatabaseUnavailable) as error:
            await self._writer.roll_back()
            return _refused(transactions, error)
        group, ends_s = _Group(connection, alone=len(transactions) == 1), clock.time() + HOLDS_S
        try:
            for transaction in transactions:
                await group.add(transaction)
                if clock.time() >= ends_s:
                    break
            await group.commit(self._defer)
        except Exception as error:  # noqa: BLE001 - of the whole: what was done is undone, or nobody knows
            group.lose(error)
            group.outcomes += _refused(transactions[len(group.outcomes) :], error)
        finally:
            if not group.is_committed:
                await self._writer.roll_back()
        return group.outcomes


class _Group:
    """The open transaction of PostgreSQL that several of ours share."""

    def __init__(self, connection: Connection, *, alone: bool) -> None:
        self._connection = connection
        self._alone = alone
        self._ticks: list[Tick] = []
        self.outcomes: list[Outcome] = []
        self.is_committed = False

    async def add(self, transaction: Transaction[Any]) -> None:
        """Run one; if it fails, only what it did is undone.

        Raises:
            psycopg.Error: of the whole group.
        """
        if not self._alone:
            await control(
                self._connection, "RELEASE own; SAVEPOINT own" if self.outcomes else "SAVEPOINT own"
            )
        outcome, told = Outcome(), list[Tick]()
        try:
            outcome.value = await drive(transaction, self._sender(outcome, told))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this transaction's caller
            transaction.close()
            outcome.error, outcome.has_changed = translated(error), False
            self.outcomes.append(outcome)
            await control(self._connection, "ROLLBACK AND CHAIN" if self._alone else "ROLLBACK TO own")
        else:
            self.outcomes.append(outcome)
            self._ticks += told

    async def commit(self, defer: Defer | None) -> None:
        """Make it durable, with the ticks of those that did not fail; nothing is confirmed if it raises."""
        due = f"{defer(self._ticks)}; " if defer is not None and self._ticks else ""
        if await control(self._connection, f"{due}COMMIT") != "COMMIT":
            raise psycopg.OperationalError("the server rolled the transaction back")
        self.is_committed = True

    def lose(self, cause: Exception) -> None:
        """Take back what looked done."""
        for outcome in self.outcomes:
            if outcome.error is None:
                outcome.value, outcome.error, outcome.has_changed = None, unavailable(cause), False

    def _sender(
        self, outcome: Outcome, told: list[Tick]
    ) -> Callable[[str, Mapping[str, object]], Awaitable[Rows]]:
        async def execute(sql: str, parameters: Mapping[str, object]) -> Rows:
            if tick := ticks.told(sql, parameters):
                told.append(tick)
                return ()
            cursor = await send(self._connection, sql, parameters)
            outcome.has_changed |= cursor.rowcount > 0 and not (cursor.statusmessage or "").startswith(
                "SELECT"
            )
            return await cursor.fetchall() if cursor.description else ()

        return execute


def _sender(connection: Connection) -> Callable[[str, Mapping[str, object]], Awaitable[Rows]]:
    async def execute(sql: str, parameters: Mapping[str, object]) -> Rows:
        cursor = await send(connection, sql, parameters)
        return await cursor.fetchall() if cursor.description else ()

    return execute


def _refused(transactions: Sequence[Transaction[Any]], error: Exception) -> list[Outcome]:
    for transaction in transactions:
        transaction.close()
    cause = error.__cause__ if isinstance(error, DatabaseUnavailable) else None
    return [
        Outcome(error=unavailable(cause if isinstance(cause, Exception) else error)) for _ in transactions
    ]
