"""A dump of PostgreSQL that is put back: what may have been ordered or posted since is not done once more."""

import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import backups
from bot.db import audit, installation, jobs, lanes, processes
from bot.db import backups as copies
from bot.db.opening import open_database
from bot.db.transaction import Database, Transaction
from bot.domain.duties import Role
from bot.domain.jobs import JobState
from bot.domain.shares import Process
from bot.settings import Settings
from tests.histories import NOW_MS, Past, lived
from tests.postgres import programs


def on(url: str) -> Settings:
    return Settings.model_validate({"database_url": url})


def put_back(source: str, target: str, dump: Path) -> None:
    bin_ = programs()
    assert bin_ is not None
    subprocess.run([bin_ / "pg_dump", "-Fc", "-f", dump, "-d", source], check=True)
    subprocess.run([bin_ / "pg_restore", "-e", "-1", "-d", target, dump], check=True)


async def busy(url: str) -> Database:
    """An installation in which one job waits, one is being submitted and one is rendered; last heard of at NOW_MS + 5."""
    db = await open_database(SecretStr(url))
    for _ in range(3):
        await db.write(lived(Past(None)))
    await db.write(lanes.open_pool("kling"))
    for _ in range(2):
        await db.write(jobs.admit("kling", slots=9, now_ms=NOW_MS))
    submitted = await db.read(jobs.get(2))
    await db.write(jobs.move(submitted, JobState.RENDERING, now_ms=NOW_MS, task_id="7", marked_at_ms=NOW_MS))
    await db.write(installation.remember(installation.FILES, "kinora-of-the-original"))
    process = Process("a", "a", Role.WORKER, None, "1", NOW_MS, NOW_MS)
    await db.write(processes.appear(process, now_ms=NOW_MS + 5))
    await db.write(_seen(NOW_MS + 5))
    return db


def _seen(at_ms: int) -> Transaction[None]:
    """By the clock of PostgreSQL nobody can have been, as long ago as that."""
    yield "UPDATE processes SET seen_at_ms = :at_ms", {"at_ms": at_ms}


async def test_a_dump_that_was_put_back_is_taken_up(
    postgres_url: str, bare_postgres_url: str, tmp_path: Path
) -> None:
    await (await busy(postgres_url)).close()
    put_back(postgres_url, bare_postgres_url, tmp_path / "kinora.dump")
    said = backups.restored(on(bare_postgres_url), now_ms=NOW_MS + 60_000)
    assert "nothing after 2026-09-21 14:13:20 UTC. 1 waiting job ended" in said
    assert "1 will be looked up at their providers; 1 go on" in said
    db = await open_database(SecretStr(bare_postgres_url))
    first, second, third = [await db.read(jobs.get(number)) for number in (1, 2, 3)]
    assert (first.state, first.marked_at_ms, first.cancel_requested) == (
        JobState.SUBMITTING,
        NOW_MS + 5,
        True,
    )
    assert second.state is JobState.RENDERING
    assert second.post_marked_at_ms is not None
    assert third.state is JobState.FAILED
    assert await db.read(audit.discrepancies()) == 0
    assert await db.write(copies.take_up(now_ms=NOW_MS)) is None
    assert await db.read(installation.recall(installation.FILES)) is None
    await db.write(lived(Past(None)))
    [newest] = await db.read(jobs.of_member(1, 100, limit=1))
    assert newest.id > copies.GAP
    await db.close()


async def test_under_a_bot_that_runs_nothing_is_touched(postgres_url: str) -> None:
    db = await busy(postgres_url)
    with pytest.raises(backups.NotRestored, match="stop every process"):
        backups.restored(on(postgres_url), now_ms=NOW_MS)
    assert (await db.read(jobs.get(3))).state is JobState.QUEUED
    await db.close()


def test_a_copy_of_a_file_needs_no_word(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    with pytest.raises(backups.NotRestored, match="just start the bot"):
        backups.restored(settings, now_ms=NOW_MS)


def test_postgresql_is_dumped_by_its_own_tools(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(backups.NotBackedUp, match="pg_dump"):
        backups.make(on(postgres_url), tmp_path / "copy.db", with_files=False, now_ms=NOW_MS)
