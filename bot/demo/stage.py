"""The demo: a local Discord with people in it, the real bot in a process of its own, and one animation asked for."""

import asyncio
import re
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

from bot import settings as environment
from bot.demo.backstage import shown
from bot.demo.process import BotProcess
from bot.demo.scratch import scratch
from bot.demo.vendor import PracticeVendor
from bot.domain.errors import KinoraError
from bot.sandbox import App, Attachment, Channel, File, Message, Permission, Person, Sandbox, Server, shows
from bot.settings import Settings

T = TypeVar("T")

_READY_TIMEOUT_S = 60.0
_CLIP_TIMEOUT_S = 1800.0
_DONE = "See the clip"
_ENDS = (_DONE, "Nothing was charged.")
"""How cards and refusals end."""


class DemoFailed(KinoraError):
    """The demo did not come to its end."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it plays: a server with the bot in it, and who may be played there."""

    sandbox: Sandbox
    app: App
    server: Server
    channel: Channel
    mia: Person
    vendor: PracticeVendor
    bot: BotProcess
    database: Path


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
    async with opened() as stage:
        _tell(f"A local Discord is at {stage.sandbox.page_url}; the bot is starting ...")
        await _unless_it_dies(stage.app.ready(timeout_s=_READY_TIMEOUT_S), stage.bot)
        if not once and may_open_browser():
            await asyncio.to_thread(webbrowser.open, stage.sandbox.page_url)
        clip = await _unless_it_dies(_ask(stage, picture, prompt), stage.bot)
        path = _free(folder, Path(picture.filename).stem)
        await asyncio.to_thread(path.write_bytes, clip.data)
        _tell(f"The clip: {path.resolve()}")
        if not once:
            _tell(f"Now it is your turn: open {stage.sandbox.page_url} in a browser. Ctrl-C ends the demo.")
            await _stay(stage.bot)


@asynccontextmanager
async def opened() -> AsyncGenerator[Stage]:
    """A local Discord, a vendor to practise with, and the bot, which has just been started; gone with the block."""
    with _unwrapped(), scratch() as folder:
        sandbox = Sandbox()
        vendor = PracticeVendor(key=secrets.token_urlsafe(24), folder=folder / "vendor")
        async with sandbox.serve(), vendor.serve():
            token = secrets.token_urlsafe(24)
            app = sandbox.add_application("Kinora", token=token, message_content=True)
            server = sandbox.add_guild("Film club", app=app)
            channel, mia = _peopled(server)
            bot = BotProcess(_environment(sandbox, vendor, token, server.owner.id, folder))
            database = folder / "kinora.db"
            async with (
                shown(sandbox, app, server, vendor=vendor, bot=bot, database=database),
                bot.running(),
            ):
                yield Stage(sandbox, app, server, channel, mia, vendor, bot, database)


@contextmanager
def _unwrapped() -> Generator[None]:
    """Let a single error be itself, whatever task groups it has passed through."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise _innermost(cast("BaseException", group)) from None


def _innermost(error: BaseException) -> BaseException:
    is_group = isinstance(error, BaseExceptionGroup)
    inside = cast("BaseExceptionGroup[BaseException]", error).exceptions if is_group else ()
    return _innermost(inside[0]) if len(inside) == 1 else error


def _peopled(server: Server) -> tuple[Channel, Person]:
    """Let people and channels be there; gives the channel and the member that the demo begins with."""
    server.owner.name = "owner"
    rights = Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS
    moderator = server.add_role("moderator", permissions=rights)
    channel = server.add_channel("general")
    server.add_channel("gallery")
    mia = server.add_member("mia")
    server.add_member("leo", locale="de")
    server.add_member("ada", roles=[moderator])
    return channel, mia


def _environment(
    sandbox: Sandbox, vendor: PracticeVendor, token: str, owner_id: int, folder: Path
) -> dict[str, str]:
    """The settings of the bot: a folder of its own, and nothing that reaches beyond this machine."""
    web_port = _free_port()
    return environment.inherited(
        DISCORD_TOKEN=token,
        DISCORD_API_URL=sandbox.api_url,
        DISCORD_GATEWAY_URL=sandbox.gateway_url,
        OWNER_IDS=str(owner_id),
        DATA_DIR=str(folder),
        PROVIDERS="local,kling",
        KLING_API_KEY=vendor.key,
        KLING_BASE_URL=vendor.base_url,
        PUBLIC_URL=f"http://127.0.0.1:{web_port}",
        WEB_HOST="127.0.0.1",
        WEB_PORT=str(web_port),
        LOG_LEVEL="warning",
    )


def _free_port() -> int:
    """A port that nobody has now: the bot is told before it listens, and keeps it when it is started again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def may_open_browser() -> bool:
    """Whether somebody sits before a screen."""
    known = environment.inherited()
    has_display = sys.platform in ("darwin", "win32") or bool(
        known.get("DISPLAY") or known.get("WAYLAND_DISPLAY")
    )
    return sys.stdout.isatty() and has_display and not known.get("CI")


async def _ask(stage: Stage, picture: File, prompt: str) -> Attachment:
    person, name = stage.mia, stage.mia.user.name
    _tell(f'{name} types: /animate image:{picture.filename} prompt:"{prompt}"')
    options = {"prompt": prompt} if prompt.strip() else {}
    used = await person.slash("animate", stage.channel, image=picture, **options)
    card = await _followed(await used.response(timeout_s=_READY_TIMEOUT_S))
    offered = [button.label for button in card.buttons if button.label]
    if _DONE not in card.text and offered:  # to make the picture fit, say
        _tell(f"{name} clicks “{offered[0]}”.")
        used = await person.click(card, offered[0])
        card = await _followed(await used.response(timeout_s=_READY_TIMEOUT_S))
    if _DONE not in card.text:
        raise DemoFailed("The bot made no clip.")
    place, message = _clip(stage.server, card)
    _tell(f"  The bot posts it in “{place.name}” and mentions {name}.")
    return message.files[0]


def _clip(server: Server, card: Message) -> tuple[Channel, Message]:
    """Where the clip of a card is: in its thread, unless somebody has closed that."""
    places = sorted((*server.threads, *server.channels.values()), key=lambda place: place.id != card.id)
    for place in places:
        for message in place.messages:
            if message.author is card.author and message.id != card.id and message.files:
                return place, message
    raise DemoFailed("The clip was posted and is gone.")


async def _followed(card: Message) -> Message:
    """Print what a card shows until it shows an end."""
    while True:
        _tell(f"  {_state(card)}")
        if any(end in card.text for end in _ENDS):
            return card
        known = len(card.edits)
        await shows(card, lambda message, known=known: len(message.edits) != known, timeout_s=_CLIP_TIMEOUT_S)


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


async def _stay(bot: BotProcess) -> None:
    while True:
        status = await bot.ended()
        _tell(f"The bot ended by itself, with status {status}; “What if…” on the page starts it again.")


async def _unless_it_dies(work: Coroutine[Any, Any, T], bot: BotProcess) -> T:
    """Wait for `work`, but not for a bot that has ended by itself."""
    doing, ended = asyncio.ensure_future(work), asyncio.ensure_future(bot.ended())
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
