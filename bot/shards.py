"""The connections to Discord's gateway, one for each shard of this process.

Each is kept as discord.py keeps that of a bot which has only one: it resumes, and pauses longer after each failure. So
no shard waits for another that cannot get in, as they do in discord.py's own client for several.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

import discord
import structlog
from discord.gateway import DiscordWebSocket

from bot.db import identifies
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database
from bot.domain.duties import Shards
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
"""Between attempts to reach the gateway for the first time."""

IDENTIFIES_EVERY_S = 5.0
"""At most, for shards with the same remainder by Discord's `max_concurrency` (Discord, Sharding)."""
_TURNS_APART_MS = round(1100 * IDENTIFIES_EVERY_S)
"""Between shards of several processes, whose ways to Discord are not equally long."""

Turn: TypeAlias = Callable[[int], Awaitable[float]]
"""How many seconds it is to the turn of a shard, by its remainder; each call takes a turn."""


class Shard:
    """One connection, and as much of a client as `discord.Client.connect` needs for it: the rest is the client's."""

    def __init__(self, client: discord.Client, shard_id: int) -> None:
        self._client = client
        self.shard_id = shard_id
        self.ws: DiscordWebSocket | None = None
        self._heard: DiscordWebSocket | None = None

    def __getattr__(self, name: str) -> Any:
        """Whatever is the same for all shards."""
        return getattr(self._client, name)

    @property
    def is_up(self) -> bool:
        """Whether the gateway has said that it is ready, and that connection stands."""
        return self.ws is not None and self.ws is self._heard and self.ws.open

    def heard(self) -> None:
        """The gateway is ready."""
        self._heard = self.ws

    async def stay(self, *, reconnect: bool) -> None:
        """Stay connected. Go on trying also before the first time: discord.py stumbles over having none to resume."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return await discord.Client.connect(cast("discord.Client", self), reconnect=reconnect)
            except AttributeError as stumble:
                if self.ws or stumble.name != "sequence":
                    raise
            if pause_s == _FIRST_PAUSE_S:
                log.warning("the gateway cannot be reached", host=DiscordWebSocket.DEFAULT_GATEWAY.host)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


class Connections:
    """All of them. Where discord.py asks its client for the one socket, this stands for it."""

    def __init__(self) -> None:
        self._shards: dict[int, Shard] = {}

    @property
    def open(self) -> bool:
        """Whether there is one to be closed."""
        return bool(self._sockets)

    @property
    def are_up(self) -> bool:
        """Whether every shard is."""
        return bool(self._shards) and all(shard.is_up for shard in self._shards.values())

    @property
    def _sockets(self) -> list[DiscordWebSocket]:
        return [shard.ws for shard in self._shards.values() if shard.ws is not None and shard.ws.open]

    @property
    def latency(self) -> float:
        """Of the slowest, in seconds; NaN before the first heartbeat of all."""
        known = [shard.ws.latency for shard in self._shards.values() if shard.ws is not None]
        return max(known, default=float("nan"))

    def heard(self, shard_id: int) -> None:
        """The gateway is ready for a shard."""
        self._shards[shard_id].heard()

    async def stay(self, client: discord.Client, shards: Shards, *, reconnect: bool) -> None:
        """Keep every shard connected; the first that Discord wants no more of ends the others, and raises."""
        self._shards = {shard_id: Shard(client, shard_id) for shard_id in shards.ids}
        try:
            async with asyncio.TaskGroup() as tasks:
                for shard in self._shards.values():
                    tasks.create_task(shard.stay(reconnect=reconnect), name=f"shard {shard.shard_id}")
        except ExceptionGroup as failures:
            raise failures.exceptions[0]  # noqa: B904 - the group says no more

    async def close(self, code: int = 4000) -> None:
        """Close what is open."""
        await asyncio.gather(*(socket.close(code=code) for socket in self._sockets))


class Turns:
    """Who may identify when, among the shards of one process; where there are several, the database knows more."""

    def __init__(self, shared: Turn | None = None) -> None:
        self.max_concurrency = 1
        """As many shards may identify at once (Discord, Session Start Limit)."""
        self._shared = shared
        self._free_at_s: dict[int, float] = {}

    async def wait(self, shard_id: int, *, is_first: bool) -> None:
        """Until it is a shard's turn. One that was in before pauses in any case: its session was found invalid."""
        remainder = shard_id % self.max_concurrency
        turn_s = await (self._shared or self._own)(remainder)
        await asyncio.sleep(turn_s if is_first else max(turn_s, IDENTIFIES_EVERY_S))

    async def _own(self, remainder: int) -> float:
        now_s = time.monotonic()
        turn_s = max(now_s, self._free_at_s.get(remainder, now_s))
        self._free_at_s[remainder] = turn_s + IDENTIFIES_EVERY_S
        return turn_s - now_s


def turns_among_processes(db: Database, clock: Clock) -> Turn:
    """Turns that the shards of all processes take together."""

    async def turn(remainder: int) -> float:
        now_ms = clock.now_ms()
        taken = identifies.take_turn(remainder, now_ms=now_ms, every_ms=_TURNS_APART_MS)
        try:
            return (await db.write(taken) - now_ms) / 1000
        except DatabaseFault as fault:
            log.warning("other processes not known while identifying", reason=str(fault))
            return IDENTIFIES_EVERY_S

    return turn
