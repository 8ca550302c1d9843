"""Blobs in a store that several processes share: who is about to delete one says so in a row, and who puts one does, too."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bot.db import moves
from bot.db.transaction import Database
from bot.media.errors import StoreUnavailable
from bot.services.ports import Clock

FRESH_MS = 600_000
"""Who put something says within so long what for."""

HELD_FOR_MS = 60_000
"""A process that dies while it deletes keeps others from putting the same bytes for no longer."""

_DELETED_WITHIN_MS = 30_000
"""What takes longer is broken off, well before others believe that it is over."""

_LOOKS_EVERY_MS = 250


class SharedMoves:
    """`bot.media.blobs.Moves` by rows. What the database refuses passes through."""

    def __init__(self, *, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def coming(self, blob: str) -> None:
        """As `Moves` says."""
        while not await self._db.write(moves.come(blob, now_ms=self._clock.now_ms())):
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _LOOKS_EVERY_MS)

    @asynccontextmanager
    async def leaving(self, blob: str, *, is_damaged: bool = False) -> AsyncGenerator[bool]:
        """As `Moves` says.

        Raises:
            StoreUnavailable: it took too long.
        """
        now_ms, fresh_ms = self._clock.now_ms(), 0 if is_damaged else FRESH_MS
        held = moves.hold(blob, fresh_ms=fresh_ms, now_ms=now_ms, for_ms=HELD_FOR_MS)
        until_ms = await self._db.write(held)
        if until_ms is None:
            yield False
            return
        # By the clock on the wall: the loop's stands still while a machine is suspended.
        left_ms = now_ms + _DELETED_WITHIN_MS - self._clock.now_ms()
        if left_ms <= 0:  # a process that was frozen deletes nothing when it wakes
            raise StoreUnavailable
        try:
            async with asyncio.timeout(left_ms / 1000):
                yield True
        except TimeoutError as fault:
            raise StoreUnavailable from fault
        await self._db.write(
            moves.release(blob, until_ms=until_ms)
        )  # else it may be deleted yet, for a while
