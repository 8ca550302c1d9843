"""Past jobs brought back: a member's pages, and one job with its clip and its buttons."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import discord
import structlog
from discord import ui
from discord.app_commands import Choice

from bot.domain.begun import options_of
from bot.domain.errors import DeliveryFault, NoSuchJob, Refused
from bot.domain.jobs import Job, JobState
from bot.domain.requests import Options
from bot.language import speaking, tr
from bot.media.errors import MediaError
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.insights import Insights, Only, Page
from bot.services.notices import Notices
from bot.services.thumbnails import Thumbnails
from bot.ui import checks, errors, faults
from bot.ui.answers import Answer
from bot.ui.buttons import NumberedButton
from bot.ui.cards import card_view, message_link, own_words, thumbnail_file
from bot.ui.errors import describe
from bot.ui.listings import page_view, suggestion, thumbnail_files
from bot.ui.places import filename, text_with, unsaid
from bot.ui.results import result_view

if TYPE_CHECKING:
    from bot.services.privacy import Privacy

log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

Interaction = discord.Interaction[Any]

_MOST_SUGGESTED = 25
_SUGGESTED_FROM = 200
"""Of one's newest jobs so many are looked through while a number is typed."""


class NotShared(Refused):
    """Only who asked for a clip may post it again; a moderator may too, unless it was asked in a private place."""


class NothingToShare(Refused):
    """There is no clip to post; leave `share` out to see the job."""


class StillFitting(Refused):
    """I am still making a clip smaller for you; try again when you have it."""


class NotTaken(Refused):
    """Discord did not take the clip."""


class NotForHere(Refused):
    """The clip cannot be had, or not for here."""


@describe.register
def _about_sharing(error: NotShared | NothingToShare | StillFitting | NotTaken | NotForHere) -> Answer:
    return Answer(f"{error}")


class History:
    """Looks up what was, brings it back to who asks, and shares it with everybody where they may."""

    def __init__(
        self,
        *,
        insights: Insights,
        cards: Cards,
        delivery: Delivery,
        thumbnails: Thumbnails,
        notices: Notices,
        ensure_wanted: Callable[[Interaction, Options], Awaitable[None]],
    ) -> None:
        """`ensure_wanted` refuses where no clip could be posted, and what the server does not want."""
        self._insights = insights
        self._cards = cards
        self._delivery = delivery
        self._thumbnails = thumbnails
        self._notices = notices
        self._ensure_wanted = ensure_wanted
        self._fitting_for: dict[int, int] = {}
        """Members for whom a clip is made smaller, with the interaction that it is for."""

    async def open(self, interaction: Interaction, member: discord.abc.User | None, only: Only) -> None:
        """Show the newest jobs of a member, who is the one who asks if None.

        Raises:
            ModeratorsOnly: they are somebody else's.
        """
        assert interaction.guild_id is not None
        whose = member or interaction.user
        if whose.id != interaction.user.id:
            await checks.ensure_moderator(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._show(interaction, await self._insights.newest(interaction.guild_id, whose.id, only))

    async def turn(self, interaction: Interaction, job_id: int, way: str, only: Only) -> None:
        """Show the page next to a job, and answer whatever happens."""
        async with errors.answered(interaction):
            assert interaction.guild_id is not None
            job = await self._insights.job(job_id, interaction.guild_id)
            if job.origin.user_id != interaction.user.id:
                await checks.ensure_moderator(interaction)
            await interaction.response.defer()
            turned = self._insights.newer if way == "newer" else self._insights.older
            await self._show(
                interaction, await turned(interaction.guild_id, job.origin.user_id, only, job_id)
            )

    async def _show(self, interaction: Interaction, page: Page) -> None:
        found = zip(page.jobs, await self._thumbnails.of_all(page.jobs), strict=True)
        pictures = [picture if checks.is_for_here(interaction, job) else None for job, picture in found]
        files = thumbnail_files(page.jobs, pictures)
        view = page_view(page, files, is_own=page.user_id == interaction.user.id)
        await interaction.edit_original_response(
            view=view,
            attachments=[file for file in files if file is not None],
            allowed_mentions=discord.AllowedMentions.none(),
        )

    async def suggest(self, interaction: Interaction, typed: str) -> list[Choice[int]]:
        """One's own newest jobs whose number begins so, or whose prompt contains it."""
        if interaction.guild_id is None:
            return []
        mine = await self._insights.jobs_of(interaction.guild_id, interaction.user.id, limit=_SUGGESTED_FROM)
        wanted = typed.strip().casefold()
        fitting = [
            Choice(name=suggestion(job), value=job.id)
            for job in mine
            if str(job.id).startswith(wanted) or wanted in own_words(job.request).casefold()
        ]
        return fitting[:_MOST_SUGGESTED]

    async def show(self, interaction: Interaction, job_id: int, *, share: bool = False) -> None:
        """Show a job again to who may see it, with its clip and its buttons; or post its clip for everybody.

        Raises:
            NoSuchJob: there is none of this number here, or it is none of the asker's business.
            Refused: it is not to be posted here, or not by them.
        """
        assert interaction.guild_id is not None
        job = await self._insights.job(job_id, interaction.guild_id)
        if not await checks.may_see(interaction, job):
            raise NoSuchJob
        checks.ensure_for_here(interaction, job)
        if share:
            await _ensure_sharable(interaction, job)
            await self._ensure_wanted(interaction, options_of(job))
            async with errors.told_alone(interaction):
                await self._share(interaction, job)
        else:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await self._recall(interaction, job)

    async def _recall(self, interaction: Interaction, job: Job) -> None:
        """The card, and below it the clip or where it is."""
        picture = await self._thumbnails.of(job)
        card = replace(await self._cards.of(job.id), is_pictured=picture is not None, thumbnail=picture)

        async def show(*below: ui.Item[Any], clip: discord.File | None = None) -> None:
            view, files = card_view(card), filter(None, (clip, thumbnail_file(card)))
            for item in below:
                view.add_item(item)
            if job.state is JobState.UNDELIVERABLE or _may_have_clip(interaction, job):
                _add_buttons(view, job)
            await interaction.edit_original_response(view=view, attachments=[*files])

        async def send(path: Path) -> None:
            with _file(job, path) as clip:
                async with faults.translated():
                    await show(ui.MediaGallery(discord.MediaGalleryItem(clip)), clip=clip)

        if not _may_have_clip(interaction, job):
            missing = _missing_text(job)
            await show(*([ui.TextDisplay[ui.LayoutView](missing)] if missing else []))
            return
        try:
            await self._send(interaction, job, send)
        except (MediaError, StillFitting) as fault:
            await show(ui.TextDisplay(str(fault)))

    async def _share(self, interaction: Interaction, job: Job) -> None:
        """As the clip was posted; above the answer to a command Discord says who used it."""
        deferred = await interaction.response.defer(thinking=True)
        assert deferred is not None
        assert deferred.message_id is not None
        assert interaction.channel_id is not None
        privacy: Privacy = interaction.client.services.privacy
        if not await privacy.shared(job.id, interaction.channel_id, deferred.message_id):
            raise NothingToShare  # it was deleted since it was looked up

        async def send(path: Path) -> discord.InteractionMessage:
            return await _posted(interaction, job, path)

        try:
            message = await self._send(interaction, job, send)
        except MediaError as fault:
            raise NotForHere(str(fault)) from fault
        with speaking(job.origin.language):
            told = tr(
                "{member} has posted the clip of job {id} again: {link}",
                member=f"<@{interaction.user.id}>",
                id=job.id,
                link=message.jump_url,
            )
        await self._notices.tell(job.origin.guild_id, told, key=f"share {interaction.id}")

    async def _send(self, interaction: Interaction, job: Job, send: Callable[[Path], Awaitable[T]]) -> T:
        """Send the clip of a job, made smaller until it is taken.

        Raises:
            MediaError, NotTaken: it cannot be had, or not for here.
            StillFitting: another one is being made smaller for the same member; new clips wait for that work as well.
        """
        user_id, server_id = interaction.user.id, job.origin.guild_id

        async def ensure_alone(limit: int) -> None:
            is_smaller = (job.clip_bytes or 0) > limit
            if is_smaller and self._fitting_for.setdefault(user_id, interaction.id) != interaction.id:
                raise StillFitting

        claimed = interaction.filesize_limit
        try:
            await ensure_alone(self._delivery.known_limit(server_id, claimed))
            return await self._delivery.send_smaller(job, server_id, claimed, send, refused=ensure_alone)
        except DeliveryFault as fault:
            raise NotTaken(str(fault)) from fault
        finally:
            if self._fitting_for.get(user_id) == interaction.id:
                del self._fitting_for[user_id]


@contextmanager
def _file(job: Job, path: Path) -> Generator[discord.File]:
    """The clip of a job as a file of a message, hidden as it was."""
    with closing(discord.File(path, filename=filename(job), spoiler=job.request.spoiler)) as clip:
        yield clip


async def _posted(interaction: Interaction, job: Job, path: Path) -> discord.InteractionMessage:
    """The answer with a clip, as its result was posted; without what AutoMod does not let pass."""
    async with faults.translated():
        try:
            return await _answered(interaction, job, path)
        except discord.HTTPException as refusal:
            if refusal.code not in faults.CENSORED:
                raise
            return await _answered(interaction, unsaid(job), path)


async def _answered(interaction: Interaction, job: Job, path: Path) -> discord.InteractionMessage:
    with _file(job, path) as clip, speaking(job.origin.language):
        return await interaction.edit_original_response(
            content=text_with(job, path),
            attachments=[clip],
            view=result_view(job),
            allowed_mentions=discord.AllowedMentions.none(),
        )


async def _ensure_sharable(interaction: Interaction, job: Job) -> None:
    if job.origin.user_id != interaction.user.id and (
        job.origin.is_private or not await checks.is_moderator(interaction)
    ):
        raise NotShared
    if job.state is not JobState.DONE or job.clip is None or job.withdrawn_at_ms is not None:
        raise NothingToShare
    checks.ensure_may_post(interaction)


def _may_have_clip(interaction: Interaction, job: Job) -> bool:
    """A clip that its requester deleted can be had back by them alone, for as long as it is kept.

    Nobody has one before it is paid for: what no place took is to be claimed.
    """
    if job.clip is None or job.state is not JobState.DONE:
        return False
    requester_id = job.origin.user_id
    return job.withdrawn_at_ms is None or interaction.user.id == job.withdrawn_by == requester_id


def _missing_text(job: Job) -> str | None:
    """Why there is no clip beside a card that speaks of one; None where there never was one."""
    if job.is_deleted:
        if job.withdrawn_by == job.origin.user_id:
            return tr("The clip was deleted by the member who asked for it.")
        return tr("The clip was deleted by a moderator.")
    if job.state is not JobState.DONE:
        return None
    link = message_link(job)
    if link is None:
        return tr("The original of this clip is no longer kept.")
    return tr("The original of this clip is no longer kept. What was posted is [here]({link}).", link=link)


def _add_buttons(view: ui.LayoutView, job: Job) -> None:
    """Those of its result, as rows below a card, without those about a message or a clip that there is not."""
    children: list[Any] = result_view(job).children
    is_unclaimed = job.state is JobState.UNDELIVERABLE
    pointless = {
        "extend": is_unclaimed,
        "original": is_unclaimed,
        "delete": job.message_id is None and not is_unclaimed,
        "report": message_link(job) is None,
    }
    buttons: list[NumberedButton] = [
        child for child in children if isinstance(child, NumberedButton) and not pointless.get(child.does)
    ]
    for number in sorted({button.row or 0 for button in buttons}):
        row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
        for button in buttons:
            if (button.row or 0) == number:
                row.add_item(type(button)(button.number, button.does))
        view.add_item(row)
