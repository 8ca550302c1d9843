"""Credits on top of an allowance: given, drawn from, given back. `draws` is immutable, as the ledger."""

from dataclasses import dataclass

from bot.db.entries import SERVER, enter
from bot.db.transaction import Transaction
from bot.domain.money import Drawn, Entry

RETURNED_LASTS_MS = 86_400_000
"""Credits that come back to a grant which has expired meanwhile can be used for a day, once."""


def give(
    guild_id: int,
    user_id: int,
    amount: int,
    *,
    expires_at_ms: int | None,
    by_id: int,
    reason: str | None,
    now_ms: int,
    came_back: bool = False,
) -> Transaction[int]:
    """Give a member, or the server (`SERVER`), credits on top; returns the grant's number. The server has settled in."""
    given: dict[str, object] = {"guild_id": guild_id, "user_id": user_id, "credits": amount}
    rows = yield _GIVE, {**given, "expires_at_ms": expires_at_ms, "came_back": int(came_back)}
    number = int(rows[0]["id"])
    entry = enter(
        guild_id,
        user_id,
        Entry.GRANT,
        by_id=by_id,
        now_ms=now_ms,
        grant_id=number,
        credits=amount,
        reason=reason,
    )
    yield from entry
    return number


def open_to(guild_id: int, user_id: int, *, now_ms: int) -> Transaction[list[int]]:
    """What is left of each grant that a member, or the server (`SERVER`), can draw from now."""
    rows = yield _OPEN, {"guild_id": guild_id, "user_id": user_id, "now_ms": now_ms}
    return [row["unused"] for row in rows]


def draw(job_id: int, drawn: Drawn) -> Transaction[None]:
    """Reserve for a job what comes from grants."""
    for is_first, parts in ((1, drawn.before), (0, drawn.after)):
        for grant_id, amount in parts:
            yield _RESERVE, {"grant_id": grant_id, "credits": amount}
            yield _ENTER, {**_row(job_id, grant_id, Entry.RESERVE, amount), "is_first": is_first}


@dataclass(frozen=True, slots=True)
class Closing:
    """How a job ended, as far as grants are concerned."""

    job_id: int
    guild_id: int
    kind: Entry
    price: int
    comes_back: bool
    """Whether what it drew can still be used where it has expired meanwhile."""
    now_ms: int


def close(closing: Closing, allowances: dict[int, int]) -> Transaction[dict[int, int]]:
    """Use up or give back what was drawn for a job.

    Args:
        closing: How it ended.
        allowances: What was reserved of the allowances, by the side (a member, or `SERVER`).

    Returns:
        What is kept of each allowance.
    """
    rows = yield _DRAWN, {"job_id": closing.job_id}
    kept: dict[int, int] = {}
    for user_id, allowance in allowances.items():
        mine = {row["grant_id"]: row for row in rows if row["user_id"] == user_id}
        before, after = (
            tuple((row["grant_id"], row["credits"]) for row in mine.values() if row["is_first"] == is_first)
            for is_first in (1, 0)
        )
        remains = Drawn(allowance, before, after).keeping(closing.price)
        kept[user_id] = remains.allowance
        for grant_id, used in (*remains.before, *remains.after):
            drawn = mine[grant_id]
            back = drawn["credits"] - used
            yield _RETURN, {"grant_id": grant_id, "reserved": drawn["credits"], "used": used}
            amount = used if closing.kind is Entry.SETTLE else back
            yield (
                _ENTER,
                {**_row(closing.job_id, grant_id, closing.kind, amount), "is_first": drawn["is_first"]},
            )
            has_expired = drawn["expires_at_ms"] is not None and drawn["expires_at_ms"] <= closing.now_ms
            if back and has_expired and not drawn["came_back"] and closing.comes_back:
                yield from _revive(closing, user_id, back)
    return kept


def _revive(closing: Closing, user_id: int, amount: int) -> Transaction[None]:
    """Only once, and not when a member pleases: else a grant could be kept alive for ever."""
    yield from give(
        closing.guild_id,
        user_id,
        amount,
        expires_at_ms=closing.now_ms + RETURNED_LASTS_MS,
        by_id=SERVER,
        reason=f"came back from job {closing.job_id} after they had expired",
        now_ms=closing.now_ms,
        came_back=True,
    )


def _row(job_id: int, grant_id: int, kind: Entry, amount: int) -> dict[str, object]:
    return {"job_id": job_id, "grant_id": grant_id, "kind": kind.value, "credits": amount}


_OPEN = """
    SELECT credits - reserved - used AS unused FROM grants
    WHERE guild_id = :guild_id AND user_id = :user_id AND reserved + used < credits
        AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
"""
_GIVE = """
    INSERT INTO grants (guild_id, user_id, credits, expires_at_ms, came_back)
    VALUES (:guild_id, :user_id, :credits, :expires_at_ms, :came_back) RETURNING id
"""
_RESERVE = "UPDATE grants SET reserved = reserved + :credits WHERE id = :grant_id"
_RETURN = "UPDATE grants SET reserved = reserved - :reserved, used = used + :used WHERE id = :grant_id"
_ENTER = """
    INSERT INTO draws (job_id, grant_id, kind, credits, is_first)
    VALUES (:job_id, :grant_id, :kind, :credits, :is_first)
"""
_DRAWN = """
    SELECT grant_id, draws.credits, is_first, user_id, expires_at_ms, came_back
    FROM draws JOIN grants ON grants.id = grant_id
    WHERE job_id = :job_id AND kind = 'reserve' ORDER BY coalesce(expires_at_ms, 9000000000000000), grant_id
"""
