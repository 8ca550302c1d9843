"""Clips whose message somebody has deleted with its button."""

from bot.db import jobs
from bot.db.transaction import Transaction
from bot.domain.jobs import Job


def withdraw(job: Job, by_id: int, *, now_ms: int) -> Transaction[Job]:
    """Write down who has deleted a clip; a moderator has the last word over its member, otherwise the first counts.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    owner_id = job.origin.user_id
    is_settled = job.withdrawn_at_ms is not None and (job.withdrawn_by != owner_id or by_id == owner_id)
    if is_settled:
        return job
    return (yield from jobs.move(job, job.state, now_ms=now_ms, withdrawn_at_ms=now_ms, withdrawn_by=by_id))
