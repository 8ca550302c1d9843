"""Answers to questions that were asked before a clip is made; there is no command for them."""

import discord
from discord.ext import commands

from bot.client import Kinora
from bot.ui.questions import REASON, AnswerButton


class Consent(commands.Cog):
    """Reasons of moderators who decline."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[Kinora]) -> None:
        """Take a reason, whichever process asked for it."""
        number = REASON.number_in(interaction)
        if number is not None:
            await self.bot.desk.consents.decline(interaction, number)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(AnswerButton)
    await bot.add_cog(Consent(bot))
