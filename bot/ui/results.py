"""The message with a finished clip: its words above, its buttons below."""

from discord import ui

from bot.domain.jobs import Job
from bot.language import tr
from bot.media.errors import megabytes
from bot.ui.buttons import ClipButton, NumberedButton, OriginalButton
from bot.ui.cards import asked_for, came_out_of, describe_request

_MINUTE_S = 60
_HOUR_S = 3_600


def result_text(job: Job, *, posted_bytes: int | None = None) -> str:
    """The words above a clip, at most 2,000 characters; its mention is the only one that pings.

    With `posted_bytes`, what the file has that goes with them, they say that it is smaller than what was made.
    """
    facts = [describe_request(job), *_took(job), tr("job {id}", id=job.id)]
    return "\n".join(
        [
            tr("{member} Your clip is ready.", member=f"<@{job.origin.user_id}>"),
            *asked_for(job.request),
            "-# " + " · ".join(facts),
            *([f"-# {came_out_of(job.origin.lineage)}"] if job.origin.lineage else []),
            *_made_smaller(job, posted_bytes),
        ]
    )


def result_view(job: Job) -> ui.View:
    """The buttons below a clip, fresh for every message; none for a clip that was deleted."""
    view = ui.View(timeout=None)
    if job.withdrawn_at_ms is not None:
        return view
    actions: list[NumberedButton] = [ClipButton(job.id, does) for does in ("again", "edit", "extend")]
    if job.request.draft:
        actions.append(ClipButton(job.id, "final"))
    for row, buttons in enumerate(
        ([*actions, OriginalButton(job.id)], [ClipButton(job.id, "delete"), ClipButton(job.id, "report")])
    ):
        for button in buttons:
            button.item.row = button.row = row
            view.add_item(button)
    return view


def _made_smaller(job: Job, posted_bytes: int | None) -> list[str]:
    if posted_bytes is None or job.clip_bytes is None or posted_bytes >= job.clip_bytes:
        return []
    made, posted = megabytes(job.clip_bytes), megabytes(posted_bytes)
    said = tr(
        "Made smaller to fit here, from {made} to {posted}; *Original* gives it as it was made.",
        made=made,
        posted=posted,
    )
    return [f"-# {said}"]


def _took(job: Job) -> list[str]:
    """How long it was in the making, without its time in line; nothing where that is not known."""
    if job.started_at_ms is None or job.rendered_at_ms is None:
        return []
    return [tr("made in {time}", time=length_words((job.rendered_at_ms - job.started_at_ms) // 1000))]


def length_words(seconds: int) -> str:
    """`45 s`, `2 min 10 s`, `1 h 5 min`; at least a second."""
    seconds = max(1, seconds)
    if seconds < _MINUTE_S:
        return tr("{seconds} s", seconds=seconds)
    if seconds < _HOUR_S:
        minutes, rest = divmod(seconds, _MINUTE_S)
        whole = tr("{minutes} min", minutes=minutes)
        return tr("{minutes} min {seconds} s", minutes=minutes, seconds=rest) if rest else whole
    hours, rest = divmod(seconds // _MINUTE_S, 60)
    return tr("{hours} h {minutes} min", hours=hours, minutes=rest) if rest else tr("{hours} h", hours=hours)
