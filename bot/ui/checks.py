"""Rights: what the bot needs in a place before money is reserved, and who may do what."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import discord

from bot.domain.errors import DeliveryFault, PermissionsMissing, Refused
from bot.domain.jobs import Asker, Job
from bot.language import marked, tr
from bot.ui.directory import Directory, is_told_of
from bot.ui.faults import translated

if TYPE_CHECKING:
    from bot.services.guilds import GuildSettings
    from bot.services.places import Places

_ALWAYS = (
    (marked("View Channel"), "view_channel"),
    (marked("Read Message History"), "read_message_history"),
)
_TO_POST = ((marked("Attach Files"), "attach_files"), (marked("Embed Links"), "embed_links"))
_TO_WRITE = (marked("Send Messages"), "send_messages")
_LOOKED_UP_WITHIN_S = 1.0
"""A gallery; a refusal must not wait for Discord."""
_IN_THREADS = (marked("Send Messages in Threads"), "send_messages_in_threads")


class ModeratorsOnly(Refused):
    """Only moderators of this server may do this: who has Manage Server, or the role it has chosen for them."""


class NotAmongAdults(Refused):
    """This clip was made in an age-restricted channel; use this in one of those."""


class MayNotPost(Refused):
    """You may not post files in this channel yourself, so I do not do it for you."""


class NotInThisThread(Refused):
    """I am not in this private thread; mention me here, which lets me in, and ask again."""


def ensure_deliverable(
    granted: discord.Permissions, channel: object, gallery: discord.TextChannel | None = None
) -> None:
    """Refuse, before anything is charged, where a clip could be posted nowhere.

    Whatever style of threads a server prefers: where its first choice cannot be, a thread or the channel will do.

    Args:
        granted: What the bot may do in the channel.
        channel: Where it is asked: a channel or a thread.
        gallery: The channel that the server has chosen for all clips, if it suits this one; one that the bot can
            post in is enough.

    Raises:
        PermissionsMissing: with the names Discord shows.
        NotInThisThread: the thread is private, and the bot does not belong to it.
    """
    if isinstance(channel, discord.Thread) and _is_stranger_in(channel, granted):
        raise NotInThisThread
    missing = _missing(granted, _ALWAYS)
    if gallery is None or missing_in_gallery(gallery):
        missing += _missing(granted, _TO_POST) + _no_way_to_write(granted, channel)
    if missing:
        raise PermissionsMissing(missing)


async def ensure_place(client: Any, granted: discord.Permissions, channel: object, guild_id: int) -> None:
    """The same, with the gallery of the server, which is only looked up where it matters.

    Raises:
        PermissionsMissing, NotInThisThread: as `ensure_deliverable`.
    """
    try:
        ensure_deliverable(granted, channel)
    except PermissionsMissing:
        places: Places = client.services.places
        gallery_id = (await places.preferred_by(guild_id)).gallery_id
        gallery = await _looked_up(client.directory, guild_id, gallery_id) if gallery_id else None
        if not isinstance(gallery, discord.TextChannel) or not is_seen_like(channel, gallery):
            raise
        if is_age_restricted(channel) and not gallery.is_nsfw():
            raise
        ensure_deliverable(granted, channel, gallery)


async def _looked_up(directory: Directory, guild_id: int, channel_id: int) -> object:
    """A channel; None where Discord does not say at once that it is there."""
    try:
        async with translated(), asyncio.timeout(_LOOKED_UP_WITHIN_S):
            return await directory.channel(guild_id, channel_id)
    except DeliveryFault:
        return None


async def ensure_place_of(interaction: discord.Interaction[Any]) -> None:
    """The same, where an interaction comes from.

    Raises:
        PermissionsMissing, NotInThisThread: as `ensure_deliverable`.
    """
    assert interaction.guild_id is not None
    await ensure_place(
        interaction.client, interaction.app_permissions, interaction.channel, interaction.guild_id
    )


def missing_in_gallery(gallery: discord.TextChannel) -> list[str]:
    """What the bot surely lacks to post clips in a gallery, by the names Discord shows."""
    granted = own_permissions(gallery)
    return [] if granted is None else _missing(granted, (*_ALWAYS, *_TO_POST, _TO_WRITE))


def is_seen_like(channel: object, gallery: discord.TextChannel) -> bool:
    """Whether who sees a gallery may see a channel or thread as well, as far as roles say; False in doubt."""
    above = channel.parent if isinstance(channel, discord.Thread) else channel
    if is_private(channel) or not isinstance(above, discord.abc.GuildChannel):
        return False
    if not (is_told_of(above.guild) and is_told_of(gallery.guild)):
        return False
    people = [role for role in gallery.guild.roles if not role.is_bot_managed()]
    return all(_sees(role, above) for role in people if _sees(role, gallery))


def _sees(role: discord.Role, channel: discord.abc.GuildChannel) -> bool:
    return channel.permissions_for(role).view_channel


def own_permissions(channel: discord.TextChannel) -> discord.Permissions | None:
    """What the bot may do in a channel; None until Discord has told of the server."""
    me = cast("discord.Member | None", channel.guild.me)
    return channel.permissions_for(me) if me is not None and is_told_of(channel.guild) else None


def _is_stranger_in(thread: discord.Thread, granted: discord.Permissions) -> bool:
    """Discord sends commands from private threads that the bot is not in, and takes no message of it there.

    It tells of those that the bot is in, though not always that it is.
    """
    is_in = thread.me is not None or thread.guild.get_thread(thread.id) is not None
    return thread.is_private() and not is_in and not granted.manage_threads


def _no_way_to_write(granted: discord.Permissions, channel: object) -> list[str]:
    """A thread is as good as the channel; there are none in the chats of voice channels and stages."""
    if isinstance(channel, discord.Thread):
        return _missing(granted, (_IN_THREADS,))
    has_threads = not isinstance(channel, discord.VoiceChannel | discord.StageChannel)
    if has_threads and granted.create_public_threads and granted.send_messages_in_threads:
        return []
    return _missing(granted, (_TO_WRITE,))


def _missing(granted: discord.Permissions, needed: Iterable[tuple[str, str]]) -> list[str]:
    return [tr(label) for label, name in needed if not getattr(granted, name)]


def is_private(channel: object) -> bool:
    """Whether a channel is a thread that only some see."""
    return isinstance(channel, discord.Thread) and channel.is_private()


def is_age_restricted(channel: object) -> bool:
    """Whether a channel is only for adults; a thread is as the channel above."""
    return isinstance(channel, (discord.abc.GuildChannel, discord.Thread)) and bool(
        getattr(channel, "is_nsfw", bool)()
    )


def is_for_here(here: discord.Interaction[Any] | discord.Message, job: Job) -> bool:
    """Whether what a job shows may be shown here: not where there are others than adults, if only they were there."""
    return is_age_restricted(here.channel) or not _is_for_adults(here.guild, job)


def ensure_for_here(interaction: discord.Interaction[Any], job: Job) -> None:
    """Refuse to show here what was made among adults.

    Raises:
        NotAmongAdults: it was, or only adults see now where it was asked.
    """
    if not is_for_here(interaction, job):
        raise NotAmongAdults


def _is_for_adults(guild: discord.Guild | None, job: Job) -> bool:
    origin = job.origin
    places = [
        guild and place_id and guild.get_channel_or_thread(place_id)
        for place_id in (origin.channel_id, origin.parent_id)
    ]
    return origin.is_age_restricted or any(map(is_age_restricted, places))


def ensure_may_post(interaction: discord.Interaction[Any]) -> None:
    """Refuse who may not post a clip here themselves: what the bot may do is no way around that.

    Raises:
        MayNotPost: a right of the member is missing.
    """
    granted = interaction.permissions
    is_thread = isinstance(interaction.channel, discord.Thread)
    may_speak = granted.send_messages_in_threads if is_thread else granted.send_messages
    if not (may_speak and granted.attach_files):
        raise MayNotPost


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
    """Whether a job is the person's business: its owner's, a moderator's, of who sees where it was asked or posted.

    One whose member was forgotten is nobody's.
    """
    if job.origin.user_id < 0:
        return False
    if interaction.user.id == job.origin.user_id or await is_moderator(interaction):
        return True
    is_posted = job.message_id is not None and job.withdrawn_at_ms is None and not job.is_direct
    places = [job.origin.channel_id, *([job.message_channel_id] if is_posted else [])]
    return interaction.channel_id in places or any(_sees_from_afar(interaction, place) for place in places)


def _sees_from_afar(interaction: discord.Interaction[Any], place_id: int | None) -> bool:
    """A private thread is only seen by those in it, whom Discord does not name, and by who manages threads."""
    guild, member = interaction.guild, interaction.user
    place = guild and place_id and guild.get_channel_or_thread(place_id)
    is_private = isinstance(place, discord.Thread) and place.is_private()
    channel = place.parent if isinstance(place, discord.Thread) else place
    if not channel or not isinstance(member, discord.Member):
        return False
    granted = channel.permissions_for(member)
    return granted.view_channel and (granted.manage_threads or not is_private)
