"""Blobs that come and go where several processes share their store: a row says so before the bytes move.

So a blob that is put is not deleted by another process that saw, just before, that nobody needs it.
"""

from bot.db.transaction import Transaction


def come(blob: str, *, now_ms: int) -> Transaction[bool]:
    """It is about to be put; False while somebody may be deleting it."""
    rows = yield _COME, {"blob": blob, "now_ms": now_ms}
    return bool(rows)


def hold(blob: str, *, came_before_ms: int, now_ms: int, until_ms: int) -> Transaction[bool]:
    """Keep others from putting it until it is released, or until then; False if it came since, or another one holds it."""
    times = {"came_before_ms": came_before_ms, "now_ms": now_ms, "until_ms": until_ms}
    rows = yield _HOLD, {"blob": blob, **times}
    return bool(rows)


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


_COME = """
    INSERT INTO blob_moves (blob, came_at_ms) VALUES (:blob, :now_ms)
    ON CONFLICT (blob) DO UPDATE SET came_at_ms = excluded.came_at_ms WHERE blob_moves.held_until_ms <= :now_ms
    RETURNING blob
"""
_HOLD = """
    INSERT INTO blob_moves (blob, held_until_ms) VALUES (:blob, :until_ms)
    ON CONFLICT (blob) DO UPDATE SET held_until_ms = excluded.held_until_ms
    WHERE blob_moves.held_until_ms <= :now_ms AND blob_moves.came_at_ms < :came_before_ms
    RETURNING blob
"""
