"""The whole bot, used through the page of the local Discord."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox import Permission
from bot.sandbox.model.components import BUTTON, walk
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.sandbox.page.client import Client, Refused, Windows, windows_of

EPHEMERAL = 1 << 6


@pytest.fixture
async def windows(scene: Scene, bot: Bot) -> AsyncIterator[Windows]:
    assert bot
    async with windows_of(scene.sandbox) as opened:
        yield opened


@pytest.fixture
async def window(windows: Windows, scene: Scene) -> Client:
    return await windows.open(scene.mia)


async def animate(windows: Windows, window: Client, scene: Scene, **options: object) -> dict[str, Any]:
    """Ask for a clip by slash; the card."""
    ticket = await windows.ticket(scene.mia, scene.channel, PICTURE.filename, PICTURE.data)
    options = {"image": ticket, "prompt": "the boat drifts"} | options
    begun = await window.ask("slash", channel=str(scene.channel.id), name="animate", options=options)
    told = await window.hears(
        "interaction", lambda e: e["interaction"] == begun["interaction"] and e["state"] == "answered"
    )
    found = [
        event["message"]
        for event in window.events
        if event["on"] in {"message", "message_update"} and event["message"]["id"] == told["message"]
    ]
    return found[-1]


def buttons(message: dict[str, Any]) -> dict[str, str]:
    """The custom_ids of the buttons by what they say."""
    shown = [part for part in walk(message["components"]) if part["type"] == BUTTON and "custom_id" in part]
    return {part.get("label") or part["emoji"]["name"]: part["custom_id"] for part in shown}


async def test_a_picture_becomes_a_clip_that_pings_and_is_made_again(
    windows: Windows, window: Client, scene: Scene
) -> None:
    card = await animate(windows, window, scene)
    assert "the boat drifts" in str(card)
    posted = await window.hears("message", lambda event: _clips(event["message"]))
    clip = posted["message"]
    assert (clip["channel_id"], clip["pings_me"]) == (card["id"], True)
    (thread,) = scene.guild.threads
    told = await window.hears("channel", lambda event: event["channel"]["id"] == str(thread.id))
    assert told["channel"]["parent_id"] == str(scene.channel.id)
    again = next(custom_id for label, custom_id in buttons(clip).items() if "Again" in label)
    begun = await window.ask("click", channel=clip["channel_id"], message=clip["id"], custom_id=again)
    answered = await window.hears("interaction", lambda e: e["interaction"] == begun["interaction"])
    assert answered["custom_id"] == again
    await window.hears("message", lambda e: e["message"]["id"] != clip["id"] and _clips(e["message"]))


def _clips(message: dict[str, Any]) -> bool:
    return "video/mp4" in str(message)


async def test_the_bots_own_commands_are_offered_completed_and_whispered(
    window: Client, scene: Scene
) -> None:
    place = str(scene.channel.id)
    offer = await window.ask("offer", channel=place)
    names = {command["name"] for command in offer["commands"]}
    assert {"animate", "quota", "motion"} <= names
    assert "settings" not in names
    with pytest.raises(Refused):
        await window.ask("slash", channel=place, name="settings")
    choices = await window.ask("complete", channel=place, name="animate", focused="model", value="")
    assert choices
    begun = await window.ask("slash", channel=place, name="quota me")
    told = await window.hears("interaction", lambda e: e["interaction"] == begun["interaction"])
    whisper = await window.hears("message", lambda e: e["message"]["id"] == told["message"])
    assert whisper["message"]["flags"] & EPHEMERAL


async def test_the_bots_modals_are_filled_in(windows: Windows, scene: Scene) -> None:
    role = scene.guild.add_role("mods", permissions=Permission.ADMINISTRATOR)
    window = await windows.open(scene.guild.add_member("ada", roles=[role]))
    picture = await scene.mia.send(scene.channel, files=[PICTURE])
    place = {"channel": str(scene.channel.id), "message": str(picture.id)}
    (menu,) = (await window.ask("offer", **place))["menus"]
    await window.ask("menu", name=menu, **place)
    opened = await window.hears("modal")
    fields = [row["component"] for row in opened["modal"]["components"] if "component" in row]
    texts = {field["custom_id"]: "the boat turns" for field in fields if field["type"] == 4}
    first = dict(list(texts.items())[:1])
    await window.ask("submit", modal=opened["interaction"], values=first)
    await window.hears("message", lambda event: _clips(event["message"]))
