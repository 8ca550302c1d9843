"""What one process does for all: sweeps and tidying, which two at once would only do twice.

Nothing in them depends on being alone for its correctness, because a process that was frozen learns late that another
one leads by now: each step is a compare-and-set, or harmless a second time. So the lead saves work and noise.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import structlog

from bot.db.errors import DatabaseUnavailable
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_TRIES_EVERY_MS = 2_000
_LOOKS_EVERY_S = 2.0
_WAKES_ALL_EVERY_MS = 60_000
"""What somebody rang for just before they died is done this late at most."""


Run: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Leadership(Protocol):
    """Whether this process leads, and what is done where it does."""

    @property
    def leads(self) -> bool:
        """Whether it does; another process may think so of itself for some seconds more."""
        ...

    def duty(
        self, name: str, run: Run | None, wake: Callable[[], None], hear: Callable[[int], None] | None = None
    ) -> None:
        """`run` goes on wherever the lead is, begun anew each time; None if it goes on everywhere.

        `wake` tells it that there is something to do, and `hear` about what.
        """
        ...

    def ring(self, name: str, about: int | None = None) -> None:
        """There is something to do for a duty, in whichever process that is done."""
        ...

    async def run(self) -> None:
        """Do all duties while this process leads, for as long as it runs."""
        ...


class Seat(Protocol):
    """What only one of several processes can have: `bot.db.postgres.seat.Seat`. Each method raises DatabaseUnavailable."""

    async def take(self) -> bool:
        """Try to have it."""
        ...

    async def rung(self, *, within_s: float) -> set[str]:
        """Who has it hears what others ring for, and that it still has it."""
        ...

    async def ring(self, *names: str) -> None:
        """Let who has it know."""
        ...

    async def leave(self) -> None:
        """Give it back."""
        ...


@dataclass(frozen=True, slots=True)
class _Duty:
    run: Run | None
    wake: Callable[[], None]
    hear: Callable[[int], None] | None

    def told(self, about: int | None) -> None:
        """There is something to do."""
        if self.hear is None or about is None:
            self.wake()
        else:
            self.hear(about)


class Alone:
    """The lead of a process that is the only one."""

    leads = True

    def __init__(self) -> None:
        self._duties: dict[str, _Duty] = {}

    def duty(
        self, name: str, run: Run | None, wake: Callable[[], None], hear: Callable[[int], None] | None = None
    ) -> None:
        """As `Leadership` says."""
        self._duties[name] = _Duty(run, wake, hear)

    def ring(self, name: str, about: int | None = None) -> None:
        """As `Leadership` says."""
        self._duties[name].told(about)

    async def run(self) -> None:
        """As `Leadership` says."""
        async with asyncio.TaskGroup() as tasks:
            for name, duty in self._duties.items():
                if duty.run is not None:
                    tasks.create_task(duty.run(), name=name)


class Elected:
    """The lead of one of several processes: of the one that has the seat, as long as it can be sure of that."""

    def __init__(self, *, seat: Seat, clock: Clock, may_lead: bool = True) -> None:
        """One that may not lead rings for others."""
        self._seat = seat
        self._may_lead = may_lead
        self._clock = clock
        self._duties: dict[str, _Duty] = {}
        self._leads = False
        self._rings: set[str] = set()
        """What the process that leads is to be told by this one."""
        self._rang = asyncio.Event()
        self._is_away = False

    @property
    def leads(self) -> bool:
        """As `Leadership` says."""
        return self._leads

    def duty(
        self, name: str, run: Run | None, wake: Callable[[], None], hear: Callable[[int], None] | None = None
    ) -> None:
        """As `Leadership` says."""
        self._duties[name] = _Duty(run, wake, hear)

    def ring(self, name: str, about: int | None = None) -> None:
        """As `Leadership` says."""
        if self._leads:
            self._duties[name].told(about)
        else:
            self._rings.add(f"{name}/{'' if about is None else about}")
            self._rang.set()

    async def run(self) -> None:
        """As `Leadership` says."""
        try:
            while True:
                try:
                    await self._follow()
                    await self._lead()
                except* DatabaseUnavailable as faults:
                    self._tell_once(faults.exceptions[0])
                    pause_ms = self._clock.now_ms() + _TRIES_EVERY_MS
                    await self._clock.wait(asyncio.Event(), until_ms=pause_ms)
        finally:
            await self._seat.leave()

    async def _follow(self) -> None:
        """Pass on what is rung for, until this process leads."""
        while not (self._may_lead and await self._seat.take()):
            self._is_away = False
            await self._clock.wait(self._rang, until_ms=self._clock.now_ms() + _TRIES_EVERY_MS)
            self._rang.clear()
            if self._rings:
                rings, self._rings = self._rings, set[str]()
                try:
                    await self._seat.ring(*rings)
                except DatabaseUnavailable:
                    self._rings |= rings
                    raise

    async def _lead(self) -> None:
        log.info("leads")
        self._is_away = False
        self._rings.clear()  # every duty looks at everything when it begins
        self._leads = True
        try:
            async with asyncio.TaskGroup() as tasks:
                for duty in self._duties.values():
                    duty.wake()
                duties = [
                    tasks.create_task(duty.run(), name=name)
                    for name, duty in self._duties.items()
                    if duty.run is not None
                ]
                try:
                    await self._listen()
                finally:
                    self._leads = False
                    for duty in duties:
                        duty.cancel()
        finally:
            log.info("leads no longer")

    async def _listen(self) -> None:
        wakes_at_ms = self._clock.now_ms() + _WAKES_ALL_EVERY_MS
        while True:
            for rung in await self._seat.rung(within_s=_LOOKS_EVERY_S):
                name, _, about = rung.partition("/")
                duty = self._duties.get(name)
                if duty is not None:  # an older or a newer version may ring for something else
                    duty.told(int(about) if about.isdecimal() else None)
            if self._clock.now_ms() >= wakes_at_ms:
                wakes_at_ms = self._clock.now_ms() + _WAKES_ALL_EVERY_MS
                for duty in self._duties.values():
                    duty.wake()

    def _tell_once(self, fault: BaseException) -> None:
        if not self._is_away:
            self._is_away = True
            log.warning("cannot know who leads", reason=str(fault.__cause__ or fault))
