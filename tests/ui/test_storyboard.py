from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.db.errors import DatabaseUnavailable
from bot.sandbox.rules import violations
from bot.ui.errors import view_of
from bot.ui.shots import ShotsUnclear
from bot.ui.storyboard import FORM, MAX_TEXT, EditShotsButton
from bot.ui.written import NotTaken
from tests.discord_payloads import CALLBACK
from tests.ui.conftest import buttons, everything_said, refusals


@pytest.mark.parametrize("text", ["", "3 | The boat leaves", "x" * MAX_TEXT])
def test_the_modal_is_as_discord_takes_it(text: str) -> None:
    body: dict[str, Any] = {"type": 9, "data": FORM.modal(12, text).to_dict()}
    assert violations("POST", CALLBACK, body, []) == []
    assert body["data"]["custom_id"] == "storyboard:12"


async def test_what_is_wrong_is_said_beside_what_was_written_and_the_way_back() -> None:
    text = "3 | a `tick`\nThe ```boat```"
    view = view_of(NotTaken(ShotsUnclear("Line 2 is wrong."), text, again=EditShotsButton(12)))
    said = everything_said(view)
    assert "Line 2 is wrong. Nothing was charged." in said
    assert "3 | a 'tick'\nThe '''boat'''" in said.replace("\u02cb", "'")
    assert buttons(view) == ["Edit the shots"]
    assert refusals(view) == []


@pytest.mark.parametrize("text", ["", "\n\n", "x" * MAX_TEXT, "\u202e" * MAX_TEXT, "`\n" * (MAX_TEXT // 2)])
async def test_whatever_was_written_fits_the_answer(text: str) -> None:
    view = view_of(NotTaken(ShotsUnclear("x" * 300), text, again=EditShotsButton(12)))
    assert refusals(view) == []
    assert len(everything_said(view)) <= 4000


async def test_what_could_not_be_kept_is_given_back_without_a_button() -> None:
    view = view_of(NotTaken(DatabaseUnavailable("away"), "3 | a boat", again=None))
    assert "cannot reach its database" in everything_said(view)
    assert "3 | a boat" in everything_said(view)
    assert buttons(view) == []


@pytest.mark.parametrize(
    ("kind", "custom_id", "number"),
    [
        (discord.InteractionType.modal_submit, "storyboard:12", 12),
        (discord.InteractionType.modal_submit, "storyboard:12:edit", None),
        (discord.InteractionType.modal_submit, "other", None),
        (discord.InteractionType.modal_submit, f"storyboard:{'9' * 19}", None),
        (discord.InteractionType.component, "storyboard:12", None),
    ],
)
def test_a_modal_is_known_by_its_id(
    kind: discord.InteractionType, custom_id: str, number: int | None
) -> None:
    interaction: Any = SimpleNamespace(type=kind, data={"custom_id": custom_id})
    assert FORM.number_in(interaction) == number
