"""Plays one round of one contestant in a process of its own; prints what was measured, a line of JSON.

python -m benchmarks.queues.player MODULE:OPENED FOLDER SECONDS rate|starts
"""

import asyncio
import importlib
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.queues.contestant import CALLERS, Handing, Opened
from benchmarks.queues.starts import Starts, listening

T = TypeVar("T")

WARMED_UP_BY = 20
IDLE_STARTS_A_SECOND = 20
_BEGUN_WITHIN_S = 60.0
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests accepted per second while none is begun."""

    alone: float
    together: float
    """By so many callers at once."""


@dataclass(slots=True)
class Delays:
    """Milliseconds from handing in to the first instruction of the work."""

    idle_ms: list[float] = field(default_factory=list[float])
    busy_ms: list[float] = field(default_factory=list[float])
    begun_per_s: float = 0.0


class _Player:
    """Hands requests in; numbers are this process's."""

    def __init__(self, handing: Handing, starts: Starts) -> None:
        self._handing = handing
        self._starts = starts
        self._numbers = itertools.count(1)

    async def rate(self, callers: int, lasts_s: float) -> float:
        """Requests accepted a second by so many callers, each asking again when it was answered."""
        begun_s = time.perf_counter()
        ends_s = begun_s + lasts_s

        async def coroutine(accept: Callable[[int], Awaitable[object]]) -> int:
            accepted = 0
            while time.perf_counter() < ends_s:
                await accept(next(self._numbers))
                accepted += 1
            return accepted

        def thread(accept: Callable[[int], object]) -> int:
            accepted = 0
            while time.perf_counter() < ends_s:
                accept(next(self._numbers))
                accepted += 1
            return accepted

        accepted = await self._by_all(callers, coroutine, thread)
        return sum(accepted) / (time.perf_counter() - begun_s)

    async def delays(self, callers: int, ends: Callable[[int], bool], pause_s: float = 0.0) -> list[float]:
        """Milliseconds until work begins, of callers that hand in again when theirs has; `ends` is asked with how many did."""
        dice = random.Random(callers)  # so that nobody's polling falls into step with this
        taken: list[float] = []

        async def coroutine(accept: Callable[[int], Awaitable[object]]) -> None:
            while not ends(len(taken)):
                await asyncio.sleep(pause_s * 2 * dice.random())
                number = next(self._numbers)
                begins = self._starts.awaited(number)
                asked_ns = time.monotonic_ns()
                await accept(number)
                began_ns = await asyncio.wait_for(asyncio.wrap_future(begins), _BEGUN_WITHIN_S)
                taken.append((began_ns - asked_ns) / 1e6)

        def thread(accept: Callable[[int], object]) -> None:
            while not ends(len(taken)):
                time.sleep(pause_s * 2 * dice.random())
                number = next(self._numbers)
                begins = self._starts.awaited(number)
                asked_ns = time.monotonic_ns()
                accept(number)
                taken.append((begins.result(_BEGUN_WITHIN_S) - asked_ns) / 1e6)

        await self._by_all(callers, coroutine, thread)
        return taken

    async def _by_all(
        self,
        callers: int,
        coroutine: Callable[[Callable[[int], Awaitable[object]]], Awaitable[T]],
        thread: Callable[[Callable[[int], object]], T],
    ) -> list[T]:
        if (accept := self._handing.by_coroutine) is not None:
            return await asyncio.gather(*(coroutine(accept) for _ in range(callers)))
        hand_in = self._handing.by_thread
        assert hand_in is not None
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(callers) as threads:
            return await asyncio.gather(
                *(loop.run_in_executor(threads, thread, hand_in) for _ in range(callers))
            )


async def _rates(player: _Player, lasts_s: float) -> Rates:
    await player.rate(CALLERS, lasts_s / 4)  # warm
    return Rates(alone=await player.rate(1, lasts_s), together=await player.rate(CALLERS, lasts_s))


async def _delays(player: _Player, lasts_s: float) -> Delays:
    await player.delays(1, lambda begun: begun >= WARMED_UP_BY)
    idle = int(lasts_s * IDLE_STARTS_A_SECOND)
    found = Delays(await player.delays(1, lambda begun: begun >= idle, _PAUSE_S))
    begun_s = time.perf_counter()
    found.busy_ms = await player.delays(CALLERS, lambda _: time.perf_counter() > begun_s + lasts_s)
    found.begun_per_s = len(found.busy_ms) / (time.perf_counter() - begun_s)
    return found


async def play(opened: Opened, folder: Path, lasts_s: float, what: str) -> Rates | Delays:
    """One round."""
    with listening() as starts:
        async with opened(folder, what == "starts") as handing:
            player = _Player(handing, starts)
            return await (_delays if what == "starts" else _rates)(player, lasts_s)


def main() -> None:
    """The command line."""
    import uvloop  # noqa: PLC0415 - as the bot is run

    where, folder, lasts_s, what = sys.argv[1:]
    module, _, name = where.partition(":")
    opened: Opened = getattr(importlib.import_module(module), name)
    found = uvloop.run(play(opened, Path(folder), float(lasts_s), what))
    print(json.dumps(asdict(found)), flush=True)
    os._exit(0)  # threads of libraries that do not end are of no concern here


if __name__ == "__main__":
    main()
