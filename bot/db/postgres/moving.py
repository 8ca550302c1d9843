"""Moving an installation out of its SQLite file into PostgreSQL: everything, or nothing.

It is one transaction on both sides: nobody writes to the file meanwhile, and whatever dies leaves an empty target and an
untouched source, except between the two commits. Then everything has arrived and the file does not say so: moving it once
more only makes it say so. Numbers go on where they were: providers know attempts by them, and buttons on messages name
them. No bot starts on a file that was moved: two installations with the same jobs would both carry them.
"""

import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path

import psycopg
from psycopg import sql

from bot.db import audit, group, installation, visit
from bot.db.errors import DatabaseFault, DatabaseUnusable
from bot.db.lock import FileLock
from bot.db.postgres.faults import translated
from bot.db.postgres.lines import Address, Connection, connect, send
from bot.db.transaction import Rows, drive, run

_OWN = "schema_version"
"""What migrations write; the target has its own."""

Told = Callable[[str, int], None]


class TargetNotEmpty(DatabaseUnusable):
    """There is something in the PostgreSQL database already; name an empty one."""


class MoveFailed(DatabaseFault):
    """What arrived in PostgreSQL is not what was sent, so nothing was kept there."""


class NotMovable(DatabaseFault):
    """PostgreSQL does not take what stands in the file, so nothing was moved."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What arrived."""

    tables: int
    rows: int
    differences: int
    """Balances that differ from the ledger, in the source as well; 0 in a sound one."""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]


async def move(source: Path, target_url: str, *, now_ms: int, told: Told) -> Moved:
    """Move everything; the bot must be stopped.

    Args:
        source: The SQLite file, of this version.
        target_url: A PostgreSQL database that was migrated, and is empty otherwise.
        now_ms: Milliseconds since 1970.
        told: Told the name of each table, and how many rows it had, once it was copied.

    Raises:
        DatabaseInUse: a bot runs on the file.
        DatabaseUnusable: the file is missing, of another version, or was moved before; the target cannot be used.
        TargetNotEmpty: there is something in it.
        MoveFailed: what arrived differs.
        NotMovable: there is a text that PostgreSQL does not take.
        DatabaseUnavailable: one of them could not be reached; nothing was moved.
    """
    with closing(visit.opened(source)) as file:
        lock = FileLock.acquire(source.with_name(f"{source.name}.lock"))
        target = await connect(Address.of(target_url), patient=True)
        try:
            with _writing(file):
                run(installation.ensure_not_moved(), partial(_run, file))
                async with target.transaction():
                    moved = await _copy_all(file, target, told)
                    run(installation.mark_moved(now_ms=now_ms), partial(_run, file))
        except psycopg.DataError as error:
            raise NotMovable(f"{NotMovable.__doc__} ({error.diag.message_primary})") from error
        except psycopg.Error as error:
            raise translated(error) from error
        except sqlite3.Error as error:
            raise group.translated(error) from error
        finally:
            await target.close()
            lock.release()
    return moved


@contextmanager
def _writing(file: sqlite3.Connection) -> Generator[None]:
    file.execute("PRAGMA synchronous=FULL")
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    finally:
        if file.in_transaction:
            file.execute("ROLLBACK")


async def _copy_all(file: sqlite3.Connection, target: Connection, told: Told) -> Moved:
    tables = _tables(file)
    differences = run(audit.discrepancies(), partial(_run, file))
    has_arrived = await _has_arrived(file, target, tables)
    rows = 0
    for table in tables:
        copied = _count(file, table) if has_arrived else await _copy(file, target, table)
        told(table.name, copied)
        rows += copied
    await _go_on_counting(file, target)
    await target.execute("ANALYZE")  # without it, plans are made for empty tables
    if await drive(audit.discrepancies(), partial(_execute, target)) != differences:
        raise MoveFailed
    return Moved(len(tables), rows, differences)


def _tables(file: sqlite3.Connection) -> list[_Table]:
    """Those that others point at come first."""
    names = [row["name"] for row in file.execute(_NAMES)]
    needed = {
        name: {row["table"] for row in file.execute(f"PRAGMA foreign_key_list({name})")} for name in names
    }
    return [
        _Table(name, tuple(row["name"] for row in file.execute(f"PRAGMA table_info({name})")))
        for name in TopologicalSorter(needed).static_order()
        if name != _OWN
    ]


async def _has_arrived(file: sqlite3.Connection, target: Connection, tables: Sequence[_Table]) -> bool:
    """Whether all of it is there since it was moved before, by somebody who died just then.

    Raises:
        TargetNotEmpty: something else is there.
    """
    arrived = [table for table in tables if await _arrived(target, table)]
    if not arrived:
        return False
    told = "SELECT name, value FROM installation"
    there = {row["name"]: row["value"] for row in await _execute(target, told, {})}
    here = {row["name"]: row["value"] for row in file.execute(told)}
    if here.get("name") is None or here["name"] != there.get("name"):
        raise TargetNotEmpty(f"{TargetNotEmpty.__doc__} ({arrived[0].name})")
    if here != there or [table for table in tables if await _arrived(target, table) != _count(file, table)]:
        raise TargetNotEmpty(
            "This installation was moved there before, and one of the two has run since; go on with that one alone."
        )
    return True


async def _arrived(target: Connection, table: _Table) -> int:
    cursor = await target.execute(sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(table.name)))
    [row] = await cursor.fetchall()
    return row["n"]


def _count(file: sqlite3.Connection, table: _Table) -> int:
    [row] = file.execute(f"SELECT count(*) AS n FROM {table.name}")  # noqa: S608 - our own names
    return row["n"]


async def _copy(file: sqlite3.Connection, target: Connection, table: _Table) -> int:
    name, columns = sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    copied = 0
    async with (
        target.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(name, columns)) as copying,
    ):
        for row in file.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}"):  # noqa: S608 - our own names
            await copying.write_row(tuple(row))
            copied += 1
    arrived = await _arrived(target, table)
    if arrived != copied:
        raise MoveFailed(f"{MoveFailed.__doc__} ({table.name}: {arrived:,} rows of {copied:,})")
    return copied


async def _go_on_counting(file: sqlite3.Connection, target: Connection) -> None:
    """Numbers that were given once are not given again, not even those of rows that are gone."""
    for row in file.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"):
        await target.execute(
            "SELECT setval(pg_get_serial_sequence(%(name)s, 'id'), %(seq)s)",
            {"name": row["name"], "seq": row["seq"]},
        )


def _run(file: sqlite3.Connection, statement: str, parameters: Mapping[str, object]) -> Rows:
    return file.execute(statement, parameters).fetchall()


async def _execute(target: Connection, statement: str, parameters: Mapping[str, object]) -> Rows:
    cursor = await send(target, statement, parameters)
    return await cursor.fetchall()


_NAMES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
