"""`/claim`: clips that no place took."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.ui import claims


class Claim(commands.Cog):
    """Clips that were made and could not be posted."""

    @app_commands.command()
    async def claim(self, interaction: discord.Interaction[Kinora]) -> None:
        """Have a clip of yours posted here that could not be posted where you asked for it."""
        await claims.claim(interaction)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Claim())
