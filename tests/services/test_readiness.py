"""Whether the bot can do its work, as whoever watches over the process is told."""

import logging
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.db import installation
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.services.gate import Gate
from bot.services.readiness import Readiness


@contextmanager
def no_room_for_more_than(path: Path) -> Generator[None]:
    """No file can grow beyond the size of this one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_database_that_cannot_be_written_is_a_problem_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot.db.outages")
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    readiness = Readiness(db=db, gate=Gate(changed=lambda: None), is_connected=lambda: True)
    assert await readiness.look() == ([], [])
    with no_room_for_more_than(tmp_path / "kinora.db-wal"):
        for _ in range(3):
            assert await readiness.look() == (["the database cannot be written"], [])
            with pytest.raises(DatabaseUnavailable):
                await db.write(installation.remember("name", "value"))
            await db.write(installation.recall("name"))  # which needs no room
    assert await readiness.look() == ([], [])
    said = [record.levelname for record in caplog.records if record.name == "bot.db.outages"]
    assert said == ["ERROR", "INFO"]
    await db.close()


async def test_a_page_is_written_each_time_it_is_asked(tmp_path: Path) -> None:
    """SQLite writes nothing where a value stays what it was."""
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    readiness = Readiness(db=db, gate=Gate(changed=lambda: None), is_connected=lambda: True)
    log, sizes = tmp_path / "kinora.db-wal", set[int]()
    for _ in range(5):
        await readiness.look()
        sizes.add(log.stat().st_size)
    assert len(sizes) == 5
    await db.close()
