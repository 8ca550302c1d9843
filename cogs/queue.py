"""`/queue`, `/job`, `/jobs`, `/cancel`: where things stand."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.ui import listings
from bot.ui.answers import tell
from bot.ui.buttons import CancelButton, RequestButton

JobNumber = app_commands.Range[int, 1, 2**53 - 1]
_LISTED = 10


class Queue(commands.Cog):
    """The queue and one's own jobs."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    async def queue(self, interaction: discord.Interaction[Kinora]) -> None:
        """See what is being made in this server and what waits."""
        assert interaction.guild_id is not None
        queue = await self.bot.services.insights.queue(interaction.guild_id, limit=_LISTED)
        await tell(interaction, listings.queue_text(queue))

    @app_commands.command()
    @app_commands.describe(id="The job's number")
    async def job(self, interaction: discord.Interaction[Kinora], id: JobNumber) -> None:  # noqa: A002 - the option's name
        """See one job, and its clip if it has one."""
        await self.bot.desk.show_job(interaction, id)

    @app_commands.command()
    async def jobs(self, interaction: discord.Interaction[Kinora]) -> None:
        """See your latest jobs."""
        assert interaction.guild_id is not None
        mine = await self.bot.services.insights.jobs_of(
            interaction.guild_id, interaction.user.id, limit=_LISTED
        )
        await tell(interaction, listings.jobs_text(mine))

    @app_commands.command()
    @app_commands.describe(id="The job's number")
    async def cancel(self, interaction: discord.Interaction[Kinora], id: JobNumber) -> None:  # noqa: A002 - the option's name
        """Cancel a job of yours; moderators may cancel any."""
        await self.bot.desk.cancel(interaction, id)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(CancelButton, RequestButton)
    await bot.add_cog(Queue(bot))
