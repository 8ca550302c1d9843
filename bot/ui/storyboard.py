"""Storyboards: the modal that asks for shots, and the way back to it.

discord.py knows a modal only in the process that sent it, so the modal's id says which storyboard it is for
and whoever receives it finds the rest in the database.
"""

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, Self

import discord
from discord import ui
from pydantic import ValidationError

from bot.domain.errors import Refused
from bot.domain.requests import Options
from bot.services.generation import Generation, Storyboard
from bot.ui import errors
from bot.ui.errors import Answer, describe
from bot.ui.shots import shots_of
from bot.ui.text import plain

MAX_TEXT = 3400
"""Six full shots; and with a sentence about them they fit a message, which has 4,000 characters."""

_FIELD = "shots"
_MODAL_ID = re.compile(r"storyboard:([0-9]{1,18})")
_EXAMPLE = "3 | The boat leaves the harbour\n2 | A wave lifts it"
_TICK = "\u02cb"  # ends no code block

Interaction = discord.Interaction[Any]


class ShotsRefused(Exception):
    """Shots that were written are not taken; the cause says why, and the person gets them back.

    `kept_as` is the storyboard that holds them, None where none does.
    """

    def __init__(self, cause: Exception, text: str, *, kept_as: int | None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.text = text
        self.kept_as = kept_as


@describe.register
def _shots(error: ShotsRefused) -> Answer:
    why = describe(error.cause).text
    written = "\n".join(map(plain, error.text.splitlines())).replace("`", _TICK).strip()
    text = f"{why}\n```\n{written}\n```" if written else why
    if error.kept_as is None:
        return Answer(text)
    row: ui.ActionRow[Any] = ui.ActionRow()
    return Answer(text, row.add_item(EditShotsButton(error.kept_as)))


class Desk(Protocol):
    """What the button leads to; the client holds one as `desk`."""

    storyboards: "Storyboards"


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
        await desk.storyboards.reopen(interaction, self.number)


class Storyboards:
    """Asks for shots and takes them; part of the desk."""

    def __init__(
        self,
        generation: Generation,
        *,
        ask: Callable[[Interaction, Options, dict[str, Any]], Awaitable[None]],
        before_all_else: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        """`ask` takes a request with the links to its pictures; in `before_all_else` interactions are acknowledged."""
        self._generation = generation
        self._ask = ask
        self._before_all_else = before_all_else

    async def open(self, interaction: Interaction, board: Storyboard) -> None:
        """Ask for the shots in a modal.

        Raises:
            Refused: instead of the modal, because nobody could make such a clip.
        """
        self._generation.check_storyboard(board)
        async with self._before_all_else():
            number = await self._keep(interaction, board)
            await interaction.response.send_modal(modal(number, board.text))

    async def reopen(self, interaction: Interaction, number: int) -> None:
        """Show the modal again, with what was written."""
        try:
            async with self._before_all_else():
                board = await self._kept(interaction, number)
                await interaction.response.send_modal(modal(number, board.text))
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def take(self, interaction: Interaction, number: int) -> None:
        """Take the shots that were written; where they are not taken, the person gets them back with the reason."""
        text = text_in(interaction)
        try:
            await self._take(interaction, await self._kept(interaction, number), text)
        except ShotsRefused as refusal:
            await errors.answer(interaction, refusal)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a listener raises
            await errors.answer(interaction, ShotsRefused(error, text, kept_as=None))

    async def _take(self, interaction: Interaction, board: Storyboard, text: str) -> None:
        try:
            shots = shots_of(text)
            total_s = sum(shot.duration_s for shot in shots)
            options = board.options.model_copy(update={"shots": shots, "duration_s": total_s})
            pictures = {"image_url": board.image_url, "end_frame_url": board.end_frame_url}
            await self._ask(interaction, options, pictures)
        except (Refused, ValidationError) as refusal:
            kept_as = await self._keep(interaction, board.model_copy(update={"text": text}))
            raise ShotsRefused(refusal, text, kept_as=kept_as) from refusal

    async def _keep(self, interaction: Interaction, board: Storyboard) -> int:
        assert interaction.guild_id is not None
        return await self._generation.keep_storyboard(interaction.guild_id, interaction.user.id, board)

    async def _kept(self, interaction: Interaction, number: int) -> Storyboard:
        assert interaction.guild_id is not None
        return await self._generation.storyboard(number, interaction.guild_id, interaction.user.id)


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


def number_in(interaction: Interaction) -> int | None:
    """Which storyboard a modal that was sent off is for; None for any other interaction."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return None
    data: Any = interaction.data
    found = _MODAL_ID.fullmatch(data["custom_id"])
    return int(found[1]) if found else None


def text_in(interaction: Interaction) -> str:
    """What was written in the modal, as far as its field goes; empty where it comes back without."""
    data: Any = interaction.data
    fields = [label["component"] for label in data["components"] if "component" in label]
    written = next((field.get("value") for field in fields if field.get("custom_id") == _FIELD), "")
    return written[:MAX_TEXT] if isinstance(written, str) else ""
