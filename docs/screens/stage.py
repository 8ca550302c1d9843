"""What the pictures show: the real bot in a local Discord, on a clock that stands still, with providers that obey."""

# ruff: noqa: INP001 - beside the pictures, and part of no package

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from unittest import mock

from aiohttp.test_utils import unused_port

from bot.app import App, running
from bot.demo.backstage import shown
from bot.demo.process import BotProcess
from bot.demo.vendor import Charge, PracticeVendor
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Failed, Pending, Ready, Recovery, Submission, Unknown
from bot.domain.requests import CameraControl, CameraMove, Options, Task
from bot.generate import make
from bot.providers import registry
from bot.sandbox import App as Application
from bot.sandbox import Channel, File, Message, Permission, Person, Sandbox, Server, shows
from bot.services import cards
from bot.settings import Settings

NOW_S = datetime(2026, 3, 11, 15, 4, tzinfo=UTC).timestamp()
"""A Wednesday afternoon."""

_LOOKS_AGAIN_S = 0.02
_UNASKED_S = 3600.0
_TOKEN = "a-token-for-tests"  # noqa: S105 - of a Discord that ends with the pictures


class Watched(BotProcess):
    """The bot of the pictures as the drawer sees it."""

    @property
    def is_up(self) -> bool:
        """It runs in this process."""
        return True


class StillClock:
    """Shows the same moment until it is turned."""

    def __init__(self) -> None:
        self._now_s = NOW_S

    def now_s(self) -> float:
        """Seconds since 1970."""
        return self._now_s

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._now_s * 1000)

    def turn(self, seconds: float) -> None:
        """Let time pass at once."""
        self._now_s += seconds

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        """Return when `event` is set or the moment has come, whichever is first."""
        while not event.is_set() and (until_ms is None or self.now_ms() < until_ms):
            try:
                async with asyncio.timeout(_LOOKS_AGAIN_S):
                    await event.wait()
            except TimeoutError:
                continue


@dataclass
class Cinema:
    """A provider whose clips are as far as they are told to be, and all the same."""

    name: str
    clip: bytes
    clock: StillClock
    concurrency: int = 1
    recovery: Recovery = Recovery.KEY_HONOURED
    changed: registry.Changed = lambda _name, _task: None
    is_in_doubt: bool = False
    """Whether nobody learns what becomes of what is sent."""
    bill: list[Charge] = field(default_factory=list[Charge])
    _says: dict[str, Pending | Ready | Failed] = field(default_factory=dict[str, "Pending | Ready | Failed"])

    def tell(self, answer: Pending | Ready | Failed) -> None:
        """What it says from now on of every clip that it has not said the end of."""
        for task_id, said in self._says.items():
            if isinstance(said, Pending):
                self._says[task_id] = Ready(task_id) if isinstance(answer, Ready) else answer
                self.changed(self.name, task_id)

    async def submit(self, submission: Submission) -> Accepted | Unknown:
        """Take everything, and charge for it."""
        key = submission.key
        if key not in self._says:
            self._says[key] = Pending(None, _UNASKED_S)
            units = Decimal(submission.request.duration_s)
            self.bill.append(Charge(key, key, submission.spec.id, units, self.clock.now_ms()))
        return Unknown("hung up") if self.is_in_doubt else Accepted(key)

    def preview(self, submission: Submission) -> str:
        """No request is made."""
        return f"# {submission.spec.name}"

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted:
        """Not needed: the key is honoured."""
        del spec, task
        return Accepted(key)

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """What was told."""
        return self._says[task_id]

    @asynccontextmanager
    async def open(self, result: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The clip."""
        del result

        async def chunks() -> AsyncIterator[bytes]:
            yield self.clip

        yield chunks()

    async def cancel(self, task_id: str) -> bool:
        """Stop."""
        return self._says.pop(task_id, None) is not None

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Stage:
    """A film club with the bot in it."""

    sandbox: Sandbox
    application: Application
    guild: Server
    films: Channel
    mia: Person
    leo: Person
    ada: Person
    clock: StillClock
    cinema: Cinema
    picture: File
    app: App | None = None

    def address(self, person: Person) -> str:
        """The page of the local Discord, as somebody."""
        return f"{self.sandbox.page_url}?as={person.id}"

    def clip_of(self, card: Message) -> tuple[Channel, Message]:
        """The thread of a job, and the message in it that has the clip."""
        thread = next(one for one in self.guild.threads if one.id == card.id)
        return thread, next(one for one in thread.messages if one.files)

    async def asks(self, person: Person, command: str, /, **options: object) -> Message:
        """Use a command; its answer."""
        return await (await person.slash(command, self.films, **options)).response()

    async def says(self, message: Message, text: str) -> Message:
        """Wait until a message says this."""
        return await shows(message, lambda found: text in found.text)


@asynccontextmanager
async def staged(folder: Path, clip: bytes) -> AsyncGenerator[Stage]:
    """The bot, connected; its data are in `folder`, and every clip it makes is `clip`."""
    clock = StillClock()
    sandbox = Sandbox(clock=clock.now_s)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(sandbox.serve())
        stage = _members(sandbox, clock, Cinema("kling", clip, clock))
        local = Cinema("local", clip, clock)
        stack.enter_context(_obeyed(stage.cinema, local))
        for pace in (
            "PROGRESS_EVERY_MS",
            "STEP_AFTER_MS",
        ):  # a clock that stands still would never let it pass
            stack.enter_context(mock.patch.object(cards, pace, 0))
        settings = _settings(stage, folder)
        stage.app = await stack.enter_async_context(running(settings, clock=clock))
        await stage.application.ready()
        vendor = PracticeVendor(key="", folder=folder / "vendor")
        vendor.bill = stage.cinema.bill
        await stack.enter_async_context(
            shown(
                sandbox,
                stage.application,
                stage.guild,
                vendor=vendor,
                bot=Watched({}),
                database=settings.database_path,
            )
        )
        yield stage


def _members(sandbox: Sandbox, clock: StillClock, cinema: Cinema) -> Stage:
    application = sandbox.add_application("Kinora", token=_TOKEN)
    guild = sandbox.add_guild("Film club", app=application)
    guild.owner.name = "sam"
    crew = guild.add_role("crew", permissions=Permission.MANAGE_GUILD | Permission.MANAGE_THREADS)
    films = guild.add_channel("films")
    guild.add_channel("mod-log")
    return Stage(
        sandbox,
        application,
        guild,
        films,
        guild.add_member("mia"),
        guild.add_member("leo"),
        guild.add_member("ada", roles=[crew]),
        clock,
        cinema,
        File("harbour.jpg", _sample()),
    )


def _obeyed(*providers: Cinema) -> AbstractContextManager[object]:
    def taking(cinema: Cinema) -> object:
        def build(_settings: Settings, shared: registry.Shared) -> Cinema:
            cinema.changed = shared.changed
            return cinema

        return build

    return mock.patch.object(registry, "PROVIDERS", {one.name: taking(one) for one in providers})


def _settings(stage: Stage, folder: Path) -> Settings:
    port = unused_port()
    return Settings.model_validate(
        {
            "discord_token": _TOKEN,
            "discord_api_url": stage.sandbox.api_url,
            "discord_gateway_url": stage.sandbox.gateway_url,
            "data_dir": folder,
            "providers": ("kling", "local"),
            "kling_api_key": "sk-kling-4f1d",
            "kling_concurrency": 1,
            "web_port": port,
            "public_url": f"http://127.0.0.1:{port}",
        }
    )


async def filmed(folder: Path) -> bytes:
    """The clip of all pictures: the sample, seen by the local renderer's camera."""
    sample, out = folder / "sample.jpg", folder / "clip.mp4"
    await asyncio.to_thread(sample.write_bytes, _sample())
    camera = CameraControl(move=CameraMove.ZOOM, amount=3)
    settings = Settings.model_validate({"providers": ("local",), "data_dir": folder})
    options = Options(prompt="", camera=camera)
    await make(settings, options, image=sample, end_frame=None, out=out, dry_run=False)
    return await asyncio.to_thread(out.read_bytes)


def _sample() -> bytes:
    return resources.files("bot.sandbox").joinpath("sample.jpg").read_bytes()
