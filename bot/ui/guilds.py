"""What a server's moderators chose: the words for it, and what is suggested while they choose."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

import discord
from discord.app_commands import Choice

from bot.domain.errors import Unchanged
from bot.services.controls import Channel, Surroundings
from bot.services.guilds import SETTINGS, Chosen, offers
from bot.ui import checks
from bot.ui.suggestions import MAX_CHOICES
from bot.ui.text import cut, plain

_MAX_LABEL = 100

SETTING_CHOICES = [
    Choice(name=cut(f"{row.name} · {row.words}", _MAX_LABEL), value=row.name) for row in SETTINGS
]


class ServerUnknown(Unchanged):
    """I have only just started and do not know this server yet; please try again in a moment."""


def surroundings(interaction: discord.Interaction[Any]) -> Surroundings:
    """Who uses a command, and what Discord says of their server.

    Raises:
        ServerUnknown: Discord has not said anything yet.
    """
    guild, member = interaction.guild, interaction.user
    if guild is None or guild.get_role(guild.id) is None or not isinstance(member, discord.Member):
        raise ServerUnknown
    roles = [role for role in reversed(guild.roles) if not role.is_default() and not role.is_bot_managed()]
    return Surroundings(
        guild_id=guild.id,
        user_id=member.id,
        manages=interaction.permissions.manage_guild,
        roles={role.id: role.name for role in roles},
        places=_Channels(guild, member),
        now_ms=int(interaction.created_at.timestamp() * 1000),
    )


class _Channels(Mapping[int, Channel]):
    """A server's, each looked at when it is asked for: most settings are not about channels, and there may be 500."""

    def __init__(self, guild: discord.Guild, member: discord.Member) -> None:
        self._channels = {channel.id: channel for channel in guild.text_channels}
        self._member = member

    def __getitem__(self, channel_id: int, /) -> Channel:
        channel = self._channels[channel_id]
        is_seen = channel.permissions_for(self._member).view_channel
        return Channel(channel.name, missing=_missing(channel), is_seen=is_seen)

    def __iter__(self) -> Iterator[int]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)


def _missing(channel: discord.TextChannel) -> tuple[str, ...]:
    me = cast("discord.Member | None", channel.guild.me)  # None until Discord has told of it
    if me is None:
        return ()
    own = channel.permissions_for(me)
    needed = {"View Channel": own.view_channel, "Send Messages": own.send_messages}
    return tuple(label for label, has_it in needed.items() if not has_it)


async def values(interaction: discord.Interaction[Any], typed: str) -> list[Choice[str]]:
    """Values of the setting that was chosen, for moderators."""
    if not await checks.is_moderator(interaction):
        return []
    try:
        around = surroundings(interaction)
    except ServerUnknown:
        return []
    return value_choices(interaction.namespace.setting, str(typed), around)


def value_choices(setting: object, typed: str, around: Surroundings) -> list[Choice[str]]:
    """What a setting can be, for what was typed."""
    found = offers(setting, typed, around) if isinstance(setting, str) else ()
    return [
        Choice(name=cut(plain(offer.label), _MAX_LABEL), value=offer.value)
        for offer in islice(found, MAX_CHOICES)
    ]


def settings_text(
    chosen: Iterable[Chosen], around: Surroundings, *, title: str = "Settings of this server"
) -> str:
    """What `/settings` shows."""
    return "\n".join([f"### {title}", *(_lines(one, around) for one in chosen)])


def setting_text(one: Chosen, around: Surroundings) -> str:
    """One setting with all that it can be."""
    shown = settings_text([one], around, title="A setting of this server")
    can_be = (f"- {what}: {words}" for what, words in one.setting.control.meanings)
    who = ["-# Only people with Manage Server can change it."] if one.setting.is_managers else []
    return "\n".join([shown, "It can be", *can_be, *who])


def _lines(one: Chosen, around: Surroundings) -> str:
    row, state = one.setting, one.state(around)
    usual = "as usual" if one.is_usual else f"usually {row.control.state(row.usual, around).name}"
    trouble = f"\n⚠ {state.trouble}" if state.trouble else ""
    return f"**{row.name}** {state.name} ({usual}){trouble}\n-# {row.words}: {state.words}."
