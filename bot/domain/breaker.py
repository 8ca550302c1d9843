"""When a provider that takes nothing is left alone, and when it is tried again: a circuit breaker as a value."""

from dataclasses import dataclass

OPENS_AFTER = 5
"""Failures in a row. One is weather; five are an outage."""

FIRST_PAUSE_MS = 30_000
LONGEST_PAUSE_MS = 600_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known about one account. Times are milliseconds since 1970, UTC."""

    failures: int = 0
    """In a row; those of a pause count once."""
    paused_until_ms: int = 0
    """Nothing new is sent until then; afterwards one job for each pause, until something goes well."""
    is_probed: bool = False
    """Whether a job was sent to see how things are, and has not told yet."""

    def failed(self, now_ms: int) -> "Breaker":
        """After one more failure. What was on its way when the pause began tells nothing new."""
        if now_ms < self.paused_until_ms and not self.is_probed:
            return self
        failures = self.failures + 1
        if failures < OPENS_AFTER:
            return Breaker(failures)
        return Breaker(failures, now_ms + _pause_ms(failures))

    def probed(self, now_ms: int) -> "Breaker":
        """After one job was let through to see how things are: the next one waits for its outcome, or a pause."""
        if not self.is_open:
            return self
        return Breaker(self.failures, now_ms + FIRST_PAUSE_MS, is_probed=True)

    def admits(self, most: int, now_ms: int) -> int:
        """How many more jobs may be sent now, of `most` when it is well."""
        if not self.is_open:
            return most
        return 0 if now_ms < self.paused_until_ms else min(1, most)

    @property
    def is_open(self) -> bool:
        """Whether it failed too often, and nothing has gone well since."""
        return self.failures >= OPENS_AFTER


CLOSED = Breaker()
"""Of a provider that works, as far as anybody knows."""


def _pause_ms(failures: int) -> int:
    return min(FIRST_PAUSE_MS * 2 ** min(failures - OPENS_AFTER, 8), LONGEST_PAUSE_MS)
