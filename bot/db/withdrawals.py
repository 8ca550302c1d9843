"""Clips whose message somebody has deleted with its button."""

from collections.abc import Iterable

from bot.db import erasures, jobs
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


def take_down(
    job: Job, shown: Iterable[tuple[int, int]], *, erased_at_ms: int
) -> Transaction[tuple[tuple[int, int], ...]]:
    """Note every message with a posted clip (channel, message), to be deleted then if it still stands; returns them.

    Beside where it was posted and where it was shown again, as far as is known, these are in `shown`.
    """
    assert job.message_channel_id is not None
    assert job.message_id is not None
    rows = yield "SELECT channel_id, message_id FROM shares WHERE job_id = :id", {"id": job.id}
    shares = [(row["channel_id"], row["message_id"]) for row in rows]
    places = tuple(dict.fromkeys([(job.message_channel_id, job.message_id), *shares, *shown]))
    for channel_id, message_id in places:
        yield from erasures.erase(channel_id, message_id, now_ms=erased_at_ms)
    return places
