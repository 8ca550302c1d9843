"""What servers prefer, in the row that also holds their caps."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.db import guilds
from bot.db.sqlite import SqliteDatabase
from tests import builders

CAPS = builders.caps(user_queued=3)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


async def test_a_server_that_was_never_seen_prefers_nothing(db: SqliteDatabase) -> None:
    assert await db.read(guilds.preferences(1)) == {}
    assert not await db.read(guilds.is_cheapest_first(1))


async def test_what_one_server_prefers_holds_there_and_keeps_its_caps(db: SqliteDatabase) -> None:
    await db.write(guilds.caps(1, defaults=CAPS))
    await db.write(guilds.prefer(1, {"cheapest_first": 1}, defaults=builders.NO_CAPS))
    assert await db.read(guilds.preferences(1)) == {"cheapest_first": 1}
    assert await db.read(guilds.is_cheapest_first(1))
    assert not await db.read(guilds.is_cheapest_first(2))
    assert await db.write(guilds.caps(1, defaults=builders.NO_CAPS)) == CAPS


async def test_a_server_seen_for_the_first_time_starts_with_the_default_caps(db: SqliteDatabase) -> None:
    await db.write(guilds.prefer(1, {"cheapest_first": 1}, defaults=CAPS))
    assert await db.write(guilds.caps(1, defaults=builders.NO_CAPS)) == CAPS


@pytest.mark.parametrize("column", ["weight", "guild_id", "cheapest_first = 1 --"])
async def test_no_other_column_is_touched(db: SqliteDatabase, column: str) -> None:
    with pytest.raises(ValueError, match="no preference of a server"):
        await db.write(guilds.prefer(1, {"cheapest_first": 1, column: 7}, defaults=CAPS))
    assert await db.read(guilds.preferences(1)) == {}
