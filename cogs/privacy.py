"""`/privacy`: what is kept of oneself."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.ui import exports, privacy
from bot.ui.answers import tell


class Privacy(commands.GroupCog, group_name="privacy", group_description="What is kept of you"):
    """A member's own data."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    async def export(self, interaction: discord.Interaction[Kinora]) -> None:
        """Get your clips, pictures, prompts and spending in this server as a file."""
        await exports.send(interaction, self.bot.services.exports)

    @app_commands.command()
    async def forget(self, interaction: discord.Interaction[Kinora]) -> None:
        """Have everything about you forgotten, everywhere this bot runs; asks first."""
        await privacy.ask_whether_to_forget(interaction, self.bot.services.privacy)

    @app_commands.command()
    @app_commands.describe(allow="Whether you want them")
    async def direct(self, interaction: discord.Interaction[Kinora], allow: bool) -> None:  # noqa: FBT001 - an option
        """Get clips that no channel takes as direct messages, or not."""
        await self.bot.services.privacy.allow_direct(interaction.user.id, is_allowed=allow)
        await tell(interaction, privacy.direct_text(is_allowed=allow))


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(privacy.ForgetButton)
    await bot.add_cog(Privacy(bot))
