"""`/drain`, `/resume`, `/doctor`: what the operator does before the bot is stopped, and after, and looks at."""

from contextlib import aclosing

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.ui import checkup, operation, owner
from bot.ui.answers import Answer, shown, tell

_WATCHED_MS = 14 * 60_000
"""An answer can be changed for 15 minutes."""


class Operation(commands.Cog):
    """For those whom `OWNER_IDS` names; admins of every server are offered it, so each asks who it is."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    @app_commands.default_permissions(administrator=True)
    async def drain(self, interaction: discord.Interaction[Kinora]) -> None:
        """For the operator: begin no clip any more, and see when all that run have ended."""
        owner.ensure_operator(interaction)
        draining = self.bot.services.draining
        load = await draining.begin(by_id=interaction.user.id)
        await tell(interaction, operation.drain_text(load))
        async with aclosing(draining.watched(load, for_ms=_WATCHED_MS)) as watched:
            async for load in watched:
                await _change(interaction, operation.drain_text(load))
        if load.running and draining.lasts:
            await _change(interaction, operation.still_draining_text(load))

    @app_commands.command()
    @app_commands.default_permissions(administrator=True)
    async def resume(self, interaction: discord.Interaction[Kinora]) -> None:
        """For the operator: begin clips again after /drain."""
        owner.ensure_operator(interaction)
        load = await self.bot.services.draining.end(by_id=interaction.user.id)
        await tell(interaction, operation.resumed_text(load, self.bot.services.gate.pause))

    @app_commands.command()
    @app_commands.default_permissions(administrator=True)
    @app_commands.guild_only()
    async def doctor(self, interaction: discord.Interaction[Kinora]) -> None:
        """For the operator: how the bot is doing, and what it lacks in this server."""
        owner.ensure_operator(interaction)
        assert interaction.guild is not None
        claimed = interaction.filesize_limit
        condition = await self.bot.services.checkup.look(interaction.guild.id, claimed_limit=claimed)
        await tell(
            interaction,
            checkup.text_of(condition, interaction.guild, latency_s=self.bot.latency, claimed_limit=claimed),
        )


async def _change(interaction: discord.Interaction[Kinora], text: str) -> None:
    await interaction.edit_original_response(view=shown(Answer(text)))


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Operation(bot))
