"""`make demo`: a local Discord, the real bot beside it in a process of its own, and one animation asked for."""

import asyncio
import re
import secrets
import shutil
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from bot import settings as environment
from bot.domain.errors import KinoraError
from bot.sandbox import Attachment, Channel, File, Message, Person, Sandbox, Server, shows
from bot.settings import Settings

T = TypeVar("T")

_READY_TIMEOUT_S = 60.0
_CLIP_TIMEOUT_S = 1800.0


class DemoFailed(KinoraError):
    """The demo did not come to its end."""


async def play(settings: Settings, *, image: Path | None, prompt: str, once: bool) -> None:
    """Ask for one clip and say where it is; stay until Ctrl-C unless `once`.

    Raises:
        DemoFailed: the bot refused or failed, in its own words.
        OSError: the picture cannot be read.
    """
    picture = await asyncio.to_thread(_picture, image)
    folder = settings.data_dir / "demo"
    async with AsyncExitStack() as stack:
        sandbox = Sandbox()
        await stack.enter_async_context(sandbox.serve())
        token = secrets.token_urlsafe(24)
        app = sandbox.add_application("Kinora", token=token)
        guild = sandbox.add_guild("Film club", app=app)
        channel, mia = guild.add_channel("general"), guild.add_member("mia")
        _tell(f"A local Discord is at {sandbox.api_url}; the bot is starting ...")
        bot = await stack.enter_async_context(_bot(sandbox, token, folder / "bot"))
        await _unless_it_dies(app.ready(timeout_s=_READY_TIMEOUT_S), bot)
        clip = await _unless_it_dies(_ask(mia, guild, channel, picture, prompt), bot)
        path = folder / clip.filename
        await asyncio.to_thread(path.write_bytes, clip.data)
        _tell(f"The clip: {path.resolve()}")
        if not once:
            _tell("The bot stays up for as long as you like. Ctrl-C ends the demo.")
            raise DemoFailed(f"The bot ended by itself, with status {await bot.wait()}.")


async def _ask(person: Person, guild: Server, channel: Channel, picture: File, prompt: str) -> Attachment:
    _tell(f'{person.user.name} types: /animate image:{picture.filename} prompt:"{prompt}"')
    used = await person.slash("animate", channel, image=picture, prompt=prompt)
    card = await used.response(timeout_s=_READY_TIMEOUT_S)
    async for state in _states(card):
        _tell(f"  {state}")
    if "See the clip" not in card.text:
        raise DemoFailed(card.text)
    thread = next(thread for thread in guild.threads if thread.id == card.id)
    message = next(message for message in thread.messages if message.files)
    _tell(f"  The bot posts it in the thread “{thread.name}” and mentions {person.user.name}.")
    return message.files[0]


async def _states(card: Message) -> AsyncGenerator[str]:
    """What a card shows, from now until there is nothing left to cancel."""
    yield _state(card)
    while card.buttons:
        shown = len(card.edits)
        await shows(card, lambda message, shown=shown: len(message.edits) != shown, timeout_s=_CLIP_TIMEOUT_S)
        yield _state(card)


def _state(card: Message) -> str:
    """The first two lines of a card, for a terminal."""
    title, state, *_ = card.text.splitlines()
    return f"{title.lstrip('# ')}: {re.sub(r' *Ready <t:[^>]*>[^.]*[.]', '', state)}"


@asynccontextmanager
async def _bot(sandbox: Sandbox, token: str, folder: Path) -> AsyncGenerator[Process]:
    """The bot as `run` starts it, with a database of its own; ended with the block."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment.inherited(
            DISCORD_TOKEN=token,
            DISCORD_API_URL=sandbox.api_url,
            DISCORD_GATEWAY_URL=sandbox.gateway_url,
            DATA_DIR=str(folder),
            DATABASE_URL="",
            BLOB_URL="",
            PROVIDERS="local",
            LOG_LEVEL="warning",
        ),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _unless_it_dies(work: Coroutine[Any, Any, T], bot: Process) -> T:
    """Wait for `work`, but not for a bot that has ended."""
    doing, ended = asyncio.ensure_future(work), asyncio.ensure_future(bot.wait())
    try:
        await asyncio.wait((doing, ended), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise DemoFailed(f"The bot ended with status {ended.result()} before the clip was made.")
        return doing.result()
    finally:
        doing.cancel()
        ended.cancel()


def _picture(image: Path | None) -> File:
    if image is None:
        sample = resources.files("bot.sandbox").joinpath("sample.jpg")
        return File(sample.name, sample.read_bytes())
    return File(image.name, image.read_bytes())


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what the demo is for
