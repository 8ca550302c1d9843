"""`/queue`, `/job`, `/jobs`, `/cancel`: where things stand."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.services.insights import Only
from bot.ui import listings
from bot.ui.answers import tell
from bot.ui.buttons import CancelButton, RequestButton

JobNumber = app_commands.Range[int, 1, 2**53 - 1]
_LISTED = 10
_ONLY = [app_commands.Choice(name=words, value=only.value) for only, words in listings.ONLY_WORDS.items()]


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
    @app_commands.describe(
        id="The job's number; type a word of its prompt to find one of yours",
        share="Post its clip here for everybody",
    )
    async def job(
        self,
        interaction: discord.Interaction[Kinora],
        id: JobNumber,  # noqa: A002 - the option's name
        share: bool = False,  # noqa: FBT001, FBT002 - an option
    ) -> None:
        """See one job, and its clip if it has one."""
        await self.bot.desk.history.show(interaction, id, share=share)

    @job.autocomplete("id")
    async def _suggest(
        self, interaction: discord.Interaction[Kinora], typed: str | int
    ) -> list[app_commands.Choice[int]]:
        return await self.bot.desk.history.suggest(interaction, str(typed))

    @app_commands.command()
    @app_commands.describe(only="Which ones", member="Moderators: whose; your own if left out")
    @app_commands.choices(only=_ONLY)
    async def jobs(
        self,
        interaction: discord.Interaction[Kinora],
        only: str = Only.ALL,
        member: discord.User | discord.Member | None = None,
    ) -> None:
        """See your jobs, newest first."""
        await self.bot.desk.history.open(interaction, member, Only(only))

    @app_commands.command()
    @app_commands.describe(id="The job's number")
    async def cancel(self, interaction: discord.Interaction[Kinora], id: JobNumber) -> None:  # noqa: A002 - the option's name
        """Cancel a job of yours; moderators may cancel any."""
        await self.bot.desk.cancel(interaction, id)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(CancelButton, RequestButton, listings.PageButton)
    await bot.add_cog(Queue(bot))
