"""The processes of an installation that several carry: who is there, as each says of itself every few seconds."""

from bot.db.transaction import Transaction
from bot.domain.duties import Role
from bot.domain.shares import GONE_AFTER_MS, Process


def appear(process: Process, *, now_ms: int) -> Transaction[list[Process]]:
    """Say that a process is there (still); returns all that are, the oldest first. Who was not seen for long is dropped."""
    yield "DELETE FROM processes WHERE seen_at_ms < :since_ms", {"since_ms": now_ms - GONE_AFTER_MS}
    known = {
        "id": process.id,
        "name": process.name,
        "role": process.role.value,
        "shards": process.shards,
        "version": process.version,
        "began_at_ms": process.began_at_ms,
        "seen_at_ms": now_ms,
    }
    yield _APPEAR, known
    return (yield from live(now_ms=now_ms))


def disappear(process_id: str) -> Transaction[None]:
    """A process ends."""
    yield "DELETE FROM processes WHERE id = :id", {"id": process_id}


def live(*, now_ms: int) -> Transaction[list[Process]]:
    """The processes that are there, the oldest first."""
    rows = yield _LIVE, {"since_ms": now_ms - GONE_AFTER_MS}
    return [
        Process(
            id=row["id"],
            name=row["name"],
            role=Role(row["role"]),
            shards=row["shards"],
            version=row["version"],
            began_at_ms=row["began_at_ms"],
            seen_at_ms=row["seen_at_ms"],
        )
        for row in rows
    ]


_APPEAR = """
    INSERT INTO processes (id, name, role, shards, version, began_at_ms, seen_at_ms)
    VALUES (:id, :name, :role, :shards, :version, :began_at_ms, :seen_at_ms)
    ON CONFLICT (id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
"""
_LIVE = "SELECT * FROM processes WHERE seen_at_ms >= :since_ms ORDER BY began_at_ms, id"
