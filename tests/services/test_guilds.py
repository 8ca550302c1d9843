"""Settings of servers: rows of one table, and what is held of them."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.db import guilds
from bot.db.sqlite import SqliteDatabase
from bot.services.guilds import SETTINGS, Chosen, GuildSetting, GuildSettings, NoSuchSetting, NoSuchValue
from tests import builders

(ROUTING,) = (row for row in SETTINGS if row.name == "routing")
CHEAPEST, ORDER = ROUTING.called("cheapest"), ROUTING.called("order")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


@pytest.fixture
def settings(db: SqliteDatabase) -> GuildSettings:
    return GuildSettings(db=db, defaults=builders.NO_CAPS)


async def test_a_new_server_has_every_setting_as_usual(settings: GuildSettings) -> None:
    assert await settings.all(1) == [Chosen(row, row.usual) for row in SETTINGS]


async def test_what_is_chosen_holds_for_that_server_until_it_is_reset(
    db: SqliteDatabase, settings: GuildSettings
) -> None:
    assert await settings.choose(1, "routing", "cheapest") == Chosen(ROUTING, CHEAPEST)
    assert Chosen(ROUTING, CHEAPEST) in await settings.all(1)
    assert Chosen(ROUTING, ORDER) in await settings.all(2)
    assert await db.read(guilds.is_cheapest_first(1))
    assert await settings.reset(1, "routing") == [Chosen(ROUTING, ORDER)]
    assert not await db.read(guilds.is_cheapest_first(1))


async def test_everything_is_reset_at_once(settings: GuildSettings) -> None:
    for row in SETTINGS:
        await settings.choose(1, row.name, row.choices[-1].name)
    usual = [Chosen(row, row.usual) for row in SETTINGS]
    assert await settings.reset(1) == usual
    assert await settings.all(1) == usual


async def test_resetting_what_nobody_chose_changes_nothing(settings: GuildSettings) -> None:
    assert await settings.reset(1) == await settings.all(1) == await settings.all(2)


@pytest.mark.parametrize("typed", ["Cheapest", " cheapest\n", "CHEAPEST"])
async def test_a_value_may_be_typed_in_any_case(settings: GuildSettings, typed: str) -> None:
    assert (await settings.choose(1, "routing", typed)).value == CHEAPEST


@pytest.mark.parametrize("typed", ["", "cheap", "1", "cheapest_first", "@everyone", "x" * 6000])
async def test_a_value_that_is_none_is_refused_with_those_there_are(
    settings: GuildSettings, typed: str
) -> None:
    with pytest.raises(NoSuchValue) as refusal:
        await settings.choose(1, "routing", typed)
    assert str(refusal.value) == "`routing` can be `order` or `cheapest`; choose one of them."
    assert Chosen(ROUTING, ORDER) in await settings.all(1)


async def test_a_setting_that_is_none_is_refused(settings: GuildSettings) -> None:
    for name in ("", "weight", "cheapest_first", "Routing; DROP TABLE guilds"):
        with pytest.raises(NoSuchSetting):
            await settings.choose(1, name, "cheapest")
        with pytest.raises(NoSuchSetting):
            await settings.reset(1, name)
    assert await settings.all(1) == await settings.all(2)


@pytest.mark.parametrize("stored", [None, 7, "order"])
def test_what_no_choice_stands_for_counts_as_usual(stored: object) -> None:
    assert ROUTING.held_as(stored) == ORDER


# ---- Every row of the table


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_a_row_can_be_offered_by_discord(row: GuildSetting) -> None:
    assert re.fullmatch("[a-z][a-z_]{0,31}", row.name)
    assert 2 <= len(row.choices) <= 25
    assert all(re.fullmatch("[a-z0-9_-]{1,100}", value.name) for value in row.choices)
    assert len({value.name for value in row.choices}) == len({value.stored for value in row.choices})
    assert not any(text.endswith(".") for text in (row.words, *(value.words for value in row.choices)))


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
async def test_a_column_that_nobody_has_written_holds_the_usual(
    db: SqliteDatabase, row: GuildSetting
) -> None:
    await db.write(guilds.caps(1, defaults=builders.NO_CAPS))
    assert (await db.read(guilds.preferences(1)))[row.column] == row.usual.stored


def test_no_two_rows_share_a_name_or_a_column() -> None:
    assert len(SETTINGS) == len({row.name for row in SETTINGS}) == len({row.column for row in SETTINGS}) <= 25
    assert {row.column for row in SETTINGS} == set(guilds.PREFERENCES)
