"""How fast one member may be: so many things at once, and then one after the other.

In memory: who waits out a restart has waited long enough.
"""

from collections import OrderedDict
from dataclasses import dataclass

from bot.domain.errors import Refused
from bot.services.ports import Clock

BURST = 20
"""Commands, buttons, modals and messages that one member may send at once."""
PER_S = 1.0
"""How many of these come back each second."""
TYPED_BURST = 40
"""Suggestions that one member may ask for at once: Discord asks with nearly every letter."""
TYPED_PER_S = 5.0
_MOST = 10_000


class TooFast(Refused):
    """That was a lot at once. Wait a few seconds, then go on."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at_ms: int


class Buckets:
    """A token bucket for each member. Only so many are held: those that were used longest ago are full again."""

    def __init__(self, burst: int, per_s: float, *, most: int = _MOST) -> None:
        self._burst = burst
        self._per_ms = per_s / 1000
        self._most = most
        self._of: OrderedDict[int, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def take(self, user_id: int, now_ms: int) -> bool:
        """Take a token; False if there is none. A clock that is set back gives none, and takes none away."""
        bucket = self._of.setdefault(user_id, _Bucket(self._burst, now_ms))
        self._of.move_to_end(user_id)
        while len(self._of) > self._most:
            self._of.popitem(last=False)
        bucket.left = min(self._burst, bucket.left + max(0, now_ms - bucket.at_ms) * self._per_ms)
        bucket.at_ms = now_ms
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True


class Pace:
    """What one member may do in a while, in all servers together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._done = Buckets(BURST, PER_S)
        self._typed = Buckets(TYPED_BURST, TYPED_PER_S)

    def ensure_not_too_fast(self, user_id: int) -> None:
        """Count one more thing that a member does.

        Raises:
            TooFast: they have done too much.
        """
        if not self._done.take(user_id, self._clock.now_ms()):
            raise TooFast

    def may_be_suggested_to(self, user_id: int) -> bool:
        """Count one more time that a member wants suggestions; False if they have had too many."""
        return self._typed.take(user_id, self._clock.now_ms())
