"""A look into a database whose bot is running, and one of whose bot is not."""

import errno
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.db import guilds, installation, visit
from bot.db.errors import (
    DatabaseBroken,
    DatabaseMissing,
    DatabaseUnavailable,
    SchemaTooNew,
    SchemaTooOld,
    WriteInRead,
)
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from tests import builders


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "what? 100%.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(path)
    yield database
    await database.close()


def zone(guild_id: int) -> Transaction[str]:
    found = yield from guilds.zone(guild_id)
    return str(found)


async def test_what_a_running_bot_wrote_is_read(db: SqliteDatabase, path: Path) -> None:
    await db.write(guilds.prefer(1, {"time_zone": "Europe/Berlin"}, defaults=builders.NO_CAPS))
    assert visit.read(path, zone(1)) == "Europe/Berlin"


async def test_what_is_written_beside_a_running_bot_is_there_for_it_at_once(
    db: SqliteDatabase, path: Path
) -> None:
    await db.write(installation.remember("a", "1"))
    visit.write(path, guilds.prefer(1, {"time_zone": "Europe/Berlin"}, defaults=builders.NO_CAPS))
    assert await db.read(zone(1)) == "Europe/Berlin"
    await db.write(installation.remember("a", "2"))
    assert await db.read(installation.recall("a")) == "2"


async def test_without_a_bot_the_file_is_left_as_tidy_as_it_was(db: SqliteDatabase, path: Path) -> None:
    await db.close()
    before = sorted(file.name for file in path.parent.iterdir())
    assert visit.read(path, zone(1)) == "UTC"
    visit.write(path, guilds.settle_in(1, defaults=builders.NO_CAPS))
    assert sorted(file.name for file in path.parent.iterdir()) == before


async def test_reading_cannot_write(db: SqliteDatabase, path: Path) -> None:
    with pytest.raises(WriteInRead):
        visit.read(path, installation.remember("a", "1"))
    assert await db.read(installation.recall("a")) is None


async def test_what_fails_leaves_nothing_behind(db: SqliteDatabase, path: Path) -> None:
    def half() -> Transaction[None]:
        yield from installation.remember("a", "1")
        raise LookupError

    with pytest.raises(LookupError):
        visit.write(path, half())
    assert await db.read(installation.recall("a")) is None


def test_a_database_that_is_not_there_is_not_made(path: Path) -> None:
    with pytest.raises(DatabaseMissing, match="There is no database at"):
        visit.read(path, zone(1))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("DELETE FROM schema_version WHERE number > 1", SchemaTooOld),
        ("INSERT INTO schema_version VALUES (99, 'later', 'x', 0)", SchemaTooNew),
        ("PRAGMA application_id=7", DatabaseBroken),
        ("DROP TABLE schema_version", DatabaseBroken),
    ],
)
async def test_a_database_of_another_version_or_program_is_left_alone(
    db: SqliteDatabase, path: Path, statement: str, error: type[Exception]
) -> None:
    await db.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    for look in (visit.read, visit.write):
        with pytest.raises(error):
            look(path, zone(1))


def test_a_file_that_is_no_database_is_said_to_be_none(path: Path) -> None:
    path.write_text("my dear diary " * 1000)
    with pytest.raises(DatabaseBroken):
        visit.read(path, zone(1))


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        visit.read(tmp_path, zone(1))


@pytest.mark.parametrize("look", [visit.read, visit.write])
async def test_a_folder_that_cannot_be_written_is_said_rather_than_to_try_again(
    look: Callable[[Path, Transaction[str]], str],
    db: SqliteDatabase,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Path) -> None:  # as root no folder can be made read-only
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    await db.close()
    path.with_name(f"{path.name}-wal").mkdir()  # SQLite cannot open it, as where it cannot make it
    monkeypatch.setattr("bot.db.visit.ensure_writable", refuse)
    with pytest.raises(DatabaseUnavailable, match="folder cannot be written"):
        look(path, zone(1))
    path.with_name(f"{path.name}-wal").rmdir()
