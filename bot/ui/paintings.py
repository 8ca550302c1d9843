"""The painter's desk: gives members the private links to its page, and takes what they have painted there."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import discord
import structlog
from discord import ui

from bot.db.errors import DatabaseUnavailable
from bot.domain.errors import (
    DestinationForbidden,
    DestinationGone,
    DiscordUnavailable,
    NotInServer,
    OfferLapsed,
    Refused,
)
from bot.domain.jobs import Job
from bot.domain.painting import ANY_MOTION, STAND_IN, Drawing
from bot.domain.requests import Asked
from bot.language import speaking, spoken, tr
from bot.media.errors import NoDecoder, StoreUnavailable
from bot.services.drawings import Fate, Outcome
from bot.services.generation import Generation
from bot.services.links import Link
from bot.services.pace import Pace
from bot.services.paintings import Opened, PaintingLapsed, Paintings, PaintingSent
from bot.services.questions import NeedsApproval, NeedsConsent, PriceRisen, Question, QuestionClosed
from bot.services.reuse import Reuse
from bot.ui import checks, errors
from bot.ui.answers import Answer, shown
from bot.ui.consent import Consents
from bot.ui.directory import Directory
from bot.ui.errors import describe
from bot.ui.faults import NOT_IN, translated
from bot.ui.intake import Courtesy, Intake
from bot.ui.text import counted
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

Interaction = discord.Interaction[Any]

_FETCHED_AT_ONCE = 4
"""Pictures to be painted on, of 10 MB at most, which are held in memory."""
_PATIENCE_S = 10.0
"""With Discord, each time that the answer to a page waits for it."""
_LATELY_S = 5.0
"""No older is what is judged by when somebody sends what they painted."""
_FATES = {
    OfferLapsed: Fate.GONE,
    PaintingLapsed: Fate.GONE,
    PaintingSent: Fate.GONE,
    DatabaseUnavailable: Fate.LATER,
    DiscordUnavailable: Fate.LATER,
    NotInServer: Fate.LATER,
    StoreUnavailable: Fate.LATER,
    NoDecoder: Fate.LATER,
}
_TIME = re.compile(r"<t:([0-9]{1,12})(?::[a-zA-Z])?>")
_CHANNEL = re.compile(r"<#([0-9]{1,20})>")
_MARKUP = re.compile(r"^(?:-#|#{1,3}) |\*\*|`", re.MULTILINE)


class NotAnswered(Refused):
    """I could not answer in the channel where you asked, so nothing is made."""


class MayNotAskHere(Refused):
    """You can use me no longer in the channel where you asked for this, so nothing is made."""


Messageable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class Client(Protocol):
    """What is asked of the client."""

    @property
    def directory(self) -> Directory:
        """What is known of servers and channels."""
        ...


class PaintingsDesk:
    """Part of the desk."""

    def __init__(
        self,
        paintings: Paintings,
        *,
        client: Client,
        generation: Generation,
        reuse: Reuse,
        intake: Intake,
        consents: Consents,
        publisher: DiscordPublisher,
        courtesy: Courtesy,
        pace: Pace,
    ) -> None:
        self._paintings = paintings
        self._client = client
        self._generation = generation
        self._reuse = reuse
        self._intake = intake
        self._consents = consents
        self._publisher = publisher
        self._courtesy = courtesy
        self._pace = pace
        self._fetched = asyncio.Semaphore(_FETCHED_AT_ONCE)

    @property
    def has_page(self) -> bool:
        """Whether there can be links."""
        return self._paintings.has_page

    async def begin(self, interaction: Interaction, asked: Asked, image_url: str) -> None:
        """Give a link on which the motion of a request is painted, privately.

        Raises:
            Refused, PictureRefused, ValidationError: instead of the link; nothing was charged.
        """
        asked = await self._acknowledge(interaction, asked)
        async with self._fetched:
            picture = await self._publisher.download(image_url)
            link = await self._paintings.begin(asked, picture, language=spoken())
        async with self._giving(link):
            await interaction.edit_original_response(view=shown(_linked(link)))

    async def begin_from(self, interaction: Interaction, asked: Asked) -> None:
        """Likewise for a request that comes out of an earlier job, with the picture of that.

        Raises:
            Refused: instead of the link; nothing was charged.
        """
        asked = await self._reuse.to_paint(await self._acknowledge(interaction, asked))
        link = await self._paintings.begin_with(asked, language=spoken())
        async with self._giving(link):
            await interaction.edit_original_response(view=shown(_linked(link)))

    async def begin_on(self, interaction: Interaction, number: int, question: Question) -> None:
        """Give a link on which the motion is painted for a request that somebody is asked about, privately."""
        link = await self._paintings.begin_on(number, question, language=spoken())
        async with self._giving(link):
            await interaction.response.send_message(view=shown(_linked(link)), ephemeral=True)

    @asynccontextmanager
    async def _giving(self, link: Link) -> AsyncGenerator[None]:
        """Show it in here: one that nobody sees is none."""
        try:
            async with translated():
                yield
        except Exception:
            await self._paintings.withdraw(link)
            raise

    async def _acknowledge(self, interaction: Interaction, asked: Asked) -> Asked:
        """Refuse what cannot be asked for here, else acknowledge; returns the request in its server's language."""
        await checks.ensure_place_of(interaction)
        await self._paintings.ensure_few(asked.user_id)
        judged = asked.model_copy(update={"image": STAND_IN, "motion": ANY_MOTION})
        asked = asked.model_copy(update={"language": (await self._generation.check(judged)).language})
        async with self._courtesy.before_all_else(), translated():
            await interaction.response.defer(ephemeral=True, thinking=True)
        return asked

    async def take(self, opened: Opened, drawing: Drawing) -> Outcome:
        """Take what was painted, which the page's place sees to be one at a time, and say what has become of it."""
        with speaking(opened.painting.language):
            try:
                return await self._take(opened, drawing)
            except Exception as error:  # noqa: BLE001 - whatever it is, the person is told
                return self._refused(error)

    async def _take(self, opened: Opened, drawing: Drawing) -> Outcome:
        self._pace.ensure_not_too_fast(opened.painting.asked.user_id)
        now = await self._as_of_now(opened.painting.asked)
        asked = await self._paintings.drawn(opened, drawing)
        asked = asked.model_copy(update={**now, "agreed_credits": drawing.price})
        question_id = opened.painting.question_id
        if question_id is not None:
            return await self._ask_anew(question_id, asked)
        refusal = await self._intake.take_painted(asked)
        return await self._outcome(asked, refusal)

    async def _ask_anew(self, question_id: int, asked: Asked) -> Outcome:
        """Put the request with its motion into the question; its message says so."""
        needed = await self._generation.paint(question_id, asked)
        origin = needed.question.origin
        try:
            async with asyncio.timeout(_PATIENCE_S):
                view = errors.view_of(needed)
                await self._publisher.show_view(origin.channel_id, origin.card_id, view)
        except Exception as fault:  # noqa: BLE001 - who presses a button that stands there is shown the new question
            log.info("question not brought up to date", number=needed.number, reason=str(fault))
        await self._consents.announce(needed)
        return _asked(needed)

    async def _outcome(self, asked: Asked, refusal: Exception | None) -> Outcome:
        """What has become of a request that was noted, as the rows say: who was refused may have been taken after all."""
        try:
            found = await self._generation.came_of(asked)
        except DatabaseUnavailable:  # it stands there all the same
            found = asked
        match found:
            case Job(id=number):
                where = self._called(asked.channel_id)
                said = tr("Job {id} is queued; its card is in {channel}.", id=number, channel=where)
                return Outcome(Fate.MADE, said, number)
            case NeedsConsent():
                return _asked(found)
            case Asked():
                said = tr("This takes a while. What you painted is kept, and goes on by itself in Discord.")
                return Outcome(Fate.ASKED, said)
            case None:
                raise refusal or NotAnswered

    async def _as_of_now(self, asked: Asked) -> dict[str, object]:
        """What Discord says of the member and the place by now: a page is asked by whoever has its link.

        Raises:
            MayNotAskHere: the member has left, was timed out or taken out of the private thread, or may not use commands
                there any more.
            NotInServer: the bot is not there (yet).
            Refused: the place does not do any more.
            DeliveryFault: Discord does not say.
        """
        try:
            async with translated(), asyncio.timeout(_PATIENCE_S):
                guild = await self._server(asked.guild_id)
                channel = await self._client.directory.fetch_channel(guild, asked.channel_id)
                member = await guild.fetch_member(asked.user_id)
                await _ensure_in(channel, member)
        except (DestinationGone, DestinationForbidden) as gone:
            raise MayNotAskHere from gone
        if not isinstance(channel, Messageable):
            raise MayNotAskHere
        granted = channel.permissions_for(member)
        if not (granted.view_channel and granted.use_application_commands):
            raise MayNotAskHere
        await checks.ensure_place(self._client, channel.permissions_for(guild.me), channel, asked.guild_id)
        return {
            "roles": tuple(sorted(checks.roles_of(member))),
            "manages": granted.manage_guild,
            "parent_id": channel.parent_id if isinstance(channel, discord.Thread) else None,
            "is_age_restricted": checks.is_age_restricted(channel),
            "is_private": checks.is_private(channel),
            "after_id": channel.last_message_id,
        }

    async def _server(self, guild_id: int) -> discord.Guild:
        try:
            return await self._client.directory.guild(guild_id, most_s=_LATELY_S)
        except discord.HTTPException as refusal:
            if refusal.code in NOT_IN:
                raise NotInServer from refusal
            raise

    def _refused(self, error: Exception) -> Outcome:
        fate = next((fate for kind, fate in _FATES.items() if isinstance(error, kind)), Fate.REFUSED)
        price = error.credits if isinstance(error, PriceRisen) else None
        return Outcome(fate, self._plain(describe(error).text), price=price)

    def _plain(self, text: str) -> str:
        """Words for Discord, for a page."""
        text = _TIME.sub(
            lambda found: f"{datetime.fromtimestamp(int(found[1]), UTC):%Y-%m-%d %H:%M} UTC", text
        )
        text = _CHANNEL.sub(lambda found: self._called(int(found[1])), text)
        return _MARKUP.sub("", text)

    def _called(self, channel_id: int) -> str:
        name = self._client.directory.name_of(channel_id)
        return f"#{name}" if name else tr("Discord")


async def _ensure_in(channel: object, member: discord.Member) -> None:
    """Discord takes commands in a private thread from those in it and who manages threads; rights say nothing of it.

    Raises:
        discord.NotFound: the member is neither.
    """
    if not isinstance(channel, discord.Thread) or not channel.is_private():
        return
    if not channel.permissions_for(member).manage_threads:
        await channel.fetch_member(member.id)


@describe.register
def _not_taken(error: PaintingLapsed | PaintingSent | QuestionClosed) -> Answer:
    return Answer(f"{error}")


@describe.register
def _risen(error: PriceRisen) -> Answer:
    words = tr(
        "This clip costs {cost} by now, and the page showed {shown}. Nothing was charged; send it again if you agree.",
        cost=counted(error.credits, "credit"),
        shown=counted(error.agreed, "credit"),
    )
    return Answer(words)


def _asked(needed: NeedsConsent) -> Outcome:
    said = (
        tr("A moderator has to agree to it; nothing is charged before.")
        if isinstance(needed, NeedsApproval)
        else tr("It waits in Discord for you to agree to its price; nothing is charged before.")
    )
    return Outcome(Fate.ASKED, said)


def _linked(link: Link) -> Answer:
    row: ui.ActionRow[Any] = ui.ActionRow()
    row.add_item(ui.Button(label=tr("Paint it"), style=discord.ButtonStyle.link, url=link.url))
    text = tr(
        "Paint what moves and what stands still. The link is for you alone: it works until {time}, and once. "
        "Nothing is charged before you send it.",
        time=f"<t:{link.expires_s}:t>",
    )
    return Answer(text, row)
