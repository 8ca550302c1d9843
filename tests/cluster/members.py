"""The processes of an installation: each is started as an operator starts it, and may be killed without warning."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox import App, Sandbox
from bot.settings import inherited
from tests.patience import PATIENCE_S

_ROOT = Path(__file__).resolve().parents[2]
_UP = b"is up"
"""What each process says once, in its log."""
_ENDS_WITHIN_S = 60.0
_STOPPED = (0, -signal.SIGTERM)
"""The latter where it had only just been started."""
_TOLD_LINES = 12
NO_DATABASE = "cannot be reached"
"""In what a process ends with that is started while PostgreSQL is away."""


@dataclass
class Member:
    """One process; on a machine of its own it would have its own folder, so it has."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    ended: list[str] = field(default_factory=list[str])
    """Ends that nobody had asked for."""
    _process: asyncio.subprocess.Process | None = None
    _is_stopping: bool = False

    @property
    def log(self) -> Path:
        """What all its lives say."""
        return self.folder / "log"

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> asyncio.subprocess.Process:
        """Start `python -m bot run`."""
        self.folder.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run", *self.arguments),
                env=inherited(
                    PYTHONPATH=str(_ROOT), **{"DATA_DIR": str(self.folder / "data"), **self.environment}
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        return self._process

    async def live(self) -> None:
        """Start it, and start it again whenever it has been killed, or found no database to begin with."""
        while not self._is_stopping:
            process = await self.start()
            try:
                status = await process.wait()
            except asyncio.CancelledError:
                await self.kill()
                raise
            is_expected = status == -signal.SIGKILL or NO_DATABASE in self.last_words(1)
            if not is_expected and not (self._is_stopping and status in _STOPPED):
                self.ended.append(f"{self.name} ended by itself with {status}: {self.last_words()}")
                return

    async def up(self, *, within_s: float = PATIENCE_S) -> None:
        """Wait until it has opened everything."""
        async with asyncio.timeout(within_s):
            while _UP not in await asyncio.to_thread(self.log.read_bytes):
                assert self.is_alive, f"{self.name} ended: {self.last_words()}"
                await asyncio.sleep(0.05)

    async def end(self) -> int:
        """Wait until it ends by itself; gives its status."""
        assert self._process is not None, f"{self.name} was never started"
        async with asyncio.timeout(_ENDS_WITHIN_S):
            return await self._process.wait()

    async def kill(self) -> None:
        """As when its machine loses power; `live` starts it again."""
        if self._process is not None:
            process = self._process
            if self.is_alive:
                process.kill()
            await process.wait()

    async def stop(self) -> int | None:
        """Ask it to end, as a service manager does; gives its status."""
        self._is_stopping = True
        if self._process is None:
            return None
        if self.is_alive:
            self._process.terminate()
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                return await self._process.wait()
        except TimeoutError:
            self.ended.append(f"{self.name} does not end when it is asked to: {self.last_words()}")
            await self.kill()
            return None

    def logged(self) -> list[dict[str, Any]]:
        """What all its lives logged; what is no line of the log is critical."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [_parsed(line) for line in lines if line.strip()]

    def last_words(self, lines: int = _TOLD_LINES) -> str:
        """The end of its log."""
        said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(said[-lines:])


def _parsed(line: str) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError:
        return {"level": "critical", "event": line}


@dataclass
class Cluster:
    """An installation over a sandbox that is in this process; each member is started when a test wants it."""

    folder: Path
    environment: Mapping[str, str]
    members: list[Member] = field(default_factory=list[Member])

    async def start(self, *arguments: str, **settings: str) -> Member:
        """One that is told to do this."""
        name = f"{len(self.members)}{'-'.join(arguments).replace('/', 'of')}"
        member = Member(name, arguments, {**self.environment, **settings}, self.folder / name)
        self.members.append(member)
        await member.start()
        return member

    async def gateway(self, shards: str) -> Member:
        """A gateway with shards such as 0-1/4."""
        return await self.start("--role", "gateway", "--shards", shards)

    async def worker(self, **settings: str) -> Member:
        """A worker."""
        return await self.start("--role", "worker", **settings)


@asynccontextmanager
async def cluster(
    sandbox: Sandbox, app: App, database_url: str, folder: Path, **settings: str
) -> AsyncGenerator[Cluster]:
    """An installation without processes yet; those that are started end with the block."""
    environment = {
        "DISCORD_TOKEN": app.token,
        "DISCORD_API_URL": sandbox.api_url,
        "DISCORD_GATEWAY_URL": sandbox.gateway_url,
        "DATABASE_URL": database_url,
        "BLOB_URL": str(folder / "blobs"),
        "WEB_PORT": "0",
        "LOG_FORMAT": "json",
    }
    made = Cluster(folder, environment | settings)
    try:
        yield made
    finally:
        await asyncio.gather(*(member.kill() for member in made.members))
