"""What a person is told, as a message of components."""

from dataclasses import dataclass
from typing import Any

import discord
from discord import ui


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person is told, and buttons that go with it."""

    text: str
    row: ui.ActionRow[Any] | None = None
    colour: discord.Colour | None = None
    """Of the frame that it stands in; None for one without."""


def shown(said: Answer) -> ui.LayoutView:
    """An answer as a message."""
    view = ui.LayoutView(timeout=None)
    items = [ui.TextDisplay[ui.LayoutView](said.text), *([said.row] if said.row is not None else [])]
    if said.colour is None:
        for item in items:
            view.add_item(item)
    else:
        view.add_item(ui.Container[ui.LayoutView](*items, accent_colour=said.colour))
    view.stop()  # else discord.py keeps a private one, with a task, for 15 minutes; clicks find their way by ids
    return view


async def tell(interaction: discord.Interaction[Any], text: str) -> None:
    """Answer a command, to the person alone."""
    await interaction.response.send_message(view=shown(Answer(text)), ephemeral=True)
