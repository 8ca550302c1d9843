"""What log channels were not told of: from when they were chosen on, found by its own index."""

import re
from pathlib import Path

import pytest

from bot.db import guilds, jobs, lanes, request_log
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from tests import builders
from tests.db.test_upgrades import as_of

LOG = 20
_BEFORE_HOME = 3


@pytest.fixture
async def db(either: Database) -> Database:
    await either.write(lanes.open_pool("local"))
    return either


async def ask(db: Database, guild_id: int = 1) -> int:
    accepted = jobs.accept(
        builders.origin(guild_id=guild_id),
        builders.request(),
        builders.choice(),
        defaults=builders.NO_CAPS,
        now_ms=1,
    )
    return (await db.write(accepted)).job.id


async def choose(db: Database, guild_id: int = 1, **columns: object) -> None:
    await db.write(guilds.prefer(guild_id, columns, defaults=builders.NO_CAPS))


async def untold(db: Database, guild_id: int = 1) -> list[int] | None:
    found = await db.read(request_log.untold(guild_id, limit=10))
    return None if found is None else [job.id for job in found.jobs]


async def test_a_server_without_a_log_channel_is_told_nothing(db: Database) -> None:
    await ask(db)
    assert await untold(db) is None
    assert await untold(db, 2) is None
    await choose(db, log_channel_id=LOG, logs_requests=0)
    assert await untold(db) is None
    assert await db.read(request_log.guilds_behind()) == []


async def test_what_was_asked_before_is_not_told_whatever_is_chosen_later(db: Database) -> None:
    await ask(db)
    await choose(db, log_channel_id=LOG)
    assert await untold(db) == []
    second = await ask(db)
    await choose(db, log_channel_id=LOG + 1)
    await choose(db, price_percent=150)
    assert await untold(db) == [second]
    await choose(db, logs_requests=0)
    await ask(db)
    await choose(db, logs_requests=1)
    assert await untold(db) == []


async def test_what_was_told_is_not_told_again(db: Database) -> None:
    await choose(db, log_channel_id=LOG)
    await choose(db, 2, log_channel_id=LOG)
    first, theirs, second = await ask(db), await ask(db, 2), await ask(db)
    assert await untold(db) == [first, second]
    assert await db.read(request_log.guilds_behind()) == [1, 2]
    await db.write(request_log.told(1, second))
    await db.write(request_log.told(1, first))
    assert await untold(db) == []
    assert await untold(db, 2) == [theirs]
    assert await db.read(request_log.guilds_behind()) == [2]


async def test_who_was_forgotten_meanwhile_is_not_told_of(db: Database) -> None:
    await choose(db, log_channel_id=LOG)
    first, second = await ask(db), await ask(db)

    def forget() -> Transaction[None]:
        yield "UPDATE jobs SET user_id = -1 WHERE id = :id", {"id": first}

    await db.write(forget())
    assert await untold(db) == [second]
    await db.write(request_log.told(1, second))
    assert await db.read(request_log.guilds_behind()) == []


@pytest.mark.parametrize("sql", [request_log._UNTOLD, request_log._BEHIND])
async def test_a_servers_history_is_not_read_for_what_is_new(embedded: SqliteDatabase, sql: str) -> None:
    def plan() -> Transaction[str]:
        rows = yield f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(re.findall(r":(\w+)", sql), 1)
        return "\n".join(row["detail"] for row in rows)

    found = await embedded.read(plan())
    assert "INDEX jobs_guild (guild_id=? AND id>?)" in found
    assert "TEMP B-TREE" not in found


async def test_an_older_installation_is_not_told_of_its_past(tmp_path: Path) -> None:
    path = tmp_path / "older.db"
    with as_of(path, _BEFORE_HOME) as connection:
        connection.execute("INSERT INTO guilds (guild_id, log_channel_id) VALUES (1, 20)")
        connection.execute("INSERT INTO pools (pool) VALUES ('local')")
        connection.execute(
            """INSERT INTO jobs (state, request_key, guild_id, channel_id, user_id, card_id, upload_limit, request,
                provider, model, credits, worth, run_at_ms, created_at_ms)
            VALUES ('done', 'k', 1, 10, 100, 1000, 1, '{"prompt": "x"}', 'local', 'local-camera', 5, 5, 1, 1)"""
        )
    connection.close()
    upgraded = await SqliteDatabase.open(path)
    try:
        assert await untold(upgraded) == []
        new = await ask(upgraded)
        assert await untold(upgraded) == [new]
    finally:
        await upgraded.close()
