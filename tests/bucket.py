"""A bucket on the loopback: moto's S3 in a process of its own, which forgets everything when it ends."""

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.media.blobs import Blobs
from bot.media.buckets import Access
from tests.patience import PATIENCE_S

_LOOKS_EVERY_S = 0.05
PAGE = 20
"""As many names come in one answer; AWS tells a thousand."""

KEY_ID, SECRET = "KINORATESTS000000000", "a-secret-key-of-a-bucket"


@dataclass(frozen=True)
class Bucket:
    """A bucket with nothing in it."""

    url: str
    access: Access

    @property
    def variables(self) -> dict[str, str]:
        """The settings of who uses it."""
        return {
            "blob_url": self.url,
            "aws_endpoint_url": self.access.endpoint or "",
            "aws_access_key_id": KEY_ID,
            "aws_secret_access_key": SECRET,
            "aws_region": "us-east-1",
        }

    def blobs(self, spool: Path) -> Blobs:
        """Its blobs."""
        return Blobs.open(self.url, spool=spool, access=self.access)

    def at(self, endpoint: str) -> "Bucket":
        """The same, reached another way."""
        return replace(self, access=replace(self.access, endpoint=endpoint))


class S3:
    """A server that speaks S3."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, again where it was; what it had is gone."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE)},
        )
        until_s = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, "moto's server has ended"
            assert time.monotonic() < until_s, "moto's server does not answer"
            time.sleep(_LOOKS_EVERY_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def made(self) -> Bucket:
        """A new bucket."""
        name = f"kinora-{uuid.uuid4().hex[:12]}"
        self.make(name)
        return Bucket(f"s3://{name}/some/prefix", Access(self.endpoint, "us-east-1", KEY_ID, SECRET))

    def make(self, name: str) -> None:
        """A bucket by that name."""
        self._ask("PUT", f"/{name}")

    def admit_nobody(self) -> None:
        """From now on no key is a valid one."""
        self._ask("POST", "/moto-api/reset-auth", b"0")

    def admit_anybody(self) -> None:
        self._ask("POST", "/moto-api/reset-auth", b"inf")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> None:
        asked = urllib.request.Request(
            f"{self.endpoint}{path}", data=body, method=method, headers={"Content-Type": "text/plain"}
        )
        with urllib.request.urlopen(asked) as answer:
            assert answer.status == 200

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Way:
    """Goes between a store and who uses it, and can be cut; it does not look at what passes."""

    def __init__(self, port: int) -> None:
        self._far_port = port
        self._server: asyncio.Server | None = None
        self._open = set[asyncio.StreamWriter]()
        self.port = 0
        self.sent_bytes = 0
        """What has passed towards the store."""
        self.holds_after_bytes: int | None = None
        """From then on nothing passes any more, and nobody is told."""
        self.held = asyncio.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Nobody listens, and whoever was connected is hung up on."""
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far_port)
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(
                self._pass(reader, far_writer, counts=True), self._pass(far_reader, writer, counts=False)
            )
        finally:
            self._open -= {writer, far_writer}

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if counts:
                    self.sent_bytes += len(data)
                    await self._until_let_through()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _until_let_through(self) -> None:
        if self.holds_after_bytes is not None and self.sent_bytes > self.holds_after_bytes:
            self.held.set()
            await asyncio.Event().wait()


@asynccontextmanager
async def leading(s3: S3) -> AsyncGenerator[Way]:
    """A way to a server."""
    way = Way(s3.port)
    await way.mend()
    try:
        yield way
    finally:
        await way.cut()


@contextmanager
def serving() -> Generator[S3]:
    """A server for whoever wants one of their own; skips the test where there is none."""
    if importlib.util.find_spec("moto") is None:
        pytest.skip("not installed: moto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    s3 = S3(port)
    s3.start()
    try:
        yield s3
    finally:
        s3.stop()


@pytest.fixture(scope="session")
def s3() -> Generator[S3]:
    """One server for all tests; each makes buckets of its own."""
    with serving() as opened:
        yield opened


@pytest.fixture
def bucket(s3: S3) -> Bucket:
    return s3.made()
