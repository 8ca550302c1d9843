"""What a server made and spent, as pictures for a phone held upright.

matplotlib holds the GIL for as long as it draws and takes some 100 MB, so it lives in a process of its own
(`drawing`): started when the first chart is wanted, dismissed when none was for some minutes. A line of JSON (`page`)
goes in; a byte that counts the pictures comes out, and for each of them four bytes of length and a PNG. The process
ends when its standard input is closed, and so with its parent.
"""

import asyncio
import json
import sys
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

from bot.domain.usage import Usage
from bot.media.charts.page import Theme, page_of
from bot.media.errors import ChartFailed

__all__ = ["Charts", "Theme"]

log = structlog.get_logger()

_ROOT = Path(__file__).resolve().parents[3]
_MAX_PICTURES = 2
_MAX_PNG_BYTES = 2_000_000
_FAREWELL_S = 3


class Charts:
    """Draws in a process of its own, one chart at a time; callers wait their turn.

    The first chart takes about a second, because the process starts; later ones half of that.
    """

    def __init__(self, *, limit_s: float = 60, idle_s: float = 300) -> None:
        self._limit_s = limit_s
        self._idle_s = idle_s
        self._turn = asyncio.Lock()
        self._child: Process | None = None
        self._leave: asyncio.TimerHandle | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def usage(self, usage: Usage, *, theme: Theme) -> tuple[bytes, ...]:
        """PNGs 1080 pixels wide and up to 1200 high: what happened day by day and, where anything has, who used what.

        Members are numbered.

        Raises:
            ChartFailed: the drawing process died or took longer than `limit_s`, or this was closed.
        """
        order = json.dumps(page_of(usage, theme)).encode() + b"\n"
        async with self._turn:
            if self._leave:
                self._leave.cancel()
            pictures = await self._drawn_here_or_anew(order)
            self._leave = asyncio.get_running_loop().call_later(self._idle_s, self._dismiss)
            return pictures

    async def close(self) -> None:
        """End the process; whoever waits for a chart gets ChartFailed."""
        self._closed = True
        if self._child and self._turn.locked():
            _end(self._child)
        async with self._turn:
            if self._leave:
                self._leave.cancel()
            self._dismiss()
            if self._child:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._child.wait(), _FAREWELL_S)
            await self._discard()

    async def _drawn_here_or_anew(self, order: bytes) -> tuple[bytes, ...]:
        if self._child and self._child.returncode is None:
            try:
                return await self._drawn(order)
            except EOFError:
                log.info("chart process was gone")  # just dismissed, or killed: another one is started
        try:
            return await self._drawn(order)
        except EOFError as error:
            raise ChartFailed from error

    async def _drawn(self, order: bytes) -> tuple[bytes, ...]:
        """Raises EOFError when the process died, else ChartFailed; whatever is raised, the process is gone."""
        pictures: tuple[bytes, ...] = ()
        try:
            async with asyncio.timeout(self._limit_s):
                pictures = await self._exchange(await self._running(), order)
        except OSError as error:  # too slow, or there is no room for another process
            raise ChartFailed from error
        finally:
            if not pictures:  # cancelled, perhaps: what it still says would be taken for the next answer
                await self._discard()
        return pictures

    async def _exchange(self, child: Process, order: bytes) -> tuple[bytes, ...]:
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(ConnectionError):  # it has died, and what it answers says so too
            child.stdin.write(order)
            await child.stdin.drain()
        [count] = await child.stdout.readexactly(1)
        if not 1 <= count <= _MAX_PICTURES:
            raise ChartFailed
        return tuple([await _png(child.stdout) for _ in range(count)])

    async def _running(self) -> Process:
        if self._child and self._child.returncode is not None:
            await self._discard()
        if self._closed:
            raise ChartFailed
        if self._child is None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot.media.charts.drawing",
                cwd=_ROOT,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
            )
        if self._closed:  # meanwhile
            raise ChartFailed
        return self._child

    def _dismiss(self) -> None:
        """Let the process end of its own accord: where it cannot have a cache, it clears up a temporary one."""
        if self._child and self._child.stdin:
            self._child.stdin.close()

    async def _discard(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        _end(child)
        _, complaint = await child.communicate()
        if complaint:
            said = complaint[-2000:].decode(errors="replace")
            log.warning("chart process complained", status=child.returncode, complaint=said)


async def _png(answer: StreamReader) -> bytes:
    size_bytes = int.from_bytes(await answer.readexactly(4), "big")
    if size_bytes > _MAX_PNG_BYTES:
        raise ChartFailed
    return await answer.readexactly(size_bytes)


def _end(child: Process) -> None:
    """Kill it unless it is dead: asyncio may lose the status of a dead process that is signalled."""
    assert child.stdout is not None
    if child.returncode is None and not child.stdout.at_eof():
        child.kill()
