"""Tells moderators in their log channel who asked for what: a few messages for many requests, never in anybody's way."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from bot.db import request_log
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database
from bot.domain.errors import DeliveryFault, DiscordUnavailable
from bot.domain.jobs import Job
from bot.services.policy import RefusedRequest
from bot.services.ports import Clock, Publisher

log = structlog.stdlib.get_logger(__name__)

Told: TypeAlias = Job | RefusedRequest

GATHER_MS = 3_000
"""What comes within it goes into one message, and a server gets no more than one message in it."""

_RETRY_AFTER_MS = 60_000
_MAX_CHARACTERS = 2_000
"""Of a message."""
_MAX_JOBS = 20
_MAX_REFUSED = 20
"""Of a server, waiting to be told; more are not worth a moderator's time."""


@dataclass(frozen=True, slots=True)
class _Message:
    """What a log channel is told at once."""

    channel_id: int
    texts: Sequence[str]
    """Of its jobs, and after them of the refused requests."""
    key: str
    jobs: Sequence[Job]
    refused: int
    """How many of the refused requests that wait are in it."""
    is_all: bool

    def text(self, forgotten: Collection[int]) -> str:
        """Without jobs whose members were forgotten since it was composed; empty if that leaves nothing."""
        told = [job.id not in forgotten for job in self.jobs] + [True] * self.refused
        return "\n".join(itertools.compress(self.texts, told))


class RequestLog:
    """Requests that became jobs are told for certain, after a restart too; refused ones as far as the process lives."""

    def __init__(
        self,
        *,
        db: Database,
        publisher: Publisher,
        clock: Clock,
        words: Callable[[Told], str],
        leads: Callable[[], bool] = lambda: True,
        ring: Callable[[int], None] | None = None,
    ) -> None:
        """What it needs.

        Args:
            db: Where it stands what was told.
            publisher: Tells.
            clock: The time.
            words: What log channels are told of one, in fewer characters than a message has.
            leads: Whether this process tells of jobs; of refused requests tells the one that refused them.
            ring: Lets the process that does know of a server; None if it is this one.
        """
        self._db = db
        self._publisher = publisher
        self._clock = clock
        self._words = words
        self._leads = leads
        self._ring = ring or self.hear
        self._is_caught_up = False
        self._behind: set[int] = set()
        self._refused: dict[int, deque[RefusedRequest]] = {}
        self._under_way: dict[int, _Message] = {}
        self._woken = asyncio.Event()

    def wake(self, guild_id: int) -> None:
        """A request of this server has become a job."""
        self._ring(guild_id)

    def hear(self, guild_id: int) -> None:
        """There is something to tell a server's log channel."""
        self._behind.add(guild_id)
        self._woken.set()

    def look(self) -> None:
        """There may be something to tell in any server."""
        self._is_caught_up = False
        self._woken.set()

    def refused(self, request: RefusedRequest) -> None:
        """A request breaks a content rule."""
        self._refused.setdefault(request.guild_id, deque(maxlen=_MAX_REFUSED)).append(request)
        self.hear(request.guild_id)

    async def run(self) -> None:
        """Tell what there is to tell, for as long as the bot runs."""
        while True:
            try:
                if not self._is_caught_up and self._leads():
                    self._is_caught_up = True
                    await self._catch_up()
                if not self._behind:
                    await self._woken.wait()
                self._woken.clear()
                await self._pause(GATHER_MS)
                await self._tell_all()
            except (DiscordUnavailable, DatabaseFault) as fault:
                log.info("request log waits", reason=str(fault))
                await self._pause(_RETRY_AFTER_MS)
            except Exception:  # a log must not end the bot
                log.exception("request log failed")
                await self._pause(_RETRY_AFTER_MS)

    async def _catch_up(self) -> None:
        try:
            self._behind.update(await self._db.read(request_log.guilds_behind()))
        except BaseException:
            self._is_caught_up = False
            raise

    async def _pause(self, length_ms: int) -> None:
        await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + length_ms)

    async def _tell_all(self) -> None:
        due, self._behind = self._behind, set[int]()
        try:
            for guild_id in list(due):
                is_all = await self._tell(guild_id)
                due.discard(guild_id)
                if not is_all:
                    self._behind.add(guild_id)
        finally:
            self._behind |= due

    async def _tell(self, guild_id: int) -> bool:
        """Tell a server's log channel as much as goes into a message; whether that was all."""
        again = self._under_way.get(guild_id)
        message = again or await self._composed(guild_id)
        if message is None:
            self._refused.pop(guild_id, None)
            return True
        self._under_way[guild_id] = message  # if it is in doubt whether it arrived, the same is sent again
        await self._send(guild_id, message)
        if message.jobs:
            await self._db.write(request_log.told(guild_id, message.jobs[-1].id))
        self._drop_refused(guild_id, message.refused)
        del self._under_way[guild_id]
        return message.is_all and again is None  # more may have come since it was composed

    async def _send(self, guild_id: int, message: _Message) -> None:
        forgotten = await self._db.read(request_log.forgotten([job.id for job in message.jobs]))
        text = message.text(forgotten)
        if not text:
            return
        try:
            await self._publisher.tell(guild_id, message.channel_id, text, key=message.key, is_silent=True)
        except DiscordUnavailable:
            raise
        except DeliveryFault as fault:  # it will not get better by itself
            log.warning("log channel out of reach", guild=guild_id, reason=str(fault))

    async def _composed(self, guild_id: int) -> _Message | None:
        """The next message; None where there is nobody to tell, or nothing."""
        untold = await self._db.read(request_log.untold(guild_id, limit=_MAX_JOBS))
        refused = list(self._refused.get(guild_id, ()))
        if untold is None:
            return None
        behind = untold.jobs if self._leads() else ()
        if not (behind or refused):
            return None
        texts = list(self._fitting([*behind, *refused]))
        jobs = behind[: len(texts)]
        told = [str(job.id) for job in jobs]
        if len(texts) > len(jobs):  # those have no number
            told.append(f"at {self._clock.now_ms()}")
        return _Message(
            channel_id=untold.channel_id,
            texts=texts,
            key=f"requests of {guild_id}: {' '.join(told)}",
            jobs=jobs,
            refused=len(texts) - len(jobs),
            is_all=len(texts) == len(behind) + len(refused) and len(behind) < _MAX_JOBS,
        )

    def _fitting(self, entries: Sequence[Told]) -> Iterator[str]:
        """The words for the first of them, as many as a message holds."""
        left = _MAX_CHARACTERS
        for entry in entries:
            text = self._words(entry)
            left -= len(text) + len("\n")
            if left < 0:
                return
            yield text

    def _drop_refused(self, guild_id: int, number: int) -> None:
        waiting = self._refused.get(guild_id, deque[RefusedRequest]())
        for _ in range(min(number, len(waiting))):
            waiting.popleft()
        if not waiting:
            self._refused.pop(guild_id, None)
