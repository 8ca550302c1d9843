"""`make demo`: a local Discord, the real bot beside it in a process of its own, and one animation asked for."""

import asyncio
import re
import secrets
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from bot import settings as environment
from bot.domain.errors import KinoraError
from bot.sandbox import Attachment, Channel, File, Message, Person, Sandbox, Server, shows
from bot.settings import Settings

T = TypeVar("T")

_READY_TIMEOUT_S = 60.0
_CLIP_TIMEOUT_S = 1800.0
_DONE = "See the clip"
_ENDS = (_DONE, "Nothing was charged.")
"""How cards and refusals end."""


class DemoFailed(KinoraError):
    """The demo did not come to its end."""


async def play(settings: Settings, *, image: Path | None, prompt: str, once: bool) -> None:
    """Ask for one clip and say where it is; stay until Ctrl-C unless `once`.

    Raises:
        DemoFailed: the bot refused or failed, in its own words.
        OSError: the picture cannot be read, or the clip not written.
    """
    picture = await asyncio.to_thread(_picture, image)
    folder = settings.data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    _end_on_sigterm()
    async with AsyncExitStack() as stack:
        bot_folder = stack.enter_context(
            TemporaryDirectory(prefix="kinora-demo-", ignore_cleanup_errors=True)
        )
        sandbox = Sandbox()
        await stack.enter_async_context(sandbox.serve())
        token = secrets.token_urlsafe(24)
        app = sandbox.add_application("Kinora", token=token)
        guild = sandbox.add_guild("Film club", app=app)
        channel, mia = guild.add_channel("general"), guild.add_member("mia")
        _tell(f"A local Discord is at {sandbox.api_url}; the bot is starting ...")
        bot = await stack.enter_async_context(_bot(sandbox, token, Path(bot_folder)))
        await _unless_it_dies(app.ready(timeout_s=_READY_TIMEOUT_S), bot)
        clip = await _unless_it_dies(_ask(mia, guild, channel, picture, prompt), bot)
        path = _free(folder, Path(picture.filename).stem)
        await asyncio.to_thread(path.write_bytes, clip.data)
        _tell(f"The clip: {path.resolve()}")
        if not once:
            _tell("The bot stays up for as long as you like. Ctrl-C ends the demo.")
            raise DemoFailed(f"The bot ended by itself, with status {await bot.wait()}.")


async def _ask(person: Person, guild: Server, channel: Channel, picture: File, prompt: str) -> Attachment:
    name = person.user.name
    _tell(f'{name} types: /animate image:{picture.filename} prompt:"{prompt}"')
    options = {"prompt": prompt} if prompt.strip() else {}
    used = await person.slash("animate", channel, image=picture, **options)
    card = await _followed(await used.response(timeout_s=_READY_TIMEOUT_S))
    offered = [button.label for button in card.buttons if button.label]
    if _DONE not in card.text and offered:  # to make the picture fit, say
        _tell(f"{name} clicks “{offered[0]}”.")
        used = await person.click(card, offered[0])
        card = await _followed(await used.response(timeout_s=_READY_TIMEOUT_S))
    if _DONE not in card.text:
        raise DemoFailed("The bot made no clip.")
    thread = next(thread for thread in guild.threads if thread.id == card.id)
    message = next(message for message in thread.messages if message.files)
    _tell(f"  The bot posts it in the thread “{thread.name}” and mentions {name}.")
    return message.files[0]


async def _followed(card: Message) -> Message:
    """Print what a card shows until it shows an end."""
    while True:
        _tell(f"  {_state(card)}")
        if any(end in card.text for end in _ENDS):
            return card
        shown = len(card.edits)
        await shows(card, lambda message, shown=shown: len(message.edits) != shown, timeout_s=_CLIP_TIMEOUT_S)


def _state(card: Message) -> str:
    """What a card or an answer says, for a terminal: without its headings, links and relative times."""
    title, _, rest = card.text.partition("\n")
    state = title if not title.startswith("#") else f"{title.lstrip('# ')}: {rest.partition(chr(10))[0]}"
    return re.sub(r" *Ready <t:[^>]*>[^.]*[.]|\(https?://[^)]*\)|[\[\]]", "", state)


def _free(folder: Path, stem: str) -> Path:
    """A name that is not taken."""
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.mp4" for number in count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def _end_on_sigterm() -> None:
    """End as Ctrl-C does, the bot included."""
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


@asynccontextmanager
async def _bot(sandbox: Sandbox, token: str, folder: Path) -> AsyncGenerator[Process]:
    """The bot as `run` starts it, with a database of its own; ended with the block."""
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
            PUBLIC_URL="",
            WEB_HOST="127.0.0.1",
            WEB_PORT="0",
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
