"""Servers: the caps each has set, or started with."""

from dataclasses import asdict

from bot.db.transaction import Transaction
from bot.domain.money import Caps


def caps(guild_id: int, *, defaults: Caps) -> Transaction[Caps]:
    """The caps of a server; one seen for the first time starts with `defaults` and keeps them."""
    rows = yield _SELECT, {"guild_id": guild_id}
    if not rows:
        yield _INSERT, {"guild_id": guild_id, **asdict(defaults)}
        return defaults
    row = rows[0]
    return Caps(
        guild_monthly_credits=row["guild_monthly_credits"],
        user_daily_credits=row["user_daily_credits"],
        user_queued=row["user_queued"],
        user_running=row["user_running"],
        guild_running=row["guild_running"],
    )


def is_cheapest_first(guild_id: int) -> Transaction[bool]:
    """Whether a server wants the cheapest provider that can, instead of the operator's order."""
    rows = yield "SELECT cheapest_first FROM guilds WHERE guild_id = :guild_id", {"guild_id": guild_id}
    return bool(rows and rows[0]["cheapest_first"])


def prefer_cheapest(guild_id: int, *, is_wanted: bool, defaults: Caps) -> Transaction[None]:
    """Say whether a server wants the cheapest provider that can."""
    yield from caps(guild_id, defaults=defaults)
    yield (
        "UPDATE guilds SET cheapest_first = :wanted WHERE guild_id = :guild_id",
        {"guild_id": guild_id, "wanted": int(is_wanted)},
    )


_SELECT = """
    SELECT guild_monthly_credits, user_daily_credits, user_queued, user_running, guild_running
    FROM guilds WHERE guild_id = :guild_id
"""
_INSERT = """
    INSERT INTO guilds (guild_id, guild_monthly_credits, user_daily_credits, user_queued, user_running, guild_running)
    VALUES (:guild_id, :guild_monthly_credits, :user_daily_credits, :user_queued, :user_running, :guild_running)
    ON CONFLICT (guild_id) DO NOTHING
"""
