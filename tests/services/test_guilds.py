"""Settings of servers: rows of one table, what is held of them, and who may change them."""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.db import audit, entries, guilds, jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Rows, Transaction
from bot.domain.errors import QuotaExceeded
from bot.domain.jobs import Asker, Job
from bot.domain.limits import Limits
from bot.services.controls import Channel, OneOf, Surroundings
from bot.services.guilds import GuildSettings, ManagersOnly
from bot.services.preferences import (
    SETTINGS,
    Chosen,
    GuildSetting,
    NoSuchSetting,
    NoSuchValue,
    suggested,
)
from tests import books, builders
from tests.services.doubles import TurnedClock

GUILD, ADA, MODS, CREW, LOG, FORUM = 1, 77, 5, 7, 20, 21
AROUND = Surroundings(
    guild_id=GUILD,
    user_id=ADA,
    manages=True,
    roles={MODS: "mods", CREW: "crew"},
    places={LOG: Channel("log")},
    channels={LOG: Channel("log"), FORUM: Channel("clips")},
    providers={"kling": ""},
    models={"kling-v3": "Kling 3.0, kling"},
)
BY_NAME = {row.name: row for row in SETTINGS}
ANOTHER = {  # for every setting, what is typed and what is held then
    "routing": ("cheapest", 1),
    "time_zone": ("berlin", "Europe/Berlin"),
    "log_channel": ("#log", LOG),
    "moderator_role": ("mods", MODS),
    "approval_role": ("crew", CREW),
    "confirm_above": ("250", 250),
    "price_percent": ("150 %", 150),
    "pays_overrun": ("yes", 1),
    "channels": ("#clips, <#20>", "21,20"),
    "age_restricted_only": ("yes", 1),
    "replies": ("ignore", 2),
    "provider": ("Kling", "kling"),
    "model": ("kling-v3", "kling-v3"),
    "quality": ("4K", "4k"),
    "threads": ("gallery", 3),
    "gallery": ("log", LOG),
    "spoilers": ("always", 1),
    "unhidden_role": ("crew", CREW),
    "words": ("blood* | No violence ; gore", "blood* | No violence\ngore"),
    "patterns": ("a|b | No letters", "a|b | No letters"),
    "log_requests": ("no", 0),
    "language": ("de", "de"),
}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def settings(db: SqliteDatabase, clock: TurnedClock, changes: list[str]) -> GuildSettings:
    return GuildSettings(
        db=db, clock=clock, defaults=builders.NO_CAPS, changed=lambda: changes.append("changed")
    )


def noted(guild_id: int = GUILD) -> Transaction[list[Any]]:
    """What the ledger says of a server: by whom, and what."""
    rows: Rows = yield (
        "SELECT kind, user_id, by_id, credits, reason, at_ms FROM ledger WHERE guild_id = :guild_id ORDER BY id",
        {"guild_id": guild_id},
    )
    return [tuple(row) for row in rows]


# ---- Choosing


async def test_a_new_server_has_every_setting_as_usual(settings: GuildSettings) -> None:
    assert await settings.all(GUILD) == [Chosen(row, row.usual) for row in SETTINGS]


@pytest.mark.parametrize("name", BY_NAME)
async def test_what_is_chosen_holds_for_that_server_until_it_is_reset(
    db: SqliteDatabase, settings: GuildSettings, name: str
) -> None:
    row, (typed, stored) = BY_NAME[name], ANOTHER[name]
    assert (
        await settings.choose(AROUND, name, typed) == Chosen(row, stored) == await settings.one(GUILD, name)
    )
    assert [one for one in await settings.all(GUILD) if not one.is_usual] == [Chosen(row, stored)]
    assert (await db.read(guilds.preferences(GUILD)))[row.column] == stored
    assert all(one.is_usual for one in await settings.all(2))
    assert await settings.reset(AROUND, name) == [Chosen(row, row.usual)]
    assert all(one.is_usual for one in await settings.all(GUILD))


async def test_everything_is_reset_at_once(settings: GuildSettings) -> None:
    for name, (typed, _) in ANOTHER.items():
        await settings.choose(AROUND, name, typed)
    assert not any(one.is_usual for one in await settings.all(GUILD))
    usual = [Chosen(row, row.usual) for row in SETTINGS]
    assert await settings.reset(AROUND) == usual
    assert await settings.all(GUILD) == usual


async def test_resetting_what_nobody_chose_changes_nothing(
    db: SqliteDatabase, settings: GuildSettings
) -> None:
    assert await settings.reset(AROUND) == await settings.all(GUILD) == await settings.all(2)
    assert await db.read(noted()) == []


@pytest.mark.parametrize("typed", ["", "cheap", "1", "cheapest_first", "@everyone", "x" * 6000])
async def test_a_value_that_is_none_is_refused_with_those_there_are(
    db: SqliteDatabase, settings: GuildSettings, typed: str
) -> None:
    with pytest.raises(NoSuchValue) as refusal:
        await settings.choose(AROUND, "routing", typed)
    assert str(refusal.value) == "`routing` can be `order` or `cheapest`; choose one of them."
    assert (await settings.one(GUILD, "routing")).is_usual
    assert await db.read(noted()) == []


async def test_a_setting_that_is_none_is_refused(settings: GuildSettings) -> None:
    for name in ("", "weight", "cheapest_first", "Routing; DROP TABLE guilds"):
        with pytest.raises(NoSuchSetting):
            await settings.choose(AROUND, name, "cheapest")
        with pytest.raises(NoSuchSetting):
            await settings.reset(AROUND, name)
        with pytest.raises(NoSuchSetting):
            await settings.one(GUILD, name)
        assert list(suggested(name, "", AROUND)) == []
    assert await settings.all(GUILD) == await settings.all(2)


# ---- The ledger


async def test_every_change_is_noted_with_who_made_it_and_what_it_was_before(
    db: SqliteDatabase, settings: GuildSettings, clock: TurnedClock
) -> None:
    await settings.choose(AROUND, "confirm_above", "100")
    await settings.choose(replace(AROUND, user_id=78), "confirm_above", "250")
    await settings.choose(AROUND, "moderator_role", "mods")
    await settings.reset(AROUND)
    said = [
        (ADA, "confirm_above none -> 100 credits"),
        (78, "confirm_above 100 credits -> 250 credits"),
        (ADA, "moderator_role none -> mods (5)"),
        (ADA, "confirm_above 250 credits -> none"),
        (ADA, "moderator_role mods (5) -> none"),
    ]
    assert await db.read(noted()) == [
        ("limit", entries.SERVER, by_id, 0, reason, clock.now_ms()) for by_id, reason in said
    ]
    assert await db.read(audit.discrepancies()) == 0


async def test_changes_at_the_same_moment_are_noted_one_after_the_other(
    db: SqliteDatabase, settings: GuildSettings
) -> None:
    await asyncio.gather(*(settings.choose(AROUND, "confirm_above", str(number)) for number in range(20)))
    steps = [row[4].removeprefix("confirm_above ").split(" -> ") for row in await db.read(noted())]
    assert len(steps) == 20
    assert [before for before, _ in steps] == ["none", *(after for _, after in steps[:-1])]
    shown = (await settings.one(GUILD, "confirm_above")).state(AROUND)
    assert shown.plain == steps[-1][1]


async def test_others_hear_of_changes_and_not_of_refusals(
    settings: GuildSettings, changes: list[str]
) -> None:
    await settings.choose(AROUND, "log_channel", "log")
    with pytest.raises(NoSuchValue):
        await settings.choose(AROUND, "log_channel", "rules")
    assert changes == ["changed"]


async def test_a_role_that_was_deleted_meanwhile_is_noted_by_its_id(
    db: SqliteDatabase, settings: GuildSettings
) -> None:
    await settings.choose(AROUND, "approval_role", "crew")
    await settings.reset(replace(AROUND, roles={}), "approval_role")
    assert (await db.read(noted()))[-1][4] == "approval_role deleted role (7) -> none"


async def test_choosing_what_holds_already_is_no_change(db: SqliteDatabase, settings: GuildSettings) -> None:
    for _ in range(2):
        await settings.choose(AROUND, "price_percent", "150")
    assert len(await db.read(noted())) == 1


# ---- Who may


@pytest.mark.parametrize(
    ("asker", "may"),
    [
        (Asker(), False),
        (Asker(manages=True), True),
        (Asker(frozenset({MODS})), True),
        (Asker(frozenset({CREW})), False),
        (Asker(frozenset({GUILD})), False),
    ],
)
async def test_a_moderator_manages_the_server_or_has_its_role(
    settings: GuildSettings, asker: Asker, *, may: bool
) -> None:
    await settings.choose(AROUND, "moderator_role", "mods")
    assert await settings.is_moderator(GUILD, asker) is may


async def test_nobody_moderates_by_a_role_that_is_another_servers_or_was_never_chosen(
    settings: GuildSettings,
) -> None:
    await settings.choose(AROUND, "moderator_role", "mods")
    assert not await settings.is_moderator(2, Asker(frozenset({MODS})))
    await settings.reset(AROUND, "moderator_role")
    assert not await settings.is_moderator(GUILD, Asker(frozenset({MODS})))


async def test_the_role_of_everybody_makes_no_moderators_even_if_it_stands_in_the_row(
    db: SqliteDatabase, settings: GuildSettings
) -> None:
    await db.write(guilds.prefer(GUILD, {"moderator_role_id": GUILD}, defaults=builders.NO_CAPS))
    assert not await settings.is_moderator(GUILD, Asker(frozenset({GUILD, MODS})))


async def test_only_who_manages_the_server_says_who_else_moderates_it(
    db: SqliteDatabase, settings: GuildSettings
) -> None:
    await settings.choose(AROUND, "moderator_role", "mods")
    by_role = replace(AROUND, user_id=78, manages=False)
    with pytest.raises(ManagersOnly, match=r"Only people with Manage Server can change `moderator_role`\.$"):
        await settings.choose(by_role, "moderator_role", "crew")
    with pytest.raises(ManagersOnly):
        await settings.reset(by_role, "moderator_role")
    with pytest.raises(ManagersOnly, match="so set the others back one by one"):
        await settings.reset(by_role)
    assert (await settings.one(GUILD, "moderator_role")).stored == MODS
    for name in BY_NAME.keys() - {"moderator_role"}:
        await settings.choose(by_role, name, ANOTHER[name][0])
        await settings.reset(by_role, name)
    assert len(await db.read(noted())) == 1 + 2 * (len(SETTINGS) - 1)


# ---- A change of time zone


async def test_a_change_of_time_zone_loses_nothing_and_gives_no_period_twice(
    db: SqliteDatabase, settings: GuildSettings
) -> None:
    now_ms = 1_764_543_600_000  # 2025-11-30, 23:00 UTC, a Sunday: the next day, week and month in Auckland

    async def reserved_and_used() -> set[tuple[int, int]]:
        zone = await db.read(guilds.zone(GUILD))
        standing = await db.read(books.standing(guild_id=GUILD, zone=zone, now_ms=now_ms))
        return {(balance.reserved, balance.used) for balance in standing.member.balances}

    await db.write(lanes.open_pool("local"))
    caps = builders.caps(user_day=40)
    job = await asked_for(db, 40, caps, now_ms)
    assert await reserved_and_used() == {(40, 0)}
    await settings.choose(AROUND, "time_zone", "auckland")
    assert await reserved_and_used() == {(0, 0)}
    await asked_for(db, 30, caps, now_ms)
    await db.write(jobs.cancel(job.id, guild_id=GUILD, owner_id=None, now_ms=now_ms))
    assert await reserved_and_used() == {(30, 0)}
    await settings.choose(AROUND, "time_zone", "honolulu")
    assert await reserved_and_used() == {(0, 0)}
    await settings.choose(AROUND, "time_zone", "auckland")
    with pytest.raises(QuotaExceeded) as refusal:
        await asked_for(db, 11, caps, now_ms)
    assert refusal.value.left == 10
    assert await db.read(audit.discrepancies()) == 0


async def asked_for(db: SqliteDatabase, price: int, caps: Limits, now_ms: int) -> Job:
    """A job of the usual member that waits in the queue."""
    accepted = await db.write(
        jobs.accept(
            builders.origin(), builders.request(), builders.choice(price), defaults=caps, now_ms=now_ms
        )
    )
    return accepted.job


# ---- Every row of the table


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_a_row_can_be_offered_by_discord(row: GuildSetting) -> None:
    assert re.fullmatch("[a-z][a-z_]{0,31}", row.name)
    texts = [row.words, *(text for meaning in row.control.meanings for text in meaning)]
    assert not any(text.endswith(".") or "|" in text or len(text) > 120 for text in texts)
    if isinstance(row.control, OneOf):
        values = row.control.values
        assert all(re.fullmatch("[a-z0-9_-]{1,100}", value.name) for value in values)
        assert len(values) == len({value.name for value in values}) == len({value.stored for value in values})
        assert row.usual == values[0].stored  # what stands in for a value that is not known


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
async def test_a_column_that_nobody_has_written_holds_the_usual(
    db: SqliteDatabase, row: GuildSetting
) -> None:
    await db.write(guilds.settle_in(GUILD, defaults=builders.NO_CAPS))
    assert (await db.read(guilds.preferences(GUILD)))[row.column] == row.usual


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_the_usual_can_be_typed(row: GuildSetting) -> None:
    shown = row.control.state(row.usual, AROUND)
    assert row.read(shown.name.strip("`"), AROUND) == row.usual
    assert shown.trouble is None


def test_no_two_rows_share_a_name_or_a_column() -> None:
    assert len(SETTINGS) == len({row.name for row in SETTINGS}) == len({row.column for row in SETTINGS}) <= 25
    assert {row.column for row in SETTINGS} == set(guilds.PREFERENCES)
