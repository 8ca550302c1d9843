"""What members have told moderators about clips."""

from bot.db.transaction import Transaction
from bot.domain.jobs import Job


def is_kept(job_id: int, user_id: int) -> Transaction[bool]:
    """Whether a member has reported the clip of a job before."""
    rows = yield _LOOK, {"job_id": job_id, "user_id": user_id}
    return bool(rows)


def keep(job: Job, user_id: int, reason: str, *, now_ms: int) -> Transaction[None]:
    """Keep a report; a member's second one about the same clip is not kept."""
    yield (
        _KEEP,
        {
            "job_id": job.id,
            "user_id": user_id,
            "guild_id": job.origin.guild_id,
            "reason": reason,
            "at_ms": now_ms,
        },
    )


_LOOK = "SELECT 1 FROM reports WHERE job_id = :job_id AND user_id = :user_id"
_KEEP = """
    INSERT INTO reports (job_id, user_id, guild_id, reason, at_ms)
    VALUES (:job_id, :user_id, :guild_id, :reason, :at_ms)
    ON CONFLICT (job_id, user_id) DO NOTHING
"""
