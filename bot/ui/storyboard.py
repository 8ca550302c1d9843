"""Storyboards: the modal that asks for shots, what is read from it, and the way back to it.

discord.py knows a modal only in the process that sent it, so the modal's id says which storyboard it is for
and whoever receives it finds the rest in the database.
"""

import re
from typing import Any, Protocol, Self

import discord
from discord import ui

from bot.domain.errors import Refused
from bot.domain.requests import Shot
from bot.services.generation import MAX_DURATION_S
from bot.ui import errors
from bot.ui.text import inline, plain

MAX_SHOTS = 6
MAX_SHOT_CHARACTERS = 512
"""Both: Kling API, image to video, `multi_prompt`."""
MAX_TEXT = 3400
"""Six full shots; and with a sentence about them they fit a message, which has 4,000 characters."""

_FIELD = "shots"
_MODAL_ID = re.compile(r"storyboard:([0-9]{1,18})")
_LINE = re.compile(r"\s*([0-9]{1,3})\s*(?:s|sec|seconds)?\s*\|\s*(.*?)\s*", re.IGNORECASE)
_EXAMPLE = "3 | The boat leaves the harbour\n2 | A wave lifts it"
_SHOWN = 40
_TICK = "\u02cb"  # ends no code block


class ShotsUnclear(Refused):
    """The lines of a storyboard cannot be made sense of; the text names the line."""


class Desk(Protocol):
    """What the button leads to; the client holds one as `desk`."""

    async def reopen_storyboard(self, interaction: discord.Interaction[Any], number: int) -> None:
        """Show the modal again, with what was written."""
        ...


class EditShotsButton(ui.DynamicItem[ui.Button[Any]], template=r"storyboard:(?P<number>\d{1,18}):edit"):
    """Opens the modal again with what was written."""

    def __init__(self, number: int) -> None:
        super().__init__(
            ui.Button(
                label="Edit the shots",
                style=discord.ButtonStyle.primary,
                custom_id=f"storyboard:{number}:edit",
            )
        )
        self.number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button that was clicked."""
        del interaction, item
        return cls(int(match["number"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the modal."""
        desk: Desk = interaction.client.desk
        await desk.reopen_storyboard(interaction, self.number)


def modal(number: int, text: str) -> ui.Modal:
    """A modal for the shots of a storyboard, with what was written so far."""
    shown = ui.Modal(title="Storyboard", custom_id=f"storyboard:{number}")
    field: ui.TextInput[Any] = ui.TextInput(
        custom_id=_FIELD,
        style=discord.TextStyle.paragraph,
        placeholder=_EXAMPLE,
        default=text or None,
        max_length=MAX_TEXT,
    )
    shown.add_item(
        ui.Label(
            text="Up to six shots, a line each",
            description="Seconds, then | and what happens. The clip is as long as all of them.",
            component=field,
        )
    )
    shown.stop()  # its answer is found by its id, so discord.py need not remember it
    return shown


def number_in(interaction: discord.Interaction[Any]) -> int | None:
    """Which storyboard a modal that was sent off is for; None for any other interaction."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return None
    data: Any = interaction.data
    found = _MODAL_ID.fullmatch(data["custom_id"])
    return int(found[1]) if found else None


def text_in(interaction: discord.Interaction[Any]) -> str:
    """What was written in the modal."""
    data: Any = interaction.data
    fields = [label["component"] for label in data["components"] if "component" in label]
    return next(field["value"] for field in fields if field["custom_id"] == _FIELD)


def shots_of(text: str) -> tuple[Shot, ...]:
    """Read shots, a line each: `seconds | what happens`. Empty lines are passed over.

    Raises:
        ShotsUnclear: naming the line that is wrong.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise ShotsUnclear("Write at least one line, such as `3 | The boat leaves the harbour`.")
    if len(lines) > MAX_SHOTS:
        raise ShotsUnclear(f"Line {lines[MAX_SHOTS][0]} is one too many: a storyboard has at most six shots.")
    shots = tuple(_shot(number, line) for number, line in lines)
    total_s = sum(shot.duration_s for shot in shots)
    if total_s > MAX_DURATION_S:
        raise ShotsUnclear(
            f"The shots last {total_s} seconds together, and no clip is longer than {MAX_DURATION_S}."
        )
    return shots


def view_of(error: Exception, number: int, text: str) -> ui.LayoutView:
    """The words for what is wrong, what was written, and the way back to it."""
    view = errors.view_of(error)
    kept = "\n".join(plain(line) for line in text.splitlines()).replace("`", _TICK).strip()
    if kept:
        view.add_item(ui.TextDisplay(f"```\n{kept}\n```"))
    row: ui.ActionRow[Any] = ui.ActionRow()
    view.add_item(row.add_item(EditShotsButton(number)))
    return view


def _shot(number: int, line: str) -> Shot:
    found = _LINE.fullmatch(line)
    if found is None:
        shown = inline(line, length=_SHOWN)
        raise ShotsUnclear(
            f"Line {number} cannot be read: {shown}. Write the seconds, then | and what happens, "
            "such as `3 | The boat leaves the harbour`."
        )
    duration_s, prompt = int(found[1]), found[2]
    if not 1 <= duration_s <= MAX_DURATION_S:
        raise ShotsUnclear(f"Line {number}: a shot lasts 1 to {MAX_DURATION_S} seconds, not {duration_s}.")
    if not prompt:
        raise ShotsUnclear(f"Line {number}: say after the | what happens.")
    if len(prompt) > MAX_SHOT_CHARACTERS:
        raise ShotsUnclear(
            f"Line {number} has {len(prompt)} characters after the |, and {MAX_SHOT_CHARACTERS} are the most."
        )
    return Shot(prompt=prompt, duration_s=duration_s)
