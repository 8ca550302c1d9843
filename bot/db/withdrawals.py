"""Clips whose message somebody has deleted with its button."""

from collections.abc import Iterable

from bot.db import erasures, jobs, places
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


def give_up(job: Job, by_id: int, *, now_ms: int) -> Transaction[Job]:
    """Let go of a clip that no place took, for good: its credits go back.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    whose = {"withdrawn_at_ms": now_ms, "withdrawn_by": by_id}
    is_own = by_id == job.origin.user_id
    return (yield from jobs.let_go(job, now_ms=now_ms, comes_back=not is_own, **whose))


def take_down(
    job: Job, shown: Iterable[tuple[int, int]], *, erased_at_ms: int
) -> Transaction[tuple[tuple[int, int], ...]]:
    """Note every message with a posted clip (channel, message), to be deleted then if it still stands; returns them.

    Beside where it was posted and where it was shown again, as far as is known, these are in `shown`. The last may be a
    thread of the clip alone, whose name is from its prompt, with 0 for a message.
    """
    assert job.message_channel_id is not None
    assert job.message_id is not None
    shares = yield from erasures.shared(job.id)
    posted = (job.message_channel_id, job.message_id)
    named = yield from _thread_named_after(job)
    taken_down = tuple(dict.fromkeys([posted, *shares, *shown, *named]))
    for channel_id, message_id in taken_down:
        yield from erasures.erase(channel_id, message_id, now_ms=erased_at_ms)
    return taken_down


def _thread_named_after(job: Job) -> Transaction[list[tuple[int, int]]]:
    if job.thread_id is None or (yield from places.is_running(job.origin, job.thread_id)):
        return []
    return [(job.thread_id, 0)]
