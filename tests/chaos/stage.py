"""The world of one run: a Discord, vendors, a folder and a clock, in all of which the bot lives, dies and lives again."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from bot.sandbox import App as Application
from bot.sandbox import Channel, Message, NothingCame, Person, Request, Sandbox, Server
from bot.sandbox.driver.used import Used
from bot.sandbox.model.interactions import ACK_WINDOW_S
from bot.settings import Settings
from tests.chaos.keeper import Keeper, Victim
from tests.chaos.pace import Pace
from tests.chaos.points import ARRIVED, Kill, Points, deed_at_discord, traced
from tests.e2e.scenes import TOKEN
from tests.vendors.opened import Vendors

QUICK = 100
"""Seconds of rendering and of back-off pass in no time; so many are still less than the minute that nonces last."""
UNHURRIED = 10
"""Where this machine renders, or somebody has to do something: it may be busy, and an hour must not be over before."""

PUBLIC_URL = "https://kinora.example"
"""Where the bot believes that browsers find it; they find it at the port in its settings."""

_READY_WITHIN_S = 60.0
_LOOKS_EVERY_S = 0.03


@dataclass
class Stage:
    """Everything but the bot."""

    sandbox: Sandbox
    vendors: Vendors
    application: Application
    guild: Server
    channel: Channel
    mia: Person
    settings: Settings
    folder: Path
    pace: Pace
    keeper: Keeper
    points: Points
    """Those on this side: what has arrived."""
    kills: list[Kill]
    """The next life's first."""
    quick: int = QUICK
    away_s: float = 0.0
    """How long the bot is away after a kill, by the clock that all share."""
    victim: Victim | None = None
    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    unheard: set[str] = field(default_factory=set[str])
    """Tokens of interactions that the bot died over before it answered: Discord says that it did not respond."""
    has_ended_itself: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody killed it; the log says why."""
    lives: int = 0
    deaths: int = 0

    @property
    def trace(self) -> list[str]:
        """The points that were reached, on either side, in their order."""
        return [point for _, point in sorted(traced(self.folder / "trace"))]

    @property
    def logged(self) -> list[dict[str, Any]]:
        """What all lives of the bot logged."""
        lines = (self.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        return [_parsed(line) for line in lines]

    def hurry(self) -> None:
        """Let time pass faster."""
        self.pace.go(self.quick)

    def begin(self) -> None:
        """Start the bot, and start it again whenever it has died."""
        self._life = asyncio.ensure_future(self._keep_alive())

    async def _keep_alive(self) -> None:
        while True:
            await self._live()
            self.is_up.clear()
            if self.victim is None or self.victim.status != -signal.SIGKILL:
                self.has_ended_itself.set()
                return
            self.points.died()
            await self.application.bell.until(
                lambda: self.application.live_sessions == 0 or None, awaited="Discord to hang up"
            )
            self.deaths += 1
            self.pace.go(1)
            self.pace.skip(self.away_s)

    async def _live(self) -> None:
        kill = self.kills.pop(0) if self.kills else None
        self.points.kill = kill
        victim = self.victim = await self.keeper.bear(
            settings=_plain(self.settings),
            pace=str(self.folder / "pace"),
            trace=str(self.folder / "trace"),
            log=str(self.folder / "log"),
            kill=(kill.point, kill.nth) if kill else None,
        )
        self.lives += 1
        await self._until_ready(victim)
        if not victim.died.is_set():
            self.is_up.set()
            if self.lives > 1:
                self.hurry()
        await victim.died.wait()

    async def _until_ready(self, victim: Victim) -> None:
        async with _either(victim.died.wait(), self.application.ready(timeout_s=_READY_WITHIN_S)) as (
            _,
            ready,
        ):
            if ready.done():
                ready.result()

    async def is_answered(self, used: Used) -> bool:
        """Whether there is a first response before its three seconds are over, or the bot dies."""
        deaths, until_s = self.deaths, self.pace.now_s() + ACK_WINDOW_S
        while used.interaction.acknowledgement is None and self.pace.now_s() < until_s:
            if self.deaths > deaths:
                break
            with suppress(NothingCame):
                await used.acknowledged(timeout_s=_LOOKS_EVERY_S)
        if used.interaction.acknowledgement is None:
            self.unheard.add(used.interaction.token)
            return False
        return True

    async def may_die(self, *, within_s: float) -> None:
        """Wait for a death that is still to come, if it comes."""
        deaths = self.deaths
        async with _either(asyncio.sleep(within_s), self._has_died(deaths)):
            pass

    async def _has_died(self, deaths: int) -> None:
        while self.deaths == deaths:
            assert self.victim is not None
            await self.victim.died.wait()
            await asyncio.sleep(0)

    def said_in_channel(self) -> list[Message]:
        """The bot's messages there that answer no interaction and have no clip: cards of what came another way."""
        said = (message for message in self.channel.messages if message.author is self.application.user)
        return [message for message in said if message.interaction is None and not message.files]

    def kill(self) -> None:
        """End the bot where it is."""
        if self.victim is not None:
            self.victim.kill()

    async def end(self) -> None:
        """End the bot for good."""
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)
        self.kill()
        if self.victim is not None:
            await self.victim.died.wait()

    def observe(self, request: Request) -> None:
        """A request to Discord has had its effect, and is about to be answered."""
        deed = deed_at_discord(request.method, request.route)
        if deed is not None and 200 <= request.status < 300:
            self.points.reach(f"{deed}: {ARRIVED}")


@asynccontextmanager
async def _either(
    one: Awaitable[Any], other: Awaitable[Any]
) -> AsyncGenerator[tuple[asyncio.Future[Any], asyncio.Future[Any]]]:
    futures = asyncio.ensure_future(one), asyncio.ensure_future(other)
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        yield futures
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)


@asynccontextmanager
async def staged(
    keeper: Keeper,
    folder: Path,
    *,
    provider: str,
    kills: Sequence[Kill],
    quick: int,
    away_s: float,
    is_public: bool = False,
) -> AsyncGenerator[Stage]:
    """A world in which the bot is kept alive; browsers reach it where it `is_public`."""
    pace = Pace.make(folder / "pace")
    sandbox = Sandbox(clock=pace.now_s)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(sandbox.serve())
        points = Points(folder / "trace", None, is_armed=lambda: pace.is_armed, die=lambda: stage.kill())  # noqa: PLW0108 - made below  # noqa: PLW0108 - made below
        stack.callback(points.close)
        vendors = await Vendors.open(stack)
        for vendor in vendors.by_name.values():
            vendor.on_answer.append(lambda request: points.reach(f"{_deed_at_vendor(request)}: {ARRIVED}"))
        application = sandbox.add_application("Kinora", token=TOKEN)
        guild = sandbox.add_guild("Film club", app=application)
        stage = Stage(
            sandbox,
            vendors,
            application,
            guild,
            guild.add_channel("general"),
            guild.add_member("mia"),
            _settings(sandbox, vendors, folder, provider, web_port=_free_port() if is_public else 0),
            folder,
            pace,
            keeper,
            points,
            list(kills),
            quick,
            away_s,
        )
        sandbox.on_request.append(stage.observe)
        stage.begin()
        try:
            yield stage
        finally:
            await stage.end()


def _deed_at_vendor(request: web.Request) -> str:
    if request.method == "POST":
        return "upload" if request.path == "/api/assets" else "create"
    return "download" if request.path.startswith("/files/") else "question"


def _free_port() -> int:
    """A port that nobody has now: all lives of the bot have the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _settings(sandbox: Sandbox, vendors: Vendors, folder: Path, provider: str, *, web_port: int) -> Settings:
    base = Settings.model_validate(
        {
            "discord_token": TOKEN,
            "discord_api_url": sandbox.api_url,
            "discord_gateway_url": sandbox.gateway_url,
            "data_dir": folder / "data",
            "web_port": web_port,
            "public_url": PUBLIC_URL if web_port else "",
            "local_concurrency": 1,
        }
    )
    return base if provider == "local" else vendors.settings(base)


def _plain(settings: Settings) -> dict[str, Any]:
    """As another process gets them."""
    return {name: _plain_value(value) for name, value in settings.model_dump(exclude_unset=True).items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value


def _parsed(line: str) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError:
        return {"level": "critical", "event": line}
