"""Clocks that do not show what Discord's shows."""

import asyncio

from bot.clock import SystemClock

_LOOKS_AGAIN_S = 0.02


class OtherClock(SystemClock):
    """The machine's, so many seconds ahead; it can be turned while somebody waits."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self._ahead_ms = int(ahead_s * 1000)

    def turn(self, seconds: float) -> None:
        """Set it forward, or back."""
        self._ahead_ms += int(seconds * 1000)

    def now_ms(self) -> int:
        return super().now_ms() + self._ahead_ms

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        while not event.is_set() and (until_ms is None or self.now_ms() < until_ms):
            left_s = _LOOKS_AGAIN_S if until_ms is None else (until_ms - self.now_ms()) / 1000
            try:
                async with asyncio.timeout(min(left_s, _LOOKS_AGAIN_S)):
                    await event.wait()
            except TimeoutError:
                continue
