"""One transaction on a PostgreSQL that bots may run on, without a loop; statements may take as long as they like."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeAlias, TypeVar

import psycopg

from bot.db import migrate
from bot.db.errors import DatabaseFault, DatabaseMissing, SchemaTooNew, SchemaTooOld
from bot.db.postgres import schema
from bot.db.postgres.faults import translated, translated_read, unreachable
from bot.db.postgres.lines import Address
from bot.db.postgres.rows import PostgresRow, adapt, rows
from bot.db.postgres.text import translated as text
from bot.db.transaction import Rows, Transaction, run

T = TypeVar("T")

LOCK_PATIENCE_MS = 5_000
_Connection: TypeAlias = psycopg.Connection[PostgresRow]


def read(url: str, transaction: Transaction[T]) -> T:
    """Run a transaction that only reads.

    Raises:
        DatabaseUnusable: nothing of Kinora's is there, or of another version.
        DatabaseUnavailable: it cannot be reached or read.
    """
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    return _visited(url, begin, transaction, translated_read)


def write(url: str, transaction: Transaction[T]) -> T:
    """Run a transaction that writes, once nobody else does; what it returns is durable.

    Raises:
        DatabaseUnusable: nothing of Kinora's is there, or of another version.
        DatabaseUnavailable: it cannot be reached or written, or others wrote for seconds.
    """
    lock = f"SELECT pg_advisory_xact_lock({migrate.APPLICATION_ID}, {schema.WRITING})"
    begin = f"SET lock_timeout = {LOCK_PATIENCE_MS}; SET synchronous_commit = on; BEGIN; {lock}"
    return _visited(url, begin, transaction, translated)


def is_in_use(url: str) -> bool:
    """Whether a bot is connected to it at this moment; not if nobody can tell."""
    try:
        with _connected(url) as connection:
            return bool(connection.execute(_OTHERS).fetchall())
    except (psycopg.Error, DatabaseFault):
        return False


def _visited(
    url: str, begin: str, transaction: Transaction[T], explained: Callable[[Exception], Exception]
) -> T:
    with _connected(url) as connection:
        try:
            _ensure_current(connection)
            connection.execute(begin.encode())
            value = run(transaction, _executing(connection))
            connection.execute(b"COMMIT")
        except Exception as error:
            transaction.close()
            fault = explained(error)
            if fault is error:
                raise
            raise fault from error
    return value


@contextmanager
def _connected(url: str) -> Generator[_Connection]:
    address = Address.of(url)
    known: dict[str, Any] = {**address.parameters, "application_name": "kinora visit"}
    try:
        connection = psycopg.Connection[PostgresRow].connect(**known, autocommit=True, row_factory=rows)
    except psycopg.Error as error:
        raise unreachable(address.place, error) from error
    with connection:
        adapt(connection)
        yield connection


def _ensure_current(connection: _Connection) -> None:
    if not connection.execute("SELECT 1 WHERE to_regclass('schema_version') IS NOT NULL").fetchall():
        raise DatabaseMissing(
            "There is nothing of Kinora's in that database yet; the bot makes it when it first runs."
        )
    [row] = connection.execute("SELECT count(*) AS n FROM schema_version").fetchall()
    known = len(migrate.load(resources.files("bot.db").joinpath("migrations")))
    if row["n"] != known:
        raise SchemaTooNew if row["n"] > known else SchemaTooOld


def _executing(connection: _Connection) -> Callable[[str, Mapping[str, object]], Rows]:
    def execute(sql: str, parameters: Mapping[str, object]) -> Rows:
        try:
            cursor = connection.execute(text(sql), parameters)
            return cursor.fetchall() if cursor.description else ()
        except psycopg.Error as error:
            error.add_note(" ".join(sql.split()))
            raise

    return execute


_OTHERS = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'kinora' LIMIT 1
"""
