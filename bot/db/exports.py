"""When members took along what is kept of them, and the files that they fetch by a link."""

from dataclasses import dataclass
from typing import Any

from bot.db.transaction import Row, Transaction
from bot.domain.money import Entry


@dataclass(frozen=True, slots=True)
class Spent:
    """A row of the ledger that is about one member."""

    id: int
    kind: Entry
    credits: int
    job_id: int | None
    provider: str | None
    reason: str | None
    at_ms: int


def begin(user_id: int, *, now_ms: int, not_since_ms: int) -> Transaction[int | None]:
    """Note that a member takes along what is theirs now; returns when they did last, if that was not long ago."""
    rows = yield "SELECT at_ms FROM exports WHERE user_id = :user_id", {"user_id": user_id}
    if rows and rows[0]["at_ms"] > not_since_ms:
        return rows[0]["at_ms"]
    yield _BEGIN, {"user_id": user_id, "now_ms": now_ms}
    return None


def again(user_id: int) -> Transaction[None]:
    """Nothing came of it: the member may try again at once."""
    yield "UPDATE exports SET at_ms = 0 WHERE user_id = :user_id", {"user_id": user_id}


def keep(user_id: int, blob: str, *, now_ms: int) -> Transaction[bool]:
    """Remember the file that a member fetches, and let go of the one before.

    False if the member was forgotten meanwhile: then the file is let go, too.
    """
    rows = yield "SELECT blob FROM exports WHERE user_id = :user_id", {"user_id": user_id}
    before = rows[0]["blob"] if rows else blob
    if rows:
        yield "UPDATE exports SET blob = :blob WHERE user_id = :user_id", {"user_id": user_id, "blob": blob}
        yield "DELETE FROM unneeded_blobs WHERE blob = :blob", {"blob": blob}
    if before is not None and (not rows or before != blob):
        yield _LET_GO, {"blob": before, "now_ms": now_ms}
    return bool(rows)


def is_kept(blob: str) -> Transaction[bool]:
    """Whether somebody may fetch this file."""
    return bool((yield "SELECT 1 AS is_kept FROM exports WHERE blob = :blob", {"blob": blob}))


def spent(guild_id: int, user_id: int, after: Spent | None, *, limit: int) -> Transaction[list[Spent]]:
    """What the ledger of a server says about a member after one of its rows, the oldest first."""
    at_ms, last_id = (after.at_ms, after.id) if after else (0, 0)
    known = {"guild_id": guild_id, "user_id": user_id, "at_ms": at_ms, "id": last_id, "limit": limit}
    return [_spent(row) for row in (yield _SPENT, known)]


def caps(guild_id: int, user_id: int) -> Transaction[dict[str, int | None]]:
    """The caps that moderators have set for a member alone, by what they are of."""
    rows = yield _CAPS, {"guild_id": guild_id, "user_id": user_id}
    return {row["measure"]: row["amount"] for row in rows}


def _spent(row: Row) -> Spent:
    known: dict[str, Any] = dict(zip(row.keys(), row, strict=True))
    known["kind"] = Entry(known["kind"])
    return Spent(**known)


_BEGIN = """
    INSERT INTO exports (user_id, at_ms) VALUES (:user_id, :now_ms)
    ON CONFLICT (user_id) DO UPDATE SET at_ms = excluded.at_ms
"""
_LET_GO = """
    INSERT INTO unneeded_blobs (blob, at_ms) SELECT CAST(:blob AS TEXT), CAST(:now_ms AS BIGINT)
    WHERE NOT EXISTS (SELECT 1 FROM exports WHERE blob = :blob)
    ON CONFLICT (blob) DO UPDATE SET at_ms = excluded.at_ms
"""
_SPENT = """
    SELECT id, kind, credits, job_id, provider, reason, at_ms FROM ledger
    WHERE guild_id = :guild_id AND user_id = :user_id AND at_ms >= :at_ms AND (at_ms > :at_ms OR id > :id)
    ORDER BY at_ms, id LIMIT :limit
"""
_CAPS = """
    SELECT measure, amount FROM limits
    WHERE guild_id = :guild_id AND scope = 'member' AND subject_id = :user_id
"""
