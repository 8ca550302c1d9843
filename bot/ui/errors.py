"""Errors become answers here: what was wrong, what to do, that nothing was charged.

An error brings its sentence along; what needs numbers, names or buttons beside it, or another ending, is put into words
here or, with `describe.register`, next to the only view that can meet it.
"""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import singledispatch
from typing import Any

import discord
import structlog
from discord import app_commands, ui
from pydantic import ValidationError

from bot.db.errors import DatabaseUnavailable
from bot.domain.errors import (
    Blocked,
    ClipTooDear,
    DeliveryFault,
    KinoraError,
    NoSuchJob,
    NotExpressible,
    PermissionsMissing,
    QuotaExceeded,
    Refused,
    TooLateToCancel,
    TooManyQueued,
    Unchanged,
)
from bot.domain.money import Scope
from bot.domain.requests import first_problem
from bot.language import grouped, marked, tr, trn
from bot.media.errors import MediaError, PictureRefused
from bot.services.generation import PictureNeedsFitting
from bot.services.insights import RequestGone
from bot.services.questions import NotYours
from bot.ui.answers import Answer, shown
from bot.ui.buttons import fit_row
from bot.ui.checks import MayNotPost, ModeratorsOnly, NotAmongAdults
from bot.ui.faults import ALREADY_ACKNOWLEDGED, is_passing, translated
from bot.ui.text import WINDOWS, counted, cut, prose, until_words

log = structlog.stdlib.get_logger(__name__)

_FREE = marked("Nothing was charged.")
_MAX_REASON = 300
_MAX_SAID = 4000  # characters of all texts of a message
_LEFT = {
    Scope.MEMBER: marked("You have {left} left {window}"),
    Scope.CHANNEL: marked("This channel has {left} left {window}"),
    Scope.SERVER: marked("This server has {left} left {window}"),
    Scope.OPERATOR: marked("The bot's operator lets this server use {left} more {window}"),
}
_SMALLER = marked("Choose a shorter one, a lower quality or another model.")


@singledispatch
def describe(error: object) -> Answer:
    """The words for an error. One nobody foresaw is logged under a code that the person can quote."""
    code = secrets.token_hex(3)
    log.error("unforeseen error", code=code, exc_info=error if isinstance(error, BaseException) else None)
    return Answer(
        tr(
            "Something went wrong inside the bot. If it happens again, tell its operator the code `{code}`.",
            code=code,
        )
    )


@describe.register
def _kinora(error: KinoraError) -> Answer:
    return Answer(f"{error} {tr(_FREE)}")


@describe.register
def _refused(error: Refused) -> Answer:
    return Answer(f"{error} {tr(_FREE)}")


@describe.register
def _unchanged(error: Unchanged) -> Answer:
    return Answer(f"{error} {tr('Nothing was changed.')}")


@describe.register
def _not_about_money(
    error: ModeratorsOnly
    | MayNotPost
    | NotAmongAdults
    | NotYours
    | NoSuchJob
    | TooLateToCancel
    | RequestGone,
) -> Answer:
    return Answer(f"{error}")


@describe.register
def _not_expressible(error: NotExpressible) -> Answer:
    return Answer("\n".join([*error.problems, tr(_FREE)]))


@describe.register
def _quota(error: QuotaExceeded) -> Answer:
    is_operators = error.scope is Scope.OPERATOR
    cost = counted(error.price, "credit")
    costs = (
        tr("By the operator's prices this clip counts {cost}", cost=cost)
        if is_operators
        else tr("This clip costs {cost}", cost=cost)
    )
    left = tr(_LEFT[error.scope], left=counted(error.left, "credit"), window=tr(WINDOWS[error.window]))
    if error.price <= error.whole:
        more = tr(
            "{costs}. {left}; there is more {time}.", costs=costs, left=left, time=f"<t:{error.fresh_at_s}:R>"
        )
        return Answer(f"{more} {tr(_FREE)}")
    never = tr(
        "{costs}. {left}, and never more than {whole}.", costs=costs, left=left, whole=grouped(error.whole)
    )
    advice = tr(_SMALLER) if error.whole else tr("Ask a moderator.")
    return Answer(f"{never} {advice} {tr(_FREE)}")


@describe.register
def _too_dear(error: ClipTooDear) -> Answer:
    cost, most = counted(error.price, "credit"), counted(error.cap, "credit")
    text = (
        tr(
            "This clip costs {cost}, and no clip in this channel may cost more than {most}.",
            cost=cost,
            most=most,
        )
        if error.scope is Scope.CHANNEL
        else tr(
            "This clip costs {cost}, and no clip of yours may cost more than {most}.", cost=cost, most=most
        )
    )
    return Answer(f"{text} {tr(_SMALLER)} {tr(_FREE)}")


@describe.register
def _blocked(error: Blocked) -> Answer:
    text = (
        tr("Moderators of this server have blocked you from making clips.")
        if error.until_ms is None
        else tr(
            "Moderators of this server have blocked you from making clips {until}.",
            until=until_words(error.until_ms),
        )
    )
    reason = prose(error.reason, length=_MAX_REASON).rstrip(".") if error.reason else ""
    why = [tr("Their reason: {reason}.", reason=reason)] if reason else []
    return Answer(" ".join([text, *why, tr(_FREE)]))


@describe.register
def _too_many(error: TooManyQueued) -> Answer:
    if error.cap == 0:
        return Answer(f"{tr('This server does not let members queue clips.')} {tr(_FREE)}")
    most = trn(
        "No more than {number} clip of yours may wait here. Try again when one is done.",
        "No more than {number} clips of yours may wait here. Try again when one is done.",
        error.cap,
    )
    return Answer(f"{most} {tr(_FREE)}")


@describe.register
def _permissions(error: PermissionsMissing) -> Answer:
    missing = ", ".join(f"**{name}**" for name in error.missing)
    return Answer(
        tr(
            "I could not post the clip here. Ask a moderator to give me {missing} in this channel.",
            missing=missing,
        )
        + f" {tr(_FREE)}"
    )


@describe.register
def _fitting(error: PictureNeedsFitting) -> Answer:
    return Answer(f"{error} {tr(_FREE)}", fit_row(error.offer_id, error.remedies))


@describe.register
def _picture(error: PictureRefused) -> Answer:
    return Answer(f"{error} {tr(_FREE)}")


@describe.register
def _media(error: MediaError) -> Answer:
    log.error("media fault", reason=str(error))
    return Answer(f"{error} {tr(_FREE)}")


@describe.register
def _database(error: DatabaseUnavailable) -> Answer:
    log.error("database unavailable", reason=str(error))
    text = tr("The bot cannot reach its database, so it accepts nothing; please try again later.")
    return Answer(f"{text} {tr(_FREE)}")


@describe.register
def _invalid(error: ValidationError) -> Answer:
    return Answer(f"{first_problem(error)} {tr(_FREE)}")


@describe.register
def _checked(error: app_commands.NoPrivateMessage) -> Answer:
    del error
    return Answer(tr("This works in servers only."))


@describe.register
def _invoked(error: app_commands.CommandInvokeError) -> Answer:
    return _words_for(error.original)


def _words_for(error: BaseException) -> Answer:
    """Those for the error, unless it is Discord that did not take an answer: nothing is wrong with the bot then."""
    if isinstance(error, KinoraError) or not (is_passing(error) or _has_lapsed(error)):
        return describe(error)
    log.warning("discord out of reach", reason=str(error))
    return Answer(tr("Discord did not take the answer. Please try again."))


def view_of(error: Exception) -> ui.LayoutView:
    """The words for an error, with their buttons, as a message."""
    said = _words_for(error)
    return shown(replace(said, text=cut(said.text, _MAX_SAID)))


async def answer(
    interaction: discord.Interaction[Any], error: Exception, *, is_taken_back: bool = False
) -> bool:
    """Tell the person; privately while that is still possible. False if Discord could not be reached, twice."""
    view = view_of(error)
    for is_last in (False, True):
        try:
            await _send(interaction, view, is_taken_back=is_taken_back)
        except Exception as failure:  # noqa: BLE001 - an answer that fails must not hide what it was about
            if is_passing(failure) and not is_last:
                continue
            log.warning("answer not shown", reason=str(failure), about=type(error).__name__)
            return _has_lapsed(failure)
        return True
    return False


def _has_lapsed(error: BaseException) -> bool:
    """Whether nobody can be answered any more."""
    return isinstance(error, discord.HTTPException) and error.code in _NOBODY_LEFT


@asynccontextmanager
async def answered(interaction: discord.Interaction[Any]) -> AsyncGenerator[None]:
    """What goes wrong is told to the person: discord.py only logs what dynamic items and listeners raise."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the person is told
        await answer(interaction, error)


@asynccontextmanager
async def told_alone(interaction: discord.Interaction[Any]) -> AsyncGenerator[None]:
    """What goes wrong after everybody saw an answer begin is told to who asked, in their language; it is taken back."""
    try:
        yield
    except Exception as error:
        if not interaction.response.is_done():
            raise
        try:
            async with translated():
                await interaction.delete_original_response()
        except DeliveryFault as fault:
            log.info("answer not taken back", reason=str(fault))
            raise error from fault
        await answer(interaction, error, is_taken_back=True)


async def _send(interaction: discord.Interaction[Any], view: ui.LayoutView, *, is_taken_back: bool) -> None:
    if not interaction.response.is_done():
        await _respond(interaction, view)
    elif interaction.response.type in _DEFERRED_MESSAGES and not is_taken_back:
        await interaction.edit_original_response(view=view)
    else:
        await interaction.followup.send(view=view, ephemeral=True)


async def _respond(interaction: discord.Interaction[Any], view: ui.LayoutView) -> None:
    """Answer at once; where an answer has begun, though Discord was cut off before it said so, end that one."""
    try:
        await interaction.response.send_message(view=view, ephemeral=True)
    except discord.HTTPException as refusal:
        if refusal.code != ALREADY_ACKNOWLEDGED or not (await interaction.original_response()).flags.loading:
            raise
        await interaction.edit_original_response(view=view)


_NOBODY_LEFT = (10062, 10008, 10015, 50027)  # the interaction, its message or its token is gone
_DEFERRED_MESSAGES = (discord.InteractionResponseType.deferred_channel_message,)
