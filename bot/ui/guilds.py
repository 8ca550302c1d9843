"""What a server's moderators chose: the words for it, and what is suggested while they choose."""

from collections.abc import Iterable
from typing import Any

import discord
from discord.app_commands import Choice

from bot.services.guilds import SETTINGS, Chosen
from bot.ui.suggestions import MAX_CHOICES
from bot.ui.text import cut

_MAX_LABEL = 100

SETTING_CHOICES = [Choice(name=row.name, value=row.name) for row in SETTINGS]


async def values(interaction: discord.Interaction[Any], typed: str) -> list[Choice[str]]:
    """Values of the setting that was chosen."""
    return value_choices(interaction.namespace.setting, str(typed))


def value_choices(setting: object, typed: str) -> list[Choice[str]]:
    """What a setting can be, where its name or words contain what was typed."""
    offered = [value for row in SETTINGS if row.name == setting for value in row.choices]
    labels = [(f"{value.name} · {value.words}", value.name) for value in offered]
    meant = typed.strip().casefold()
    found = [(label, name) for label, name in labels if meant in label.casefold()]
    return [Choice(name=cut(label, _MAX_LABEL), value=name) for label, name in found[:MAX_CHOICES]]


def settings_text(chosen: Iterable[Chosen], *, title: str = "Settings of this server") -> str:
    """What `/settings` shows."""
    return "\n".join([f"### {title}", *(_lines(one) for one in chosen)])


def _lines(one: Chosen) -> str:
    row, value = one.setting, one.value
    usual = "as usual" if value == row.usual else f"usually `{row.usual.name}`"
    return f"**{row.name}** `{value.name}` ({usual})\n-# {row.words}: {value.words}."
