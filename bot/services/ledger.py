"""The ledger as moderators read it: a page at a time, or all of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.db import ledger
from bot.db.ledger import Cursor, Line, Lookup
from bot.db.transaction import Database, Transaction

PAGE = 10
MOST_EXPORTED = 50_000
_READ_AT_ONCE = 1_000
"""Of an export, so that other reads get their turn in between."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and whether there are others on either side."""

    wanted: Lookup
    lines: tuple[Line, ...]
    has_newer: bool = False
    has_older: bool = False


class Ledger:
    """Reads one server's rows at a time; whoever calls it has seen to it that a moderator asks."""

    def __init__(self, *, db: Database) -> None:
        self._db = db
        self._turn = asyncio.Lock()
        """Of exports, so that whoever clicks waits for one handful at most."""

    async def newest(self, guild_id: int, wanted: Lookup) -> Page:
        """The first page."""
        return await self._db.read(_older(guild_id, wanted, None))

    async def older(self, guild_id: int, wanted: Lookup, cursor: Cursor) -> Page:
        """The page before a row."""
        return await self._db.read(_older(guild_id, wanted, cursor))

    async def newer(self, guild_id: int, wanted: Lookup, cursor: Cursor) -> Page:
        """The page after a row; the first one where that would not be full."""
        return await self._db.read(_newer(guild_id, wanted, cursor))

    async def all(self, guild_id: int, wanted: Lookup) -> AsyncIterator[list[Line]]:
        """The newest rows, at most `MOST_EXPORTED`, in handfuls. What is written meanwhile is not among them."""
        cursor: Cursor | None = None
        for _ in range(MOST_EXPORTED // _READ_AT_ONCE):
            async with self._turn:
                lines = await self._db.read(ledger.older(guild_id, wanted, cursor, limit=_READ_AT_ONCE))
            if lines:
                yield lines
            if len(lines) < _READ_AT_ONCE:
                return
            cursor = Cursor.of(lines[-1])


def _older(guild_id: int, wanted: Lookup, cursor: Cursor | None) -> Transaction[Page]:
    found = yield from ledger.older(guild_id, wanted, cursor, limit=PAGE + 1)
    lines = tuple(found[:PAGE])
    if cursor is None:
        return Page(wanted, lines, has_older=len(found) > PAGE)
    after = yield from ledger.newer(guild_id, wanted, Cursor.of(lines[0]) if lines else cursor, limit=1)
    return Page(wanted, lines, has_newer=bool(after) or not lines, has_older=len(found) > PAGE)


def _newer(guild_id: int, wanted: Lookup, cursor: Cursor) -> Transaction[Page]:
    found = yield from ledger.newer(guild_id, wanted, cursor, limit=PAGE + 1)
    if len(found) <= PAGE:
        return (yield from _older(guild_id, wanted, None))
    return Page(wanted, tuple(found[1:]), has_newer=True, has_older=True)
