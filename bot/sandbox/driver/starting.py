"""Starting an interaction: the payload, its token, and its way to the bot."""

import base64
import secrets
import time

from bot.sandbox.model.applications import Application
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.hub import Event
from bot.sandbox.model.interactions import Interaction, Kind
from bot.sandbox.model.messages import Message
from bot.sandbox.model.people import Member, User
from bot.sandbox.permissions import ALL
from bot.sandbox.wire import Json, as_objects
from bot.sandbox.world import World

_GUILD, _DM = 0, 1
_SUB_COMMANDS = frozenset({1, 2})
_MINIMAL = (
    "id",
    "type",
    "name",
    "parent_id",
    "thread_metadata",
    "guild_id",
    "nsfw",
    "position",
    "flags",
    "topic",
    "owner_id",
    "message_count",
    "member_count",
)


def start(
    world: World,
    app: Application,
    channel: Channel,
    kind: Kind,
    data: Json,
    *,
    user: User,
    member: Member | None = None,
    source: Message | None = None,
) -> Interaction:
    """Make an interaction and send it to the bot."""
    identifier = world.hub.new_id()
    guild = world.guild_of(channel)
    interaction = Interaction(
        identifier,
        _token(identifier),
        kind,
        app,
        user,
        member,
        guild,
        channel,
        data,
        world.hub.clock(),
        time.perf_counter(),
        world.upload_limit(channel),
        source,
    )
    interaction.metadata = _metadata(interaction)
    world.remember(interaction)
    world.hub.changed(interaction, is_new=True)
    body = _payload(world, interaction)
    bot_id, guild_id = app.user.id, channel.guild_id
    world.hub.publish(
        Event("INTERACTION_CREATE", lambda _: body, 0, guild_id, lambda user_id: user_id == bot_id)
    )
    return interaction


def _token(identifier: int) -> str:
    """Shaped as Discord's are."""
    return (
        base64.urlsafe_b64encode(f"interaction:{identifier}:{secrets.token_urlsafe(48)}".encode())
        .decode()
        .rstrip("=")
    )


def _owners(interaction: Interaction) -> Json:
    return {"0": str(interaction.guild.id if interaction.guild else 0)}


def _metadata(interaction: Interaction) -> Json:
    metadata: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user": interaction.user.payload(),
        "authorizing_integration_owners": _owners(interaction),
    }
    if interaction.kind is Kind.COMMAND:
        metadata |= {"name": _whole_name(interaction.data), "command_type": interaction.data["type"]}
    elif interaction.source:
        metadata["interacted_message_id"] = str(interaction.source.id)
    return metadata


def _whole_name(data: Json) -> str:
    """With sub-commands and their groups (Discord API reference, Message Interaction Structure)."""
    name, entries = str(data["name"]), as_objects(data.get("options"))
    while entries and entries[0]["type"] in _SUB_COMMANDS:
        name, entries = f"{name} {entries[0]['name']}", as_objects(entries[0].get("options"))
    return name


def _payload(world: World, interaction: Interaction) -> Json:
    guild, channel, member = interaction.guild, interaction.channel, interaction.member
    bot_id = interaction.app.user.id
    body: Json = {
        "id": str(interaction.id),
        "application_id": str(interaction.app.id),
        "type": int(interaction.kind),
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": _channel(interaction),
        "app_permissions": str(int(guild.permissions_of(bot_id, channel) if guild else ALL)),
        "locale": interaction.user.locale,
        "entitlements": [],
        "authorizing_integration_owners": _owners(interaction),
        "context": _GUILD if guild else _DM,
        "attachment_size_limit": interaction.upload_limit,
    }
    if guild and member:
        body["guild_id"], body["guild_locale"] = str(guild.id), guild.locale
        body["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
        permissions = str(int(guild.permissions_of(member.id, channel)))
        body["member"] = member.payload() | {"permissions": permissions}
    else:
        body["user"] = interaction.user.payload()
    if interaction.source:
        body["message"] = interaction.source.payload(world.viewer(interaction.app))
    return body


def _channel(interaction: Interaction) -> Json:
    channel, guild = interaction.channel, interaction.guild
    whole = channel.payload()
    if guild is None:
        return whole
    part = {key: whole[key] for key in _MINIMAL if key in whole}
    return part | {"permissions": str(int(guild.permissions_of(interaction.user.id, channel)))}
