"""Storyboards: the modal that asks for shots, and the way back to it."""

from typing import Protocol

import discord
from discord import ui

from bot.domain.begun import Begun
from bot.domain.requests import Options
from bot.language import marked
from bot.ui.buttons import NumberedButton
from bot.ui.modals import Form
from bot.ui.shots import shots_of
from bot.ui.written import Interaction, Writing

MAX_TEXT = 3400
"""Six full shots; and with a sentence about them they fit a message, which has 4,000 characters."""

FORM = Form(
    about="storyboard",
    field="shots",
    title=marked("Storyboard"),
    label=marked("Up to six shots, a line each"),
    description=marked("Seconds, then | and what happens. The clip is as long as all of them."),
    placeholder=marked("3 | The boat leaves the harbour\n2 | A wave lifts it"),
    max_length=MAX_TEXT,
)
"""Its number is a storyboard's."""


class Desk(Protocol):
    """What the button leads to; the client holds one as `desk`."""

    storyboards: "Storyboards"


class EditShotsButton(NumberedButton, about="storyboard", does={"edit": marked("Edit the shots")}):
    """Opens the modal again with what was written."""

    style = discord.ButtonStyle.primary

    async def callback(self, interaction: Interaction) -> None:
        """Show the modal."""
        desk: Desk = interaction.client.desk
        await desk.storyboards.reopen(interaction, self.number)


class Storyboards(Writing):
    """Asks for shots and takes them."""

    def check(self, begun: Begun) -> None:
        """Refuse what no provider could make in any number of shots."""
        self._generation.check_storyboard(begun)

    def modal(self, number: int, begun: Begun) -> ui.Modal:
        """The modal for shots."""
        return FORM.modal(number, begun.text)

    def text_in(self, interaction: Interaction) -> str:
        """The shots, a line each."""
        return FORM.text_in(interaction)

    def written(self, interaction: Interaction, begun: Begun) -> Begun:
        """What was begun, with other shots."""
        return begun.model_copy(update={"text": self.text_in(interaction)})

    def options(self, begun: Begun) -> Options:
        """The clip is as long as all of its shots."""
        shots = shots_of(begun.text)
        total_s = sum(shot.duration_s for shot in shots)
        return begun.options.model_copy(update={"shots": shots, "duration_s": total_s})

    def again(self, number: int) -> NumberedButton:
        """The way back to the shots."""
        return EditShotsButton(number)
