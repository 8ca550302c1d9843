"""`/stats`: what this server made and spent."""

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.media.charts import Theme
from bot.services.usage import MOST_DAYS
from bot.ui import checks, stats

Days = app_commands.Range[int, 1, MOST_DAYS]


class Stats(commands.Cog):
    """A server's use of the bot."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    @app_commands.describe(
        days="How many days back, today among them; 30 if left out",
        theme="What suits your Discord; dark if left out",
    )
    async def stats(
        self,
        interaction: discord.Interaction[Kinora],
        days: Days = 30,
        theme: Literal["dark", "light"] = "dark",
    ) -> None:
        """See what this server made and spent, and your own part in it."""
        assert interaction.guild_id is not None
        await interaction.response.defer(ephemeral=True, thinking=True)
        sees_members = await checks.is_moderator(interaction)
        found = await self.bot.services.reports.stats(
            interaction.guild_id, interaction.user.id, days=days, sees_members=sees_members
        )
        pictures = await stats.drawn(self.bot.services.charts, found.usage, Theme(theme))
        await interaction.edit_original_response(view=stats.stats_view(found, pictures), attachments=pictures)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Stats(bot))
