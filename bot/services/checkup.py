"""How the bot is doing at this moment, in a few numbers: for the operator, who asks in Discord."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from bot.db import metrics, processes
from bot.db.transaction import Database
from bot.domain.duties import Shards
from bot.domain.jobs import JobState
from bot.domain.shares import Process
from bot.services.gate import Closure, Gate
from bot.services.health import Health
from bot.services.ports import Clock
from bot.services.room import PLENTY, least_free_bytes


@dataclass(frozen=True, slots=True)
class Provider:
    """The jobs of one provider."""

    name: str
    is_healthy: bool
    running: int
    waiting: int
    since_ms: int | None
    """Since when the oldest waits for its turn; None where none does."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Everything at one moment."""

    providers: tuple[Provider, ...]
    outbox: int
    """Clips that are made, and not posted yet."""
    doubts: int
    """Attempts of unknown end."""
    kept: int
    """Clips that no place took."""
    closures: tuple[Closure, ...]
    free_bytes: int | None
    """None where the disk does not tell."""
    has_room: bool
    """There is much more than the reserve."""
    upload_limit: int
    """Bytes that one file may have in the server where it was asked, as far as was learnt."""
    processes: tuple[Process, ...] = ()
    """All of the installation; none where there is only one."""

    @property
    def unconnected(self) -> tuple[int, ...]:
        """The shards that no process connects, whose servers the bot does not hear."""
        gateways = [one.shards for one in self.processes if one.role.connects]
        shards = [Shards.parse(some) for some in gateways if some is not None]
        if len(shards) < len(gateways):  # one has all
            return ()
        connected = {shard for some in shards for shard in some.ids}
        return tuple(sorted(set(range(max((some.count for some in shards), default=0))) - connected))


class Checkup:
    """Looks when it is asked."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        gate: Gate,
        health: Health,
        providers: Collection[str],
        folder: Path,
        reserve_bytes: int,
        known_limit: Callable[[int, int], int],
    ) -> None:
        """`known_limit` tells the limit of a server that claims one; `folder` is on the disk that matters, of which the reserve stays free."""
        self._db = db
        self._clock = clock
        self._gate = gate
        self._health = health
        self._providers = providers
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._known_limit = known_limit

    async def look(self, guild_id: int, *, claimed_limit: int) -> Condition:
        """How things are, for who asks in a server."""
        snapshot = await self._db.read(metrics.snapshot(after_id=0, limit=0))
        others = await self._db.read(processes.live(now_ms=self._clock.now_ms()))
        free_bytes = await asyncio.to_thread(least_free_bytes, [self._folder])
        return Condition(
            tuple(self._provider(name, snapshot) for name in self._providers),
            outbox=sum(found.jobs for found in snapshot.open if found.state in _OUTBOX),
            doubts=sum(found.doubts for found in snapshot.open),
            kept=snapshot.kept_for_claim,
            closures=tuple(closure for closure in Closure if closure in self._gate.closures),
            free_bytes=free_bytes,
            has_room=(free_bytes or 0) >= PLENTY * self._reserve_bytes,
            upload_limit=self._known_limit(guild_id, claimed_limit),
            processes=tuple(others),
        )

    def _provider(self, name: str, snapshot: metrics.Snapshot) -> Provider:
        own = [found for found in snapshot.open if found.provider == name]
        waiting = [found for found in own if found.state == JobState.QUEUED]
        return Provider(
            name,
            self._health.is_healthy(name),
            running=sum(found.jobs for found in own if found.state not in (JobState.QUEUED, *_OUTBOX)),
            waiting=sum(found.jobs for found in waiting),
            since_ms=min((found.since_ms for found in waiting), default=None),
        )


_OUTBOX = (JobState.FETCHING, JobState.DELIVERING)
