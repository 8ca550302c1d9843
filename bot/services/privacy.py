"""Forgetting members: at once in the database, then message by message in Discord, however often the bot is restarted."""

import asyncio
from collections.abc import Callable

import structlog

from bot.db import departures, erasures, jobs, places, privacy
from bot.db.erasures import Erasure
from bot.db.errors import DatabaseFault
from bot.db.privacy import Forgotten, Holdings
from bot.db.transaction import Database
from bot.domain.errors import (
    DeliveryFault,
    DestinationForbidden,
    DestinationGone,
    DiscordUnavailable,
    Refused,
)
from bot.domain.jobs import Job
from bot.services.ports import Clock, Eraser, Place, Publisher
from bot.services.retention import DAY_MS

log = structlog.stdlib.get_logger(__name__)

TRIED_AGAIN_MS = 60_000
TRIED_FOR_MS = 7 * DAY_MS
"""A message that Discord does not delete for so long is left alone."""

CARRIED_FOR_MS = 33 * DAY_MS
"""After so long every day, week and month is over in every time zone."""

ONCE_IN_MS = 60_000
_LOOKED_AT_AGAIN_MS = 30_000
_LOOKED_FOR_MS = 3_600_000
_AT_ONCE = 50


class ForgottenJustNow(Refused):
    """You were forgotten just now; there is nothing more to forget."""


class Privacy:
    """What members decide about what is kept of them."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        publisher: Publisher,
        eraser: Eraser,
        wake: Callable[[int], None],
        let_go: Callable[[], None],
        ring: Callable[[], None] | None = None,
    ) -> None:
        """`wake` takes the next step of a job; `let_go` is called when files may be needed no more.

        `ring` lets whichever process runs this know that it is to `look`; None if it is this one.
        """
        self._db = db
        self._clock = clock
        self._publisher = publisher
        self._eraser = eraser
        self._wake = wake
        self._let_go = let_go
        self._ring = ring or self.look
        self._due = asyncio.Event()
        self._forgotten_at_ms: dict[int, int] = {}
        """Whom within the last minute: each time reads through all the books."""
        self._lapses_at_ms = 0

    async def holdings(self, user_id: int) -> Holdings:
        """How much is kept of a member."""
        return await self._db.read(privacy.holdings(user_id))

    async def forget(self, user_id: int) -> Forgotten:
        """Forget a member everywhere; what has to wait for Discord or for running jobs follows by itself.

        Raises:
            ForgottenJustNow: that was done within the last minute.
        """
        now_ms = self._clock.now_ms()
        recent = {who: at_ms for who, at_ms in self._forgotten_at_ms.items() if at_ms > now_ms - ONCE_IN_MS}
        if user_id in recent:
            raise ForgottenJustNow
        self._forgotten_at_ms = {**recent, user_id: now_ms}
        try:
            forgotten = await self._db.write(privacy.forget(user_id, now_ms=now_ms))
        except BaseException:
            self._forgotten_at_ms.pop(user_id, None)
            raise
        log.info("member forgotten", stand_in=forgotten.user_id, running=len(forgotten.running))
        for job_id in forgotten.running:
            self._wake(job_id)
        self._ring()
        return forgotten

    async def shared(self, job_id: int, channel_id: int, message_id: int) -> bool:
        """Remember where a clip is about to be shown again, to delete it there as well; False if it is deleted by now."""
        return await self._db.write(erasures.share(job_id, channel_id, message_id))

    async def allows_direct(self, user_id: int) -> bool:
        """Whether the member wants clips that no channel takes as direct messages."""
        return await self._db.read(places.allows_direct(user_id))

    async def allow_direct(self, user_id: int, *, is_allowed: bool) -> None:
        """Remember whether they do, in whatever server."""
        await self._db.write(places.allow_direct(user_id, is_allowed))

    def wake(self) -> None:
        """A message was noted that is to be erased."""
        self._ring()

    def look(self) -> None:
        """There may be something to be erased."""
        self._due.set()

    async def run(self) -> None:
        """Carry on what is to be forgotten, for as long as the bot runs."""
        while True:
            self._due.clear()
            try:
                next_ms = await self.carry_on()
            except (DatabaseFault, DeliveryFault) as fault:
                log.info("forgetting waits", reason=str(fault))
                next_ms = self._clock.now_ms() + TRIED_AGAIN_MS
            except Exception:  # what is forgotten late must not end the bot
                log.exception("forgetting failed")
                next_ms = self._clock.now_ms() + TRIED_AGAIN_MS
            latest_ms = self._clock.now_ms() + _LOOKED_FOR_MS  # the operator's shell rings no bell
            await self._clock.wait(self._due, until_ms=min(next_ms or latest_ms, latest_ms))

    async def carry_on(self) -> int | None:
        """Do all that can be done now; returns when to come again (ms since 1970), None when nothing is left.

        Raises:
            DatabaseFault, DiscordUnavailable: the rest waits.
        """
        are_done = [await self._empty(stand_in) for stand_in in await self._db.read(privacy.unfinished())]
        if are_done:
            self._let_go()
        await self._erase_due()
        await self._take_back()
        await self._lapse()
        next_ms = await self._db.read(erasures.next_ms())
        if all(are_done):
            return next_ms
        again_ms = self._clock.now_ms() + _LOOKED_AT_AGAIN_MS
        return again_ms if next_ms is None else min(again_ms, next_ms)

    async def _lapse(self) -> None:
        """Once a day: what was used before a member was forgotten, and counts against no cap any more, is nobody's."""
        now_ms = self._clock.now_ms()
        if now_ms < self._lapses_at_ms:
            return
        before_ms = now_ms - CARRIED_FOR_MS
        while lapsed := await self._db.read(privacy.carried(before_ms=before_ms, limit=_AT_ONCE)):
            for line_id in lapsed:
                await self._db.write(privacy.lapse(line_id))
        self._lapses_at_ms = now_ms + DAY_MS

    async def _empty(self, stand_in: int) -> bool:
        """Empty the jobs that have ended; whether those were all."""
        while ended := await self._db.read(privacy.ended(stand_in, limit=_AT_ONCE)):
            for job in ended:
                await self._empty_job(job)
        is_done = await self._db.write(privacy.is_done(stand_in))
        if is_done:
            log.info("nothing left of a forgotten member", stand_in=stand_in)
        return is_done

    async def _empty_job(self, job: Job) -> None:
        doubtful = await self._doubtful_post(job)
        if doubtful is not None:
            await self._db.write(erasures.erase(*doubtful, now_ms=self._clock.now_ms()))
        try:
            await self._db.write(privacy.empty(job, now_ms=self._clock.now_ms()))
        except jobs.Overtaken:
            log.info("job not emptied yet", job=job.id)  # its carrier had something to add; it is read again

    async def _doubtful_post(self, job: Job) -> tuple[int, int] | None:
        """A message that was perhaps posted while its member was forgotten or its server left; None where there is none."""
        channel_id, marked_at_ms = job.message_channel_id, job.post_marked_at_ms
        if channel_id is None or marked_at_ms is None or job.message_id is not None:
            return None
        try:
            sent = await self._publisher.find(job, Place(channel_id), after_ms=marked_at_ms)
        except (DestinationGone, DestinationForbidden) as fault:
            log.info("not looked for", job=job.id, channel=channel_id, reason=str(fault))
            return None
        return None if sent is None else (channel_id, sent.message_id)

    async def _take_back(self) -> None:
        """Look for what was perhaps posted just when the bot was removed from a server, and nobody paid."""
        for job in await self._db.read(departures.doubtful()):
            posted = await self._doubtful_post(job)
            await self._db.write(departures.looked_for(job, posted, now_ms=self._clock.now_ms()))

    async def _erase_due(self) -> None:
        """One after the other: Discord limits how fast messages are deleted, and discord.py waits for that."""
        while due := await self._db.read(erasures.due(now_ms=self._clock.now_ms(), limit=_AT_ONCE)):
            for erasure in due:
                await self._erase(erasure)

    async def _erase(self, erasure: Erasure) -> None:
        now_ms = self._clock.now_ms()
        try:
            if erasure.message_id:
                await self._eraser.delete(erasure.channel_id, erasure.message_id)
            else:
                await self._eraser.rename(erasure.channel_id)
        except DiscordUnavailable as fault:
            if now_ms - erasure.at_ms < TRIED_FOR_MS:
                log.info("not erased yet", channel=erasure.channel_id, reason=str(fault))
                await self._db.write(erasures.postpone(erasure, run_at_ms=now_ms + TRIED_AGAIN_MS))
                return
            log.warning("not erased", channel=erasure.channel_id, reason=str(fault))
        except DeliveryFault as fault:
            log.warning("not erased", channel=erasure.channel_id, reason=str(fault))
        await self._db.write(erasures.erased(erasure))
