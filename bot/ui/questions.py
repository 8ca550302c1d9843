"""A question before a clip is made, as words and buttons: values in, components out."""

from typing import Any, Protocol

import discord
from discord import ui

from bot.domain.errors import Refused
from bot.language import marked, speaking, tr
from bot.services.questions import MAX_REASON, NeedsConsent, Question, Stage
from bot.ui.answers import Answer
from bot.ui.buttons import NumberedButton
from bot.ui.cards import asked_for, described, price_words
from bot.ui.errors import describe
from bot.ui.modals import Form
from bot.ui.text import counted, link_to, prose

_FREE = marked("Nothing was charged.")
_MAX_CAUTION = 500
_LABELS = {
    "make": marked("Make it"),
    "paint": marked("Paint motion"),
    "dismiss": marked("Never mind"),
    "approve": marked("Approve"),
    "decline": marked("Decline"),
    "withdraw": marked("Withdraw"),
}
_STYLES = {
    "make": discord.ButtonStyle.success,
    "approve": discord.ButtonStyle.success,
    "decline": discord.ButtonStyle.danger,
}
_ANSWERS = {Stage.MEMBER: ("make", "paint", "dismiss"), Stage.MODERATORS: ("approve", "decline", "withdraw")}
_WAITS = discord.Colour(0x5B6EE1)
_ENDED = discord.Colour(0x80848E)

REASON = Form(
    about="decline",
    field="reason",
    title=marked("Decline this clip"),
    label=marked("Why?"),
    description=marked("Everybody who sees the request can read it. You may leave it empty."),
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
    return Answer(
        tr("This cannot be made at the moment, so it stays open. Who asked would be told: {told}", told=told)
    )


def words_of(number: int, question: Question, *, is_open: bool) -> Answer:
    """A question as its message, in its server's language, with the buttons that answer it while it is open."""
    with speaking(question.origin.language):
        return _words_of(number, question, is_open=is_open)


def _words_of(number: int, question: Question, *, is_open: bool) -> Answer:
    request = question.request
    price = price_words(question.price, request)
    made = described(request, provider=question.provider, model=question.model, price=price)
    asked = tr("Asked by {member}", member=f"<@{question.origin.user_id}>")
    lines = [
        _heading(question, is_open=is_open),
        *asked_for(request),
        *(f"-# ⚠ {prose(caution, length=_MAX_CAUTION)}" for caution in question.cautions),
        f"-# {made}",
        *([_overrun(question.most)] if question.most else []),
        f"-# {asked} · {_lapses(question)}" if is_open else f"-# {asked}",
    ]
    if not is_open:
        return Answer("\n".join(lines), colour=_ENDED)
    return Answer("\n".join(lines), _buttons(number, question), _WAITS)


def _lapses(question: Question) -> str:
    return tr("lapses {time}", time=f"<t:{question.lapses_at_ms // 1000}:R>")


def _overrun(most: int) -> str:
    words = tr(
        "If its provider says that it took more, up to {credits} are charged.",
        credits=counted(most, "credit"),
    )
    return f"-# {words}"


def announcement(question: Question) -> str:
    """What moderators are told of a request that waits for them, in their server's language."""
    with speaking(question.origin.language):
        return _announcement(question)


def _announcement(question: Question) -> str:
    origin, price = question.origin, price_words(question.price, question.request)
    made = described(question.request, provider=question.provider, model=question.model, price=price)
    link = link_to(origin.guild_id, origin.channel_id, origin.card_id)
    waits = tr("**A clip waits for a moderator**: {link}", link=link)
    asked = tr("Asked by {member}", member=f"<@{origin.user_id}>")
    return f"{waits}\n-# {asked} · {made} · {_lapses(question)}"


def _heading(question: Question, *, is_open: bool) -> str:
    match question.stage:
        case Stage.DECLINED:
            return f"### {tr('Declined')}\n{_declined(question)}\n{tr(_FREE)}"
        case Stage.WITHDRAWN:
            return f"### {tr('Withdrawn')}\n{tr(_FREE)}"
        case _ if not is_open:
            return _lapsed_text()
        case Stage.MEMBER:
            asks = tr("{cost}. Make it?", cost=_cost(question))
            return f"### {tr('Confirm the price')}\n{asks}"
        case _:
            asks = tr("{cost}. A moderator has to agree; nothing is charged before.", cost=_cost(question))
            return f"### {tr('Waiting for a moderator')}\n{asks}"


def _declined(question: Question) -> str:
    by = tr("By {member}", member=f"<@{question.declined_by}>")
    return f"{by}: {prose(question.reason, length=MAX_REASON)}" if question.reason else by


def _cost(question: Question) -> str:
    cost = (
        tr("This clip costs **{cost}**", cost=counted(question.price, "credit"))
        if question.price
        else tr("This clip is free")
    )
    if question.price_before is None:
        return cost
    return tr("{cost}; it was {before}", cost=cost, before=counted(question.price_before, "credit"))


def _lapsed_text() -> str:
    words = tr("Nobody has answered this in time; please ask again.")
    return f"### {tr('Lapsed')}\n{words} {tr(_FREE)}"


def _buttons(number: int, question: Question) -> ui.ActionRow[Any]:
    row: ui.ActionRow[Any] = ui.ActionRow()
    for answer in _ANSWERS[question.stage]:
        if answer != "paint" or question.can_be_painted:
            row.add_item(AnswerButton(number, answer))
    return row


def lapsed() -> Answer:
    """What stands where a question was that is no longer kept."""
    return Answer(_lapsed_text(), colour=_ENDED)
