"""Paintings: requests whose motion is yet to be painted on a page, kept as offers are, and sent once."""

from dataclasses import dataclass

from bot.db import blobs, offers
from bot.db.transaction import Transaction
from bot.domain.errors import OfferLapsed


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept under a number."""

    text: str
    is_open: bool
    """Whether it was not sent yet."""


def make(guild_id: int, user_id: int, text: str, *, lapses_at_ms: int, now_ms: int) -> Transaction[int]:
    """Keep a painting for a member; returns its number."""
    number = yield from offers.make(guild_id, user_id, text, lapses_at_ms=lapses_at_ms, now_ms=now_ms)
    yield "UPDATE offers SET is_painting = 1 WHERE id = :id", {"id": number}
    return number


def look(number: int, *, now_ms: int) -> Transaction[Kept | None]:
    """What is kept under a number, whoever's it is; None where nothing is, or it has lapsed."""
    rows = yield _LOOK, {"id": number, "now_ms": now_ms}
    return Kept(rows[0]["ask"], rows[0]["sent_at_ms"] is None) if rows else None


def open_of(user_id: int, *, now_ms: int) -> Transaction[int]:
    """How many paintings of a member wait to be sent, in all servers."""
    rows = yield _OPEN_OF, {"user_id": user_id, "now_ms": now_ms}
    return rows[0]["count"]


def send(number: int, *, now_ms: int) -> Transaction[None]:
    """Use a painting up; together with what it leads to.

    Raises:
        OfferLapsed: somebody was first, or it has lapsed.
    """
    rows = yield _SEND, {"id": number, "now_ms": now_ms}
    if not rows:
        raise OfferLapsed


def drop(number: int, *, now_ms: int) -> Transaction[None]:
    """Keep a painting no longer, and its picture only if something else needs it."""
    for row in (yield "DELETE FROM offers WHERE id = :id AND is_painting = 1 RETURNING ask", {"id": number}):
        yield from blobs.spare(*blobs.named_in(row["ask"]), at_ms=now_ms)


def reopen(number: int) -> Transaction[None]:
    """What was sent has led to nothing: it may be sent again, as long as it has not lapsed."""
    yield "UPDATE offers SET sent_at_ms = NULL WHERE id = :id", {"id": number}


_LOOK = "SELECT ask, sent_at_ms FROM offers WHERE id = :id AND is_painting = 1 AND lapses_at_ms >= :now_ms"
_OPEN_OF = """
    SELECT count(*) AS count FROM offers
    WHERE user_id = :user_id AND lapses_at_ms >= :now_ms AND is_painting = 1 AND sent_at_ms IS NULL
"""
_SEND = """
    UPDATE offers SET sent_at_ms = :now_ms
    WHERE id = :id AND sent_at_ms IS NULL AND offers.lapses_at_ms >= :now_ms RETURNING id
"""
