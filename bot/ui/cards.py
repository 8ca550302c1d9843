"""The card of a job: values in, components out."""

import io

import discord
from discord import ui

from bot.domain.jobs import SLOT_HOLDERS, TERMINAL, Job, JobState, Lineage, Relation
from bot.domain.reasons import retold
from bot.domain.requests import CameraControl, CameraMove, CameraPreset, VideoRequest
from bot.language import grouped, marked, tr, trn
from bot.services.gate import Closure
from bot.services.ports import Card
from bot.ui.buttons import CancelButton, ClipButton, RequestButton
from bot.ui.text import link_to, progress_bar, prose, quoted

TITLES = {
    JobState.QUEUED: marked("In line"),
    JobState.SUBMITTING: marked("Starting"),
    JobState.UNKNOWN: marked("Checking with the provider"),
    JobState.RENDERING: marked("Rendering"),
    JobState.FETCHING: marked("Fetching the clip"),
    JobState.DELIVERING: marked("Posting the clip"),
    JobState.DONE: marked("Done"),
    JobState.CANCELLED: marked("Cancelled"),
    JobState.FAILED: marked("Not made"),
    JobState.UNDELIVERABLE: marked("Made, but not posted"),
}
"""Translated where they are shown."""

_COLOURS = {
    JobState.DONE: discord.Colour(0x3BA55D),
    JobState.FAILED: discord.Colour(0xD83C3E),
    JobState.UNDELIVERABLE: discord.Colour(0xE67E22),
    JobState.CANCELLED: discord.Colour(0x80848E),
}
_WORKING = discord.Colour(0x5B6EE1)
_WITHDRAWN = discord.Colour(0x80848E)
_MAX_REASON = 500  # the provider's own words have no bound
_BESIDE = 2  # lines: the title, and how it stands
_CANCELLABLE = (JobState.QUEUED, *SLOT_HOLDERS)
MOVES = {
    CameraMove.HORIZONTAL: marked("horizontal"),
    CameraMove.VERTICAL: marked("vertical"),
    CameraMove.ZOOM: marked("zoom"),
    CameraMove.PAN: marked("pan"),
    CameraMove.TILT: marked("tilt"),
    CameraMove.ROLL: marked("roll"),
    CameraPreset.DOWN_BACK: marked("down back"),
    CameraPreset.FORWARD_UP: marked("forward up"),
    CameraPreset.RIGHT_TURN_FORWARD: marked("right turn forward"),
    CameraPreset.LEFT_TURN_FORWARD: marked("left turn forward"),
}
_RELATIONS = {
    Relation.AGAIN: marked("Once more: {job}"),
    Relation.EDIT: marked("Changed from {job}"),
    Relation.EXTEND: marked("Extends {job}"),
    Relation.FINAL: marked("Final of {job}"),
}

PAUSES = {
    Closure.STOPPING: marked(
        "The bot is just being stopped or restarted; waiting clips are begun after that."
    ),
    Closure.DISK_FULL: marked("Paused: the bot's disk is full. It goes on by itself once there is room."),
    Closure.DRAINING: marked(
        "Paused by the bot's operator. Waiting clips keep their places and are begun later."
    ),
}
"""Why nothing is begun, translated where it is shown."""

THUMBNAIL = "source.jpg"
"""The attachment of a card that shows the picture it is made from."""


def card_view(card: Card) -> ui.LayoutView:
    """A fresh view for every edit: discord.py forgets buttons when one object is sent again.

    One with a thumbnail goes with the attachment of that name, from `thumbnail_file` or there already.
    """
    job = card.job
    view = ui.LayoutView(timeout=None)
    colour = _WITHDRAWN if job.withdrawn_at_ms is not None else _COLOURS.get(job.state, _WORKING)
    container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=colour)
    for item in _texts(card):
        container.add_item(item)
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    if job.state in _CANCELLABLE and not job.cancel_requested:
        row.add_item(CancelButton(job.id))
    if card.can_be_painted:
        row.add_item(ClipButton(job.id, "paint"))
    row.add_item(RequestButton(job.id))
    container.add_item(row)
    view.add_item(container)
    return view


def thumbnail_file(card: Card) -> discord.File | None:
    """What is uploaded with a card; None where nothing is, or where the message has it already."""
    if card.thumbnail is None:
        return None
    return discord.File(io.BytesIO(card.thumbnail), filename=THUMBNAIL)


def _texts(card: Card) -> list[ui.Item[ui.LayoutView]]:
    """Beside the picture only what is short: on a phone it leaves half of the width, too little for a prompt."""
    lines = _lines(card)
    if not card.is_pictured:
        return [ui.TextDisplay("\n".join(lines))]
    beside = ui.Section[ui.LayoutView]("\n".join(lines[:_BESIDE]), accessory=_thumbnail(card.job))
    return [beside, ui.TextDisplay("\n".join(lines[_BESIDE:]))]


def _thumbnail(job: Job) -> ui.Thumbnail[ui.LayoutView]:
    return ui.Thumbnail(
        f"attachment://{THUMBNAIL}",
        description=tr("The picture that the clip starts from"),
        spoiler=job.request.spoiler,
    )


def _lines(card: Card) -> list[str]:
    """Of a clip that was deleted it says no more what was to be seen: that may be why it was."""
    job = card.job
    lineage = job.origin.lineage
    return [
        f"### {_title(job)}",
        _state_line(card),
        *(asked_for(job.request) if job.withdrawn_at_ms is None else []),
        *(f"-# ⚠ {prose(caution, length=_MAX_REASON)}" for caution in card.cautions),
        f"-# {describe_request(job)}",
        *([f"-# {came_out_of(lineage, card.came_from)}"] if lineage else []),
        "-# " + tr("Job {id} · asked by {member}", id=job.id, member=f"<@{job.origin.user_id}>"),
    ]


def asked_for(request: VideoRequest) -> list[str]:
    """What is to be seen, in the member's own words; no line where there are none."""
    words = own_words(request)
    return [quoted(words)] if words else []


def own_words(request: VideoRequest) -> str:
    """The member's own words on one line: the prompt, or those of every shot. They are foreign."""
    if request.shots:
        return " / ".join(f"{shot.duration_s} s: {shot.prompt}" for shot in request.shots)
    return request.prompt


def came_out_of(lineage: Lineage, source: Job | None = None) -> str:
    """How a job came out of another one, with a link to that where it is given."""
    name = tr("job {id}", id=lineage.job_id)
    return tr(_RELATIONS[lineage.relation], job=f"[{name}]({_link(source)})" if source else name)


def describe_request(job: Job) -> str:
    """What is made, by whom and for how much, in one line."""
    return described(job.request, provider=job.provider, model=job.model, price=_price(job))


def described(request: VideoRequest, *, provider: str, model: str, price: str) -> str:
    """A request in one line, with who makes it; `price` in words."""
    parts = [provider, _model(model), tr("{seconds} s", seconds=request.duration_s)]
    if request.quality:
        parts.append(request.quality.value)
    if request.aspect:
        parts.append(request.aspect.value)
    if request.camera:
        parts.append(_camera(request.camera))
    if request.end_frame:
        parts.append(tr("to an end frame"))
    if request.motion:
        parts.append(tr("painted motion"))
    if request.shots:
        parts.append(trn("{number} shot", "{number} shots", len(request.shots)))
    if request.sound:
        parts.append(tr("with voices") if request.voices else tr("with sound"))
    return " · ".join((*parts, price))


def price_words(credits_: int, request: VideoRequest) -> str:
    """A price as it stands on a card."""
    if request.draft and not credits_:
        return tr("free draft")
    return trn("{number} credit", "{number} credits", credits_) if credits_ else tr("free")


def _price(job: Job) -> str:
    """What is charged, and what was reserved where that is something else."""
    price = price_words(job.price, job.request)
    if job.price == job.credits:
        return price
    reserved = grouped(job.credits)
    if job.price < job.credits:
        return tr("{price}, of {reserved} reserved", price=price, reserved=reserved)
    return tr("{price}, more than the {reserved} reserved", price=price, reserved=reserved)


def _model(name: str) -> str:
    """As it was named, perhaps by a member: one with a slash might be read as a link or an invitation."""
    return f"`{name}`" if "/" in name else name


def _title(job: Job) -> str:
    """A provider that answers only with the finished clip is rendering while it is being asked."""
    if job.withdrawn_at_ms is not None:
        return tr("Deleted")
    is_rendering = job.state is JobState.SUBMITTING and job.marked_at_ms is not None
    return tr(TITLES[JobState.RENDERING if is_rendering else job.state])


def message_link(job: Job) -> str | None:
    """Where the clip can be seen; None before it was posted, after it was deleted, and if one person alone has it."""
    if job.message_id is None or job.state is not JobState.DONE or job.withdrawn_at_ms is not None:
        return None
    if job.is_direct:
        return None
    return _address(job, job.message_channel_id, job.message_id)


def _link(job: Job) -> str:
    """To its clip, or to its card where there is none to be seen."""
    return message_link(job) or _address(job, job.origin.channel_id, job.origin.card_id)


def _address(job: Job, channel_id: int | None, message_id: int) -> str:
    return link_to(job.origin.guild_id, channel_id, message_id)


def _camera(camera: CameraControl) -> str:
    name = tr(MOVES[camera.move])
    return name if camera.amount is None else f"{name} {camera.amount:+g}"


def _state_line(card: Card) -> str:
    job = card.job
    if job.state in TERMINAL:
        return _end_line(job)
    if job.cancel_requested:
        return tr("Stopping…")
    if job.state is JobState.QUEUED:
        pause = f" {tr(PAUSES[card.paused])}" if card.paused is not None else ""
        return f"{_ahead(card.ahead)}{pause}{_when(card)}"
    if job.progress is not None:
        return f"{progress_bar(job.progress)}{_when(card)}"
    return tr("Being made.") + _when(card)


def _ahead(jobs: int | None) -> str:
    if not jobs:
        return tr("You are next.")
    return trn("{number} job before yours.", "{number} jobs before yours.", jobs)


def _end_line(job: Job) -> str:
    if job.is_deleted:
        is_own = job.withdrawn_by == job.origin.user_id
        return (
            tr("Who asked for the clip has deleted it.")
            if is_own
            else tr("A moderator has deleted the clip.")
        )
    link, free = message_link(job), tr("Nothing was charged.")
    see = tr("[See the clip]({link}).", link=link)
    match job.state:
        case JobState.DONE:
            member = f"<@{job.origin.user_id}>"
            direct = tr(
                "It could be posted nowhere here, so {member} has it as a direct message.", member=member
            )
            return see if link else direct
        case JobState.CANCELLED:
            return free
        case JobState.FAILED:
            why = retold(job.error) if job.error else tr("It failed.")
            return f"{prose(why, length=_MAX_REASON)} {free}"
        case _:
            return kept_for(job)


def kept_for(job: Job) -> str:
    """Until when a clip that no place took can be claimed, and what that costs."""
    until = f"<t:{(job.claimable_until_ms or 0) // 1000}:D>"
    kept = tr("The clip is kept until {date}: `/claim` posts it where you are.", date=until)
    if not job.price:
        return kept
    return f"{kept} {tr('It is charged when you claim it, and its credits stay reserved until then.')}"


def _when(card: Card) -> str:
    """What is promised is still ahead when it is said."""
    if card.ready_between_s is None:
        return ""
    usual_s, slow_s = card.ready_between_s
    if card.at_s < usual_s:
        return " " + tr("Ready {time}, or a little later.", time=f"<t:{usual_s}:R>")
    if card.at_s < slow_s:
        return " " + tr("Most likely ready by {time}.", time=f"<t:{slow_s}:t>")
    return " " + tr("It takes longer than usual.")
