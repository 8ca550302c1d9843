"""What is asked of a member before a request from a message is one: which picture, or whether a clip goes on."""

from typing import Any, Protocol, TypeAlias

import discord
import structlog
from discord import ui

from bot.domain.begun import Begun, Candidate, edit_of, extension_of
from bot.domain.errors import DeliveryFault, OfferLapsed, Refused
from bot.domain.jobs import Job
from bot.domain.requests import Asked
from bot.language import marked, tr
from bot.media.errors import PictureTooBig
from bot.services.generation import Generation
from bot.services.insights import Insights
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.services.ports import Card
from bot.services.questions import NotYours
from bot.services.remembered import Remembered
from bot.services.reuse import ClipWithdrawn, OnlyForAdults
from bot.ui import checks, errors
from bot.ui.answers import Answer, shown
from bot.ui.buttons import NumberedButton
from bot.ui.compose import Composer
from bot.ui.consent import show_on
from bot.ui.faults import translated
from bot.ui.intake import Intake
from bot.ui.pictures import Found, clip_in, job_in, pictures_in
from bot.ui.threads import DiscordPublisher

Interaction: TypeAlias = discord.Interaction[Any]
log = structlog.stdlib.get_logger(__name__)

_NUMBERS = {str(number): str(number) for number in range(1, 11)}


class NoPicture(Refused):
    """There is no picture in this message that I can read: a JPEG, PNG, WebP or GIF."""


class Desk(Protocol):
    """What the buttons lead to; the client holds one as `desk`."""

    choices: "Choices"


class PictureButton(NumberedButton, about="picture", does=_NUMBERS):
    """Chooses one of several pictures; its number is that of what was begun."""

    async def callback(self, interaction: Interaction) -> None:
        """Go on with that picture."""
        desk: Desk = interaction.client.desk
        await desk.choices.take_picture(interaction, self.number, int(self.does) - 1)


class ContinueButton(
    NumberedButton,
    about="reply",
    does={"continue": marked("Continue the clip"), "leave": marked("Never mind")},
):
    """Says whether a reply to a clip was meant for the bot."""

    async def callback(self, interaction: Interaction) -> None:
        """Go on with the clip, or take the question away."""
        desk: Desk = interaction.client.desk
        await desk.choices.take_word(interaction, self.number, is_meant=self.does == "continue")


class Choices:
    """Asks and takes the answers; part of the desk."""

    def __init__(
        self,
        *,
        generation: Generation,
        insights: Insights,
        composer: Composer,
        intake: Intake,
        publisher: DiscordPublisher,
    ) -> None:
        self._generation = generation
        self._insights = insights
        self._composer = composer
        self._intake = intake
        self._publisher = publisher
        self._left = Remembered()

    async def animate(self, interaction: Interaction, message: discord.Message) -> None:
        """Begin with what a message shows: its picture, one of them that is chosen, or the end of its clip.

        Raises:
            Refused, PictureRefused: there is none that would do.
        """
        begun = await self.begun_from(message, interaction.client.user.id)
        if begun is None:
            raise NoPicture
        if begun.choices:
            await self._composer.ensure_wanted(interaction)
            number = await self._keep(interaction, begun)
            await interaction.response.send_message(view=picture_view(number, begun), ephemeral=True)
        else:
            await self._composer.open(interaction, begun)

    async def begun_from(self, message: discord.Message, us_id: int) -> Begun | None:
        """What a request that points at a message starts from; None where it has nothing for one.

        Raises:
            NoSuchJob: it shows a clip of another server.
            ClipWithdrawn, OnlyForAdults: its clip was deleted, or is not for where it stands any more.
            PictureTooBig: its pictures are too large, each of them.
        """
        assert message.guild is not None
        clip_of = clip_in(message, us_id)
        if clip_of is not None:
            return extension_of(await self._job(clip_of, message))
        card_of = job_in(message, us_id)
        if card_of is not None:  # on which the picture is shown, but only a small copy of it
            job = await self._job(card_of, message)
            return edit_of(job) if job.request.image else None
        return begun_with(pictures_in(message))

    async def _job(self, job_id: int, shown_in: discord.Message) -> Job:
        assert shown_in.guild is not None
        job = await self._insights.job(job_id, shown_in.guild.id)
        if job.withdrawn_at_ms is not None:
            raise ClipWithdrawn
        if not checks.is_for_here(shown_in, job):
            raise OnlyForAdults
        return job

    async def take_picture(self, interaction: Interaction, number: int, index: int) -> None:
        """Go on with one of the pictures."""
        async with errors.answered(interaction):
            begun = await self._kept(interaction, number)
            begun = begun.with_picture(_choice(begun, index))
            if begun.asked is None:
                await self._composer.open(interaction, begun)
            else:
                await self._make(interaction, begun, begun.asked)

    async def take_word(self, interaction: Interaction, number: int, *, is_meant: bool) -> None:
        """Go on with the clip, or take the question away."""
        async with errors.answered(interaction):
            if is_meant:
                await self._continue(interaction, number)
            else:
                await self._leave(interaction, number)

    def is_left(self, user_id: int, clip_of: int | None) -> bool:
        """Whether somebody said lately that they do not mean to go on with the clip of a job."""
        return (user_id, clip_of) in self._left

    async def _continue(self, interaction: Interaction, number: int) -> None:
        try:
            begun = await self._kept(interaction, number)
        except OfferLapsed:
            await _take_away(interaction)
            raise
        assert begun.asked is not None
        await self._make(interaction, begun, begun.asked)

    async def _leave(self, interaction: Interaction, number: int) -> None:
        """Take the question away: for whom it was asked, for moderators, and for anybody once it has lapsed."""
        try:
            begun = await self._kept(interaction, number)
        except NotYours:
            if not await checks.is_moderator(interaction):
                raise
        except OfferLapsed:
            log.debug("a lapsed question is taken away", number=number)
        else:
            self._left.add((interaction.user.id, begun.from_job_id))
        await _take_away(interaction)

    async def _make(self, interaction: Interaction, begun: Begun, asked: Asked) -> None:
        """Take the message's request after all, with the rights of this moment; its answer becomes the card."""
        await checks.ensure_place_of(interaction)
        asker = checks.asker(interaction)
        now = {
            "image_url": begun.image_url,
            "options": asked.options.model_copy(
                update={"spoiler": asked.options.spoiler or begun.options.spoiler}
            ),
            "roles": tuple(sorted(asker.roles)),
            "manages": asker.manages,
            "is_age_restricted": checks.is_age_restricted(interaction.channel),
        }
        asked = asked.model_copy(update=now)
        await self._intake.take(asked, ToAnswer(self._publisher, interaction, asked))

    async def _keep(self, interaction: Interaction, begun: Begun) -> int:
        assert interaction.guild_id is not None
        return await self._generation.keep(interaction.guild_id, interaction.user.id, begun)

    async def _kept(self, interaction: Interaction, number: int) -> Begun:
        assert interaction.guild_id is not None
        return await self._generation.begun(number, interaction.guild_id, interaction.user.id)


class ToAnswer:
    """The message with the question, which a click on it turns into the card. Before that, a refusal is private."""

    def __init__(self, publisher: DiscordPublisher, interaction: Interaction, asked: Asked) -> None:
        self._publisher = publisher
        self._interaction = interaction
        self._asked = asked
        self._show = show_on(interaction)

    async def acknowledge(self) -> int:
        """Say that the click has come; the message stays as it is."""
        async with translated():
            if not self._interaction.response.is_done():
                await self._interaction.response.defer()
        assert self._interaction.message is not None
        return self._interaction.message.id

    async def show(self, card: Card) -> None:
        """Turn the message into the card."""
        await self._show(card)

    async def refuse(self, error: Exception) -> bool:
        """Say on the message why there will be no clip, or who has to agree first."""
        assert self._interaction.message is not None
        try:
            await self._publisher.show_view(
                self._asked.channel_id, self._interaction.message.id, errors.view_of(error)
            )
        except DeliveryFault:
            return False
        return True


async def _take_away(interaction: Interaction) -> None:
    """Delete the message that was clicked on."""
    async with translated():
        await interaction.response.defer()
        await interaction.delete_original_response()


def _choice(begun: Begun, index: int) -> Candidate:
    if index >= len(begun.choices):  # the number is that of something else
        raise OfferLapsed
    return begun.choices[index]


def begun_with(found: tuple[Found, ...]) -> Begun | None:
    """What starts from a picture, or from one of several that has to be chosen; None without any.

    Raises:
        PictureTooBig: each is too large, as Discord says.
    """
    if not found:
        return None
    fit = [one for one in found if (one.size_bytes or 0) <= MAX_PICTURE_BYTES]
    if not fit:
        raise PictureTooBig(size_bytes=found[0].size_bytes or 0, max_bytes=MAX_PICTURE_BYTES)
    first, *others = (Candidate(url=one.url, is_spoiler=one.is_spoiler) for one in fit)
    return Begun(choices=(first, *others)) if others else Begun().with_picture(first)


def picture_view(number: int, begun: Begun) -> ui.LayoutView:
    """The pictures, each with its button right under it: Discord numbers none of those in one gallery."""
    view = ui.LayoutView(timeout=None)
    view.stop()  # it is private: see `bot.ui.answers.shown`
    view.add_item(ui.TextDisplay(tr("Which picture shall become a clip?")))
    for place, picture in enumerate(begun.choices, start=1):
        words = tr("Picture {number}", number=place)
        gallery: ui.MediaGallery[Any] = ui.MediaGallery()
        gallery.add_item(media=picture.url, description=words, spoiler=picture.is_spoiler)
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(PictureButton(number, str(place)))
        view.add_item(gallery)
        view.add_item(row)
    return view


def question_view(number: int, begun: Begun) -> ui.LayoutView:
    """Whether a reply to a clip was meant for the bot; its words stand in that reply, and are not repeated."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    row.add_item(ContinueButton(number, "continue"))
    row.add_item(ContinueButton(number, "leave"))
    options = begun.asked.options if begun.asked else begun.options
    said = [
        tr("Shall I continue this clip from its last frame, with your words?")
        if begun.text
        else tr("Shall I continue this clip from its last frame?"),
        *([] if options.draft else [tr("That costs credits.")]),
    ]
    return shown(Answer(" ".join(said), row))
