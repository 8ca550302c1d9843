"""Queues and histories as messages that fit a phone."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import discord
from discord import ui

from bot.domain.jobs import CLOSED, Job, JobState
from bot.language import marked, tr, trn
from bot.services.insights import Only, Page, Queue
from bot.services.ports import Card
from bot.ui.buttons import NumberedButton
from bot.ui.cards import PAUSES, TITLES, kept_for, message_link, own_words, price_words
from bot.ui.text import cut, inline, mention, plain, progress_bar

_PROMPT_LENGTH = 200
_SUGGESTION_LENGTH = 100  # of a choice's name

ONLY_WORDS = {
    Only.ALL: marked("all of them"),
    Only.OPEN: marked("waiting or being made"),
    Only.DONE: marked("done"),
    Only.FAILED: marked("not made, or not posted"),
}


class PageButton(
    NumberedButton,
    about="jobs",
    does={
        f"{way}-{only}": label
        for only in Only
        for way, label in (("newer", marked("Newer")), ("older", marked("Older")))
    },
):
    """Turns a page of jobs. Its number is the job at the edge of the page, by which it is known whose jobs they are."""

    @property
    def way(self) -> str:
        """`newer` or `older`."""
        return self.does.partition("-")[0]

    @property
    def only(self) -> Only:
        """Which jobs are listed."""
        return Only(self.does.partition("-")[2])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the page, if the jobs are the business of the one who clicked."""
        await interaction.client.desk.history.turn(interaction, self.number, self.way, self.only)


def queue_text(queue: Queue) -> str:
    """What `/queue` shows."""
    title = f"### {tr('Queue')}"
    pause = [tr(PAUSES[queue.paused])] if queue.paused is not None else []
    if not queue.counts:
        idle = tr("Nothing is being made, and nothing waits.")
        at_once = tr("Nothing is being made, and nothing waits. `/animate` starts at once.")
        return "\n".join([title, *([idle, *pause] if pause else [at_once])])
    summary = tr("{running} being made, {waiting} waiting", running=queue.running, waiting=queue.waiting)
    hidden = queue.running + queue.waiting - len(queue.first)
    more = [f"-# {trn('and {number} more', 'and {number} more', hidden)}"] if hidden > 0 else []
    return "\n".join([title, summary, *pause, *map(_queue_line, queue.first), *more])


def page_view(page: Page, files: Sequence[discord.File | None], *, is_own: bool) -> ui.LayoutView:
    """A page of jobs, each with its thumbnail if there is a file for it, and buttons to turn it."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(_heading(page, is_own=is_own)))
    for job, file in zip(page.jobs, files, strict=True):
        view.add_item(_entry(job, file))
    if page.jobs and (page.has_newer or page.has_older):
        row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
        if page.has_newer:
            row.add_item(PageButton(page.jobs[0].id, f"newer-{page.only}"))
        if page.has_older:
            row.add_item(PageButton(page.jobs[-1].id, f"older-{page.only}"))
        view.add_item(row)
    return view


def thumbnail_files(jobs: Iterable[Job], pictures: Iterable[bytes | None]) -> list[discord.File | None]:
    """The pictures of jobs as files of the message that lists them."""
    return [
        None if picture is None else discord.File(io.BytesIO(picture), filename=f"job-{job.id}.jpg")
        for job, picture in zip(jobs, pictures, strict=True)
    ]


def suggestion(job: Job) -> str:
    """A job on one line, to choose it by."""
    parts = (str(job.id), tr(TITLES[job.state]), plain(own_words(job.request)))
    return cut(" · ".join(filter(None, parts)), _SUGGESTION_LENGTH)


def _heading(page: Page, *, is_own: bool) -> str:
    title = (
        f"### {tr('Your jobs')}" if is_own else f"### {tr('Jobs of {member}', member=f'<@{page.user_id}>')}"
    )
    only = "" if page.only is Only.ALL else f"\n-# {tr('only: {which}', which=tr(ONLY_WORDS[page.only]))}"
    if page.jobs:
        return f"{title}{only}"
    if page.only is not Only.ALL:
        none = tr("There are none.")
    elif is_own:
        none = tr("None yet. `/animate` makes the first.")
    else:
        none = tr("None yet.")
    return f"{title}{only}\n{none}"


def _entry(job: Job, file: discord.File | None) -> ui.Item[ui.LayoutView]:
    text: ui.TextDisplay[ui.LayoutView] = ui.TextDisplay(_entry_text(job))
    if file is None:
        return text
    thumbnail: ui.Thumbnail[ui.LayoutView] = ui.Thumbnail(
        file, description=tr("A picture of job {id}", id=job.id), spoiler=job.request.spoiler
    )
    return ui.Section(text, accessory=thumbnail)


def _entry_text(job: Job) -> str:
    facts = (f"<t:{job.created_at_ms // 1000}:R>", _cost(job))
    lines = [f"**`{job.id}` {_state(job)}** · {' · '.join(filter(None, facts))}"]
    if words := own_words(job.request):
        lines.append(inline(words, length=_PROMPT_LENGTH))
    if job.is_deleted:
        lines.append(f"-# {tr('The clip was deleted.')}")
    elif link := message_link(job):
        lines.append(f"[{tr('See the clip')}]({link})")
    elif job.state is JobState.UNDELIVERABLE:
        lines.append(f"-# {kept_for(job)}")
    return "\n".join(lines)


def _cost(job: Job) -> str:
    """What it was charged, or will be if it is made, or claimed."""
    if job.state in CLOSED and job.state is not JobState.DONE:
        return tr("not charged")
    return price_words(job.price, job.request)


def _queue_line(card: Card) -> str:
    job = card.job
    facts = [mention(job.origin.user_id), f"<t:{job.created_at_ms // 1000}:R>"]
    if card.ready_between_s is not None:
        facts.append(tr("ready {when}", when=f"<t:{card.ready_between_s[0]}:R>"))
    return f"`{job.id}` {' · '.join([_state(job), *facts])}"


def _state(job: Job) -> str:
    if job.state is JobState.RENDERING and job.progress is not None:
        return progress_bar(job.progress, width=6)
    return tr(TITLES[job.state])
