"""Answers to questions that were asked before a clip is made; there is no command for them."""

import discord

from bot.client import Kinora
from bot.ui.questions import REASON, AnswerButton


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""

    async def declined(interaction: discord.Interaction[Kinora], number: int) -> None:
        await bot.desk.consents.decline(interaction, number)

    bot.add_dynamic_items(AnswerButton)
    bot.add_form(REASON, declined)
