"""Numbered .sql files, applied in order, each in one transaction with its row in `schema_version`.

A file that was applied never changes afterwards: its checksum is kept, and a difference refuses to
start, because nobody could say what such a database holds. Write the next number instead.

A line that begins with `-- sqlite:` or `-- pg:` is for that database only: for the one the mark is
taken off, for the other the line is dropped.
"""

import hashlib
import re
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, Literal, TypeAlias

from bot.db.errors import DatabaseBroken, MigrationFault, SchemaTooNew

Dialect: TypeAlias = Literal["sqlite", "pg"]

APPLICATION_ID = 0x4B696E6F
"""`Kino`, in the header of every database of ours: tells it from another program's."""

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_MARKED = re.compile(r"\s*--\s*(sqlite|pg):(.*)", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_CONTROL = re.compile(r"\s*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0001_start.sql` has number 1 and name `start`."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Of the text, however the checkout ended its lines."""
        return hashlib.sha256("\n".join(self.text.splitlines()).encode()).hexdigest()

    def statements(self, dialect: Dialect) -> tuple[str, ...]:
        """What to execute, one by one.

        Raises:
            MigrationFault: a statement is unfinished, or would end the transaction around it.
        """
        found = tuple(split(select(self.text, dialect)))
        for statement in found:
            if _CONTROL.match(_COMMENT.sub(" ", statement)):
                raise MigrationFault(f"Migration {self} may not control transactions: {statement.strip()}")
        return found

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}.sql"


def load(folder: Traversable) -> tuple[Migration, ...]:
    """Read a folder's migrations in order.

    Raises:
        MigrationFault: numbers do not run 1, 2, 3, …, or an .sql file has no number.
    """
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    found = sorted((_read(file) for file in files), key=lambda migration: migration.number)
    numbers = [migration.number for migration in found]
    if not found or numbers != list(range(1, len(found) + 1)):
        raise MigrationFault(f"Migrations must be numbered 1, 2, 3, …; found {numbers}.")
    return tuple(found)


def select(text: str, dialect: Dialect) -> str:
    """The text as one database is to see it."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        marked = _MARKED.fullmatch(line)
        if marked is None:
            lines.append(line)
        elif marked[1] == dialect:
            lines.append(marked[2])
    return "".join(lines)


def split(text: str) -> Iterator[str]:
    """Cut a script into statements; triggers, strings and comments with semicolons stay whole.

    Raises:
        MigrationFault: the text ends inside a statement.
    """
    statement = ""
    *pieces, rest = text.split(";")
    for piece in pieces:
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    rest = (statement + rest).strip()
    if _COMMENT.sub("", rest).strip():
        raise MigrationFault(f"A migration ends inside a statement: …{rest[-80:]}")


def recognise(connection: sqlite3.Connection) -> None:
    """Look whether a file is new or ours, without touching it.

    Raises:
        DatabaseBroken: it is another program's.
    """
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION_ID and (owner or tables):
        raise DatabaseBroken


def apply(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> int:
    """Bring a database up to date; returns how many migrations that took.

    Foreign keys are off meanwhile (a table can then be rebuilt) and checked before each commit.

    Raises:
        DatabaseBroken: the file is another program's.
        SchemaTooNew: it holds migrations that are not known here.
        MigrationFault: one was changed after it was applied, or failed.
    """
    recognise(connection)
    with _transaction(connection):
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(SCHEMA_VERSION)
    applied = connection.execute(
        "SELECT number, name, checksum FROM schema_version ORDER BY number"
    ).fetchall()
    left = missing(applied, migrations)
    connection.execute("PRAGMA foreign_keys=OFF")
    for migration in left:
        _step(connection, migration)
    return len(left)


def missing(applied: Sequence[tuple[Any, ...]], migrations: Sequence[Migration]) -> Sequence[Migration]:
    """What is left to apply after these rows of `schema_version` (number, name, checksum).

    Raises:
        SchemaTooNew: there are more of them than migrations.
        MigrationFault: one was changed after it was applied.
    """
    if len(applied) > len(migrations):
        raise SchemaTooNew
    for (number, name, checksum), migration in zip(applied, migrations, strict=False):
        if (number, name, checksum) != (migration.number, migration.name, migration.checksum):
            raise MigrationFault(
                f"{migration} is not what was applied here as {number:04}_{name}.sql; "
                "an applied migration never changes, add a new one."
            )
    return migrations[len(applied) :]


def _read(file: Traversable) -> Migration:
    name = _FILE.fullmatch(file.name)
    if name is None:
        raise MigrationFault(f"{file.name} is not named like 0001_start.sql.")
    return Migration(int(name[1]), name[2], file.read_text(encoding="utf-8"))


def _step(connection: sqlite3.Connection, migration: Migration) -> None:
    statements = migration.statements("sqlite")
    try:
        with _transaction(connection):
            for statement in statements:
                connection.execute(statement)
            if broken := connection.execute("PRAGMA foreign_key_check").fetchone():
                raise MigrationFault(f"Migration {migration} leaves rows of {broken[0]} that point nowhere.")
            row = {"number": migration.number, "name": migration.name, "checksum": migration.checksum}
            connection.execute(_ENTER, row)
    except sqlite3.Error as error:
        raise MigrationFault(f"Migration {migration} failed and was undone: {error}.") from error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


SCHEMA_VERSION = """
    CREATE TABLE IF NOT EXISTS schema_version (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        checksum TEXT NOT NULL,
        applied_at_ms BIGINT NOT NULL
    )
"""
_ENTER = """
    INSERT INTO schema_version (number, name, checksum, applied_at_ms)
    VALUES (:number, :name, :checksum, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
"""
