"""Taking back from Discord what the bot has said about a member."""

import discord

from bot.ui.faults import translated
from bot.ui.removal import remove

_NAME = "Clips"


class DiscordEraser:
    """With the bot's token, so that it works whenever it is done."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete a message of ours; one that is gone already is deleted."""
        await remove(self._client, channel_id, message_id)

    async def rename(self, thread_id: int) -> None:
        """Give a thread of ours a name that says nothing; what others wrote in it stays."""
        async with translated():
            known = self._client.get_channel(thread_id) or await self._client.fetch_channel(thread_id)
            if not isinstance(known, discord.Thread) or known.name == _NAME:
                return
            was_archived = known.archived
            await known.edit(archived=False, name=_NAME)
            if was_archived:
                await known.edit(archived=True)
