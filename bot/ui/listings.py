"""Lists and tables as text that fits a phone."""

from collections.abc import Iterable

from bot.domain.jobs import Job, JobState
from bot.services.insights import Queue
from bot.ui.cards import TITLES, message_link
from bot.ui.text import inline, progress_bar

_PROMPT_LENGTH = 40


def queue_text(queue: Queue) -> str:
    """What `/queue` shows."""
    if not queue.counts:
        return "### Queue\nNothing is being made, and nothing waits. `/animate` starts at once."
    summary = f"{queue.running} being made, {queue.waiting} waiting"
    hidden = queue.running + queue.waiting - len(queue.first)
    more = [f"-# and {hidden} more"] if hidden > 0 else []
    return "\n".join([f"### Queue\n{summary}", *map(_queue_line, queue.first), *more])


def jobs_text(mine: Iterable[Job]) -> str:
    """What `/jobs` shows."""
    lines = [_job_line(job) for job in mine]
    return "\n".join(["### Your latest jobs", *(lines or ["None yet. `/animate` makes the first."])])


def _queue_line(job: Job) -> str:
    return f"`{job.id}` {_state(job)} · <@{job.origin.user_id}> · <t:{job.created_at_ms // 1000}:R>"


def _job_line(job: Job) -> str:
    said = f" · {inline(job.request.prompt, length=_PROMPT_LENGTH)}" if job.request.prompt else ""
    link = message_link(job)
    state = f"[{_state(job)}]({link})" if link else _state(job)
    return f"`{job.id}` {state} · <t:{job.created_at_ms // 1000}:R>{said}"


def _state(job: Job) -> str:
    if job.state is JobState.RENDERING and job.progress is not None:
        return progress_bar(job.progress, width=6)
    return TITLES[job.state]
