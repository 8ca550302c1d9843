# ruff: noqa: ASYNC240 - nothing else runs in the loop while a test looks at its file
"""What the machine does to a database that is open: nothing is confirmed that is not kept, and it heals by itself."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.db import sqlite
from bot.db.errors import DatabaseDamaged, DatabaseMoved, DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from tests.db.conftest import Ledger
from tests.patience import PATIENCE_S


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "bot.db.outages"]


def scratch(path: Path, pages: slice) -> None:
    content = bytearray(path.read_bytes())
    begin, end = (4096 * number for number in (pages.start, pages.stop or len(content) // 4096))
    content[begin:end] = b"\xff" * (end - begin)
    path.write_bytes(content)


async def test_damage_that_shows_later_is_told_with_the_statement_that_met_it_and_only_once(
    path: Path,
    migrations: Path,
    ledger: type[Ledger],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sqlite, "CHECKED_UP_TO_BYTES", 0)
    db = await SqliteDatabase.open(path, migrations=migrations)
    for n in range(300):
        await db.write(ledger.put(f"{n:050}", n))
    await db.close()
    scratch(path, slice(path.stat().st_size // 4096 - 4, None))
    db = await SqliteDatabase.open(path, migrations=migrations)
    for _ in range(3):
        with pytest.raises(DatabaseDamaged, match="restore a backup"):
            await db.read(ledger.everything())
    assert len(said(caplog)) == 1
    assert "It was met by: SELECT name, n FROM counters" in said(caplog)[0]
    await db.close()


@pytest.mark.parametrize("replace", [False, True])
async def test_a_file_that_is_taken_away_confirms_nothing_until_it_is_back(
    db: SqliteDatabase,
    path: Path,
    ledger: type[Ledger],
    caplog: pytest.LogCaptureFixture,
    replace: bool,  # noqa: FBT001
) -> None:
    caplog.set_level(logging.INFO)
    await db.write(ledger.put("a", 1))
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    if replace:
        shutil.copy(elsewhere, path)
    for _ in range(3):
        with pytest.raises(DatabaseMoved, match="put it back"):
            await db.write(ledger.increment("a"))
    elsewhere.replace(path)
    assert await db.write(ledger.increment("a")) == 2
    assert len(said(caplog)) == 2
    assert "deleted or replaced" in said(caplog)[0]
    assert "can be written again" in said(caplog)[1]


def lost(folder: Path) -> None:
    """As where a mount was taken away: something else is in its place."""
    folder.write_text("not a folder")


def unreadable(folder: Path) -> None:
    """As of a disk that fails: it does not even tell whether the file is there."""
    folder.symlink_to(folder)


@pytest.mark.parametrize("state", [lost, unreadable])
async def test_a_folder_that_cannot_be_looked_into_confirms_nothing_until_it_can(
    migrations: Path, ledger: type[Ledger], tmp_path: Path, state: Callable[[Path], None]
) -> None:
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    folder.mkdir()
    db = await SqliteDatabase.open(folder / "kinora.sqlite", migrations=migrations)
    await db.write(ledger.put("a", 1))
    folder.rename(elsewhere)
    state(folder)
    for _ in range(2):
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(DatabaseUnavailable):
                await db.write(ledger.increment("a"))
    folder.unlink()
    elsewhere.rename(folder)
    assert await db.write(ledger.increment("a")) == 2
    await db.close()


async def test_a_group_that_fails_in_an_unforeseen_way_is_told_so_and_the_next_is_committed(
    db: SqliteDatabase, ledger: type[Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(sqlite, "commit_together", mistaken)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(DatabaseUnavailable):
                await db.write(ledger.put("a", 1))
    assert await db.write(ledger.increment("a")) == 1


async def test_a_lock_that_lasts_is_told_once_and_when_it_is_gone(
    db: SqliteDatabase, path: Path, ledger: type[Ledger], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await db.write(ledger.sql("PRAGMA busy_timeout=10"))
    await db.write(ledger.put("a", 1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await db.write(ledger.increment("a"))
        assert await db.read(ledger.get("a")) == 1
    assert await db.write(ledger.increment("a")) == 2
    assert said(caplog) == [
        "the database cannot be written: database is locked",
        "the database can be written again",
    ]


async def test_a_lock_leaves_time_to_answer_a_click(
    db: SqliteDatabase, path: Path, ledger: type[Ledger]
) -> None:
    """Within three seconds, by which Discord gives an interaction up."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.ensure_future(db.write(ledger.put("a", 1)))
        async with asyncio.timeout(3):
            with pytest.raises(DatabaseUnavailable):
                await first


async def test_a_database_that_may_only_be_read_is_told_and_survived(
    db: SqliteDatabase, ledger: type[Ledger]
) -> None:
    await db.write(ledger.put("a", 1))
    await sqlite._hop(db._writer, lambda connection: connection.execute("PRAGMA query_only=ON"))
    with pytest.raises(DatabaseUnavailable):
        await db.write(ledger.increment("a"))
    assert await db.read(ledger.get("a")) == 1
    await sqlite._hop(db._writer, lambda connection: connection.execute("PRAGMA query_only=OFF"))
    assert await db.write(ledger.increment("a")) == 2


@pytest.fixture
async def copy(path: Path, migrations: Path, ledger: type[Ledger], tmp_path: Path) -> Path:
    """The files of a bot that was killed: some rows in the file, some only in its log."""
    db = await SqliteDatabase.open(path, migrations=migrations)
    await db.write(ledger.put("early", 1))
    await db.close()  # which folds the log into the file
    db = await SqliteDatabase.open(path, migrations=migrations)
    await db.write(ledger.put("late", 1))
    copies = tmp_path / "copy"
    copies.mkdir()
    for ending in ("", "-wal", "-shm"):
        shutil.copy(f"{path}{ending}", copies)
    await db.close()
    return copies / path.name


def nothing(_wal: Path) -> None:
    """As the crash left it."""


def cut_short(wal: Path) -> None:
    wal.write_bytes(wal.read_bytes()[:-100])


def garbage(wal: Path) -> None:
    wal.write_bytes(b"a holiday picture" * 1000)


def gone(wal: Path) -> None:
    wal.unlink()


@pytest.mark.parametrize(("damage", "late"), [(nothing, 1), (cut_short, None), (garbage, None), (gone, None)])
async def test_a_log_that_is_damaged_costs_no_more_than_what_only_it_held(
    copy: Path, migrations: Path, ledger: type[Ledger], damage: Callable[[Path], None], late: int | None
) -> None:
    damage(copy.with_name(copy.name + "-wal"))
    db = await SqliteDatabase.open(copy, migrations=migrations)
    assert (await db.read(ledger.get("early")), await db.read(ledger.get("late"))) == (1, late)
    assert await db.write(ledger.increment("early")) == 2
    await db.close()
