"""Servers: what their moderators chose, what a request has to reckon with, and the prices they take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from bot.db import limits
from bot.db.transaction import Row, Transaction
from bot.domain.limits import Limits
from bot.domain.money import zone_of
from bot.domain.pricing import Prices


@dataclass(frozen=True, slots=True)
class Block:
    """A member who may not make clips."""

    until_ms: int | None
    """None: until a moderator lifts it."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a server asks of a request, and of the member who makes it."""

    zone: tzinfo
    confirm_above: int | None
    """Credits above which the member is asked first; None never asks."""
    approval_role_id: int | None
    """Who has not this role needs a moderator's word; None asks nobody."""
    moderator_role_id: int | None
    pays_overrun: bool
    block: Block | None
    is_left: bool = False
    """Whether the bot was removed from it."""


def settle_in(guild_id: int, *, defaults: Limits) -> Transaction[None]:
    """Make sure that a server has its row; one seen for the first time starts with `defaults` and keeps them."""
    rows = yield _INSERT, {"guild_id": guild_id}
    if rows:
        for row in defaults.rows:
            yield from limits.put(guild_id, row)


def terms(guild_id: int, user_id: int, *, defaults: Limits, now_ms: int) -> Transaction[Terms]:
    """What a request of a member has to reckon with."""
    wanted = {"guild_id": guild_id, "user_id": user_id, "now_ms": now_ms}
    rows = yield _LOCKED_TERMS, wanted
    if not rows:
        yield from settle_in(guild_id, defaults=defaults)
        rows = yield _LOCKED_TERMS, wanted
    return _terms(rows[0])


def known_terms(guild_id: int, user_id: int, *, now_ms: int) -> Transaction[Terms | None]:
    """The same, only read; None for a server that was never seen."""
    rows = yield _TERMS, {"guild_id": guild_id, "user_id": user_id, "now_ms": now_ms}
    return _terms(rows[0]) if rows else None


def _terms(row: Row) -> Terms:
    return Terms(
        zone=zone_of(row["time_zone"]),
        confirm_above=row["confirm_above"],
        approval_role_id=row["approval_role_id"],
        moderator_role_id=row["moderator_role_id"],
        pays_overrun=bool(row["pays_overrun"]),
        block=Block(row["until_ms"], row["reason"]) if row["is_blocked"] else None,
        is_left=row["left_at_ms"] is not None,
    )


def zone(guild_id: int) -> Transaction[tzinfo]:
    """By whose clock a server's days begin; UTC for one that was never seen."""
    rows = yield "SELECT time_zone FROM guilds WHERE guild_id = :guild_id", {"guild_id": guild_id}
    return zone_of(rows[0]["time_zone"]) if rows else UTC


def preferences(guild_id: int) -> Transaction[Mapping[str, Any]]:
    """What a server prefers, by column; empty for one that was never seen."""
    rows = yield _PREFERRED, {"guild_id": guild_id}
    return {column: rows[0][column] for column in PREFERENCES} if rows else {}


def prefer(guild_id: int, changed: Mapping[str, object], *, defaults: Limits) -> Transaction[None]:
    """Change what a server prefers, by column; one seen for the first time starts with the caps `defaults`."""
    if unknown := changed.keys() - set(PREFERENCES):
        raise ValueError(f"{', '.join(sorted(unknown))}: no preference of a server")
    yield from settle_in(guild_id, defaults=defaults)
    columns = ", ".join(f"{column} = :{column}" for column in changed)
    if changed.keys() & {"log_channel_id", "logs_requests"}:
        columns += f", {_LOGGED_FROM_NOW}"
    yield (
        f"UPDATE guilds SET {columns} WHERE guild_id = :guild_id",  # noqa: S608 - names are checked
        {"guild_id": guild_id, **changed},
    )


def prices(guild_id: int, preferred: Mapping[str, Any] | None = None) -> Transaction[Prices]:
    """What clips cost in a server, of whose preferences those that are given are not read again."""
    if preferred is None:
        preferred = yield from preferences(guild_id)
    rows = yield "SELECT model, credits_per_s FROM prices WHERE guild_id = :guild_id", {"guild_id": guild_id}
    return Prices(
        percent=preferred.get("price_percent", 100),
        per_second={row["model"]: row["credits_per_s"] for row in rows},
    )


def set_price(guild_id: int, model: str, credits_per_s: int | None) -> Transaction[None]:
    """Give a model a price of the server's own; None takes the catalogue's again. The server has settled in."""
    key = {"guild_id": guild_id, "model": model}
    if credits_per_s is None:
        yield "DELETE FROM prices WHERE guild_id = :guild_id AND model = :model", key
    else:
        yield _PRICE, {**key, "credits_per_s": credits_per_s}


def block(guild_id: int, user_id: int, *, until_ms: int | None, reason: str | None) -> Transaction[None]:
    """Keep a member from making clips; a later block replaces an earlier one. The server has settled in."""
    yield _BLOCK, {"guild_id": guild_id, "user_id": user_id, "until_ms": until_ms, "reason": reason}


def blocked(guild_id: int, *, now_ms: int, limit: int) -> Transaction[list[tuple[int, Block]]]:
    """Members who may not make clips, the lowest ids first."""
    rows = yield _BLOCKED, {"guild_id": guild_id, "now_ms": now_ms, "limit": limit}
    return [(row["user_id"], Block(row["until_ms"], row["reason"])) for row in rows]


def unblock(guild_id: int, user_id: int) -> Transaction[bool]:
    """Let a member make clips again; False if nobody kept them from it."""
    rows = yield _UNBLOCK, {"guild_id": guild_id, "user_id": user_id}
    return bool(rows)


PREFERENCES = (
    "cheapest_first",
    "time_zone",
    "log_channel_id",
    "moderator_role_id",
    "approval_role_id",
    "confirm_above",
    "price_percent",
    "pays_overrun",
    "language",
    "allowed_channels",
    "default_provider",
    "default_model",
    "default_quality",
    "thread_style",
    "gallery_channel_id",
    "reply_style",
    "age_restricted_only",
    "spoilers",
    "unhidden_role_id",
    "blocked_words",
    "blocked_patterns",
    "logs_requests",
)
"""The columns that hold what moderators choose."""

_PREFERRED = f"SELECT {', '.join(PREFERENCES)} FROM guilds WHERE guild_id = :guild_id"  # noqa: S608 - built from constants
_LOGGED_FROM_NOW = """
    logged_job_id = CASE WHEN log_channel_id IS NULL OR logs_requests = 0
        THEN (SELECT coalesce(max(id), 0) FROM jobs) ELSE logged_job_id END
"""
"""Who begins to be told of requests is not told of those before."""
_TERMS = """
    SELECT time_zone, confirm_above, approval_role_id, moderator_role_id, pays_overrun, left_at_ms,
        blocks.user_id IS NOT NULL AS is_blocked, until_ms, reason
    FROM guilds LEFT JOIN blocks ON blocks.guild_id = guilds.guild_id AND blocks.user_id = :user_id
        AND (until_ms IS NULL OR until_ms > :now_ms)
    WHERE guilds.guild_id = :guild_id
"""
_LOCKED_TERMS = f"{_TERMS} /*pg:FOR UPDATE OF guilds*/"
_INSERT = (
    "INSERT INTO guilds (guild_id) VALUES (:guild_id) ON CONFLICT (guild_id) DO NOTHING RETURNING guild_id"
)
_PRICE = """
    INSERT INTO prices (guild_id, model, credits_per_s) VALUES (:guild_id, :model, :credits_per_s)
    ON CONFLICT (guild_id, model) DO UPDATE SET credits_per_s = excluded.credits_per_s
"""
_BLOCK = """
    INSERT INTO blocks (guild_id, user_id, until_ms, reason) VALUES (:guild_id, :user_id, :until_ms, :reason)
    ON CONFLICT (guild_id, user_id) DO UPDATE SET until_ms = excluded.until_ms, reason = excluded.reason
"""
_BLOCKED = """
    SELECT user_id, until_ms, reason FROM blocks
    WHERE guild_id = :guild_id AND (until_ms IS NULL OR until_ms > :now_ms) ORDER BY user_id LIMIT :limit
"""
_UNBLOCK = "DELETE FROM blocks WHERE guild_id = :guild_id AND user_id = :user_id RETURNING user_id"
