"""Rights: what the bot needs in a place before money is reserved, and who may do what."""

from typing import TYPE_CHECKING, Any

import discord

from bot.domain.errors import PermissionsMissing, Refused
from bot.domain.jobs import Asker, Job

if TYPE_CHECKING:
    from bot.services.guilds import GuildSettings


class ModeratorsOnly(Refused):
    """Only moderators of this server may do this: who has Manage Server, or the role it has chosen for them."""


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


def is_age_restricted(channel: object) -> bool:
    """Whether a channel is only for adults; a thread is as the channel above."""
    return isinstance(channel, (discord.abc.GuildChannel, discord.Thread)) and bool(
        getattr(channel, "is_nsfw", bool)()
    )


def asker(interaction: discord.Interaction[Any]) -> Asker:
    """Who asks, as Discord says at this moment; @everyone is none of their roles."""
    return Asker(roles_of(interaction.user), manages=interaction.permissions.manage_guild)


def roles_of(member: discord.Member | discord.User) -> frozenset[int]:
    """The roles that Discord named with this interaction; none for who is not in the server."""
    # `member.roles` leaves out those of a server that the gateway has not told of yet
    roles = member._roles if isinstance(member, discord.Member) else ()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return frozenset(roles)


async def is_moderator(interaction: discord.Interaction[Any]) -> bool:
    """Whether the person is a moderator of the server, as Discord says at this moment."""
    settings: GuildSettings = interaction.client.services.guilds
    return interaction.guild_id is not None and await settings.is_moderator(
        interaction.guild_id, asker(interaction)
    )


async def ensure_moderator(interaction: discord.Interaction[Any]) -> None:
    """Refuse who is no moderator of the server.

    Raises:
        ModeratorsOnly: the person has neither Manage Server nor the moderators' role.
    """
    if not await is_moderator(interaction):
        raise ModeratorsOnly


async def may_see(interaction: discord.Interaction[Any], job: Job) -> bool:
    """Whether a job is the person's business: its owner, a moderator, or somebody who sees where it was asked."""
    if interaction.user.id == job.origin.user_id or await is_moderator(interaction):
        return True
    return interaction.channel_id == job.origin.channel_id or _sees_from_afar(interaction, job)


def _sees_from_afar(interaction: discord.Interaction[Any], job: Job) -> bool:
    """A private thread is only seen by those in it, whom Discord does not name, and by who manages threads."""
    guild, member = interaction.guild, interaction.user
    place = guild and guild.get_channel_or_thread(job.origin.channel_id)
    is_private = isinstance(place, discord.Thread) and place.is_private()
    channel = place.parent if isinstance(place, discord.Thread) else place
    if channel is None or not isinstance(member, discord.Member):
        return False
    granted = channel.permissions_for(member)
    return granted.view_channel and (granted.manage_threads or not is_private)
