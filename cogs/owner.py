"""`/owner`: what the bot's operator sees and sets across servers."""

from itertools import islice

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.services.usage import MOST_DAYS, ceiling_of
from bot.ui import owner
from bot.ui.answers import tell

Days = app_commands.Range[int, 1, MOST_DAYS]
_Text = app_commands.Range[str, 1, 100]


@app_commands.default_permissions(administrator=True)
class Owner(commands.GroupCog, group_name="owner", group_description="For the operator of this bot"):
    """For those whom `OWNER_IDS` names; admins of every server are offered it, so each asks who it is."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    @app_commands.describe(days="How many days back, today among them; 30 if left out")
    async def usage(self, interaction: discord.Interaction[Kinora], days: Days = 30) -> None:
        """See what all servers made, what they were charged, and what providers took."""
        owner.ensure_operator(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        overview = await self.bot.services.reports.across(days=days)
        shown = islice(overview.by_guild, owner.SERVERS_SHOWN)
        view, files = await owner.overview_view(overview, await self._names(*shown))
        await interaction.edit_original_response(view=view, attachments=files)

    @app_commands.command()
    @app_commands.describe(
        server="The server's name, or its id where the name is not suggested",
        amount="Credits it may cost in a month at the catalogue's prices, or none",
    )
    @app_commands.autocomplete(server=owner.servers)
    async def ceiling(self, interaction: discord.Interaction[Kinora], server: _Text, amount: _Text) -> None:
        """Say what a server may cost, whatever its moderators allow."""
        owner.ensure_operator(interaction)
        guild_id, credits_ = owner.server_id(server), ceiling_of(amount)
        names = await self._names(guild_id)
        await self.bot.services.reports.set_ceiling(
            guild_id, credits_, by_id=interaction.user.id, is_at_hand=guild_id in names
        )
        text = owner.ceiling_text(guild_id, credits_, names)
        await tell(interaction, text)

    async def _names(self, *guild_ids: int) -> dict[int, str]:
        """Of the servers that this process hears, and of these, which another one may hear."""
        own = {guild.id: guild.name for guild in self.bot.guilds}
        return own | await self.bot.directory.names(guild_id for guild_id in guild_ids if guild_id not in own)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Owner(bot))
