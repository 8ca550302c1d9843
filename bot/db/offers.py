"""Offers: what a button under a refusal or a question would do, kept until it is pressed or lapses."""

from bot.db.transaction import Transaction
from bot.domain.errors import OfferLapsed


def make(
    guild_id: int,
    user_id: int,
    ask: str,
    *,
    lapses_at_ms: int,
    now_ms: int,
    request_key: str | None = None,
) -> Transaction[int]:
    """Keep an offer for one member and drop those that lapsed; returns its number.

    `request_key` is given where a request leads to one offer at most: a question, which is asked until it is answered.
    """
    yield "DELETE FROM offers WHERE lapses_at_ms < :now_ms", {"now_ms": now_ms}
    kept = {"guild_id": guild_id, "user_id": user_id, "ask": ask, "lapses_at_ms": lapses_at_ms}
    rows = yield (
        _INSERT,
        {**kept, "request_key": request_key, "is_asked": int(request_key is not None), "made_at_ms": now_ms},
    )
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


def drop_lapsed(*, now_ms: int) -> Transaction[None]:
    """Drop what lapsed, and is no question: those can be told how they were answered."""
    yield "DELETE FROM offers WHERE lapses_at_ms < :now_ms AND request_key IS NULL", {"now_ms": now_ms}


def of_guild(offer_id: int, guild_id: int) -> Transaction[str | None]:
    """What is kept under a number for anybody in a guild, lapsed or not; None where nothing is (any more)."""
    rows = yield _OF_GUILD, {"id": offer_id, "guild_id": guild_id}
    return rows[0]["ask"] if rows else None


def of_request(request_key: str) -> Transaction[tuple[int, str] | None]:
    """The offer that came out of a request, with its number; None where there is none."""
    rows = yield _OF_REQUEST, {"request_key": request_key}
    return (int(rows[0]["id"]), rows[0]["ask"]) if rows else None


def asked_of(guild_id: int, user_id: int, *, since_ms: int, now_ms: int) -> Transaction[tuple[int, int]]:
    """How many questions of a member nobody has answered yet, and how many were asked since then, whatever came of them."""
    times = {"since_ms": since_ms, "now_ms": now_ms}
    rows = yield _ASKED_OF, {"guild_id": guild_id, "user_id": user_id, **times}
    return rows[0]["waiting"], rows[0]["recent"]


def change(
    offer_id: int, before: str, after: str, *, is_asked: bool, lapses_at_ms: int, now_ms: int
) -> Transaction[None]:
    """Put a question, or its answer, in the place of one, which then lasts until `lapses_at_ms`.

    Raises:
        OfferLapsed: it has lapsed, or is no longer as `before` says.
    """
    changed = {"id": offer_id, "before": before, "after": after, "is_asked": int(is_asked)}
    rows = yield _CHANGE, {**changed, "lapses_at_ms": lapses_at_ms, "now_ms": now_ms}
    if not rows:
        raise OfferLapsed


def renumber(offer_id: int, left: str) -> Transaction[int]:
    """Give an offer another number, so that no button which was shown before takes what it is now; returns that.

    `left` is kept under the old one for as long.
    """
    [row] = yield _COPY, {"id": offer_id}
    yield _LEAVE, {"id": offer_id, "left": left}
    rows = yield _INSERT, dict(row)
    return int(rows[0]["id"])


_INSERT = """
    INSERT INTO offers (guild_id, user_id, ask, lapses_at_ms, request_key, is_asked, made_at_ms)
    VALUES (:guild_id, :user_id, :ask, :lapses_at_ms, :request_key, :is_asked, :made_at_ms) RETURNING id
"""
_OF_GUILD = "SELECT ask FROM offers WHERE id = :id AND guild_id = :guild_id"
_OF_REQUEST = "SELECT id, ask FROM offers WHERE request_key = :request_key"
_ASKED_OF = """
    SELECT coalesce(sum(CASE WHEN is_asked = 1 AND lapses_at_ms >= :now_ms THEN 1 ELSE 0 END), 0) AS waiting,
        coalesce(sum(CASE WHEN made_at_ms >= :since_ms THEN 1 ELSE 0 END), 0) AS recent
    FROM offers WHERE guild_id = :guild_id AND user_id = :user_id AND request_key IS NOT NULL
"""
_CHANGE = """
    UPDATE offers SET ask = :after, is_asked = :is_asked, lapses_at_ms = :lapses_at_ms
    WHERE id = :id AND ask = :before AND offers.lapses_at_ms >= :now_ms RETURNING id
"""
_COPY = """
    SELECT guild_id, user_id, ask, lapses_at_ms, request_key, is_asked, made_at_ms FROM offers WHERE id = :id
"""
_LEAVE = "UPDATE offers SET ask = :left, request_key = NULL, is_asked = 0 WHERE id = :id"
_MINE = "id = :id AND guild_id = :guild_id AND user_id = :user_id AND lapses_at_ms >= :now_ms"
_LOOK = f"SELECT ask FROM offers WHERE {_MINE}"  # noqa: S608 - built from a constant
_TAKE = f"DELETE FROM offers WHERE {_MINE} RETURNING id"  # noqa: S608 - built from a constant
