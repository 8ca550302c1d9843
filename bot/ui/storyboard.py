"""Storyboards: the modal that asks for shots, and the way back to it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import discord
from discord import ui
from pydantic import ValidationError

from bot.domain.errors import Refused
from bot.domain.requests import Options
from bot.services.generation import Generation, Storyboard
from bot.ui import errors
from bot.ui.answers import Answer
from bot.ui.buttons import NumberedButton
from bot.ui.errors import describe
from bot.ui.modals import Form
from bot.ui.shots import shots_of
from bot.ui.text import plain

MAX_TEXT = 3400
"""Six full shots; and with a sentence about them they fit a message, which has 4,000 characters."""

FORM = Form(
    about="storyboard",
    field="shots",
    title="Storyboard",
    label="Up to six shots, a line each",
    description="Seconds, then | and what happens. The clip is as long as all of them.",
    placeholder="3 | The boat leaves the harbour\n2 | A wave lifts it",
    max_length=MAX_TEXT,
)
"""Its number is a storyboard's."""

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


class EditShotsButton(NumberedButton, about="storyboard", does={"edit": "Edit the shots"}):
    """Opens the modal again with what was written."""

    style = discord.ButtonStyle.primary

    async def callback(self, interaction: Interaction) -> None:
        """Show the modal."""
        desk: Desk = interaction.client.desk
        await desk.storyboards.reopen(interaction, self.number)


class Storyboards:
    """Asks for shots and takes them; part of the desk."""

    def __init__(
        self,
        generation: Generation,
        *,
        ask: Callable[[Interaction, Options, Mapping[str, Any]], Awaitable[None]],
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
            await interaction.response.send_modal(FORM.modal(number, board.text))

    async def reopen(self, interaction: Interaction, number: int) -> None:
        """Show the modal again, with what was written."""
        try:
            async with self._before_all_else():
                board = await self._kept(interaction, number)
                await interaction.response.send_modal(FORM.modal(number, board.text))
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def take(self, interaction: Interaction, number: int) -> None:
        """Take the shots that were written; where they are not taken, the person gets them back with the reason."""
        text = FORM.text_in(interaction)
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
