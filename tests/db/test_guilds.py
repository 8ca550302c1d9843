"""What servers prefer, and what a request has to reckon with there."""

from datetime import UTC

import pytest

from bot.db import guilds, limits
from bot.db.transaction import Database
from bot.domain.pricing import Prices
from tests import builders

CAPS = builders.caps(user_queued=3)
UNTOUCHED = {
    "cheapest_first": 0,
    "time_zone": "UTC",
    "log_channel_id": None,
    "moderator_role_id": None,
    "approval_role_id": None,
    "confirm_above": None,
    "price_percent": 100,
    "pays_overrun": 0,
    "language": None,
    "allowed_channels": None,
    "default_provider": None,
    "default_model": None,
    "default_quality": None,
    "thread_style": 0,
    "gallery_channel_id": None,
    "reply_style": 0,
    "age_restricted_only": 0,
    "spoilers": 0,
    "unhidden_role_id": None,
    "blocked_words": None,
    "blocked_patterns": None,
    "logs_requests": 1,
}
"""A server whose moderators have chosen nothing."""


@pytest.fixture
def db(either: Database) -> Database:
    return either


async def test_a_server_that_was_never_seen_prefers_nothing(db: Database) -> None:
    assert await db.read(guilds.preferences(1)) == {}
    assert not (await db.read(guilds.preferences(1))).get("cheapest_first")


async def test_what_one_server_prefers_holds_there_and_keeps_its_caps(db: Database) -> None:
    await db.write(guilds.settle_in(1, defaults=CAPS))
    await db.write(guilds.prefer(1, {"cheapest_first": 1}, defaults=builders.NO_CAPS))
    assert await db.read(guilds.preferences(1)) == UNTOUCHED | {"cheapest_first": 1}
    assert (await db.read(guilds.preferences(1)))["cheapest_first"]
    assert not (await db.read(guilds.preferences(2))).get("cheapest_first")
    assert await db.read(limits.all_of(1)) == CAPS


async def test_a_server_seen_for_the_first_time_starts_with_the_default_caps(db: Database) -> None:
    await db.write(guilds.prefer(1, {"cheapest_first": 1}, defaults=CAPS))
    assert await db.read(limits.all_of(1)) == CAPS


@pytest.mark.parametrize("column", ["weight", "guild_id", "cheapest_first = 1 --"])
async def test_no_other_column_is_touched(db: Database, column: str) -> None:
    with pytest.raises(ValueError, match="no preference of a server"):
        await db.write(guilds.prefer(1, {"cheapest_first": 1, column: 7}, defaults=CAPS))
    assert await db.read(guilds.preferences(1)) == {}


async def test_every_preference_is_kept_where_it_was_set(db: Database) -> None:
    chosen = {
        "cheapest_first": 1,
        "time_zone": "Asia/Kathmandu",
        "log_channel_id": 2**63 - 1,
        "moderator_role_id": 7,
        "approval_role_id": 8,
        "confirm_above": 0,
        "price_percent": 250,
        "pays_overrun": 1,
        "language": "de",
        "allowed_channels": f"1,{2**63 - 1}",
        "default_provider": "kling",
        "default_model": "kling-v3",
        "default_quality": "4k",
        "thread_style": 3,
        "gallery_channel_id": 2**63 - 1,
        "reply_style": 2,
        "age_restricted_only": 1,
        "spoilers": 1,
        "unhidden_role_id": 9,
        "blocked_words": "ä* | \u2019\nb",
        "blocked_patterns": "a|b",
        "logs_requests": 0,
    }
    assert chosen.keys() == set(guilds.PREFERENCES)
    await db.write(guilds.prefer(1, chosen, defaults=CAPS))
    await db.write(guilds.settle_in(2, defaults=CAPS))
    assert await db.read(guilds.preferences(1)) == chosen
    assert await db.read(guilds.preferences(2)) == UNTOUCHED


async def test_a_zone_that_this_machine_does_not_know_counts_as_utc(db: Database) -> None:
    for name in ("Mars/Olympus_Mons", "../etc/passwd", "", "Europe"):
        await db.write(guilds.prefer(1, {"time_zone": name}, defaults=CAPS))
        assert await db.read(guilds.zone(1)) is UTC


async def test_a_block_ends_at_its_moment_and_a_later_one_replaces_it(db: Database) -> None:
    async def block(now_ms: int, user_id: int = 100) -> guilds.Block | None:
        terms = await db.write(guilds.terms(1, user_id, defaults=CAPS, now_ms=now_ms))
        return terms.block

    assert await block(0) is None
    await db.write(guilds.block(1, 100, until_ms=50, reason="spam"))
    assert await block(49) == guilds.Block(50, "spam")
    assert await block(50) is None
    assert await block(49, user_id=101) is None
    await db.write(guilds.block(1, 100, until_ms=None, reason=None))
    assert await block(10**15) == guilds.Block(None, None)
    assert await db.write(guilds.unblock(1, 100))
    assert not await db.write(guilds.unblock(1, 100))
    assert await block(0) is None


async def test_a_price_of_ones_own_stands_until_it_is_taken_back(db: Database) -> None:
    await db.write(guilds.prefer(1, {"price_percent": 250}, defaults=CAPS))
    for credits_per_s in (3, 0):
        await db.write(guilds.set_price(1, "kling-v3", credits_per_s))
        assert await db.read(guilds.prices(1)) == Prices(250, {"kling-v3": credits_per_s})
    await db.write(guilds.set_price(1, "kling-v3", None))
    assert await db.read(guilds.prices(1)) == Prices(250, {})
    assert await db.read(guilds.prices(2)) == Prices(100, {})
