"""A sandbox, served, and a real discord.py client that is pointed at it."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.sandbox import App, Channel, Person, Sandbox, Server
from tests.patience import PATIENCE_S

TOKEN = "t0ken.of.kinora"


class ManualClock:
    """Time that passes when a test says so, and never stands in the past of its own ids."""

    def __init__(self) -> None:
        self.now_s = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


class Bot(discord.Client):
    """A plain client with a command tree, and a log of what it heard."""

    def __init__(self, intents: discord.Intents, **options: Any) -> None:
        super().__init__(
            intents=intents, guild_ready_timeout=0, allowed_mentions=discord.AllowedMentions.none(), **options
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[tuple[str, Any]] = []
        self.readied = asyncio.Event()
        self._changed = asyncio.Event()

    async def on_ready(self) -> None:
        self.readied.set()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.heard.append((event, args))
        self._changed.set()
        super().dispatch(event, *args, **kwargs)

    async def hears(self, event: str, fits: Callable[[Any], object] = lambda _: True) -> Any:
        """Wait for an event of discord.py, also one that is already there; its first argument."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for name, args in self.heard:
                    first = args[0] if args else None
                    if name == event and fits(first):
                        return first
                self._changed.clear()
                await self._changed.wait()


Start: TypeAlias = Callable[..., AbstractAsyncContextManager[Bot]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def sandbox(clock: ManualClock) -> AsyncIterator[Sandbox]:
    made = Sandbox(clock=clock)
    async with made.serve():
        yield made


@pytest.fixture
def _pointed(sandbox: Sandbox) -> Iterator[None]:
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = sandbox.api_url, yarl.URL(sandbox.gateway_url)
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


@pytest.fixture
def app(sandbox: Sandbox) -> App:
    return sandbox.add_application("Kinora", token=TOKEN)


@pytest.fixture
def guild(sandbox: Sandbox, app: App) -> Server:
    return sandbox.add_guild("Film club", app=app)


@pytest.fixture
def channel(guild: Server) -> Channel:
    return guild.add_channel("general")


@pytest.fixture
def mia(guild: Server) -> Person:
    return guild.add_member("mia")


class Rest:
    """The API without a client library: what exactly is answered?"""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.headers: Mapping[str, str] = {}

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        files: Mapping[str, bytes] | None = None,
        raw: bytes | None = None,
        token: str | None = TOKEN,
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {token}"} if token else {}
        form = None
        if files is not None:
            form = aiohttp.FormData()
            form.add_field("payload_json", io.BytesIO(json.dumps(body or {}).encode()))
            for index, (name, data) in enumerate(files.items()):
                form.add_field(f"files[{index}]", io.BytesIO(data), filename=name)
        async with self._session.request(
            method,
            self._url + path,
            json=body if form is None and raw is None else None,
            data=form or raw,
            headers=headers,
        ) as answer:
            self.headers = answer.headers
            text = await answer.text()
            if not text:
                return answer.status, None
            assert answer.headers["Content-Type"] == "application/json"
            return answer.status, json.loads(text)

    async def code(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, int]:
        """Status and Discord's code."""
        status, answer = await self(method, path, body, **options)
        return status, answer["code"] if status >= 400 else 0


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        yield Rest(session, sandbox.api_url)


@pytest.fixture
def start(_pointed: None) -> Start:
    """Start a bot: `async with start(furnish) as bot`, where `furnish(bot)` adds its commands."""

    @asynccontextmanager
    async def started(
        furnish: Callable[[Bot], object] | None = None,
        *,
        intents: discord.Intents | None = None,
        **options: Any,
    ) -> AsyncGenerator[Bot]:
        wanted = intents or discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        async with Bot(wanted, **options) as bot:
            if furnish:
                furnish(bot)
            await bot.login(TOKEN)
            if furnish and bot.tree.get_commands():
                await bot.tree.sync()
            connection = asyncio.ensure_future(bot.connect())
            ready = asyncio.ensure_future(bot.readied.wait())
            await asyncio.wait((ready, connection), return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
            ready.cancel()
            if connection.done():
                connection.result()
            assert bot.readied.is_set(), "the bot did not get ready"
            yield bot
            await bot.close()
            await connection

    return started
