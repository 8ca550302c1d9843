"""A question before a clip is made, as words and buttons: values in, components out."""

from typing import Any, Protocol

import discord
from discord import ui

from bot.domain.errors import Refused
from bot.services.questions import MAX_REASON, NeedsConsent, Question, Stage
from bot.ui.answers import Answer
from bot.ui.buttons import NumberedButton
from bot.ui.cards import described, price_words
from bot.ui.errors import describe
from bot.ui.modals import Form
from bot.ui.text import counted, prose, quoted

_FREE = "Nothing was charged."
_MAX_CAUTION = 500
_LABELS = {
    "make": "Make it",
    "dismiss": "Never mind",
    "approve": "Approve",
    "decline": "Decline",
    "withdraw": "Withdraw",
}
_STYLES = {
    "make": discord.ButtonStyle.success,
    "approve": discord.ButtonStyle.success,
    "decline": discord.ButtonStyle.danger,
}
_ANSWERS = {Stage.MEMBER: ("make", "dismiss"), Stage.MODERATORS: ("approve", "decline", "withdraw")}
_WAITS = discord.Colour(0x5B6EE1)
_ENDED = discord.Colour(0x80848E)
_LAPSED = "### Lapsed\nNobody has answered this in time; please ask again. Nothing was charged."

REASON = Form(
    about="decline",
    field="reason",
    title="Decline this clip",
    label="Why?",
    description="Everybody who sees the request can read it. You may leave it empty.",
    max_length=MAX_REASON,
    is_required=False,
)
"""Its number is a question's."""


class Answered(Refused):
    """Somebody has answered this already, or it has lapsed."""


class NotNow(Refused):
    """A request that a moderator agreed to cannot be made at the moment; the cause says why."""

    def __init__(self, cause: Refused) -> None:
        super().__init__()
        self.cause = cause


class Consents(Protocol):
    """What takes the answers."""

    async def take(self, interaction: discord.Interaction[Any], number: int, answer: str) -> None:
        """Take a click."""
        ...


class Desk(Protocol):
    """What the buttons lead to; the client holds one as `desk`."""

    consents: Consents


class AnswerButton(NumberedButton, about="consent", does=_LABELS):
    """Answers the question it stands under."""

    def __init__(self, number: int, does: str) -> None:
        super().__init__(number, does)
        self.item.style = _STYLES.get(does, self.style)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Take the answer."""
        desk: Desk = interaction.client.desk
        await desk.consents.take(interaction, self.number, self.does)


@describe.register
def _needed(error: NeedsConsent) -> Answer:
    return words_of(error.number, error.question, is_open=True)


@describe.register
def _answered(error: Answered) -> Answer:
    return Answer(f"{error}")


@describe.register
def _not_now(error: NotNow) -> Answer:
    told = describe(error.cause).text
    return Answer(f"This cannot be made at the moment, so it stays open. Who asked would be told: {told}")


def words_of(number: int, question: Question, *, is_open: bool) -> Answer:
    """A question as its message, with the buttons that answer it while it is open."""
    request = question.request
    price = price_words(question.price, request)
    made = described(request, provider=question.provider, model=question.model, price=price)
    lapses = f" · lapses <t:{question.lapses_at_ms // 1000}:R>" if is_open else ""
    lines = [
        _heading(question, is_open=is_open),
        *([quoted(request.prompt)] if request.prompt else []),
        *(f"-# ⚠ {prose(caution, length=_MAX_CAUTION)}" for caution in question.cautions),
        f"-# {made}",
        *([_overrun(question.most)] if question.most else []),
        f"-# Asked by <@{question.origin.user_id}>{lapses}",
    ]
    if not is_open:
        return Answer("\n".join(lines), colour=_ENDED)
    return Answer("\n".join(lines), _buttons(number, question), _WAITS)


def _overrun(most: int) -> str:
    return f"-# If its provider says that it took more, up to {counted(most, 'credit')} are charged."


def announcement(question: Question) -> str:
    """What moderators are told of a request that waits for them."""
    origin, price = question.origin, price_words(question.price, question.request)
    made = described(question.request, provider=question.provider, model=question.model, price=price)
    link = f"https://discord.com/channels/{origin.guild_id}/{origin.channel_id}/{origin.card_id}"
    return (
        f"**A clip waits for a moderator**: {link}\n"
        f"-# Asked by <@{origin.user_id}> · {made} · lapses <t:{question.lapses_at_ms // 1000}:R>"
    )


def _heading(question: Question, *, is_open: bool) -> str:
    cost = (
        f"This clip costs **{counted(question.price, 'credit')}**" if question.price else "This clip is free"
    )
    if question.price_before is not None:
        cost = f"{cost}; it was {counted(question.price_before, 'credit')}"
    match question.stage:
        case Stage.DECLINED:
            why = f": {prose(question.reason, length=MAX_REASON)}" if question.reason else ""
            return f"### Declined\nBy <@{question.declined_by}>{why}\n{_FREE}"
        case Stage.WITHDRAWN:
            return f"### Withdrawn\n{_FREE}"
        case _ if not is_open:
            return _LAPSED
        case Stage.MEMBER:
            return f"### Confirm the price\n{cost}. Make it?"
        case _:
            return (
                f"### Waiting for a moderator\n{cost}. A moderator has to agree; nothing is charged before."
            )


def _buttons(number: int, question: Question) -> ui.ActionRow[Any]:
    row: ui.ActionRow[Any] = ui.ActionRow()
    for answer in _ANSWERS[question.stage]:
        row.add_item(AnswerButton(number, answer))
    return row


def lapsed() -> Answer:
    """What stands where a question was that is no longer kept."""
    return Answer(_LAPSED, colour=_ENDED)
