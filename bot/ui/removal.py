"""Deleting messages of ours, wherever they are."""

import discord

from bot.domain.errors import DeliveryFault
from bot.ui.faults import NOT_IN_ARCHIVED, translated

_GONE = (10003, 10008)  # unknown channel, unknown message


async def remove(client: discord.Client, channel_id: int, message_id: int) -> None:
    """Delete a message of ours; one that is gone already is deleted.

    Raises:
        DeliveryFault: Discord does not delete it, or did not answer.
    """
    channel = client.get_partial_messageable(channel_id)
    async with translated():
        try:
            await channel.get_partial_message(message_id).delete()
        except discord.HTTPException as refusal:
            if refusal.code == NOT_IN_ARCHIVED:
                await _remove_from_archive(client, channel_id, message_id)
            elif refusal.code not in _GONE:
                raise


async def _remove_from_archive(client: discord.Client, thread_id: int, message_id: int) -> None:
    """Nothing is deleted in an archived thread, so it is opened for a moment."""
    thread = await client.fetch_channel(thread_id)
    if not isinstance(thread, discord.Thread):
        raise DeliveryFault
    await thread.edit(archived=False)
    try:
        await thread.get_partial_message(message_id).delete()
    finally:
        await thread.edit(archived=True)
