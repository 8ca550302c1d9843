"""How somebody asks for a clip, once more for as long as the bot dies over it; each way gives the card."""

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import aiohttp
from PIL import Image

from bot.sandbox import Message, NothingCame
from bot.sandbox.driver.used import Used
from bot.sandbox.model.components import walk
from tests.chaos.stage import PUBLIC_URL, Stage

Ask: TypeAlias = Callable[[Stage, Mapping[str, Any]], Awaitable[Message]]
"""Takes the options of a command."""

_WITHIN_S = 60.0
_LOOKS_EVERY_S = 0.03
_SENT = (200, 410)
"""It was taken; or it was already, before the bot died over the answer."""
_AGAIN = (409, 503)


async def by_command(stage: Stage, wanted: Mapping[str, Any]) -> Message:
    """`/animate`."""
    return await _original(stage, "animate", wanted)


async def by_painting(stage: Stage, wanted: Mapping[str, Any]) -> Message:
    """`/motion`, its link, and what the link's page sends."""
    link = await _link(stage, wanted)
    async with aiohttp.ClientSession() as browser:
        while not await _is_sent(stage, browser, link):  # noqa: ASYNC110 - a server rings no bell
            await asyncio.sleep(_LOOKS_EVERY_S)
    return await _card(stage)


async def is_told(stage: Stage, used: Used) -> bool:
    """Whether the answer comes before the bot dies."""
    deaths = stage.deaths
    if not await stage.is_answered(used):
        return False
    while not used.interaction.is_answered:
        if stage.deaths > deaths:
            stage.unheard.add(used.interaction.token)
            return False
        await asyncio.sleep(_LOOKS_EVERY_S)
    return True


async def _original(stage: Stage, command: str, wanted: Mapping[str, Any]) -> Message:
    """What the command is answered with, once it does not say that the application did not respond."""
    while True:
        await stage.is_up.wait()
        stage.pace.go(1)
        used = await stage.mia.slash(command, stage.channel, **wanted)
        if await stage.is_answered(used):
            assert used.interaction.original is not None
            return used.interaction.original


async def _link(stage: Stage, wanted: Mapping[str, Any]) -> str:
    while True:
        await stage.is_up.wait()
        stage.pace.go(1)
        used = await stage.mia.slash("motion", stage.channel, **wanted)
        if await is_told(stage, used):
            assert used.interaction.original is not None
            parts = walk(used.interaction.original.components)
            link = next(part["url"] for part in parts if part.get("url"))
            return link.replace(PUBLIC_URL, f"http://127.0.0.1:{stage.settings.web_port}")


async def _is_sent(stage: Stage, browser: aiohttp.ClientSession, link: str) -> bool:
    await stage.is_up.wait()
    stage.pace.go(1)
    try:
        async with browser.get(f"{link}/facts") as answer:
            if answer.status in _SENT[1:]:
                return True
            if answer.status in _AGAIN:
                return False
            model = (await answer.json())["models"][0]
        async with browser.post(link, json=_drawing(model)) as answer:
            assert answer.status in (*_SENT, *_AGAIN), await answer.text()
            return answer.status in _SENT
    except aiohttp.ClientError:  # the bot has died
        return False


def _drawing(model: Mapping[str, Any]) -> dict[str, Any]:
    """Something moves along a path; by the page's own first model, for the price that it shows."""
    chosen = {"provider": model["provider"], "model": model["model"]}
    moving = [{"mask": _mask(), "path": [[10, 20], [300, 340]]}]
    return {"moving": moving, "model": chosen, "price": model["price"]}


def _mask() -> str:
    image = Image.new("L", (640, 360), 0)
    image.paste(255, (0, 0, 160, 120))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


async def _card(stage: Stage) -> Message:
    """The bot's first message in the channel, which may come after its next start."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            while not (found := stage.said_in_channel()):  # noqa: ASYNC110 - nor does a channel
                await asyncio.sleep(_LOOKS_EVERY_S)
    except TimeoutError as error:
        raise NothingCame("What was painted was taken, and no card came.") from error
    return found[0]
