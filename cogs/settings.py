"""`/settings`: what moderators choose for their server."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.language import tr
from bot.ui.answers import tell
from bot.ui.checks import ensure_moderator
from bot.ui.guilds import SETTING_CHOICES, setting_text, settings_text, surroundings, values
from bot.ui.rules import SHEET, EditRulesButton

_ValueName = app_commands.Range[str, 1, 4000]


@app_commands.default_permissions(manage_guild=True)
class Settings(commands.GroupCog, group_name="settings", group_description="What holds for this server"):
    """Settings of a server. Its admins may show commands to anybody, so each asks who it is."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    @app_commands.describe(setting="To see all that it can be; leave empty for all settings")
    @app_commands.choices(setting=SETTING_CHOICES)
    async def show(self, interaction: discord.Interaction[Kinora], setting: str | None = None) -> None:
        """See how this server is set up."""
        await ensure_moderator(interaction)
        around = surroundings(interaction)
        if setting is None:
            chosen = await self.bot.services.guilds.all(around.guild_id)
            await tell(interaction, settings_text(chosen, around))
        else:
            one = await self.bot.services.guilds.one(around.guild_id, setting)
            await tell(interaction, setting_text(one, around))

    @app_commands.command()
    async def rules(self, interaction: discord.Interaction[Kinora]) -> None:
        """Write down what no clip may be about, a rule a line; nobody is exempt."""
        await ensure_moderator(interaction)
        await self.bot.desk.rules.open(interaction)

    @app_commands.command()
    @app_commands.describe(setting="What to change", value="What it shall be")
    @app_commands.choices(setting=SETTING_CHOICES)
    @app_commands.autocomplete(value=values)
    async def set(self, interaction: discord.Interaction[Kinora], setting: str, value: _ValueName) -> None:
        """Change a setting of this server."""
        await ensure_moderator(interaction)
        around = surroundings(interaction)
        chosen = await self.bot.services.guilds.choose(around, setting, str(value))
        await tell(interaction, settings_text([chosen], around, title=tr("From now on")))

    @app_commands.command()
    @app_commands.describe(setting="What to set back; leave empty for everything")
    @app_commands.choices(setting=SETTING_CHOICES)
    async def reset(self, interaction: discord.Interaction[Kinora], setting: str | None = None) -> None:
        """Set a setting of this server back to what it was at first, or all of them."""
        await ensure_moderator(interaction)
        around = surroundings(interaction)
        chosen = await self.bot.services.guilds.reset(around, setting)
        await tell(interaction, settings_text(chosen, around, title=tr("From now on")))


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""

    async def written(interaction: discord.Interaction[Kinora], number: int) -> None:
        del number  # there is one such form
        await bot.desk.rules.take(interaction)

    bot.add_dynamic_items(EditRulesButton)
    bot.add_form(SHEET, written)
    await bot.add_cog(Settings(bot))
