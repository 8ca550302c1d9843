"""The least bot there is: it acknowledges `/animate` and does nothing else. For `benchmarks.acknowledgement`."""

import os
import sys

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route


class Deferring(discord.Client):
    """A client with two commands."""

    def __init__(self) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True), max_messages=None, chunk_guilds_at_startup=False
        )
        self.tree: app_commands.CommandTree[Deferring] = app_commands.CommandTree(self)

    async def setup_hook(self) -> None:
        """Register the commands."""
        self.tree.command()(animate)
        self.tree.command()(queue)
        await self.tree.sync()


async def animate(
    interaction: discord.Interaction[Deferring], image: discord.Attachment, prompt: str = ""
) -> None:
    """Acknowledge."""
    assert image.url, prompt
    await interaction.response.defer(thinking=True)


async def queue(interaction: discord.Interaction[Deferring]) -> None:
    """Acknowledge."""
    await interaction.response.send_message("nothing", ephemeral=True)


async def run() -> None:
    """Connect until killed."""
    Route.BASE = os.environ["DISCORD_API_URL"]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])
    async with Deferring() as client:
        await client.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    if sys.platform == "win32":
        import asyncio

        asyncio.run(run())
    else:
        import uvloop

        uvloop.run(run())
