"""What a server's moderators chose: the words for it, and what is suggested while they choose."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import discord
from discord.app_commands import Choice

from bot.domain.errors import Unchanged
from bot.language import tr
from bot.services.controls import Channel, Surroundings
from bot.services.preferences import SETTINGS, Chosen, suggested
from bot.ui import checks
from bot.ui.suggestions import MAX_CHOICES
from bot.ui.text import cut, plain

if TYPE_CHECKING:
    from bot.domain.catalogue import Catalogue

_MAX_LABEL = 100
_MAX_TEXT = 3_900  # a message of components has 4,000 characters
_TO_WRITE = {"View Channel": "view_channel", "Send Messages": "send_messages"}
_FOR_CLIPS = {
    "Read Message History": "read_message_history",
    "Attach Files": "attach_files",
    "Embed Links": "embed_links",
}

_AnyChannel: TypeAlias = (
    discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
)

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
    catalogue: Catalogue = interaction.client.services.catalogue
    return Surroundings(
        guild_id=guild.id,
        user_id=member.id,
        manages=interaction.permissions.manage_guild,
        roles={role.id: role.name for role in roles},
        places=_Channels(guild, member, guild.text_channels),
        channels=_Channels(guild, member, _any_channels(guild)),
        providers=dict.fromkeys((spec.provider for spec in catalogue.specs), ""),
        models=_models(catalogue),
        now_ms=int(interaction.created_at.timestamp() * 1000),
    )


class _Channels(Mapping[int, Channel]):
    """A server's, each looked at when it is asked for: most settings are not about channels, and there may be 500."""

    def __init__(self, guild: discord.Guild, member: discord.Member, channels: Iterable[_AnyChannel]) -> None:
        self._channels = {channel.id: channel for channel in channels}
        self._guild = guild
        self._member = member

    def __getitem__(self, channel_id: int, /) -> Channel:
        channel = self._channels[channel_id]
        me = cast("discord.Member | None", self._guild.me)  # None until Discord has told of it
        own = channel.permissions_for(me) if me else discord.Permissions.all()
        return Channel(
            channel.name,
            missing=_missing(own, _TO_WRITE),
            missing_for_clips=_missing(own, _FOR_CLIPS),
            is_seen=channel.permissions_for(self._member).view_channel,
            is_public=channel.permissions_for(self._guild.default_role).view_channel,
        )

    def __iter__(self) -> Iterator[int]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)


def _missing(own: discord.Permissions, needed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(label for label, name in needed.items() if not getattr(own, name))


def _any_channels(guild: discord.Guild) -> list[_AnyChannel]:
    """Where commands can be used, in the order of the text channels first."""
    return [*guild.text_channels, *guild.forums, *guild.voice_channels, *guild.stage_channels]


def _models(catalogue: "Catalogue") -> dict[str, str]:
    """What the first row of each id says."""
    found: dict[str, str] = {}
    for spec in catalogue.specs:
        found.setdefault(spec.id, f"{spec.title}, {spec.provider}")
    return found


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
    found = suggested(setting, typed, around) if isinstance(setting, str) else ()
    return [
        Choice(name=cut(plain(offer.label), _MAX_LABEL), value=offer.value)
        for offer in islice(found, MAX_CHOICES)
    ]


class _Detail(IntEnum):
    """How much is said of settings."""

    NAMES = 0
    CHANGED = 1  # of those that are not as usual, what they come to
    ALL = 2


def settings_text(chosen: Sequence[Chosen], around: Surroundings, *, title: str | None = None) -> str:
    """What `/settings` shows: a few settings at length, many in groups and as briefly as they have to be."""
    head = title or tr("Settings of this server")
    if len(chosen) <= len({one.setting.group for one in chosen}):
        return "\n".join([f"### {head}", *(_lines(one, around, _Detail.ALL) for one in chosen)])
    texts = (_overview(chosen, around, f"## {head}", detail) for detail in reversed(_Detail))
    return next((text for text in texts if len(text) <= _MAX_TEXT), f"## {head}")


def _overview(chosen: Iterable[Chosen], around: Surroundings, head: str, detail: _Detail) -> str:
    lines = [head]
    for group, rows in groupby(chosen, key=lambda one: one.setting.group):
        lines.append(f"### {tr(group.value)}")
        lines += (_lines(one, around, detail) for one in rows)
    return "\n".join(lines)


def setting_text(one: Chosen, around: Surroundings) -> str:
    """One setting with all that it can be."""
    shown = settings_text([one], around, title=tr("A setting of this server"))
    can_be = (f"- {what}: {words}" for what, words in one.setting.control.meanings)
    managers = tr("Only people with Manage Server can change it.")
    who = [f"-# {managers}"] if one.setting.is_managers else []
    return "\n".join([shown, tr("It can be"), *can_be, *who])


def _lines(one: Chosen, around: Surroundings, detail: _Detail) -> str:
    row, state = one.setting, one.state(around)
    usually = row.control.state(row.usual, around).name
    usual = tr("as usual") if one.is_usual else tr("usually {value}", value=usually)
    lines = [f"**{row.name}** {state.name} ({usual})"]
    if state.trouble:
        lines.append(f"⚠ {state.trouble}")
    if detail is _Detail.ALL or (detail is _Detail.CHANGED and not one.is_usual):
        lines.append(f"-# {tr(row.words)}: {state.words}.")
    elif detail is _Detail.CHANGED:
        lines.append(f"-# {tr(row.words)}.")
    return "\n".join(lines)
