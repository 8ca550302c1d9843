"""Whether the process keeps time: a loop that is held up answers nobody within Discord's three seconds."""

import asyncio
from collections.abc import Iterable

from bot.domain.metrics import Metric, Spread

BEAT_S = 0.5

_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Pulse:
    """Sleeps by the machine's own clock, and looks how late it wakes."""

    def __init__(self) -> None:
        self._lag = Spread(
            "kinora_event_loop_lag_seconds", "By how much the event loop was late, twice a second.", _BOUNDS_S
        )

    async def run(self) -> None:
        """For as long as the bot runs."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self._lag.add(max(0.0, loop.time() - due_s))

    def metrics(self) -> Iterable[Metric]:
        """How late it woke."""
        return [self._lag.read()]
