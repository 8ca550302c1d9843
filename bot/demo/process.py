"""The bot in a process of its own, that can be killed and started again."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager


class BotProcess:
    """One bot, with one database, through all its lives."""

    def __init__(self, environment: Mapping[str, str], *, ends_within_s: float = 15.0) -> None:
        """It is killed if it has not ended `ends_within_s` after it was asked to; the bot needs ten at most."""
        self.changed: Callable[[], None] = lambda: None
        """Called when it was started or has ended."""
        self._environment = environment
        self._ends_within_s = ends_within_s
        self._process: Process | None = None
        self.ended_with: int | None = None
        """The exit status where it has ended by itself; None where it runs or was killed."""
        self._meant: Process | None = None
        """The one that was ended on purpose."""
        self._starting = asyncio.Lock()
        self._ends: asyncio.Queue[int] = asyncio.Queue()

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["BotProcess"]:
        """Start it, and end what runs of it with the block."""
        async with asyncio.TaskGroup() as self._tasks:
            await self.start()
            try:
                yield self
            finally:
                await self._end()

    async def start(self) -> None:
        """Start it, unless it runs."""
        async with self._starting:
            if self.is_up:
                return
            # Standard input stays open for as long as this process lives: see `tethered`.
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot.demo.tethered", env=self._environment, stdin=PIPE
            )
            self.ended_with = None
            self._tasks.create_task(self._follow(self._process))
        self.changed()

    async def kill(self) -> None:
        """End it without a warning."""
        if self._process is not None and self.is_up:
            self._meant = self._process
            self._process.kill()
            await self._process.wait()

    async def ended(self) -> int:
        """Wait until it ends by itself; gives its exit status."""
        return await self._ends.get()

    async def _follow(self, process: Process) -> None:
        status = await process.wait()
        if process is not self._meant:
            self.ended_with = status
            self._ends.put_nowait(status)
        self.changed()

    async def _end(self) -> None:
        if self._process is not None and self.is_up:
            self._meant = self._process
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), self._ends_within_s)
            except TimeoutError:
                await self.kill()
