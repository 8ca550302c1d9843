"""Connections to PostgreSQL, made anew when they are lost."""

import asyncio
import os
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bot.db.errors import DatabaseUnusable
from bot.db.group import unavailable
from bot.db.postgres.faults import is_outdated, unreachable
from bot.db.postgres.rows import PostgresRow, adapt, rows
from bot.db.postgres.text import translated

OLDEST_SERVER = 140_000
"""PostgreSQL 14, the first with CREATE OR REPLACE TRIGGER."""
LOCK_PATIENCE_MS = 2_500
"""For another process's commit: a click has to be answered within three seconds, a fault among the answers."""
HOLDER_PATIENCE_MS = 5_000
"""For a process that stands still in the middle of a commit, until the server throws it out."""
STATEMENT_PATIENCE_MS = 15_000
_ANSWER_PATIENCE_S = STATEMENT_PATIENCE_MS / 1000 + 3
"""For a server that does not even say that a statement took too long."""
_CONNECT_PATIENCE_S = 5
_PREPARED_STATEMENTS = 512

_USUAL = {
    "application_name": "kinora",
    "connect_timeout": _CONNECT_PATIENCE_S,
    "target_session_attrs": "read-write",  # of several hosts the one that is no standby
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_PREPARE = f"""
    SET synchronous_commit = on;
    SET lock_timeout = {LOCK_PATIENCE_MS};
    SET idle_in_transaction_session_timeout = {HOLDER_PATIENCE_MS};
    SET statement_timeout = {STATEMENT_PATIENCE_MS}
"""
_PREPARE_PATIENT = "SET synchronous_commit = on"


class Connection(psycopg.AsyncConnection[PostgresRow]):
    """One of ours."""

    is_outdated = False
    """Whether what it prepared can not be executed any more."""
    is_patient = False
    """Whether an answer may take as long as it likes."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a PostgreSQL is, and as whom to go there."""

    parameters: Mapping[str, Any] = field(repr=False)
    place: str
    """For messages: without the password."""

    @classmethod
    def of(cls, url: str) -> "Address":
        """Read `postgresql://…`.

        Raises:
            DatabaseUnusable: it cannot be understood.
        """
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error:
            # Without its cause, which quotes parts of the address, and the password is one.
            raise DatabaseUnusable(
                "DATABASE_URL is not understood; write it like postgresql://kinora:password@host:5432/kinora, "
                "and special characters of the password as %2F or the like."
            ) from None
        where = ":".join(str(given[name]) for name in ("host", "port") if given.get(name))
        return cls(_USUAL | given, f"{where or 'the local socket'}/{given.get('dbname', '')}")


async def connect(address: Address, *, patient: bool = False) -> Connection:
    """A connection on which `BEGIN` and `COMMIT` are statements like others.

    Args:
        address: Where to.
        patient: Whether statements may take as long as they like.

    Raises:
        DatabaseUnavailable: the server cannot be reached, or refuses for the moment.
        DatabaseUnusable: it does not let us in, or is not what Kinora needs.
    """
    try:
        connection = await Connection.connect(**address.parameters, autocommit=True, row_factory=rows)
    except psycopg.Error as error:
        raise unreachable(address.place, error) from error
    try:
        await _prepare(connection, address, patient=patient)
    except psycopg.Error as error:
        await connection.close()
        raise unreachable(address.place, error) from error
    except BaseException:
        await connection.close()
        raise
    connection.is_patient = patient
    return connection


async def _prepare(connection: Connection, address: Address, *, patient: bool) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.parameter_status("server_version")
        raise DatabaseUnusable(
            f"Kinora needs PostgreSQL 14 or newer; the one at {address.place} is {version}."
        )
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise DatabaseUnusable(
            f"The database at {address.place} cannot hold every character; "
            "make it anew: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'."
        )
    adapt(connection)
    connection.prepared_max = _PREPARED_STATEMENTS
    await control(connection, _PREPARE_PATIENT if patient else _PREPARE)


async def send(
    connection: Connection, sql: str, parameters: Mapping[str, object]
) -> psycopg.AsyncCursor[PostgresRow]:
    """Execute a portable statement; a connection without an answer is cut off, unless it is patient."""
    try:
        with _watched(connection):
            return await connection.execute(translated(sql), parameters)
    except psycopg.Error as error:
        error.add_note(" ".join(sql.split()))
        connection.is_outdated |= is_outdated(error)
        raise


async def control(connection: Connection, sql: str) -> str:
    """Execute statements without parameters, several at once; returns what the last one says it did."""
    with _watched(connection):
        cursor = await connection.execute(sql.encode())
    while cursor.nextset():
        pass
    return cursor.statusmessage or ""


class Line:
    """One connection, made when it is first needed and whenever it was lost."""

    def __init__(self, address: Address, connection: Connection | None = None) -> None:
        self._address = address
        self._connection = connection

    async def begin(self, sql: str) -> Connection:
        """Begin a transaction with these statements, on a new connection if the old one turns out to be gone.

        Raises:
            psycopg.Error: the server refuses.
            DatabaseUnavailable: it cannot be reached, or does not let us in: it did when the bot began.
        """
        if self._connection is not None and self._connection.is_outdated:
            await self._connection.close()
        if self._connection is not None and not self._connection.closed:
            try:
                await control(self._connection, sql)
            except psycopg.Error as error:
                if not _is_gone(self._connection, error):
                    raise
                await self._connection.close()
            else:
                return self._connection
        try:
            self._connection = await connect(self._address)
        except DatabaseUnusable as fault:
            raise unavailable(fault) from fault
        await control(self._connection, sql)
        return self._connection

    async def roll_back(self) -> None:
        """Leave the transaction, whatever became of it."""
        if self._connection is None or self._connection.closed:
            return
        try:
            await control(self._connection, "ROLLBACK")
        except psycopg.Error:
            await self._connection.close()  # with it ends whatever was left

    async def close(self) -> None:
        """Close the connection; the next `begin` would make another."""
        if self._connection is not None:
            await self._connection.close()


def _is_gone(connection: Connection, error: psycopg.Error) -> bool:
    return connection.closed or error.sqlstate is None or error.sqlstate.startswith(("57P", "25P", "08"))


@contextmanager
def _watched(connection: Connection) -> Generator[None]:
    if connection.is_patient:
        yield
        return
    timer = asyncio.get_running_loop().call_later(_ANSWER_PATIENCE_S, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: Connection) -> None:
    """Have a pending call fail as if the network had: cancelling it would ask the same silent server."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
