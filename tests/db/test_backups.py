"""Copies of a database that is being written to."""

import asyncio
import errno
import os
import sqlite3
import stat
import tarfile
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from bot import backups
from bot.db import audit, jobs, lanes
from bot.db import backups as copies
from bot.db.errors import DatabaseMissing
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import JobState
from bot.media.blobs import Blobs, file_of
from bot.services.delivery import NONCE_TRUSTED_MS
from bot.settings import Settings
from tests import builders
from tests.histories import NOW_MS, Past, lived


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings.model_validate({"data_dir": tmp_path / "data"})


@pytest.fixture
async def db(settings: Settings) -> AsyncGenerator[SqliteDatabase]:
    database = await SqliteDatabase.open(settings.database_path)
    yield database
    await database.close()


def make(settings: Settings, target: Path, *, with_files: bool = False) -> list[str]:
    return backups.make(settings, target, with_files=with_files, now_ms=NOW_MS)


async def test_copies_of_a_busy_database_are_of_one_moment_and_keep_no_writer_waiting(
    settings: Settings, db: SqliteDatabase, tmp_path: Path
) -> None:
    written = 0
    is_over = asyncio.Event()

    async def write(user_id: int) -> None:
        nonlocal written
        while not is_over.is_set():
            await db.write(lived(Past(user_id=user_id)))  # who is kept waiting for a second is refused
            written += 1

    async with asyncio.TaskGroup() as tasks:
        for user_id in range(20):
            tasks.create_task(write(user_id))
        counts: list[int] = []
        await db.write(lived(Past()))
        for number in range(6):
            target, before = tmp_path / f"{number}.db", written
            await asyncio.to_thread(make, settings, target)
            copy = await SqliteDatabase.open(target)
            assert await copy.read(audit.discrepancies()) == 0
            counts.append(len(await copy.read(_ids())))
            assert counts[-1] >= before
            await copy.close()
        is_over.set()
    assert counts == sorted(counts)
    assert counts[-1] > counts[0] > 0
    assert await db.read(audit.discrepancies()) == 0


@pytest.mark.usefixtures("db")
async def test_only_its_owner_may_read_it_and_it_is_one_file(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "out" / "backup.db"
    target.parent.mkdir()
    said = make(settings, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["backup.db"]
    assert "0 jobs, 0 of them open" in said[0]
    assert "pictures and clips" in said[2]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("with_files", [False, True])
async def test_nothing_is_overwritten(settings: Settings, tmp_path: Path, *, with_files: bool) -> None:
    target = tmp_path / "backup"
    target.write_bytes(b"precious")
    with pytest.raises(backups.NotBackedUp, match="exists already"):
        make(settings, target, with_files=with_files)
    assert target.read_bytes() == b"precious"


def test_where_there_is_no_database_nothing_is_left_behind(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        make(settings, tmp_path / "backup.db")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.usefixtures("db")
async def test_a_folder_that_is_not_there_is_said(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(backups.NotBackedUp, match=r"cannot be written to .*: No such file or directory"):
        make(settings, tmp_path / "nowhere" / "backup.db")


@pytest.mark.usefixtures("db")
async def test_a_full_disk_is_said_of_the_copy_and_leaves_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(target: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(target)
        connection.execute("PRAGMA max_page_count=2")
        return connection

    monkeypatch.setattr("bot.db.backups._empty", small)
    with pytest.raises(copies.CopyNotWritten, match="disk is full where the copy"):
        make(settings, tmp_path / "backup.db")
    assert os.listdir(tmp_path) == ["data"]  # noqa: PTH208 - blocking is fine here


@pytest.mark.usefixtures("db")
async def test_a_file_that_cannot_be_read_is_named_rather_than_the_backup(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = await Blobs.open(settings.blob_location).put(b"a picture", max_bytes=100)
    damaged = file_of(Path(settings.blob_location), blob.hash)

    def add(_: tarfile.TarFile, path: Path, __: str) -> None:
        if path == damaged:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(tarfile.TarFile, "add", add)
    with pytest.raises(backups.NotBackedUp, match=f"^{damaged} cannot be read: Input/output error"):
        make(settings, tmp_path / "backup.tar", with_files=True)


@pytest.mark.usefixtures("db")
async def test_files_and_own_models_are_packed_if_wanted(settings: Settings, tmp_path: Path) -> None:
    blob = await Blobs.open(settings.blob_location).put(b"a picture", max_bytes=100)
    (settings.data_dir / "models.toml").write_text("")
    target = tmp_path / "backup.tar"
    make(settings, target, with_files=True)
    with tarfile.open(target) as archive:
        archive.extractall(tmp_path / "elsewhere", filter="data")
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == [
        "blobs",
        "kinora.db",
        "models.toml",
    ]
    assert await Blobs.open(tmp_path / "elsewhere" / "blobs").get(blob.hash) == b"a picture"


@pytest.mark.usefixtures("db")
async def test_files_in_a_bucket_are_not_packed(settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"blob_url": "s3://bucket"})
    with pytest.raises(backups.NotBackedUp, match="BLOB_URL names a bucket"):
        make(elsewhere, tmp_path / "backup.tar", with_files=True)


async def test_an_original_is_not_taken_for_a_copy(db: SqliteDatabase) -> None:
    await db.write(lived(Past(None)))
    assert await db.write(copies.take_up(now_ms=NOW_MS)) is None
    assert (await db.read(jobs.get(1))).state is JobState.QUEUED


async def test_a_copy_is_taken_up_once(settings: Settings, db: SqliteDatabase, tmp_path: Path) -> None:
    for _ in range(3):
        await db.write(lived(Past(None)))
    await db.write(lanes.open_pool("kling"))
    for _ in range(2):
        await db.write(jobs.admit("kling", slots=9, now_ms=NOW_MS))
    submitted = await db.read(jobs.get(2))
    await db.write(jobs.move(submitted, JobState.RENDERING, now_ms=NOW_MS, task_id="7", marked_at_ms=NOW_MS))
    make(settings, tmp_path / "backup.db")
    copy = await SqliteDatabase.open(tmp_path / "backup.db")
    taken_up = await copy.write(copies.take_up(now_ms=NOW_MS + 1000))
    assert taken_up == copies.TakenUp(NOW_MS, ended=1, looked_up=1, followed=1)
    assert await copy.write(copies.take_up(now_ms=NOW_MS + 2000)) is None
    first, second, third = [await copy.read(jobs.get(number)) for number in (1, 2, 3)]
    assert (first.state, first.marked_at_ms, first.cancel_requested) == (JobState.SUBMITTING, NOW_MS, True)
    assert (second.state, second.cancel_requested) == (JobState.RENDERING, False)
    assert second.post_marked_at_ms is not None
    assert second.post_marked_at_ms < NOW_MS - NONCE_TRUSTED_MS  # so that it is looked for
    assert (third.state, third.error is None) == (JobState.FAILED, False)
    assert await copy.read(audit.discrepancies()) == 0
    accepted = await copy.write(
        jobs.accept(
            builders.origin(),
            builders.request(),
            builders.choice(),
            defaults=builders.NO_CAPS,
            now_ms=NOW_MS,
        )
    )
    assert accepted.job.id == 4 + copies.GAP
    await copy.close()


@pytest.mark.usefixtures("db")
async def test_a_table_that_was_empty_leaves_its_first_numbers_out_too(
    settings: Settings, tmp_path: Path
) -> None:
    make(settings, tmp_path / "backup.db")
    with closing(sqlite3.connect(tmp_path / "backup.db")) as copy:
        left_out = dict(copy.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    assert {"jobs", "offers", "ledger", "grants"} <= left_out.keys()
    assert set(left_out.values()) == {copies.GAP}


def _ids() -> copies.Transaction[list[int]]:
    rows = yield "SELECT id FROM jobs", {}
    return [row["id"] for row in rows]
