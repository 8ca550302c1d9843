"""Rights: what the bot needs in a place before money is reserved, and who may do what."""

from typing import Any

import discord

from bot.domain.errors import PermissionsMissing


def ensure_deliverable(interaction: discord.Interaction[Any]) -> None:
    """Refuse, before anything is charged, where a clip could not be posted.

    A thread is the first choice and the channel the second; either will do.

    Raises:
        PermissionsMissing: with the names Discord shows.
    """
    granted = interaction.app_permissions
    missing = [
        label
        for label, has_it in (
            ("View Channel", granted.view_channel),
            ("Read Message History", granted.read_message_history),
            ("Attach Files", granted.attach_files),
            ("Embed Links", granted.embed_links),
        )
        if not has_it
    ]
    if isinstance(interaction.channel, discord.Thread):
        if not granted.send_messages_in_threads:
            missing.append("Send Messages in Threads")
    elif not granted.send_messages and not (
        granted.create_public_threads and granted.send_messages_in_threads
    ):
        missing.append("Send Messages")
    if missing:
        raise PermissionsMissing(missing)


def is_moderator(interaction: discord.Interaction[Any]) -> bool:
    """Whether the person may manage the server, as Discord says at this moment."""
    return interaction.permissions.manage_guild
