"""`/quota`: what one may still spend."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.ui import checks, listings
from bot.ui.desk import text_view


class Quota(commands.GroupCog, group_name="quota", group_description="Credits and caps"):
    """Credits and caps."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    async def me(self, interaction: discord.Interaction[Kinora]) -> None:
        """See your credits and what you have waiting and running."""
        assert interaction.guild_id is not None
        assert interaction.channel_id is not None
        allowance = await self.bot.services.quotas.allowance(
            interaction.guild_id,
            interaction.user.id,
            roles=checks.asker(interaction).roles,
            channel_id=interaction.channel_id,
        )
        await interaction.response.send_message(
            view=text_view(listings.allowance_text(allowance)), ephemeral=True
        )


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Quota(bot))
