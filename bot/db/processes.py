"""The processes of an installation that several carry: who is there, as each says of itself every few seconds."""

from dataclasses import dataclass

from bot.db.clock import SHARED_MS
from bot.db.transaction import Row, Transaction
from bot.domain.duties import Role
from bot.domain.shares import GONE_AFTER_MS, Process


@dataclass(frozen=True, slots=True)
class Seen:
    """Who is there, the oldest first."""

    processes: list[Process]
    at_ms: int
    """By the clock of all, as all times of processes are."""


def appear(process: Process, *, now_ms: int) -> Transaction[Seen]:
    """Say that a process is there (still), or begins to be if `began_at_ms` is 0. Who was not seen for long is dropped."""
    yield _DROP, {"now_ms": now_ms, "gone_ms": GONE_AFTER_MS}
    known = {
        "id": process.id,
        "name": process.name,
        "role": process.role.value,
        "shards": process.shards,
        "version": process.version,
        "began_at_ms": process.began_at_ms,
        "now_ms": now_ms,
        "providers": ",".join(process.providers),
    }
    yield _APPEAR, known
    rows = yield _LIVE, {"now_ms": now_ms, "gone_ms": GONE_AFTER_MS}
    return Seen([_process(row) for row in rows], at_ms=rows[0]["at_ms"])


def disappear(process_id: str) -> Transaction[None]:
    """A process ends."""
    yield "DELETE FROM processes WHERE id = :id", {"id": process_id}


def live(*, now_ms: int) -> Transaction[list[Process]]:
    """The processes that are there, the oldest first."""
    rows = yield _LIVE, {"now_ms": now_ms, "gone_ms": GONE_AFTER_MS}
    return [_process(row) for row in rows]


def _process(row: Row) -> Process:
    return Process(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        shards=row["shards"],
        version=row["version"],
        began_at_ms=row["began_at_ms"],
        seen_at_ms=row["seen_at_ms"],
        providers=tuple(row["providers"].split(",")) if row["providers"] else (),
    )


_DROP = f"DELETE FROM processes WHERE seen_at_ms < {SHARED_MS} - :gone_ms"  # noqa: S608 - a piece of our own
_APPEAR = f"""
    INSERT INTO processes (id, name, role, shards, version, began_at_ms, seen_at_ms, providers)
    VALUES (:id, :name, :role, :shards, :version, COALESCE(NULLIF(:began_at_ms, 0), {SHARED_MS}), {SHARED_MS},
        :providers)
    ON CONFLICT (id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
"""  # noqa: S608 - a piece of our own
_LIVE = f"""
    SELECT processes.*, {SHARED_MS} AS at_ms FROM processes WHERE seen_at_ms >= {SHARED_MS} - :gone_ms
    ORDER BY began_at_ms, id
"""  # noqa: S608 - a piece of our own
