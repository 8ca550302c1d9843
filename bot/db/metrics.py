"""What rows say of how the bot is doing: the jobs that are open, and what was written into the ledger since."""

from dataclasses import dataclass
from typing import Any

from bot.db import installation
from bot.db.transaction import Row, Transaction


@dataclass(frozen=True, slots=True)
class Open:
    """The open jobs of a provider in one state."""

    provider: str
    state: str
    jobs: int
    since_ms: int
    """When the oldest of them came into it, or, while they wait for their turn, was asked for."""
    credits: int
    doubts: int
    """Of which an attempt was made that nobody confirmed: sending, or posting."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger that is about a job, and how far that job has come."""

    id: int
    kind: str
    credits: int
    cost_micro_usd: int | None
    provider: str
    state: str
    error: str | None
    maybe_charged: bool
    created_at_ms: int
    started_at_ms: int | None
    rendered_at_ms: int | None
    post_marked_at_ms: int | None
    finished_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the database."""

    open: list[Open]
    kept_for_claim: int
    """Clips that no place took, and that nobody has claimed yet."""
    asks: int
    """Requests that were acknowledged, and are neither a job nor refused yet."""
    unneeded_blobs: int
    entries: list[Entry]
    reserved_for_claim: list[tuple[str, int]]
    """What such clips hold in credits, by provider; nothing for those that an earlier version has refunded."""


def newest_entry() -> Transaction[int]:
    """The id of the newest row of the ledger; 0 if there is none."""
    rows = yield "SELECT coalesce(max(id), 0) AS id FROM ledger", {}
    return rows[0]["id"]


def counted_to() -> Transaction[int | None]:
    """Up to which row of the ledger all processes together have counted; None if none has yet."""
    known = yield from installation.recall(_COUNTED)
    return None if known is None else int(known)


def count_to(entry_id: int) -> Transaction[None]:
    """All up to this row is counted."""
    yield from installation.remember(_COUNTED, str(entry_id))


def snapshot(*, after_id: int, limit: int) -> Transaction[Snapshot]:
    """How things stand, and the oldest rows of the ledger after one: all found by indices, however many jobs there were."""
    waiting = yield _WAITING, {}
    active = yield _ACTIVE, {}
    unclaimed = yield _UNCLAIMED, {}
    counts = (yield _COUNTS, {})[0]
    entries = yield _ENTRIES, {"after_id": after_id, "limit": limit}
    return Snapshot(
        [Open(**{name: row[name] for name in _OPEN}) for row in (*waiting, *active)],
        counts["kept_for_claim"],
        counts["asks"],
        counts["unneeded_blobs"],
        [_entry(row) for row in entries],
        [(row["provider"], row["credits"]) for row in unclaimed],
    )


def _entry(row: Row) -> Entry:
    known: dict[str, Any] = {**dict(row), "maybe_charged": bool(row["maybe_charged"])}
    return Entry(**known)


_COUNTED = "ledger counted up to"
_OPEN = ("provider", "state", "jobs", "since_ms", "credits", "doubts")
_WAITING = """
    SELECT provider, state, count(*) AS jobs, min(created_at_ms) AS since_ms, sum(credits) AS credits, 0 AS doubts
    FROM jobs WHERE state = 'queued' GROUP BY provider, state
"""
_ACTIVE = """
    SELECT provider, state, count(*) AS jobs, min(coalesce(rendered_at_ms, started_at_ms, created_at_ms)) AS since_ms,
        sum(credits) AS credits,
        sum(CASE WHEN state = 'unknown' OR state = 'delivering' AND post_marked_at_ms IS NOT NULL THEN 1 ELSE 0 END)
            AS doubts
    FROM jobs WHERE state IN ('submitting', 'rendering', 'unknown', 'fetching', 'delivering')
    GROUP BY provider, state
"""
_UNCLAIMED = """
    SELECT provider, sum(credits) AS credits FROM jobs
    WHERE state = 'undeliverable' AND NOT EXISTS (SELECT 1 FROM ledger WHERE job_id = jobs.id AND kind <> 'reserve')
    GROUP BY provider
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM jobs WHERE state = 'undeliverable' AND message_id IS NULL
            AND withdrawn_at_ms IS NULL) AS kept_for_claim,
        (SELECT count(*) FROM asks) AS asks, (SELECT count(*) FROM unneeded_blobs) AS unneeded_blobs
"""
_ENTRIES = """
    SELECT ledger.id, kind, ledger.credits, ledger.cost_micro_usd, coalesce(ledger.provider, jobs.provider) AS provider,
        state, error, maybe_charged, created_at_ms, started_at_ms, rendered_at_ms, post_marked_at_ms, finished_at_ms
    FROM ledger JOIN jobs ON jobs.id = ledger.job_id
    WHERE ledger.id > :after_id ORDER BY ledger.id LIMIT :limit
"""
