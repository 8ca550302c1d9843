"""The other processes of an installation, and this one's share of what Discord allows all of them."""

import asyncio
import os
import platform
import secrets

import structlog

from bot import VERSION
from bot.db import processes
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database
from bot.domain.duties import Duty
from bot.domain.shares import Process, share_of
from bot.services.ports import Clock
from bot.services.rate_limit import RateLimit

log = structlog.stdlib.get_logger(__name__)

_LOOKS_EVERY_MS = 4_000


class Processes:
    """Says every few seconds that this process is there, and takes its share among those that are."""

    def __init__(self, *, db: Database, clock: Clock, duty: Duty, limit: RateLimit, per_s: float) -> None:
        """`per_s` is what all together may send to Discord; `limit` is kept at this process's share of it."""
        self._db = db
        self._clock = clock
        self._limit = limit
        self._per_s = per_s
        self._before: list[Process] = []
        self.own = Process(
            id=secrets.token_hex(8),
            name=f"{platform.node()}:{os.getpid()}",
            role=duty.role,
            shards=str(duty.shards) if duty.shards is not None else None,
            version=VERSION,
            began_at_ms=clock.now_ms(),
        )

    async def begin(self) -> None:
        """Take a share before anything is sent to Discord.

        Raises:
            DatabaseFault: it cannot be known which.
        """
        await self._look()

    async def run(self) -> None:
        """Go on with it, for as long as the process runs. Without the database everybody's share stays as it is."""
        while True:
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _LOOKS_EVERY_MS)
            try:
                await self._look()
            except DatabaseFault as fault:
                log.info("other processes not known", reason=str(fault))

    async def end(self) -> None:
        """Leave the others their shares."""
        try:
            await self._db.write(processes.disappear(self.own.id))
        except DatabaseFault as fault:
            log.info("not signed off", reason=str(fault))

    async def _look(self) -> None:
        """One that is missing is believed to be gone the second time: after an outage all come back one by one."""
        now_ms = self._clock.now_ms()
        live = await self._db.write(processes.appear(self.own, now_ms=now_ms))
        known = {process.id: process for process in (*self._before, *live)}
        if known.keys() != {process.id for process in self._before}:
            log.info("processes", there=[process.name for process in live])
        self._before = live
        self._limit.allow(share_of(self.own, [*known.values()], per_s=self._per_s, now_ms=now_ms))
