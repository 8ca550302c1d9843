"""Discord's global limit: so many requests in a second for one token, however many processes use it.

discord.py learns of it by being refused, and refusals count: ten thousand in ten minutes, and Discord bars the address.
"""

import asyncio
from collections import deque

_WINDOW_S = 1.0
_COUNTED_WITHIN_S = 2.0
"""A request that is not answered by then, an upload perhaps, has been counted long since."""


class Slot:
    """One request's place in the window. It is free again a second after the answer, or, without one, after three.

    Discord counted the request somewhere between its sending and its answer. So it never counts more than the window
    has slots within a second, however long the ways there are. Of a share that is no whole number the fraction is left;
    less than one in a second is one slot, which is taken for as much longer.
    """

    def __init__(self, limit: "RateLimit", window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._timer = asyncio.get_running_loop().call_later(_COUNTED_WITHIN_S + window_s, limit.freed)

    def answered(self) -> None:
        """Discord has counted it."""
        loop = asyncio.get_running_loop()
        if self._timer.when() > loop.time() + self._window_s:
            self._timer.cancel()
            self._timer = loop.call_later(self._window_s, self._limit.freed)


class RateLimit:
    """How many requests this process may have sent within any second; who comes first goes first."""

    def __init__(self, per_s: float) -> None:
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._slots, self._window_s = _window(per_s)

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    def allow(self, per_s: float) -> None:
        """From now on so many."""
        self._slots, self._window_s = _window(per_s)
        self._let_go()

    async def take(self) -> Slot:
        """Wait until one more may be sent."""
        if self._waiting or self._taken >= self._slots:
            await self._turn()
        else:
            self._taken += 1
        return Slot(self, self._window_s)

    def freed(self) -> None:
        """A slot's time has passed."""
        self._taken -= 1
        self._let_go()

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn had just come
                self.freed()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _let_go(self) -> None:
        while self._waiting and self._taken < self._slots:
            turn = self._waiting.popleft()
            if not turn.done():  # who was cancelled in this very moment has not run since
                self._taken += 1
                turn.set_result(None)


def _window(per_s: float) -> tuple[int, float]:
    """How many slots there are, and for how long one is taken."""
    return max(int(per_s), 1), _WINDOW_S / min(per_s, 1)
