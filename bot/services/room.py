"""Watches the room on the disk: where there is too little, nothing is begun that could not be kept."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from bot.services.gate import Closure, Gate
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

LOOKS_EVERY_MS = 5_000
PLENTY = 4
"""With less free than so many reserves, whoever operates the bot is told: long before the first is touched."""

_MORE = 1.1
"""Opened again only at somewhat more than the reserve: else the gate would swing with each clip."""


class Room:
    """Shuts the gate while less is free than the reserve, and opens it by itself."""

    def __init__(
        self, *, free_bytes: Callable[[], int | None], reserve_bytes: int, gate: Gate, clock: Clock
    ) -> None:
        """`free_bytes` looks at the disk, in a thread; None where the system does not tell."""
        self._free_bytes = free_bytes
        self._reserve_bytes = reserve_bytes
        self._gate = gate
        self._clock = clock

    async def look(self) -> None:
        """Shut or open the gate, as it is now."""
        free_bytes = await asyncio.to_thread(self._free_bytes)
        if free_bytes is None:
            return
        if free_bytes < self._reserve_bytes:
            if Closure.DISK_FULL not in self._gate.closures:
                log.error("disk full", free_bytes=free_bytes, reserve_bytes=self._reserve_bytes)
            self._gate.shut(Closure.DISK_FULL)
        elif free_bytes >= self._reserve_bytes * _MORE:
            self._gate.open(Closure.DISK_FULL)

    async def run(self) -> None:
        """Look every few seconds for as long as the bot runs."""
        while True:
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + LOOKS_EVERY_MS)
            await self.look()


def least_free_bytes(folders: Sequence[Path]) -> int | None:
    """Of the disks on which these folders are, what is free on the fullest; None where none tells."""
    found: list[int] = []
    for folder in folders:
        try:
            found.append(shutil.disk_usage(folder).free)
        except OSError as fault:
            log.debug("disk does not tell", folder=str(folder), reason=str(fault))
    return min(found, default=None)
