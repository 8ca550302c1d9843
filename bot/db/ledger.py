"""What the ledger says, read page by page."""

from dataclasses import dataclass
from typing import Any

from bot.db.transaction import Row, Transaction
from bot.domain.money import Entry


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the ledger."""

    id: int
    kind: Entry
    user_id: int
    """For whom; 0 is the server."""
    by_id: int
    """Who did it; 0 is Kinora."""
    job_id: int | None
    grant_id: int | None
    channel_id: int | None
    provider: str | None
    credits: int
    allowance: int
    budget: int
    worth: int
    cost_micro_usd: int | None
    reason: str | None
    day: str
    """In which it counts, by the server's clock, as the next two; empty where it counts in none."""
    week: str
    month: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which rows of a server are meant."""

    member_id: int | None = None
    """Those for this member, and what they did to others."""
    kind: Entry | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A row to go on from; it need not exist."""

    at_ms: int
    id: int

    @classmethod
    def of(cls, line: Line) -> "Cursor":
        """The place of a row."""
        return cls(line.at_ms, line.id)


_END = Cursor(2**63 - 1, 2**63 - 1)


def older(
    guild_id: int, wanted: Lookup, cursor: Cursor | None = None, *, limit: int
) -> Transaction[list[Line]]:
    """The rows before one, newest first; without one, the newest."""
    rows = yield _OLDER, _parameters(guild_id, wanted, cursor or _END, limit)
    return [_line(row) for row in rows]


def newer(guild_id: int, wanted: Lookup, cursor: Cursor, *, limit: int) -> Transaction[list[Line]]:
    """The rows next after one, newest first."""
    rows = yield _NEWER, _parameters(guild_id, wanted, cursor, limit)
    return [_line(row) for row in reversed(rows)]


def _parameters(guild_id: int, wanted: Lookup, cursor: Cursor, limit: int) -> dict[str, object]:
    return {
        "guild_id": guild_id,
        "member_id": wanted.member_id,
        "kind": wanted.kind and wanted.kind.value,
        "at_ms": cursor.at_ms,
        "id": cursor.id,
        "limit": limit,
    }


def _line(row: Row) -> Line:
    known: dict[str, Any] = dict(zip(row.keys(), row, strict=True))
    known["kind"] = Entry(known["kind"])
    return Line(**known)


_COLUMNS = """
    id, kind, user_id, by_id, job_id, grant_id, channel_id, provider, credits, allowance, budget, worth,
    cost_micro_usd, reason, day, week, month, at_ms
"""
_MEANT = """
    guild_id = :guild_id
    AND (CAST(:kind AS TEXT) IS NULL OR kind = CAST(:kind AS TEXT))
    AND (CAST(:member_id AS BIGINT) IS NULL
        OR user_id = CAST(:member_id AS BIGINT) OR by_id = CAST(:member_id AS BIGINT))
"""
# The bound on `at_ms` alone is what the index serves; rows of the same millisecond are told apart by their numbers.
_OLDER = f"""
    SELECT {_COLUMNS} FROM ledger
    WHERE {_MEANT} AND at_ms <= :at_ms AND (at_ms < :at_ms OR id < :id)
    ORDER BY at_ms DESC, id DESC LIMIT :limit
"""  # noqa: S608 - built from constants
_NEWER = f"""
    SELECT {_COLUMNS} FROM ledger
    WHERE {_MEANT} AND at_ms >= :at_ms AND (at_ms > :at_ms OR id > :id)
    ORDER BY at_ms, id LIMIT :limit
"""  # noqa: S608 - built from constants
