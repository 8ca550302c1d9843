"""Messages that are to be deleted in Discord, and threads that are to be given other names, until that is done."""

from dataclasses import dataclass

from bot.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Erasure:
    """A message of ours that is to be deleted, or a thread whose name is to be replaced."""

    channel_id: int
    message_id: int
    """0 for a thread."""
    at_ms: int
    """Since when."""


def erase(channel_id: int, message_id: int, *, now_ms: int) -> Transaction[None]:
    """Note a message that is to be deleted, or with `message_id` 0 a thread to be given another name."""
    yield _ERASE, {"channel_id": channel_id, "message_id": message_id, "now_ms": now_ms}


def share(job_id: int, channel_id: int, message_id: int) -> Transaction[bool]:
    """Remember where a clip is about to be shown again; False, and nothing, for one let go, deleted or forgotten."""
    return bool((yield _SHARE, {"job_id": job_id, "channel_id": channel_id, "message_id": message_id}))


def unshare(job_id: int, message_id: int) -> Transaction[None]:
    """The clip is not in this message, or its job names that itself."""
    share = {"job_id": job_id, "message_id": message_id}
    yield "DELETE FROM shares WHERE job_id = :job_id AND message_id = :message_id", share


def shared(job_id: int) -> Transaction[list[tuple[int, int]]]:
    """Where a clip was shown again, or was about to be (channel, message)."""
    rows = yield "SELECT channel_id, message_id FROM shares WHERE job_id = :job_id", {"job_id": job_id}
    return [(row["channel_id"], row["message_id"]) for row in rows]


def retract(job_id: int, *, now_ms: int) -> Transaction[None]:
    """Note every message in which a clip was shown again, or was about to be, to be deleted."""
    for channel_id, message_id in (yield from shared(job_id)):
        yield from erase(channel_id, message_id, now_ms=now_ms)
        yield from unshare(job_id, message_id)


def due(*, now_ms: int, limit: int) -> Transaction[list[Erasure]]:
    """What is to be erased now, threads before the messages in them."""
    rows = yield _DUE, {"now_ms": now_ms, "limit": limit}
    return [Erasure(row["channel_id"], row["message_id"], row["at_ms"]) for row in rows]


def next_ms() -> Transaction[int | None]:
    """When something is to be erased next; None for never."""
    return (yield "SELECT min(run_at_ms) AS at_ms FROM erasures", {})[0]["at_ms"]


def erased(erasure: Erasure) -> Transaction[None]:
    """It is gone, or will never be."""
    yield (
        "DELETE FROM erasures WHERE channel_id = :channel_id AND message_id = :message_id",
        {"channel_id": erasure.channel_id, "message_id": erasure.message_id},
    )


def postpone(erasure: Erasure, *, run_at_ms: int) -> Transaction[None]:
    """Try again later."""
    key = {"channel_id": erasure.channel_id, "message_id": erasure.message_id}
    yield _POSTPONE, {**key, "run_at_ms": run_at_ms}


_ERASE = """
    INSERT INTO erasures (channel_id, message_id, at_ms, run_at_ms)
    VALUES (:channel_id, :message_id, :now_ms, :now_ms) ON CONFLICT DO NOTHING
"""
_SHARE = """
    INSERT INTO shares (job_id, channel_id, message_id)
    SELECT id, CAST(:channel_id AS BIGINT), CAST(:message_id AS BIGINT) FROM jobs
    WHERE id = :job_id AND withdrawn_at_ms IS NULL AND user_id > 0 AND state IN ('undeliverable', 'done')
    ON CONFLICT (job_id, message_id) DO UPDATE SET channel_id = excluded.channel_id RETURNING job_id
"""
_DUE = """
    SELECT channel_id, message_id, at_ms FROM erasures WHERE run_at_ms <= :now_ms
    ORDER BY run_at_ms, channel_id, message_id LIMIT :limit
"""
_POSTPONE = """
    UPDATE erasures SET run_at_ms = :run_at_ms WHERE channel_id = :channel_id AND message_id = :message_id
"""
