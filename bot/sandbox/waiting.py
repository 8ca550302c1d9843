"""Waiting for a state without polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEFAULT_TIMEOUT_S = 60.0


class NothingCame(TimeoutError):
    """What was awaited did not happen in time; the text says what is there instead."""


class Bell:
    """Belongs to a thing that changes, and wakes those who wait for it to reach a state."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        """Let everybody who waits look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(
        self,
        look: Callable[[], T | None],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        awaited: str,
        there: Callable[[], str] = lambda: "nothing",
    ) -> T:
        """Return what `look` finds as soon as it finds something.

        Raises:
            NothingCame: it found nothing within `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    found = look()
                    if found is not None:
                        return found
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError as error:
            raise NothingCame(f"Waited {timeout_s:g} s for {awaited}. There is: {there()}.") from error
