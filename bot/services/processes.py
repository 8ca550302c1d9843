"""The other processes of an installation, and this one's share of what Discord allows all of them."""

import asyncio
import os
import platform
import secrets
from collections.abc import Sequence

import structlog

from bot import VERSION
from bot.db import processes
from bot.db.errors import ClocksDiffer, DatabaseFault
from bot.db.transaction import Database
from bot.domain.duties import Duty
from bot.domain.shares import GONE_AFTER_MS, Process, share_of
from bot.services.ports import Clock
from bot.services.rate_limit import RateLimit

log = structlog.stdlib.get_logger(__name__)

_LOOKS_EVERY_MS = 4_000
_LEFT_AFTER_MS = 600_000
"""Long enough for a worker to be begun anew, or to be given a new provider after the gateways."""
_TOLD_MS, _REFUSED_MS = 5_000, 15_000
"""Between the clocks of a machine and of the database: steps are taken when they are due, and doubts believed after a while."""


class Processes:
    """Says every few seconds that this process is there, and takes its share among those that are."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        duty: Duty,
        limit: RateLimit,
        per_s: float,
        providers: Sequence[str] = (),
    ) -> None:
        """`per_s` is what all together may send to Discord; `limit` is kept at this process's share of it."""
        self._db = db
        self._clock = clock
        self._limit = limit
        self._per_s = per_s
        self._before: list[Process] = []
        self._looking_since_ms = self._looked_ms = 0
        """Since when it has known who is there without a gap, and last knew, by this machine's clock."""
        self._had_ms: dict[str, int] = {}
        """When providers were last at hand."""
        self.own = Process(
            id=secrets.token_hex(8),
            name=f"{platform.node()}:{os.getpid()}",
            role=duty.role,
            shards=str(duty.shards) if duty.shards is not None else None,
            version=VERSION,
            providers=tuple(providers),
        )
        self._is_off = False

    async def begin(self) -> None:
        """Take a share before anything is sent to Discord.

        Raises:
            ClocksDiffer: this machine's clock is wrong, or the database's.
            DatabaseFault: it cannot be known which.
        """
        away_ms = await self._look()
        self._compare(away_ms)
        if abs(away_ms) > _REFUSED_MS:
            raise ClocksDiffer(_told(away_ms))

    async def run(self) -> None:
        """Go on with it, for as long as the process runs. Without the database everybody's share stays as it is."""
        while True:
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _LOOKS_EVERY_MS)
            try:
                self._compare(await self._look())
            except DatabaseFault as fault:
                log.info("other processes not known", reason=str(fault))

    @property
    def there(self) -> Sequence[Process]:
        """Who was there at the last look, this one too."""
        return self._before

    def has_left(self, provider: str) -> bool:
        """Whether nobody has had a provider at hand for some minutes, in all of which this process would have seen it.

        One that is only looked for once is not there while its one worker is begun anew, nor are any after an outage.
        """
        now_ms = self._clock.now_ms()
        missed_since_ms = max(self._looking_since_ms, self._had_ms.get(provider, 0))
        return now_ms - self._looked_ms <= GONE_AFTER_MS and now_ms - missed_since_ms >= _LEFT_AFTER_MS

    async def end(self) -> None:
        """Leave the others their shares."""
        try:
            await self._db.write(processes.disappear(self.own.id))
        except DatabaseFault as fault:
            log.info("not signed off", reason=str(fault))

    async def _look(self) -> int:
        """One that is missing is believed to be gone the second time: after an outage all come back one by one.

        Returns by how much this machine's clock is surely ahead of the database's, in milliseconds; behind is negative.
        """
        asked_ms = self._clock.now_ms()
        seen = await self._db.write(processes.appear(self.own, now_ms=asked_ms))
        answered_ms, live = self._clock.now_ms(), seen.processes
        [self.own] = (process for process in live if process.id == self.own.id)
        known = {process.id: process for process in (*self._before, *live)}
        if known.keys() != {process.id for process in self._before}:
            log.info("processes", there=[process.name for process in live])
        self._remember(live, asked_ms)
        self._before = live
        self._limit.allow(share_of(self.own, [*known.values()], per_s=self._per_s, now_ms=seen.at_ms))
        return max(asked_ms - seen.at_ms, 0) or min(answered_ms - seen.at_ms, 0)

    def _remember(self, live: Sequence[Process], now_ms: int) -> None:
        """Which providers are at hand. A gateway that begins tells of one that workers are about to get, and makes nothing."""
        if now_ms - self._looked_ms > GONE_AFTER_MS:
            self._looking_since_ms = now_ms
        self._looked_ms = now_ms
        before = {process.id for process in self._before}
        for process in live:
            if process.role.carries or process.id not in before:
                self._had_ms |= dict.fromkeys(process.providers, now_ms)

    def _compare(self, away_ms: int) -> None:
        was_off, self._is_off = self._is_off, abs(away_ms) > _TOLD_MS
        if self._is_off and not was_off:
            log.error("the clocks differ", reason=_told(away_ms))


def _told(away_ms: int) -> str:
    way = "ahead of" if away_ms > 0 else "behind"
    off = f"The clock of this machine is {abs(away_ms) / 1000:,.0f} s {way}"
    return f"{off} the database's. Have both kept by NTP: all processes need the same time."
