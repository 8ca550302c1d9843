"""An installation that moves from its SQLite file to PostgreSQL."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.db import audit, installation, jobs, lanes
from bot.db.errors import DatabaseInUse, MovedAway
from bot.db.opening import open_database
from bot.db.postgres.database import PostgresDatabase
from bot.db.postgres.moving import Moved, NotMovable, TargetNotEmpty, move
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import JobState
from tests import histories
from tests.histories import NOW_MS, Past

_PAST = [
    Past(end=end, at_ms=NOW_MS - number * 3_600_000, user_id=100 + number % 3, guild_id=1 + number % 2)
    for number, end in enumerate([*histories.ROADS, JobState.DONE, None, None])
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An installation with jobs that have ended, and some that wait."""
    path = tmp_path / "kinora.db"
    history = histories.History(path)
    history.add(*_PAST)
    history.write(installation.remember("name", "abc123"))
    history.connection.close()
    return path


async def moved(source: Path, url: str) -> Moved:
    return await move(source, url, now_ms=NOW_MS, told=lambda _table, _rows: None)


def rows_of(cursor: Any) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in cursor.fetchall()), key=repr)


async def test_everything_arrives_as_it_was(source: Path, postgres_url: str) -> None:
    told: dict[str, int] = {}
    result = await move(source, postgres_url, now_ms=NOW_MS, told=told.__setitem__)
    assert result == Moved(tables=len(told), rows=sum(told.values()), differences=0)
    assert told["jobs"] == len(_PAST)
    with closing(sqlite3.connect(source)) as file, psycopg.connect(postgres_url) as target:
        for table in told:
            columns = ", ".join(row[1] for row in file.execute(f"PRAGMA table_info({table})"))
            query = f"SELECT {columns} FROM {table} WHERE {columns.split(',')[0]} IS DISTINCT FROM 'moved at'"
            sent = rows_of(file.execute(query.replace("IS DISTINCT FROM", "IS NOT")))
            assert rows_of(target.execute(query.partition(" WHERE")[0].encode())) == sent


async def test_the_installation_goes_on_where_it_was(source: Path, postgres_url: str) -> None:
    await moved(source, postgres_url)
    db = await PostgresDatabase.open(postgres_url)
    try:
        assert await db.read(audit.discrepancies()) == 0
        assert await db.read(audit.wrong_ends()) == []
        assert await db.write(lanes.recount()) == 0
        assert await db.read(installation.recall("name")) == "abc123"
        admitted = await db.write(jobs.admit("kling", slots=3, now_ms=NOW_MS))
        assert admitted is not None
        assert admitted.state is JobState.SUBMITTING
        new = await db.write(histories.lived(Past(end=None)))
        assert new.id == len(_PAST) + 1
    finally:
        await db.close()


async def test_a_number_that_was_given_and_is_gone_is_not_given_again(
    source: Path, postgres_url: str
) -> None:
    with closing(sqlite3.connect(source)) as file:
        file.execute("UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'jobs'")
        file.commit()
    await moved(source, postgres_url)
    db = await PostgresDatabase.open(postgres_url)
    try:
        assert (await db.write(histories.lived(Past(end=None)))).id == 5001
    finally:
        await db.close()


async def test_nobody_starts_on_what_was_moved_and_it_is_not_moved_twice(
    source: Path, postgres_url: str
) -> None:
    await moved(source, postgres_url)
    with pytest.raises(MovedAway, match="set DATABASE_URL"):
        await moved(source, postgres_url)
    with pytest.raises(MovedAway):
        await open_database(source)


async def test_a_database_with_something_in_it_is_left_as_it_is(source: Path, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as target:
        target.execute("INSERT INTO guilds (guild_id) VALUES (7)")
    with pytest.raises(TargetNotEmpty, match="guilds"):
        await moved(source, postgres_url)
    assert jobs_in(postgres_url) == 0


async def test_nothing_arrives_if_one_row_does_not(source: Path, postgres_url: str) -> None:
    with closing(sqlite3.connect(source)) as file:
        file.execute("UPDATE jobs SET tries = 1 << 40 WHERE id = 1")
        file.commit()
    with pytest.raises(NotMovable):
        await moved(source, postgres_url)
    assert jobs_in(postgres_url) == 0
    with closing(sqlite3.connect(source)) as file:
        assert file.execute("SELECT count(*) FROM installation WHERE name = 'moved at'").fetchone() == (0,)


async def test_a_bot_that_runs_is_not_moved(source: Path, postgres_url: str) -> None:
    running = await SqliteDatabase.open(source)
    try:
        with pytest.raises(DatabaseInUse):
            await moved(source, postgres_url)
    finally:
        await running.close()
    assert jobs_in(postgres_url) == 0


async def test_what_died_between_the_two_commits_is_finished_when_it_is_moved_once_more(
    source: Path, postgres_url: str
) -> None:
    before = await moved(source, postgres_url)
    unmark(source)
    assert await moved(source, postgres_url) == before
    assert jobs_in(postgres_url) == len(_PAST)
    with pytest.raises(MovedAway):
        await open_database(source)


async def test_an_installation_that_has_run_since_is_not_taken_for_one_that_has_just_arrived(
    source: Path, postgres_url: str
) -> None:
    await moved(source, postgres_url)
    unmark(source)
    db = await PostgresDatabase.open(postgres_url)
    try:
        await db.write(histories.lived(Past(end=None)))
    finally:
        await db.close()
    with pytest.raises(TargetNotEmpty, match="moved there before"):
        await moved(source, postgres_url)


async def test_nobody_writes_to_the_file_while_it_is_moved(source: Path, postgres_url: str) -> None:
    def told(_table: str, _rows: int) -> None:
        with closing(sqlite3.connect(source, timeout=0)) as file, pytest.raises(sqlite3.OperationalError):
            file.execute("BEGIN IMMEDIATE")

    await move(source, postgres_url, now_ms=NOW_MS, told=told)


async def test_nothing_arrives_if_the_file_cannot_say_that_it_was_moved(
    source: Path, postgres_url: str
) -> None:
    with closing(sqlite3.connect(source)) as file:
        file.execute(
            "CREATE TRIGGER full BEFORE INSERT ON installation BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END"
        )
        file.commit()
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        await moved(source, postgres_url)
    assert jobs_in(postgres_url) == 0


def unmark(source: Path) -> None:
    with closing(sqlite3.connect(source)) as file:
        file.execute("DELETE FROM installation WHERE name = 'moved at'")
        file.commit()


def jobs_in(url: str) -> int:
    with psycopg.connect(url) as target:
        [found] = target.execute("SELECT count(*) FROM jobs").fetchall()
        return found[0]
