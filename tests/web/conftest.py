"""The web server on a port of the loopback, and clients that behave and do not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import pytest

from bot.services.exports import Exports
from bot.services.news import Notice
from bot.services.originals import Originals
from bot.web.callbacks import Sender
from bot.web.metrics import MetricRoutes
from bot.web.painting import Painter
from bot.web.server import serving
from bot.web.signature import signing_key
from tests.patience import PATIENCE_S
from tests.services.doubles import TurnedClock

PLAIN = "plain-secret-in-the-path"
SIGNED = "signed-secret-in-the-path"
WEBHOOK_SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="

SENDERS = {"kkiai": Sender(PLAIN), "kling": Sender(SIGNED, signing_key(WEBHOOK_SECRET))}


@dataclass
class Site:
    """What is served, and what came of it."""

    client: aiohttp.ClientSession
    port: int = 0
    clock: TurnedClock = field(default_factory=TurnedClock)
    told: list[tuple[str, Notice]] = field(default_factory=list[tuple[str, Notice]])
    problems: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])
    metrics: MetricRoutes | None = None
    news_fault: Exception | None = None

    def news(self, provider: str, notice: Notice) -> None:
        if self.news_fault:
            raise self.news_fault
        self.told.append((provider, notice))

    async def ready(self) -> tuple[list[str], list[str]]:
        return self.problems, self.remarks

    @asynccontextmanager
    async def served(
        self,
        *,
        patience_s: float = 15,
        port: int = 0,
        originals: Originals | None = None,
        exports: Exports | None = None,
        painter: Painter | None = None,
    ) -> AsyncGenerator["Site"]:
        async with serving(
            host="127.0.0.1",
            port=port,
            senders=SENDERS,
            news=self.news,
            ready=self.ready,
            metrics=self.metrics,
            clock=self.clock,
            originals=originals,
            exports=exports,
            painter=painter,
            patience_s=patience_s,
        ) as self.port:
            yield self

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def raw(self, request: bytes, *, then_close: bool = False) -> bytes:
        """Everything that is answered to these very bytes, until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            await writer.drain()
            return b"" if then_close else await rest(reader)
        finally:
            writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What is still to come; a connection that is reset has ended too."""
    with suppress(ConnectionResetError):
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    return b""


@pytest.fixture
async def unserved() -> AsyncGenerator[Site]:
    async with aiohttp.ClientSession() as client:
        yield Site(client)


@pytest.fixture
async def site(unserved: Site) -> AsyncGenerator[Site]:
    async with unserved.served():
        yield unserved
