"""Offers: what a button under a refusal would do, kept until it is pressed or lapses."""

from bot.db.transaction import Transaction
from bot.domain.errors import OfferLapsed


def make(guild_id: int, user_id: int, ask: str, *, lapses_at_ms: int, now_ms: int) -> Transaction[int]:
    """Keep an offer for one member and drop those that lapsed; returns its number."""
    yield "DELETE FROM offers WHERE lapses_at_ms < :now_ms", {"now_ms": now_ms}
    rows = yield _INSERT, {"guild_id": guild_id, "user_id": user_id, "ask": ask, "lapses_at_ms": lapses_at_ms}
    return int(rows[0]["id"])


def look(offer_id: int, guild_id: int, user_id: int, *, now_ms: int) -> Transaction[str]:
    """What an open offer would ask.

    Raises:
        OfferLapsed: as `take`.
    """
    rows = yield _LOOK, {"id": offer_id, "guild_id": guild_id, "user_id": user_id, "now_ms": now_ms}
    if not rows:
        raise OfferLapsed
    return rows[0]["ask"]


def take(offer_id: int, guild_id: int, user_id: int, *, now_ms: int) -> Transaction[None]:
    """Redeem an offer, once, by the member it was made to; together with what it leads to.

    Raises:
        OfferLapsed: it was taken, has lapsed, or is somebody else's.
    """
    rows = yield _TAKE, {"id": offer_id, "guild_id": guild_id, "user_id": user_id, "now_ms": now_ms}
    if not rows:
        raise OfferLapsed


_INSERT = """
    INSERT INTO offers (guild_id, user_id, ask, lapses_at_ms)
    VALUES (:guild_id, :user_id, :ask, :lapses_at_ms) RETURNING id
"""
_MINE = "id = :id AND guild_id = :guild_id AND user_id = :user_id AND lapses_at_ms >= :now_ms"
_LOOK = f"SELECT ask FROM offers WHERE {_MINE}"  # noqa: S608 - built from a constant
_TAKE = f"DELETE FROM offers WHERE {_MINE} RETURNING id"  # noqa: S608 - built from a constant
