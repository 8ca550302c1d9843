"""`/video`: words become a clip."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.domain.requests import Options
from bot.ui import options


class Video(commands.Cog):
    """Text to video."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    @app_commands.describe(prompt="What the video shows")
    @options.shared(prompt_required=True)
    async def video(self, interaction: discord.Interaction[Kinora], *, wanted: Options) -> None:
        """Make a video from words."""
        await self.bot.desk.ask(interaction, wanted)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Video(bot))
