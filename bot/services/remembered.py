"""What was done lately, in memory: forgotten at a restart, and never more than fits."""

from collections import OrderedDict
from collections.abc import Hashable

_MOST = 10_000


class Remembered:
    """When something was last done, for as many things as fit; the oldest are forgotten first."""

    def __init__(self, most: int = _MOST) -> None:
        self._at_ms: OrderedDict[Hashable, int] = OrderedDict()
        self._most = most

    def __contains__(self, thing: Hashable) -> bool:
        return thing in self._at_ms

    def add(self, thing: Hashable, now_ms: int = 0) -> None:
        """It was done, at a time where that matters."""
        self._at_ms[thing] = now_ms
        self._at_ms.move_to_end(thing)
        while len(self._at_ms) > self._most:
            self._at_ms.popitem(last=False)

    def is_new(self, thing: Hashable, now_ms: int, *, for_ms: int | None = None) -> bool:
        """Whether it was not done before, or `for_ms` or longer ago; from now on it was."""
        before = self._at_ms.get(thing)
        if before is not None and (for_ms is None or now_ms - before < for_ms):
            return False
        self.add(thing, now_ms)
        return True
