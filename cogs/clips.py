"""The buttons under a clip; there is no command for them."""

import discord

from bot.client import Kinora
from bot.ui.actions import REASON
from bot.ui.buttons import ClipButton, OriginalButton


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""

    async def reported(interaction: discord.Interaction[Kinora], number: int) -> None:
        await bot.desk.actions.report(interaction, number)

    bot.add_dynamic_items(ClipButton, OriginalButton)
    bot.add_form(REASON, reported)
