"""Faults on request: a test names a route and what shall go wrong there.

Answer      refuse with this status and body, before anything happens
TooMany     refuse with 429
Drop        cut the connection, before the effect or after it
Hold        wait until the fault is released
Delay       be slow, before the effect or after it
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.sandbox.wire import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with a status and a body; nothing happens."""

    status: int
    body: Json = field(default_factory=lambda: {"message": "A fault on request", "code": 0})
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class TooMany:
    """Answer 429. Without `via` it looks as if it came from the proxy in front of Discord."""

    retry_after_s: float = 0.05
    via: bool = True
    is_global: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection."""

    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Let the request wait for `Fault.release`, before the effect or after it."""

    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """Let the request wait for so long."""

    seconds: float
    after_effect: bool = False


Action: TypeAlias = Answer | TooMany | Drop | Hold | Delay

Weather: TypeAlias = Callable[[str, str], Action | None]
"""Says for a method and a route what happens to the request that comes now; None where nothing does."""


@dataclass(eq=False)
class Fault:
    """A fault that was asked for."""

    method: str
    route: str
    action: Action
    nth: int
    times: int | None
    matches: int = 0
    hits: int = 0
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has struck for the first time."""
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let those go on that are held, and hold nobody any more."""
        self._released.set()

    async def held(self) -> None:
        """Wait for the release."""
        await self._released.wait()

    def strikes(self, method: str, route: str) -> bool:
        """Whether the request that comes now is to be hit."""
        if self.method not in {"*", method} or self.route not in {"*", route}:
            return False
        self.matches += 1
        last = None if self.times is None else self.nth + self.times - 1
        if self.matches < self.nth or (last is not None and self.matches > last):
            return False
        self.hits += 1
        self.struck.set()
        return True


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.weather: Weather | None = None
        """Asked about each request that no fault hits; it may roll dice."""

    def add(self, method: str, route: str, action: Action, *, nth: int = 1, times: int | None = 1) -> Fault:
        """Ask for a fault.

        Args:
            method: The HTTP method, `*` for each.
            route: The route template, for example `/channels/{channel_id}/messages`; `/cdn` for downloads;
                `*` for each.
            action: What happens.
            nth: The first matching request that is hit, counted from now.
            times: How many are hit; None for all from then on.
        """
        fault = Fault(method, route, action, nth, times)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Take all faults back and release what they hold; the weather is fine again."""
        self.weather = None
        for fault in self._faults:
            fault.release()
        self._faults.clear()

    def strike(self, method: str, route: str) -> Fault | None:
        """The fault that hits this request; every matching fault counts it."""
        struck = [fault for fault in self._faults if fault.strikes(method, route)]
        if struck:
            return struck[0]
        action = self.weather(method, route) if self.weather else None
        return Fault(method, route, action, nth=1, times=1) if action else None
