"""`make demo`: a local Discord and the real bot beside it, and one animation asked for as a person would."""

import asyncio
import contextlib
import secrets
import shutil
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from pathlib import Path

from bot import settings as settings_module
from bot.domain.errors import KinoraError
from bot.sandbox import File, Sandbox
from bot.sandbox.driver import Application, Channel, Member, Message
from bot.settings import Settings

_CLIP_TIMEOUT_S = 600.0
_READY_TIMEOUT_S = 60.0


class DemoFailed(KinoraError):
    """The demo did not come to its end."""


async def play(settings: Settings, *, image: Path | None, prompt: str, once: bool) -> None:
    """Ask for one clip and say where it is; stay until Ctrl-C unless `once`.

    Raises:
        DemoFailed: the bot refused or failed, in its own words.
    """
    picture = _picture(image)
    folder = settings.data_dir / "demo"
    async with AsyncExitStack() as stack:
        sandbox = Sandbox()
        await stack.enter_async_context(sandbox.serve())
        token = secrets.token_urlsafe(24)
        app = sandbox.add_application("Kinora", token=token)
        guild = sandbox.add_guild("Film club", app=app)
        channel, mia = guild.add_channel("general"), guild.add_member("mia")
        _tell(f"A local Discord listens on {sandbox.api_url}")
        bot = await stack.enter_async_context(_bot(sandbox, token, folder))
        await _or_death(app.ready(commands=True, timeout_s=_READY_TIMEOUT_S), bot)
        clip = await _or_death(_ask(mia, channel, app, picture, prompt), bot)
        path = folder / clip.files[0].filename
        await asyncio.to_thread(path.write_bytes, clip.files[0].data)
        _tell(f"\nThe clip: {path.resolve()}")
        if not once:
            _tell("The bot stays up. Ctrl-C ends it.")
            await bot.wait()


async def _ask(mia: Member, channel: Channel, app: Application, picture: File, prompt: str) -> Message:
    _tell(f"mia types /animate image:{picture.filename} prompt:{prompt}")
    used = await mia.slash("animate", channel, image=picture, prompt=prompt)
    card = await used.response(timeout_s=_READY_TIMEOUT_S)
    _tell(_indented(card.text))
    if channel.guild is None or not card.buttons:
        raise DemoFailed(card.text)
    thread = await channel.guild.next_thread(lambda one: one.parent is channel, timeout_s=_CLIP_TIMEOUT_S)
    return await thread.next_message(lambda one: bool(one.files), since=0, timeout_s=_CLIP_TIMEOUT_S)
