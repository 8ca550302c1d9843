"""Keeps the zygote: has victims born, hears of their deaths, and kills them where the point is on the other side."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any


@dataclass(frozen=True)
class Life:
    """What a victim is told."""

    number: int
    settings: dict[str, Any]
    pace: str
    trace: str
    log: str
    kill: tuple[str, int] | None


class Victim:
    """One life of the bot."""

    def __init__(self) -> None:
        self.born = asyncio.Event()
        self.died = asyncio.Event()
        self.pid = 0
        self.status: int | None = None

    def kill(self) -> None:
        """End it now, as a power cut does."""
        if not self.died.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Keeper:
    """Speaks with the zygote."""

    def __init__(self, zygote: Process) -> None:
        self._zygote = zygote
        self._numbers = count(1)
        self._unborn: dict[int, Victim] = {}
        self._living: dict[int, Victim] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator["Keeper"]:
        """A zygote for as long as the block lasts; its victims end with it."""
        zygote = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.zygote", stdin=PIPE, stdout=PIPE
        )
        assert zygote.stdout is not None
        if not await zygote.stdout.readline():
            raise RuntimeError("The bot cannot be imported; the zygote has said why.")
        keeper = cls(zygote)
        listener = asyncio.ensure_future(keeper._listen())
        servers = logging.getLogger("aiohttp.server")  # Discord's and the vendors': they are hung up on
        servers.disabled = True
        try:
            yield keeper
        finally:
            servers.disabled = False
            assert zygote.stdin is not None
            zygote.stdin.close()
            await listener
            await zygote.wait()

    async def bear(self, **known: Any) -> Victim:
        """Start the bot once more; `known` are the fields of its `Life`."""
        life = Life(next(self._numbers), **known)
        victim = self._unborn[life.number] = Victim()
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(json.dumps(asdict(life)).encode() + b"\n")
        await self._zygote.stdin.drain()
        await victim.born.wait()
        return victim

    async def _listen(self) -> None:
        assert self._zygote.stdout is not None
        async for line in self._zygote.stdout:
            said = json.loads(line)
            if "born" in said:
                victim = self._living[said["pid"]] = self._unborn.pop(said["born"])
                victim.pid = said["pid"]
                victim.born.set()
            elif "died" in said:
                victim = self._living.pop(said["died"])
                victim.status = said["status"]
                victim.died.set()
        for victim in (*self._unborn.values(), *self._living.values()):
            victim.born.set()
            victim.died.set()
