from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.sandbox.rules import violations
from bot.ui import storyboard
from bot.ui.storyboard import MAX_SHOT_CHARACTERS, MAX_TEXT, ShotsUnclear, shots_of
from tests.discord_payloads import CALLBACK
from tests.ui.conftest import buttons, everything_said, refusals


@pytest.mark.parametrize(
    "text",
    [
        "3 | The boat leaves\n2 | A wave",
        "3|The boat leaves\n2|A wave\n",
        "\n  3s |   The boat leaves  \n\n 2 sec | A wave\n",
        "3 seconds | The boat leaves\r\n02 | A wave",
    ],
)
def test_shots_are_lines_of_seconds_and_words(text: str) -> None:
    shots = shots_of(text)
    assert [(shot.duration_s, shot.prompt) for shot in shots] == [(3, "The boat leaves"), (2, "A wave")]


def test_what_happens_may_hold_a_bar() -> None:
    assert shots_of("3 | left | right")[0].prompt == "left | right"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write at least one line"),
        (" \n\t\n", "Write at least one line"),
        ("3 | a\nThe boat", "Line 2 cannot be read: `The boat`. Write the seconds"),
        ("3 | a\n\n| b", "Line 3 cannot be read"),
        ("3 | a\n-2 | b", "Line 2 cannot be read"),
        ("2.5 | a", "Line 1 cannot be read"),
        ("\u0663 | a", "Line 1 cannot be read"),
        ("3 |", "Line 1: say after the | what happens"),
        ("3 | a\n0 | b", "Line 2: a shot lasts 1 to 60 seconds, not 0"),
        ("61 | a", "not 61"),
        ("31 | a\n30 | b", "The shots last 61 seconds together"),
        (f"3 | {'x' * 513}", "Line 1 has 513 characters after the |, and 512 are the most"),
        ("1 | a\n" * 7, "Line 7 is one too many"),
        ("\n" + "1 | a\n" * 8, "Line 8 is one too many"),
    ],
)
def test_a_line_that_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ShotsUnclear) as refusal:
        shots_of(text)
    assert said in str(refusal.value)


def test_six_full_shots_fit_the_field() -> None:
    text = "\n".join(f"10 | {'x' * MAX_SHOT_CHARACTERS}" for _ in range(6))
    assert len(text) <= MAX_TEXT
    assert len(shots_of(text)) == 6


@pytest.mark.parametrize("text", ["", "3 | The boat leaves", "x" * MAX_TEXT])
def test_the_modal_is_as_discord_takes_it(text: str) -> None:
    body = {"type": 9, "data": storyboard.modal(12, text).to_dict()}
    assert violations("POST", CALLBACK, body, []) == []
    assert body["data"]["custom_id"] == "storyboard:12"


async def test_what_is_wrong_is_said_beside_what_was_written_and_the_way_back() -> None:
    text = "3 | a `tick`\nThe ```boat```"
    view = storyboard.view_of(ShotsUnclear("Line 2 is wrong."), 12, text)
    said = everything_said(view)
    assert "Line 2 is wrong. Nothing was charged." in said
    assert "3 | a 'tick'\nThe '''boat'''" in said.replace("\u02cb", "'")
    assert buttons(view) == ["Edit the shots"]
    assert refusals(view) == []


@pytest.mark.parametrize("text", ["", "\n\n", "x" * MAX_TEXT, "\u202e" * MAX_TEXT, "`\n" * (MAX_TEXT // 2)])
async def test_whatever_was_written_fits_the_answer(text: str) -> None:
    with pytest.raises(ShotsUnclear) as refusal:
        shots_of(text or "?")
    view = storyboard.view_of(refusal.value, 12, text)
    assert refusals(view) == []
    assert len(everything_said(view)) <= 4000


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
    assert storyboard.number_in(interaction) == number
