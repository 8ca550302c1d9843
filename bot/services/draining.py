"""Draining: what runs may end, nothing else is begun. It lasts until the operator ends it, across restarts."""

import asyncio
from collections.abc import AsyncGenerator

import structlog

from bot.db import installation, operation
from bot.db.operation import Load
from bot.db.transaction import Database
from bot.domain.errors import Unchanged
from bot.services.gate import Closure, Gate
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_NAME = "drained since"
_LOOKS_EVERY_MS = 2_000


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
        if await self._db.read(installation.recall(_NAME)):
            log.warning("drained, as before the start: no clip is begun until /resume")
            self._gate.shut(Closure.DRAINING)

    async def begin(self, *, by_id: int) -> Load:
        """Begin nothing any more; once more changes nothing. Returns what runs and waits."""
        await self._db.write(installation.settle_on(_NAME, str(self._clock.now_ms())))
        log.warning("draining", by=by_id)
        self._gate.shut(Closure.DRAINING)
        return await self.load()

    async def end(self, *, by_id: int) -> Load:
        """Begin clips again, unless something else is in the way. Returns what runs and waits.

        Raises:
            NotDrained: there is nothing to be ended.
        """
        if not self.lasts:
            raise NotDrained
        await self._db.write(installation.forget(_NAME))
        log.info("draining ended", by=by_id)
        self._gate.open(Closure.DRAINING)
        return await self.load()

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
