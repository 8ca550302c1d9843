"""Answers to the questions before a clip is made: of the member about the price, of moderators about all of it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import discord
import structlog

from bot.db.errors import DatabaseFault
from bot.domain.errors import (
    Blocked,
    ClipTooDear,
    DeliveryFault,
    OfferLapsed,
    QuotaExceeded,
    TooManyQueued,
)
from bot.domain.jobs import Job
from bot.language import language_of, speaking, tr
from bot.services.cards import Cards, Show
from bot.services.consent import Consent
from bot.services.manners import Manners
from bot.services.notices import Notices
from bot.services.ports import Card
from bot.services.questions import NeedsApproval, NeedsConsent, NotYours, Question, Stage
from bot.ui import checks, errors
from bot.ui.answers import shown
from bot.ui.cards import card_view, thumbnail_file
from bot.ui.faults import translated
from bot.ui.questions import REASON, Answered, NotNow, announcement, lapsed, words_of

log = structlog.stdlib.get_logger(__name__)

Interaction = discord.Interaction[Any]


def show_on(interaction: Interaction) -> Show:
    """A way to show a card on the message that an interaction is answered with."""

    async def show(card: Card) -> None:
        with speaking(card.job.origin.language):
            view = card_view(card)
        file = thumbnail_file(card)
        async with translated():
            await interaction.edit_original_response(
                view=view, attachments=[file] if file else discord.utils.MISSING
            )

    return show


class Consents:
    """Takes the answers; part of the desk. A click turns the message it is on into the card, or the next question."""

    def __init__(
        self,
        consent: Consent,
        *,
        cards: Cards,
        notices: Notices,
        manners: Manners,
        before_all_else: Callable[[], AbstractAsyncContextManager[None]],
        paint: Callable[[Interaction, int, Question], Awaitable[None]],
    ) -> None:
        """In `before_all_else` interactions are acknowledged; `paint` answers with a link to paint a request's motion."""
        self._consent = consent
        self._cards = cards
        self._notices = notices
        self._manners = manners
        self._before_all_else = before_all_else
        self._paint = paint

    async def take(self, interaction: Interaction, number: int, answer: str) -> None:
        """Take a click on one of the buttons."""
        async with self._answering(interaction, number):
            if answer == "decline":
                await self._ask_why(interaction, number)
                return
            if answer == "paint":
                await self._paint(interaction, number, await self._mine(interaction, number))
                return
            await self._acknowledge(interaction)
            if answer == "make":
                self._cards.begin(await self._confirmed(interaction, number), show_on(interaction))
            elif answer == "approve":
                self._cards.begin(await self._approved(interaction, number), show_on(interaction))
            else:
                question = await self._consent.withdraw(number, _guild_id(interaction), interaction.user.id)
                await self._show(interaction, number, question)

    async def decline(self, interaction: Interaction, number: int) -> None:
        """Take the reason that a moderator has written."""
        async with self._answering(interaction, number):
            await self._acknowledge(interaction)
            await checks.ensure_moderator(interaction)
            reason = REASON.text_in(interaction).strip()
            question = await self._consent.decline(
                number, _guild_id(interaction), interaction.user.id, reason
            )
            await self._show(interaction, number, question)
            await _tell_member(interaction, question)

    async def announce(self, error: Exception) -> None:
        """Tell the server's log channel of a request that waits for moderators; nothing for any other error."""
        if not isinstance(error, NeedsApproval):
            return
        question = error.question
        try:
            key = f"approval {error.number} {question.lapses_at_ms}"
            await self._notices.tell(question.origin.guild_id, announcement(question), key=key)
        except DatabaseFault as fault:
            log.warning("approval not announced", number=error.number, reason=str(fault))

    async def _acknowledge(self, interaction: Interaction) -> None:
        async with self._before_all_else(), translated():
            await interaction.response.defer()

    async def _confirmed(self, interaction: Interaction, number: int) -> Job:
        await checks.ensure_place_of(interaction)
        asker = checks.asker(interaction)
        return await self._consent.confirm(number, _guild_id(interaction), interaction.user.id, asker)

    async def _approved(self, interaction: Interaction, number: int) -> Job:
        await checks.ensure_moderator(interaction)
        await checks.ensure_place_of(interaction)
        try:
            return await self._consent.approve(number, _guild_id(interaction), interaction.user.id)
        except (Blocked, ClipTooDear, QuotaExceeded, TooManyQueued) as refusal:
            raise NotNow(refusal) from refusal

    async def _ask_why(self, interaction: Interaction, number: int) -> None:
        async with self._before_all_else():
            await checks.ensure_moderator(interaction)
            await self._consent.open(number, _guild_id(interaction), Stage.MODERATORS)
            await interaction.response.send_modal(REASON.modal(number))

    async def _mine(self, interaction: Interaction, number: int) -> Question:
        """The open question of who clicked."""
        question = await self._consent.open(number, _guild_id(interaction), Stage.MEMBER)
        if not question.can_be_painted:
            raise OfferLapsed
        if question.origin.user_id != interaction.user.id:
            raise NotYours
        return question

    @asynccontextmanager
    async def _answering(self, interaction: Interaction, number: int) -> AsyncGenerator[None]:
        """Whatever comes of an answer: the message says how the question stands, and who answered hears of it."""
        try:
            try:
                yield
            except NeedsConsent as again:
                if not interaction.response.is_done():
                    await self._acknowledge(interaction)
                await self._show(interaction, again.number, again.question)
                await self.announce(again)
            except OfferLapsed as gone:
                await self._bring_up_to_date(interaction, number)
                raise Answered from gone
        except Exception as error:  # noqa: BLE001 - discord.py only logs what an item or a listener raises
            await errors.answer(interaction, error)

    async def _bring_up_to_date(self, interaction: Interaction, number: int) -> None:
        """Let a message whose question was answered, or has lapsed, say so."""
        if not interaction.response.is_done():
            await self._acknowledge(interaction)
        question = await self._consent.look(number, _guild_id(interaction))
        job = question and await self._consent.job_of(question)
        if job:
            self._cards.changed(job)
        elif question:
            await self._show(interaction, number, question)
        else:
            chosen = await self._manners.of(_guild_id(interaction))
            with speaking(chosen.language or language_of(str(interaction.guild_locale or ""))):
                view = shown(lapsed())
            async with translated():
                await interaction.edit_original_response(view=view)

    async def _show(self, interaction: Interaction, number: int, question: Question) -> None:
        words = words_of(number, question, is_open=self._consent.is_open(question))
        async with translated():
            await interaction.edit_original_response(view=shown(words))


def _guild_id(interaction: Interaction) -> int:
    assert interaction.guild_id is not None
    return interaction.guild_id


async def _tell_member(interaction: Interaction, question: Question) -> None:
    """The only mention besides that of a clip: nobody looks at a message that waits."""
    member_id = question.origin.user_id
    if member_id == interaction.user.id:
        return
    with speaking(question.origin.language):
        said = tr("{member} A moderator has declined your clip.", member=f"<@{member_id}>")
    try:
        async with translated():
            await interaction.followup.send(
                said,
                allowed_mentions=discord.AllowedMentions(users=[discord.Object(member_id)]),
            )
    except DeliveryFault as fault:
        log.info("member not told", request=question.origin.request_key, reason=str(fault))
