"""Ids that tell the time, as Discord's do."""

from collections.abc import Callable

EPOCH_MS = 1_420_070_400_000
_TIME_SHIFT = 22


class Snowflakes:
    """Hands out ids that grow, none of them twice."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0

    def __call__(self) -> int:
        """A new id."""
        now_ms = int(self._clock() * 1000) - EPOCH_MS
        self._last = max(now_ms << _TIME_SHIFT, self._last + 1)
        return self._last


def created_at_s(identifier: int) -> float:
    """The moment an id was handed out."""
    return ((identifier >> _TIME_SHIFT) + EPOCH_MS) / 1000


def shard_of(guild_id: int, shards: int) -> int:
    """The shard that a guild belongs to."""
    return (guild_id >> _TIME_SHIFT) % shards
