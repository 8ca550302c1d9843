"""`/animate`, and Animate in the menu of a message: a picture becomes a clip."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Kinora
from bot.domain.requests import Options
from bot.ui import choices, compose, options
from bot.ui.buttons import FitButton

MENU = "Animate"


class Animate(commands.Cog):
    """Picture to video."""

    def __init__(self, bot: Kinora) -> None:
        self.bot = bot
        self._menu = app_commands.ContextMenu(name=MENU, callback=self.animate_message)

    async def cog_load(self) -> None:
        """Menus are no commands of the cog, so they are added here."""
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """And taken away here."""
        self.bot.tree.remove_command(MENU, type=self._menu.type)

    @app_commands.command()
    @app_commands.describe(
        image="The picture to animate: JPEG, PNG, WebP or GIF, up to 10 MB",
        prompt="What should happen",
        end_frame="The picture the clip should end on",
    )
    @options.shared(prompt_required=False)
    async def animate(
        self,
        interaction: discord.Interaction[Kinora],
        image: discord.Attachment,
        end_frame: discord.Attachment | None = None,
        *,
        wanted: Options,
    ) -> None:
        """Turn a picture into a video."""
        await self.bot.desk.ask(interaction, wanted, image=image, end_frame=end_frame)

    async def animate_message(
        self, interaction: discord.Interaction[Kinora], message: discord.Message
    ) -> None:
        """Turn a picture in a message into a video, or go on from a clip."""
        await self.bot.desk.choices.animate(interaction, message)


async def setup(bot: Kinora) -> None:
    """Called by discord.py when the extension is loaded."""

    async def written(interaction: discord.Interaction[Kinora], number: int) -> None:
        await bot.desk.compose.take(interaction, number)

    bot.add_dynamic_items(FitButton, compose.EditPromptButton, choices.PictureButton, choices.ContinueButton)
    bot.add_form(compose.NEW, written)
    await bot.add_cog(Animate(bot))
