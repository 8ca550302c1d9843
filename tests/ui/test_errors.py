import inspect
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands, ui
from pydantic import ValidationError
from structlog.testing import capture_logs

from bot.db import errors as db_errors
from bot.domain import errors as domain_errors
from bot.domain.errors import (
    Blocked,
    ClipTooDear,
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
from bot.domain.money import Scope, Window
from bot.domain.requests import VideoRequest
from bot.media import errors as media_errors
from bot.media.errors import Fit, MediaError
from bot.services.generation import PictureNeedsFitting
from bot.ui.errors import answer, describe, view_of
from tests.ui.conftest import buttons, everything_said, refusals

FREE = "Nothing was charged."
BOTH = "**Attach Files**, **View Channel**"
GIVEN: dict[str, Any] = {
    "problems": ["No clips of 7 seconds.", "No sound."],
    "scope": Scope.CHANNEL,
    "price": 5,
    "most": 10,
    "left": 2,
    "window": Window.MONTH,
    "fresh_at_s": 1_796_083_200,
    "until_ms": 1_796_083_200_000,
    "cap": 3,
    "whole": 900,
    "missing": ["Attach Files"],
    "size_bytes": 20_000_000,
    "max_bytes": 10_000_000,
    "smallest_bytes": 20_000_000,
    "width": 100,
    "height": 30,
    "max_pixels": 50_000_000,
    "min_side_px": 300,
    "max_ratio": 2.5,
    "remedies": (Fit.PAD, Fit.CROP),
    "blob": "a" * 64,
    "reason": "The disk is full.",
    "message": None,
    "offer_id": 9,
    "mask": (640, 400),
    "picture": (640, 360),
    "which": "Mask 2",
    "refusal": media_errors.Unreadable(),
}


def made(kind: type[Exception]) -> Exception:
    """One of its kind, with something for every argument."""
    if "__init__" not in vars(kind):
        return kind("The disk is full.") if issubclass(kind, MediaError) else kind()
    parameters = inspect.signature(kind).parameters.values()
    named = {one.name: GIVEN[one.name] for one in parameters if one.kind is one.KEYWORD_ONLY}
    in_place = [GIVEN[one.name] for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    return kind(*in_place, **named)


ALL = [
    value
    for module in (domain_errors, db_errors, media_errors)
    for value in vars(module).values()
    if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == module.__name__
]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_words(kind: type[Exception]) -> None:
    error = made(kind)
    view = view_of(error)
    said = everything_said(view)
    assert "Something went wrong inside the bot" not in said
    others: dict[type[Exception], str] = {
        Unchanged: "Nothing was changed.",
        NoSuchJob: "",
        TooLateToCancel: "",
    }
    ending = others.get(kind, FREE)
    assert said.endswith(ending)
    assert len(said) > len(ending) + 10
    assert refusals(view) == []


@pytest.mark.parametrize("kind", [kind for kind in ALL if issubclass(kind, KinoraError | MediaError)])
def test_no_error_speaks_of_code(kind: type[Exception]) -> None:
    assert not {"None", "Error", "()", "_"} & set(describe(made(kind)).text.replace("`", " ").split())


def test_an_error_nobody_foresaw_is_logged_under_the_code_that_is_shown() -> None:
    with capture_logs() as logs:
        said = describe(ZeroDivisionError("secret")).text
    assert logs[0]["event"] == "unforeseen error"
    assert f"`{logs[0]['code']}`" in said
    assert "secret" not in said
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)


def test_nothing_is_said_that_is_longer_than_a_message() -> None:
    view = view_of(KinoraError("word " * 2000))
    assert everything_said(view).endswith("…")
    assert refusals(view) == []


def test_what_is_no_error_at_all_has_words_too() -> None:
    with capture_logs() as logs:
        assert describe("?").text.startswith("Something went wrong")
    assert logs[0]["exc_info"] is None


MORE = "there is more <t:1795305600:R>"


def _exceeded(scope: Scope, window: Window, *, left: int = 0) -> QuotaExceeded:
    return QuotaExceeded(scope=scope, price=5, left=left, whole=9, window=window, fresh_at_s=1_795_305_600)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotExpressible(["One.", "Two."]), f"One.\nTwo.\n{FREE}"),
        (Refused("Not on Sundays."), f"Not on Sundays. {FREE}"),
        (
            _exceeded(Scope.MEMBER, Window.DAY, left=1),
            f"This clip costs 5 credits. You have 1 credit left today; {MORE}. {FREE}",
        ),
        (
            _exceeded(Scope.CHANNEL, Window.WEEK),
            f"This clip costs 5 credits. This channel has 0 credits left this week; {MORE}. {FREE}",
        ),
        (
            _exceeded(Scope.SERVER, Window.MONTH),
            f"This clip costs 5 credits. This server has 0 credits left this month; {MORE}. {FREE}",
        ),
        (
            _exceeded(Scope.OPERATOR, Window.MONTH, left=3),
            (
                "By the operator's prices this clip counts 5 credits. "
                f"The bot's operator lets this server use 3 credits more this month; {MORE}. {FREE}"
            ),
        ),
        (
            QuotaExceeded(
                scope=Scope.MEMBER, price=800, left=500, whole=500, window=Window.DAY, fresh_at_s=1
            ),
            (
                "This clip costs 800 credits. You have 500 credits left today, and never more than 500. "
                f"Choose a shorter one, a lower quality or another model. {FREE}"
            ),
        ),
        (NoSuchJob(), "There is no such job."),
        (TooLateToCancel(), "It is too late to cancel this job."),
        (
            ClipTooDear(scope=Scope.MEMBER, price=50, cap=40),
            (
                "This clip costs 50 credits, and no clip of yours may cost more than 40 credits. "
                f"Choose a shorter one, a lower quality or another model. {FREE}"
            ),
        ),
        (
            ClipTooDear(scope=Scope.CHANNEL, price=50, cap=1),
            (
                "This clip costs 50 credits, and no clip in this channel may cost more than 1 credit. "
                f"Choose a shorter one, a lower quality or another model. {FREE}"
            ),
        ),
        (
            Blocked(until_ms=None, reason=None),
            f"Moderators of this server have blocked you from making clips. {FREE}",
        ),
        (
            Blocked(until_ms=1_790_000_000_999, reason="**spam** @everyone."),
            (
                "Moderators of this server have blocked you from making clips until <t:1790000000:f>. "
                f"Their reason: \\*\\*spam\\*\\* \uff20everyone. {FREE}"
            ),
        ),
        (TooManyQueued(0), f"This server does not let members queue clips. {FREE}"),
        (
            TooManyQueued(1),
            f"No more than 1 clip of yours may wait here. Try again when one is done. {FREE}",
        ),
        (
            PermissionsMissing(["Attach Files", "View Channel"]),
            f"I could not post the clip here. Ask a moderator to give me {BOTH} in this channel. {FREE}",
        ),
    ],
)
def test_the_words_say_what_was_wrong_and_what_to_do(error: Exception, words: str) -> None:
    assert describe(error).text == words


def test_an_invalid_option_is_named() -> None:
    with pytest.raises(ValidationError) as error:
        VideoRequest(prompt="x", voices=("a", "b", "c"))
    assert (
        describe(error.value).text
        == f"voices: tuple should have at most 2 items after validation, not 3. {FREE}"
    )


def test_a_picture_that_can_be_made_to_fit_comes_with_a_button_per_remedy() -> None:
    error = PictureNeedsFitting("Too long.", offer_id=9, remedies=(Fit.PAD, Fit.CROP))
    view = view_of(error)
    assert everything_said(view) == f"Too long. {FREE}"
    assert buttons(view) == ["Add a blurred border", "Crop it"]
    assert refusals(view) == []


def test_what_discord_py_wraps_is_unwrapped() -> None:
    command: Any = discord.Object(1)
    command.name = "animate"
    wrapped = app_commands.CommandInvokeError(command, Refused("Not on Sundays."))
    assert describe(wrapped).text == f"Not on Sundays. {FREE}"


def test_commands_of_a_server_are_refused_elsewhere() -> None:
    assert describe(app_commands.NoPrivateMessage()).text == "This works in servers only."


def test_a_picture_that_is_no_longer_kept_is_to_be_sent_again() -> None:
    assert (
        describe(media_errors.NoSuchBlob("a" * 64)).text
        == f"This file is no longer kept; send it again. {FREE}"
    )


class Asked:
    """An interaction as far as an answer needs one; keeps where the answer went."""

    def __init__(self, kind: discord.InteractionResponseType | None, fault: Exception | None = None) -> None:
        self.type = kind
        self.fault = fault
        self.said: list[tuple[str, str, bool]] = []
        self.response = self.followup = self

    def is_done(self) -> bool:
        return self.type is not None

    async def send_message(self, *, view: ui.LayoutView, ephemeral: bool) -> None:
        self._say("response", view, ephemeral=ephemeral)

    async def send(self, *, view: ui.LayoutView, ephemeral: bool) -> None:
        self._say("followup", view, ephemeral=ephemeral)

    async def edit_original_response(self, *, view: ui.LayoutView) -> None:
        self._say("original", view, ephemeral=False)

    def _say(self, where: str, view: ui.LayoutView, *, ephemeral: bool) -> None:
        if self.fault:
            raise self.fault
        self.said.append((where, everything_said(view), ephemeral))


@pytest.mark.parametrize(
    ("kind", "where", "private"),
    [
        (None, "response", True),
        (discord.InteractionResponseType.deferred_channel_message, "original", False),
        (discord.InteractionResponseType.deferred_message_update, "followup", True),
        (discord.InteractionResponseType.channel_message, "followup", True),
    ],
)
async def test_the_answer_takes_the_place_of_what_was_promised(
    kind: discord.InteractionResponseType | None, where: str, *, private: bool
) -> None:
    asked: Any = Asked(kind)
    await answer(asked, Refused("Not on Sundays."))
    assert asked.said == [(where, f"Not on Sundays. {FREE}", private)]


async def test_where_nobody_is_left_to_tell_it_is_logged() -> None:
    response: Any = SimpleNamespace(status=404, reason="Not Found")
    gone = discord.NotFound(response, {"code": 10062, "message": "Unknown interaction"})
    asked: Any = Asked(None, gone)
    with capture_logs() as logs:
        assert await answer(asked, Refused("Not on Sundays."))
    assert [(entry["event"], entry["about"]) for entry in logs] == [("answer not shown", "Refused")]


def test_an_interaction_that_lapsed_before_it_was_answered_is_no_mistake_of_ours() -> None:
    response: Any = SimpleNamespace(status=404, reason="Not Found")
    command: Any = SimpleNamespace(name="queue")
    gone = discord.NotFound(response, {"code": 10062, "message": "Unknown interaction"})
    with capture_logs() as logs:
        view_of(app_commands.CommandInvokeError(command, gone))
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_faults_of_the_house_are_logged_with_their_reason() -> None:
    with capture_logs() as logs:
        describe(db_errors.DatabaseUnavailable("disk full"))
        describe(media_errors.BlobFault("bucket gone"))
    assert [entry["reason"] for entry in logs] == ["disk full", "bucket gone"]
