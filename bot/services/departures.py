"""What follows when the bot is removed from a server: its jobs end, nothing is said there, and later it is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog

from bot.db import departures, jobs
from bot.db.departures import Returned
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database
from bot.domain.duties import Shards
from bot.domain.errors import DeliveryFault
from bot.domain.jobs import Job
from bot.domain.limits import Limits
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_RETRY_AFTER_MS = 5_000
_ASKED_AGAIN_AFTER_MS = 60_000
_LOOKED_FOR_MS = 3_600_000
_LEARNS_EVERY_MS = 5_000
_LOOKED_FOR_BY_SEVERAL_MS = 60_000
_AT_ONCE = 50
_WHOLE = Shards.all_of(1)


class Departures:
    """Hears from Discord where the bot is, and draws the consequences, however often it is restarted in between.

    What is heard is only remembered; `run` writes it down, and tries until the database takes it.
    """

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        gone: set[int],
        defaults: Limits,
        data_lasts_ms: int | None,
        is_member: Callable[[int], Awaitable[bool]],
        wake: Callable[[int], None],
        ended: Callable[[], None],
        leads: Callable[[], bool] | None = None,
    ) -> None:
        """What it needs.

        Args:
            db: Where it is written down.
            clock: The time.
            gone: The servers that the bot is not in; kept up to date for the publisher, which asks nothing of them.
            defaults: The caps of a server that is seen for the first time.
            data_lasts_ms: For how long the data of a server is kept; None is for ever.
            is_member: Asks Discord whether the bot is in a server; raises a `DeliveryFault` if it does not say.
            wake: Takes the next step of a job.
            ended: Called when jobs have ended, and files may be needed no more, or messages are to be deleted.
            leads: Whether this one of several processes does what is no one's own: it forgets servers. None if it is
                the only one.
        """
        self._db = db
        self._clock = clock
        self._gone = gone
        self._defaults = defaults
        self._data_lasts_ms = data_lasts_ms
        self._is_member = is_member
        self._wake = wake
        self._ended = ended
        self._leads = leads
        self._due = asyncio.Event()
        self._lists: dict[Shards, set[int]] = {}
        """Where the bot is, by shard, as long as that is to be held against what is known."""
        self._unlisted: list[int] = []
        """Servers that the list should name and does not, until Discord has said what that means."""
        self._is_in: dict[int, bool] = {}
        self._news = 0
        """Counts what was heard, or written down."""

    async def load(self) -> None:
        """Learn which servers an earlier process knew to be gone; before anything is posted."""
        self._gone |= await self._db.read(departures.absent())

    def listed(self, guild_ids: Collection[int], shard: Shards = _WHOLE) -> None:
        """Discord says in which of a shard's servers the bot is: those that it cannot reach at the moment, too."""
        listed = self._lists[shard] = set(guild_ids)
        self._unlisted = [guild_id for guild_id in self._unlisted if not shard.hold(guild_id)]
        self._is_in = {guild_id: is_in for guild_id, is_in in self._is_in.items() if not shard.hold(guild_id)}
        self._gone -= listed
        self._news += 1
        self._due.set()

    def joined(self, guild_id: int) -> None:
        """The bot is in a server; perhaps it was before."""
        for shard, listed in self._lists.items():
            if shard.hold(guild_id):
                listed.add(guild_id)
        if guild_id in self._unlisted:
            self._unlisted.remove(guild_id)
        if guild_id in self._gone or self._is_in.get(guild_id) is False:
            self._gone.discard(guild_id)
            self._is_in[guild_id] = True
            self._news += 1
            self._due.set()

    def left(self, guild_id: int) -> None:
        """The bot was removed from a server, or the server is no more."""
        for listed in self._lists.values():
            listed.discard(guild_id)
        self._gone.add(guild_id)
        self._is_in[guild_id] = False
        self._news += 1
        self._due.set()

    async def follow(self) -> None:
        """Learn every few seconds where the bot is by what other processes heard, for as long as this one runs."""
        while True:
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _LEARNS_EVERY_MS)
            try:
                await self._learn()
            except DatabaseFault as fault:
                log.info("departures not learnt", reason=str(fault))

    async def _learn(self) -> None:
        """What this process has heard itself, and not written down yet, counts more."""
        news = self._news
        absent = await self._db.read(departures.absent())
        if news != self._news:  # the rows may be older than that
            return
        present = set[int]().union(*self._lists.values())
        present |= {guild_id for guild_id, is_in in self._is_in.items() if is_in}
        self._gone.intersection_update(absent | self._is_in.keys())
        self._gone |= absent - present

    async def run(self) -> None:
        """Do what follows, for as long as the bot runs."""
        while True:
            self._due.clear()
            next_ms = self._clock.now_ms() + _LOOKED_FOR_MS
            try:
                await self.carry_on()
                if self._unlisted:
                    next_ms = self._clock.now_ms() + _ASKED_AGAIN_AFTER_MS
                if self._leads is not None:  # and perhaps does only since then
                    next_ms = self._clock.now_ms() + _LOOKED_FOR_BY_SEVERAL_MS
            except DatabaseFault as fault:
                log.info("departures wait", reason=str(fault))
                next_ms = self._clock.now_ms() + _RETRY_AFTER_MS
            except Exception:  # what ends late must not end the bot
                log.exception("departures failed")
            await self._clock.wait(self._due, until_ms=next_ms)

    async def carry_on(self) -> None:
        """Write down what was heard, and forget what its time has come for.

        Raises:
            DatabaseFault: the rest waits.
        """
        await self._compare()
        await self._ask()
        for guild_id in list(self._is_in):
            await self._alone(guild_id, self._write_down)
        if self._leads is not None and not self._leads():
            return
        for guild_id in await self._db.read(departures.stragglers()):
            await self._alone(guild_id, self._depart)
        await self._forget_due()

    async def _alone(self, guild_id: int, do: Callable[[int], Awaitable[None]]) -> None:
        """Do something for a server; what goes wrong there, nobody foresaw why, must not keep the others waiting."""
        try:
            await do(guild_id)
        except DatabaseFault:
            raise
        except Exception:
            log.exception("departure failed", guild=guild_id)

    async def _compare(self) -> None:
        """Hold what is known against Discord's lists; what was heard after them counts more."""
        lists = dict(self._lists)
        if not lists:
            return
        known = await self._db.read(departures.present())
        absent = await self._db.read(departures.absent())
        for shard, listed in lists.items():
            if self._lists[shard] is not listed:  # there is a newer one by now
                continue
            del self._lists[shard]
            here = {guild_id for guild_id in known if shard.hold(guild_id)}
            self._unlisted = sorted({*self._unlisted, *here} - listed - self._is_in.keys())
            self._is_in = dict.fromkeys(absent & listed, True) | self._is_in

    async def _ask(self) -> None:
        """Ask for each server that is not listed: a list may be short, and what follows cannot be taken back."""
        for guild_id in tuple(self._unlisted):
            try:
                is_member = await self._is_member(guild_id)
            except DeliveryFault as fault:
                log.info("server not listed, and not known", guild=guild_id, reason=str(fault))
                self._put_last(guild_id)
                return
            if guild_id not in self._unlisted:  # something newer was heard meanwhile
                continue
            self._unlisted.remove(guild_id)
            if is_member:
                log.warning("server not listed", guild=guild_id)
            else:
                self.left(guild_id)

    def _put_last(self, guild_id: int) -> None:
        if guild_id in self._unlisted:
            self._unlisted.remove(guild_id)
            self._unlisted.append(guild_id)

    async def _write_down(self, guild_id: int) -> None:
        is_in = self._is_in.get(guild_id)
        if is_in is None:  # a newer list was heard meanwhile
            return
        await (self._arrive(guild_id) if is_in else self._depart(guild_id))
        if self._is_in.get(guild_id) is is_in:  # nothing newer was heard meanwhile
            del self._is_in[guild_id]
            self._news += 1

    async def _depart(self, guild_id: int) -> None:
        departed = await self._db.write(departures.depart(guild_id, now_ms=self._clock.now_ms()))
        log.info("server left", guild=guild_id, running=len(departed.running), ended=departed.ended)
        for job_id in departed.running:
            self._wake(job_id)
        self._ended()

    async def _arrive(self, guild_id: int) -> None:
        await self._db.write(departures.arrive(guild_id, now_ms=self._clock.now_ms()))
        log.info("server joined again", guild=guild_id)
        self._ended()

    async def _forget_due(self) -> None:
        if self._data_lasts_ms is None:
            return
        before_ms = self._clock.now_ms() - self._data_lasts_ms
        for guild_id in await self._db.read(departures.due(before_ms=before_ms)):
            await self._alone(guild_id, self._forget)

    async def _forget(self, guild_id: int) -> None:
        try:
            await self._empty_all(guild_id)
        except Returned:
            log.info("server not forgotten", guild=guild_id)

    async def _empty_all(self, guild_id: int) -> None:
        """Forget a server a few rows at a time, so that nobody else waits long for the database."""
        while ended := await self._db.read(departures.ended(guild_id, limit=_AT_ONCE)):
            for job in ended:
                await self._empty(job)
        for user_id in await self._db.read(departures.members(guild_id)):
            await self._db.write(departures.rename(guild_id, user_id))
        forget = departures.forget(guild_id, defaults=self._defaults, now_ms=self._clock.now_ms())
        is_done = await self._db.write(forget)
        log.info("server forgotten" if is_done else "server not forgotten yet", guild=guild_id)
        self._ended()

    async def _empty(self, job: Job) -> None:
        try:
            await self._db.write(departures.empty(job, now_ms=self._clock.now_ms()))
        except jobs.Overtaken:  # its card was being looked after; it is read again
            log.info("job not emptied yet", job=job.id)
