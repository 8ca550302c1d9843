"""The connections to Discord's gateway, one for each shard of this process.

Each comes back by itself: it resumes its session, or waits for its turn to begin another. No shard waits for one that
cannot get in, as they do in discord.py's own client for several, and none holds a connection open while it waits.
"""

import asyncio
import time
from collections import defaultdict
from typing import Any, Protocol

import aiohttp
import discord
import structlog
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from bot.db import identifies
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database
from bot.domain.duties import Shards
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
"""Between attempts to reach the gateway."""
_OPENS_WITHIN_S = 60.0
_CLEAN = 1000
"""Closes a connection without a reason; nothing is wrong with what it was opened for."""

IDENTIFIES_EVERY_S = 5.0
"""At most, for shards with the same remainder by Discord's `max_concurrency` (Discord, Sharding)."""
_APART_MS = round(1100 * IDENTIFIES_EVERY_S)
"""Between shards of several processes, whose ways to Discord are not equally long."""


class Line(Protocol):
    """Where shards wait that have the same remainder by `max_concurrency`; one stands in front at a time."""

    async def try_turn(self, remainder: int) -> float:
        """Take a turn if nobody else has one; else say in how many seconds it is worth trying again."""
        ...

    async def begun(self, remainder: int) -> None:
        """Whoever has the turn identifies just now: the others wait from here on."""
        ...


class OwnLine:
    """Of one process."""

    def __init__(self) -> None:
        self._free_at_s: dict[int, float] = {}

    async def try_turn(self, remainder: int) -> float:
        """See `Line`."""
        wait_s = self._free_at_s.get(remainder, 0.0) - time.monotonic()
        if wait_s <= 0:
            await self.begun(remainder)
        return max(0.0, wait_s)

    async def begun(self, remainder: int) -> None:
        """See `Line`."""
        self._free_at_s[remainder] = time.monotonic() + IDENTIFIES_EVERY_S


class SharedLine:
    """Of all processes that share a database; while it is away, each has its own, and Discord sends some to its end."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._own = OwnLine()

    async def try_turn(self, remainder: int) -> float:
        """See `Line`."""
        taken = identifies.take_turn(remainder, now_ms=self._clock.now_ms(), every_ms=_APART_MS)
        try:
            return await self._db.write(taken) / 1000
        except DatabaseFault as fault:
            log.warning("other processes not known while identifying", reason=str(fault))
            return await self._own.try_turn(remainder)

    async def begun(self, remainder: int) -> None:
        """See `Line`."""
        await self._own.begun(remainder)
        try:
            await self._db.write(identifies.hold(remainder, now_ms=self._clock.now_ms(), for_ms=_APART_MS))
        except DatabaseFault as fault:
            log.warning("other processes not told of identifying", reason=str(fault))


class Turns:
    """Who may identify when."""

    def __init__(self, line: Line) -> None:
        self.max_concurrency = 1
        """As many shards may identify at once (Discord, Session Start Limit)."""
        self._line = line
        self._first = defaultdict[int, asyncio.Lock](asyncio.Lock)

    async def come(self, shard_id: int) -> None:
        """Wait until it is a shard's turn. Of each process only one stands in the line that others stand in, too."""
        remainder = shard_id % self.max_concurrency
        async with self._first[remainder]:
            while (wait_s := await self._line.try_turn(remainder)) > 0:  # noqa: ASYNC110 - told by no event
                await asyncio.sleep(wait_s)

    async def begun(self, shard_id: int) -> None:
        """A shard identifies just now, however long it took to connect."""
        await self._line.begun(shard_id % self.max_concurrency)


class Shard:
    """One connection; what is heard over it is the client's."""

    def __init__(self, client: discord.Client, shard_id: int) -> None:
        self._client = client
        self.shard_id = shard_id
        self.ws: DiscordWebSocket | None = None
        self._heard: DiscordWebSocket | None = None
        self._pause_s = _FIRST_PAUSE_S

    @property
    def is_up(self) -> bool:
        """Whether the gateway has said that it is ready, and that connection stands."""
        return self.ws is not None and self.ws is self._heard and self.ws.open

    def heard(self) -> None:
        """The gateway is ready."""
        self._heard = self.ws
        self._pause_s = _FIRST_PAUSE_S

    async def stay(self, turns: Turns) -> None:
        """Stay connected until the client is closed.

        Raises:
            discord.ConnectionClosed: Discord wants no more of it.
        """
        while not self._client.is_closed():
            try:
                await self._hear(turns)
            except ReconnectWebSocket as lost:
                self._client.dispatch("disconnect")
                await asyncio.sleep(0 if lost.resume else IDENTIFIES_EVERY_S)  # Discord, Resuming
            except (OSError, aiohttp.ClientError, discord.ConnectionClosed) as fault:
                self._client.dispatch("disconnect")
                await self._pause(fault)

    async def _hear(self, turns: Turns) -> None:
        """Connect, and hear until the connection is lost."""
        session = self._session()
        if not session:
            await turns.come(self.shard_id)
        opened = DiscordWebSocket.from_client(self._client, shard_id=self.shard_id, **session)
        self.ws = await asyncio.wait_for(opened, _OPENS_WITHIN_S)
        while True:
            await self.ws.poll_event()

    def _session(self) -> dict[str, Any]:
        """What can be resumed, if anything."""
        if self.ws is None or self.ws.session_id is None:
            return {}
        lost = self.ws
        return {
            "resume": True,
            "session": lost.session_id,
            "sequence": lost.sequence,
            "gateway": lost.gateway,
        }

    async def _pause(self, fault: Exception) -> None:
        """Wait longer after each failure; raise what will not pass."""
        if isinstance(fault, discord.ConnectionClosed) and fault.code != _CLEAN:
            raise fault
        if self._client.is_closed():
            return
        if self._pause_s == _FIRST_PAUSE_S:
            host = DiscordWebSocket.DEFAULT_GATEWAY.host
            log.warning("the gateway cannot be reached", host=host, shard=self.shard_id, reason=repr(fault))
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)


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

    async def stay(self, client: discord.Client, shards: Shards, turns: Turns) -> None:
        """Keep every shard connected; the first that Discord wants no more of ends the others, and raises."""
        self._shards = {shard_id: Shard(client, shard_id) for shard_id in shards.ids}
        try:
            async with asyncio.TaskGroup() as tasks:
                for shard in self._shards.values():
                    tasks.create_task(shard.stay(turns), name=f"shard {shard.shard_id}")
        except ExceptionGroup as failures:
            raise failures.exceptions[0]  # noqa: B904 - the group says no more

    async def close(self, code: int = 4000) -> None:
        """Close what is open."""
        await asyncio.gather(*(socket.close(code=code) for socket in self._sockets))
