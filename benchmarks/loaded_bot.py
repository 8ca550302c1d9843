"""The bot under load, whose minutes are shorter than ours, watched from within. For `benchmarks.load`.

What it is asked on its standard input, a word a line, it answers on its standard output, a line of JSON for each.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.resident import resident_mb
from bot import logs
from bot.app import App, running, task_group
from bot.settings import Settings
from tests.soak.verdict import settles

_LOOKS_EVERY_S = 0.02
_WAKES_EVERY_S = 10.0
_AT_REST = 100
"""So much quicker the clock is when all has been done, for what is due in an hour."""


class Clock:
    """Real time, some times faster, and another number of times from some moment on."""

    def __init__(self, times: int) -> None:
        self._began_ms, self._began_s, self._times = int(time.time() * 1000), time.monotonic(), times

    def hurry(self, times: int) -> None:
        """Go on so many times faster than real time; who waits notices within ten seconds."""
        self._began_ms, self._began_s, self._times = self.now_ms(), time.monotonic(), times

    def now_ms(self) -> int:
        """Milliseconds since 1970, and more than have passed since."""
        return self._began_ms + int((time.monotonic() - self._began_s) * 1000 * self._times)

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        """Return when `event` is set or the moment has come."""
        if until_ms is None:
            await event.wait()
            return
        while not event.is_set() and (left_ms := until_ms - self.now_ms()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), min(left_ms / 1000 / self._times, _WAKES_EVERY_S))


@dataclass
class Watch:
    """How late the loop is, and what the process takes, since it was asked last."""

    lags_s: list[float] = field(default_factory=list[float])
    since_s: float = field(default_factory=time.monotonic)
    cpu_s: float = field(default_factory=time.process_time)

    async def run(self) -> None:
        """Look for as long as the bot runs."""
        while True:
            due_s = time.monotonic() + _LOOKS_EVERY_S
            await asyncio.sleep(_LOOKS_EVERY_S)
            self.lags_s.append(max(0.0, time.monotonic() - due_s))

    def taken(self) -> Mapping[str, float]:
        """Milliseconds, megabytes and shares of one core; it begins anew."""
        lags, self.lags_s = sorted(self.lags_s), []
        now_s, cpu_s, memory = time.monotonic(), time.process_time(), resident_mb()
        share = (cpu_s - self.cpu_s) / (now_s - self.since_s)
        self.since_s, self.cpu_s = now_s, cpu_s
        return {
            "lag_p50_ms": lags[len(lags) // 2] * 1000,
            "lag_p99_ms": lags[len(lags) * 99 // 100] * 1000,
            "lag_max_ms": lags[-1] * 1000,
            "cpu": share,
            "children_cpu_s": resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime,
            "memory_mb": memory.now,
            "memory_peak_mb": memory.peak,
        }


async def run(times: int) -> None:
    """Be a bot whose seconds pass so many times faster, until nobody asks any more."""
    settings = Settings()
    logs.configure(level="error", layout="json")
    clock = Clock(times)
    async with running(settings, clock=clock) as app, task_group() as tasks:
        watch = Watch()
        watching = tasks.create_task(watch.run())
        async for asked in _lines():
            if asked == "rest":
                clock.hurry(_AT_REST)
            print(json.dumps(await _answer(asked, app, watch)), flush=True)
        watching.cancel()


async def _answer(asked: str, app: App, watch: Watch) -> Mapping[str, float]:
    if asked == "rest":
        rows = await settles(app)
        return {"jobs": len(rows), "unsettled": sum(not row.has_ended for row in rows)}
    return watch.taken()


async def _lines() -> AsyncIterator[str]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line.decode().strip()


if __name__ == "__main__":
    import uvloop

    sys.setswitchinterval(0.0005)  # as `bot.cli` has it
    uvloop.run(run(int(sys.argv[1])))
