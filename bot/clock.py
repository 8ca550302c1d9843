"""The clock on the wall, behind `bot.services.ports.Clock`."""

import asyncio
import time


class SystemClock:
    """Reads the machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        """Return when `event` is set or the moment has come, whichever is first."""
        timeout_s = None if until_ms is None else max(0.0, (until_ms - self.now_ms()) / 1000)
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return
