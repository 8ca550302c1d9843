"""Processes of one installation, each as an operator starts it, over a sandbox that is in this one."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox import App, Sandbox
from bot.settings import Settings
from tests.patience import PATIENCE_S

_ROOT = Path(__file__).parents[2]
_UP = b"is up"
"""What each process says once, in its log."""


@dataclass
class Member:
    """A process that runs, or ran."""

    name: str
    process: Process
    log: Path

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process.returncode is None

    async def up(self, *, within_s: float = PATIENCE_S) -> None:
        """Wait until it has opened everything."""
        async with asyncio.timeout(within_s):
            while _UP not in await asyncio.to_thread(self.log.read_bytes):
                assert self.is_alive, f"{self.name} ended: {self.last_words()}"
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """As when its machine loses power."""
        if self.is_alive:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end; gives its status."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:]


@dataclass
class Cluster:
    """An installation of several processes; what they have in common."""

    sandbox: Sandbox
    app: App
    database_url: str
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is set besides, for every process."""
    members: list[Member] = field(default_factory=list[Member])

    async def start(self, *arguments: str, name: str | None = None, **settings: str) -> Member:
        """Start `python -m bot run` with these arguments; each process has a folder of its own.

        `bot.app` says in its log when it is up: `Member.up` waits for that.
        """
        name = name or f"{len(self.members)}-{'-'.join(arguments).replace('/', 'of').replace('--', '')}"
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        log = folder / "log"
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bot", "run", *arguments),
                env=self._environment() | {"DATA_DIR": str(folder / "data")} | settings,
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        member = Member(name, process, log)
        self.members.append(member)
        return member

    async def gateway(self, shards: str, **settings: str) -> Member:
        """A gateway with shards such as 0-1/4."""
        return await self.start("--role", "gateway", "--shards", shards, **settings)

    async def worker(self, **settings: str) -> Member:
        """A worker."""
        return await self.start("--role", "worker", **settings)

    def _environment(self) -> dict[str, str]:
        own = {name.upper() for name in Settings.model_fields}
        kept = {name: value for name, value in os.environ.items() if name not in own}
        return {
            **kept,
            "PYTHONPATH": str(_ROOT),
            "DISCORD_TOKEN": self.app.token,
            "DISCORD_API_URL": self.sandbox.api_url,
            "DISCORD_GATEWAY_URL": self.sandbox.gateway_url,
            "DATABASE_URL": self.database_url,
            "BLOB_URL": str(self.folder / "blobs"),
            "WEB_PORT": "0",
            "LOG_FORMAT": "json",
            **self.settings,
        }


@asynccontextmanager
async def cluster(
    sandbox: Sandbox, app: App, database_url: str, folder: Path, **settings: str
) -> AsyncGenerator[Cluster]:
    """An installation without processes yet; those that are started end with the block."""
    made = Cluster(sandbox, app, database_url, folder, settings)
    try:
        yield made
    finally:
        await asyncio.gather(*(member.kill() for member in made.members))
