"""Jobs as values: what the words and views are made of."""

from typing import Any

import discord
from discord import ui

from bot.domain.jobs import Aftercare, Job, JobState
from bot.sandbox.rules import violations
from tests import builders
from tests.discord_payloads import MESSAGES

V2 = 1 << 15


def make_job(**known: Any) -> Job:
    fields: dict[str, Any] = {
        "id": 7,
        "version": 0,
        "state": JobState.QUEUED,
        "origin": builders.origin(),
        "request": builders.request(),
        "provider": "local",
        "model": "local-camera",
        "credits": 5,
        "price": known.get("credits", 5),
        "tried": (),
        "attempt": 0,
        "cancel_requested": False,
        "tries": 0,
        "run_at_ms": 0,
        "created_at_ms": 1_790_000_000_000,
        "aftercare": Aftercare.CARD,
    }
    unknown: dict[str, Any] = dict.fromkeys(set(Job.__slots__) - set(fields))
    return Job(**{**unknown, **fields, **known})


def everything_said(view: ui.LayoutView) -> str:
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay))


def buttons(view: ui.LayoutView) -> list[str]:
    items: list[Any] = [item for item in view.walk_children() if isinstance(item, ui.DynamicItem)]
    return [item.item.label for item in items]


def refusals(view: ui.LayoutView, *files: str) -> list[str]:
    """Why Discord would not take a message of this view, with files of these names."""
    return violations("POST", MESSAGES, {"flags": V2, "components": view.to_components()}, files)


def interaction_in(channel: object, *granted: str, manager: bool = False) -> Any:
    class Interaction:
        app_permissions = discord.Permissions(**dict.fromkeys(granted, True))
        permissions = discord.Permissions(manage_guild=manager)

    made: Any = Interaction()
    made.channel, made.channel_id = channel, getattr(channel, "id", None)
    return made
