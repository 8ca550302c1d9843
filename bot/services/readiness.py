"""Whether the bot can do its work, for whoever watches over the process."""

import asyncio
from collections.abc import Callable

from bot.db import operation
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database
from bot.services.gate import Closure, Gate

_PATIENCE_S = 3.0


class Readiness:
    """Looks when it is asked."""

    def __init__(self, *, db: Database, gate: Gate, is_connected: Callable[[], bool]) -> None:
        """`is_connected` says whether Discord's gateway is."""
        self._db = db
        self._gate = gate
        self._is_connected = is_connected

    async def look(self) -> tuple[list[str], list[str]]:
        """Why it cannot work, and what else is to be said.

        A gate that is shut is none of the reasons, unless the process ends: requests are still answered, in words or by
        a place in line, no other gateway hears this one's servers, and a worker leaves what it cannot do to others.
        """
        problems = [] if self._is_connected() else ["the gateway is not connected"]
        if not await self._can_write():
            problems.append("the database cannot be written")
        if Closure.STOPPING in self._gate.closures:
            problems.append("the bot is being stopped")
        others = sorted(self._gate.closures - {Closure.STOPPING})
        return problems, [f"no job is begun: {closure.value}" for closure in others]

    async def _can_write(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._db.write(operation.beat())
        except (DatabaseFault, TimeoutError):
            return False
        return True
