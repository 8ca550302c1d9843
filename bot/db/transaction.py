"""A transaction is a plain generator: it yields statements, receives rows and does no I/O.

So it is the same text for every database, it can be tested without one, and it cannot wait for
anything but SQL. Compose them with `yield from`; the whole is one transaction::

    def rename(guild_id: int, name: str) -> Transaction[bool]:
        rows = yield "UPDATE guilds SET name = :name WHERE id = :id RETURNING id", {"id": guild_id, "name": name}
        return bool(rows)

Raising inside undoes the whole transaction, and only it. When a statement fails, its error is raised
at the `yield`: a transaction may turn it into a better one, but it cannot go on, because not every
database could.

Statements are portable: parameters are `:name`, values are what both databases share (int, float,
str, bytes, None), and what only PostgreSQL understands stands in a comment, `/*pg:FOR UPDATE*/`.
"""

import contextlib
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextvars import copy_context
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


class Row(Protocol):
    """One row of a result: `row["column"]`, `dict(row)`, `len(row)`; iterating gives the values."""

    def __getitem__(self, column: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...

    def keys(self) -> Sequence[str]:
        """The names of the columns, in order."""
        ...


Rows: TypeAlias = Sequence[Row]
Step: TypeAlias = tuple[str, Mapping[str, object]]
Transaction: TypeAlias = Generator[Step, Rows, T]
Execute: TypeAlias = Callable[[str, Mapping[str, object]], Rows]
Send: TypeAlias = Callable[[str, Mapping[str, object]], Awaitable[Rows]]


class Database(Protocol):
    """Where transactions run."""

    async def write(self, transaction: Transaction[T]) -> T:
        """Run a transaction and return its value once it is durable.

        A caller that is cancelled does not undo it: it may still be committed.

        Raises:
            DatabaseUnavailable: nothing was confirmed.
            DatabaseClosed: after `close()`.
        """
        ...

    async def read(self, transaction: Transaction[T]) -> T:
        """Run a transaction that only reads, on one consistent snapshot.

        Raises:
            WriteInRead: it tried to write.
            DatabaseUnavailable: the database could not be read.
            DatabaseClosed: after `close()`.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked for, then close; calling it again does nothing."""
        ...


class InContext(Generator[Step, Rows, T]):
    """A transaction that runs in its maker's context, whichever thread drives it.

    What it refuses is so said in the language that is spoken where it was asked for.
    """

    def __init__(self, transaction: Transaction[T]) -> None:
        self._transaction = transaction
        self._context = copy_context()

    def send(self, value: Any, /) -> Step:
        """Go on with the rows of the last statement."""
        return self._context.run(self._transaction.send, value)

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Step:
        """Show it a failure."""
        del tb
        return self._context.run(self._transaction.throw, typ if val is None else val)


def run(transaction: Transaction[T], execute: Execute) -> T:
    """Drive a transaction to its end with a blocking `execute`."""
    try:
        sql, parameters = next(transaction)
        while True:
            try:
                rows = execute(sql, parameters)
            except Exception as error:
                _end(transaction, error)
                raise
            sql, parameters = transaction.send(rows)
    except StopIteration as finished:
        return finished.value


async def drive(transaction: Transaction[T], send: Send) -> T:
    """Drive a transaction to its end with a `send` that is waited for."""
    try:
        sql, parameters = next(transaction)
        while True:
            try:
                rows = await send(sql, parameters)
            except Exception as error:
                _end(transaction, error)
                raise
            sql, parameters = transaction.send(rows)
    except StopIteration as finished:
        return finished.value


def _end(transaction: Transaction[T], error: Exception) -> None:
    """Show a transaction its failed statement; raises what it makes of it, ignores that it would go on."""
    with contextlib.suppress(StopIteration):
        transaction.throw(error)
    transaction.close()
