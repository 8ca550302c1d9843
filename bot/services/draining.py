"""Draining: what runs may end, nothing else is begun. It lasts until the operator ends it, across restarts."""

import asyncio
from collections.abc import AsyncGenerator

import structlog

from bot.db import operation
from bot.db.errors import DatabaseFault
from bot.db.operation import Load
from bot.db.transaction import Database
from bot.domain.errors import Unchanged
from bot.services.gate import Closure, Gate
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_LOOKS_EVERY_MS = 2_000
"""At the row that says so, where another process may have written it, and at what still runs."""


class NotDrained(Unchanged):
    """The bot is not drained; waiting clips are begun in their turn."""


class Draining:
    """Shuts the gate and opens it again for the operator, and remembers which."""

    def __init__(self, *, db: Database, gate: Gate, clock: Clock) -> None:
        self._db = db
        self._gate = gate
        self._clock = clock

    async def recall(self) -> None:
        """Shut the gate if an earlier process was drained, before anything is begun."""
        if await self._db.read(operation.drained()):
            log.warning("drained, as before the start: no clip is begun until /resume")
            self._gate.shut(Closure.DRAINING)

    async def begin(self, *, by_id: int) -> Load:
        """Begin nothing any more; once more changes nothing. Returns what runs and waits."""
        await self._db.write(operation.drain(now_ms=self._clock.now_ms()))
        log.warning("draining", by=by_id)
        self._gate.shut(Closure.DRAINING)
        return await self.load()

    async def end(self, *, by_id: int) -> Load:
        """Begin clips again, unless something else is in the way. Returns what runs and waits.

        Raises:
            NotDrained: there is nothing to be ended.
        """
        was_drained = await self._db.write(operation.resume())
        self._gate.open(Closure.DRAINING)
        if not was_drained:
            raise NotDrained
        log.info("draining ended", by=by_id)
        return await self.load()

    async def run(self) -> None:
        """Shut and open the gate as any other process says, for as long as this one runs."""
        while True:
            try:
                await self.look()
            except DatabaseFault as fault:
                log.info("not known whether drained", reason=str(fault))
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _LOOKS_EVERY_MS)

    async def look(self) -> None:
        """Shut or open the gate, as it is now.

        Raises:
            DatabaseFault: that cannot be told.
        """
        if await self._db.read(operation.drained()):
            self._gate.shut(Closure.DRAINING)
        else:
            self._gate.open(Closure.DRAINING)

    @property
    def lasts(self) -> bool:
        """Whether nothing is begun because of this."""
        return Closure.DRAINING in self._gate.closures

    @property
    def _is_watched(self) -> bool:
        return self.lasts and Closure.STOPPING not in self._gate.closures

    async def load(self) -> Load:
        """What runs and waits."""
        return await self._db.read(operation.load())

    async def watched(self, last: Load, *, for_ms: int) -> AsyncGenerator[Load]:
        """What runs and waits whenever that is another number than `last`, what was said of it before.

        Until none runs, or for so long, or until it is no longer drained.
        """
        until_ms = self._clock.now_ms() + for_ms
        while last.running and self._is_watched and self._clock.now_ms() < until_ms:
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _LOOKS_EVERY_MS)
            now = await self.load()
            if now.running != last.running:
                yield now
            last = now
