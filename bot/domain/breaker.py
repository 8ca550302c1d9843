"""When a provider that takes nothing is left alone, and when it is tried again: a circuit breaker as a value."""

from dataclasses import dataclass, replace
from enum import Enum

OPENS_AFTER = 5
"""Failures in a row. One is weather; five are an outage."""

FIRST_PAUSE_MS = 30_000
LONGEST_PAUSE_MS = 600_000

AVOIDED_MS = 600_000
"""An account without credit, or whose key is refused, is chosen last for this long: people need time to mend it."""


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


class Lesson(Enum):
    """What an answer to a create, or none, tells of an account."""

    TAKEN = "taken"  # all is well
    ANSWERED = "answered"  # it refused one request, and works
    FAILED = "failed"
    BARRED = "barred"  # it works, but not for this account


@dataclass(frozen=True, slots=True)
class Condition:
    """All that is known about one account."""

    breaker: Breaker = CLOSED
    avoided_until_ms: int = 0
    """It is chosen last until then."""

    def after(self, lesson: Lesson, now_ms: int) -> "Condition":
        """What is known with one lesson more."""
        match lesson:
            case Lesson.TAKEN:
                return WELL
            case Lesson.ANSWERED:
                return replace(self, breaker=CLOSED)
            case Lesson.FAILED:
                return replace(self, breaker=self.breaker.failed(now_ms))
            case Lesson.BARRED:
                return Condition(avoided_until_ms=now_ms + AVOIDED_MS)

    def probed(self, now_ms: int) -> "Condition":
        """After one job was let through."""
        return replace(self, breaker=self.breaker.probed(now_ms))


WELL = Condition()
"""Of an account of which nothing bad is known."""


def _pause_ms(failures: int) -> int:
    return min(FIRST_PAUSE_MS * 2 ** min(failures - OPENS_AFTER, 8), LONGEST_PAUSE_MS)
