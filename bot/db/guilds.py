"""Servers: the caps each has set, or started with, and what its moderators prefer."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

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


def preferences(guild_id: int) -> Transaction[Mapping[str, Any]]:
    """What a server prefers, by column; empty for one that was never seen."""
    rows = yield _PREFERRED, {"guild_id": guild_id}
    return {column: rows[0][column] for column in PREFERENCES} if rows else {}


def prefer(guild_id: int, changed: Mapping[str, object], *, defaults: Caps) -> Transaction[None]:
    """Change what a server prefers, by column; one seen for the first time starts with the caps `defaults`."""
    if unknown := changed.keys() - set(PREFERENCES):
        raise ValueError(f"{', '.join(sorted(unknown))}: no preference of a server")
    yield from caps(guild_id, defaults=defaults)
    columns = ", ".join(f"{column} = :{column}" for column in changed)
    yield (
        f"UPDATE guilds SET {columns} WHERE guild_id = :guild_id",  # noqa: S608 - names are checked
        {"guild_id": guild_id, **changed},
    )


def is_cheapest_first(guild_id: int) -> Transaction[bool]:
    """Whether a server wants the cheapest provider that can, instead of the operator's order."""
    preferred = yield from preferences(guild_id)
    return bool(preferred.get("cheapest_first"))


PREFERENCES = ("cheapest_first",)
"""The columns that hold what moderators choose."""

_PREFERRED = f"SELECT {', '.join(PREFERENCES)} FROM guilds WHERE guild_id = :guild_id"  # noqa: S608 - built from constants
_SELECT = """
    SELECT guild_monthly_credits, user_daily_credits, user_queued, user_running, guild_running
    FROM guilds WHERE guild_id = :guild_id
"""
_INSERT = """
    INSERT INTO guilds (guild_id, guild_monthly_credits, user_daily_credits, user_queued, user_running, guild_running)
    VALUES (:guild_id, :guild_monthly_credits, :user_daily_credits, :user_queued, :user_running, :guild_running)
    ON CONFLICT (guild_id) DO NOTHING
"""
