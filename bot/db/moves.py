"""Blobs that come and go where several processes share their store: a row says so before the bytes move.

So a blob that is put is not deleted by another process that saw, just before, that nobody needs it.
"""

from bot.db.clock import SHARED_MS
from bot.db.transaction import Transaction


def come(blob: str, *, now_ms: int) -> Transaction[bool]:
    """It is about to be put; False while somebody may be deleting it."""
    rows = yield _COME, {"blob": blob, "now_ms": now_ms}
    return bool(rows)


def hold(blob: str, *, fresh_ms: int, now_ms: int, for_ms: int) -> Transaction[int | None]:
    """Keep others from putting it until it is released, or for so long; returns until when.

    None if it came within the last `fresh_ms`, or another one holds it.
    """
    times = {"fresh_ms": fresh_ms, "now_ms": now_ms, "for_ms": for_ms}
    rows = yield _HOLD, {"blob": blob, **times}
    return rows[0]["held_until_ms"] if rows else None


def release(blob: str, *, until_ms: int) -> Transaction[None]:
    """It may be put again; nothing changes where somebody else holds it by now."""
    known = {"blob": blob, "until_ms": until_ms}
    yield "UPDATE blob_moves SET held_until_ms = 0 WHERE blob = :blob AND held_until_ms = :until_ms", known


def drop_old(*, before_ms: int) -> Transaction[None]:
    """Forget what came, or was held, before a moment."""
    yield (
        "DELETE FROM blob_moves WHERE came_at_ms < :before_ms AND held_until_ms < :before_ms",
        {"before_ms": before_ms},
    )


_COME = f"""
    INSERT INTO blob_moves (blob, came_at_ms) VALUES (:blob, {SHARED_MS})
    ON CONFLICT (blob) DO UPDATE SET came_at_ms = excluded.came_at_ms
    WHERE blob_moves.held_until_ms <= excluded.came_at_ms
    RETURNING blob
"""  # noqa: S608 - a piece of our own
_HOLD = f"""
    INSERT INTO blob_moves (blob, held_until_ms) VALUES (:blob, {SHARED_MS} + :for_ms)
    ON CONFLICT (blob) DO UPDATE SET held_until_ms = excluded.held_until_ms
    WHERE blob_moves.held_until_ms <= excluded.held_until_ms - :for_ms
        AND blob_moves.came_at_ms <= excluded.held_until_ms - :for_ms - :fresh_ms
    RETURNING held_until_ms
"""  # noqa: S608 - a piece of our own
