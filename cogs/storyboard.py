"""`/storyboard`: a picture becomes a clip of several shots."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.domain.requests import Options
from bot.ui import options, storyboard


class Storyboard(commands.Cog):
    """Several shots in one clip."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot

    @app_commands.command()
    @app_commands.describe(
        image="The picture to start from: JPEG, PNG, WebP or GIF, up to 10 MB",
        end_frame="The picture the clip should end on",
    )
    @options.shared(
        "model", "quality", "negative", "guidance", "sound", "voices", "provider", "watermark", "spoiler",
        prompt_required=None,
    )  # fmt: skip
    async def storyboard(
        self,
        interaction: discord.Interaction[Kinora],
        image: discord.Attachment,
        end_frame: discord.Attachment | None = None,
        *,
        wanted: Options,
    ) -> None:
        """Write up to six shots that follow each other in one clip."""
        await self.bot.desk.ask_for_shots(interaction, wanted, image=image, end_frame=end_frame)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""

    async def written(interaction: discord.Interaction[Kinora], number: int) -> None:
        await bot.desk.storyboards.take(interaction, number)

    bot.add_dynamic_items(storyboard.EditShotsButton)
    bot.add_form(storyboard.FORM, written)
    await bot.add_cog(Storyboard(bot))
