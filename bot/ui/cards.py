"""The card of a job and the message with its clip: values in, components out."""

import discord
from discord import ui

from bot.domain.jobs import SLOT_HOLDERS, TERMINAL, Job, JobState
from bot.domain.requests import CameraControl, VideoRequest
from bot.services.ports import Card
from bot.ui.buttons import CancelButton, RequestButton
from bot.ui.text import counted, progress_bar, prose, quoted

TITLES = {
    JobState.QUEUED: "In line",
    JobState.SUBMITTING: "Starting",
    JobState.UNKNOWN: "Checking with the provider",
    JobState.RENDERING: "Rendering",
    JobState.FETCHING: "Fetching the clip",
    JobState.DELIVERING: "Posting the clip",
    JobState.DONE: "Done",
    JobState.CANCELLED: "Cancelled",
    JobState.FAILED: "Not made",
    JobState.UNDELIVERABLE: "Made, but not posted",
}

_COLOURS = {
    JobState.DONE: discord.Colour(0x3BA55D),
    JobState.FAILED: discord.Colour(0xD83C3E),
    JobState.UNDELIVERABLE: discord.Colour(0xE67E22),
    JobState.CANCELLED: discord.Colour(0x80848E),
}
_WORKING = discord.Colour(0x5B6EE1)
_MAX_REASON = 500  # the provider's own words have no bound
_CANCELLABLE = (JobState.QUEUED, *SLOT_HOLDERS)


def card_view(card: Card) -> ui.LayoutView:
    """A fresh view for every edit: discord.py forgets buttons when one object is sent again."""
    job = card.job
    lines = [
        f"### {_title(job)}",
        _state_line(card),
        *([quoted(job.request.prompt)] if job.request.prompt else []),
        *(f"-# ⚠ {prose(caution, length=_MAX_REASON)}" for caution in card.cautions),
        f"-# {describe_request(job)}",
        f"-# Job {job.id} · asked by <@{job.origin.user_id}>",
    ]
    view = ui.LayoutView(timeout=None)
    container: ui.Container[ui.LayoutView] = ui.Container(
        ui.TextDisplay("\n".join(lines)), accent_colour=_COLOURS.get(job.state, _WORKING)
    )
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    if job.state in _CANCELLABLE and not job.cancel_requested:
        row.add_item(CancelButton(job.id))
    row.add_item(RequestButton(job.id))
    container.add_item(row)
    view.add_item(container)
    return view


def result_text(job: Job) -> str:
    """The words above a finished clip; its mention is the only one that pings."""
    prompt = quoted(job.request.prompt) if job.request.prompt else ""
    return f"<@{job.origin.user_id}> Your clip is ready.\n{prompt}\n-# {describe_request(job)} · job {job.id}"


def describe_request(job: Job) -> str:
    """What is made, by whom and for how much, in one line."""
    return described(job.request, provider=job.provider, model=job.model, price=_price(job))


def described(request: VideoRequest, *, provider: str, model: str, price: str) -> str:
    """A request in one line, with who makes it; `price` in words."""
    parts = [provider, _model(model), f"{request.duration_s} s"]
    if request.quality:
        parts.append(request.quality.value)
    if request.aspect:
        parts.append(request.aspect.value)
    if request.camera:
        parts.append(_camera(request.camera))
    if request.end_frame:
        parts.append("to an end frame")
    if request.motion:
        parts.append("painted motion")
    if request.shots:
        parts.append(counted(len(request.shots), "shot"))
    if request.sound:
        parts.append("with voices" if request.voices else "with sound")
    return " · ".join((*parts, price))


def price_words(credits_: int, request: VideoRequest) -> str:
    """A price as it stands on a card."""
    if request.draft and not credits_:
        return "free draft"
    return counted(credits_, "credit") if credits_ else "free"


def _price(job: Job) -> str:
    """What is charged, and what was reserved where that is something else."""
    price = price_words(job.price, job.request)
    if job.price == job.credits:
        return price
    return f"{price}, {'of' if job.price < job.credits else 'more than the'} {job.credits:,} reserved"


def _model(name: str) -> str:
    """As it was named, perhaps by a member: one with a slash might be read as a link or an invitation."""
    return f"`{name}`" if "/" in name else name


def _title(job: Job) -> str:
    """A provider that answers only with the finished clip is rendering while it is being asked."""
    if job.state is JobState.SUBMITTING and job.marked_at_ms is not None:
        return TITLES[JobState.RENDERING]
    return TITLES[job.state]


def message_link(job: Job) -> str | None:
    """Where the clip was posted; None before that."""
    if job.message_id is None or job.state is not JobState.DONE:
        return None
    return f"https://discord.com/channels/{job.origin.guild_id}/{job.message_channel_id}/{job.message_id}"


def _camera(camera: CameraControl) -> str:
    name = camera.move.value.replace("_", " ")
    return name if camera.amount is None else f"{name} {camera.amount:+g}"


def _state_line(card: Card) -> str:
    job = card.job
    if job.state in TERMINAL:
        return _end_line(job)
    if job.cancel_requested:
        return "Stopping…"
    if job.state is JobState.QUEUED:
        ahead = "You are next." if not card.ahead else f"{counted(card.ahead, 'job')} before yours."
        return f"{ahead}{_when(card)}"
    if job.progress is not None:
        return f"{progress_bar(job.progress)}{_when(card)}"
    return f"Being made.{_when(card)}"


def _end_line(job: Job) -> str:
    return {
        JobState.DONE: f"[See the clip]({message_link(job)}).",
        JobState.CANCELLED: "Nothing was charged.",
        JobState.FAILED: f"{prose(job.error or 'It failed.', length=_MAX_REASON)} Nothing was charged.",
        JobState.UNDELIVERABLE: f"The clip is kept: `/job {job.id}` shows it. Nothing was charged.",
    }[job.state]


def _when(card: Card) -> str:
    if card.ready_between_s is None:
        return ""
    return f" Ready <t:{card.ready_between_s[0]}:R>, or a little later."
