"""Reports: a member tells the moderators what is wrong with a clip, once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bot.db import notices, reports
from bot.db.transaction import Database
from bot.domain.errors import DeliveryFault, DiscordUnavailable, Refused
from bot.domain.jobs import Job
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

MAX_REASON = 500
TOLD_WITHIN_S = 2.0
"""The member's answer follows, and Discord waits three seconds for that."""


class ReportedBefore(Refused):
    """You have reported this clip; moderators know."""


class ModeratorsUnreachable(Refused):
    """The moderators cannot be told right now; please try again in a moment."""


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody says about a clip."""

    job: Job
    user_id: int
    reason: str


class Reports:
    """Tells first and writes down then: a report that nobody heard of can be made again."""

    def __init__(self, *, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def ensure_new(self, job: Job, user_id: int) -> None:
        """Refuse a second report of a member about the same clip.

        Raises:
            ReportedBefore: it is one.
        """
        if await self._db.read(reports.is_kept(job.id, user_id)):
            raise ReportedBefore

    async def file(self, report: Report, tell: Callable[[int], Awaitable[None]]) -> bool:
        """Take a report; False if this server has no log channel that could be told, only the operator's log.

        Args:
            report: What was said.
            tell: Tells a channel of it; once, if it is repeated within minutes.

        Raises:
            ReportedBefore: it is the member's second about this clip.
            ModeratorsUnreachable: Discord does not answer; nothing was kept.
        """
        job = report.job
        await self.ensure_new(job, report.user_id)
        channel_id = await self._db.read(notices.log_channel(job.origin.guild_id))
        is_told = channel_id is not None and await self._is_told(job, channel_id, tell)
        now_ms = self._clock.now_ms()
        await self._db.write(reports.keep(job, report.user_id, report.reason, now_ms=now_ms))
        guild_id = job.origin.guild_id
        log.warning("clip reported", job=job.id, guild=guild_id, by=report.user_id, moderators_told=is_told)
        return is_told

    async def _is_told(self, job: Job, channel_id: int, tell: Callable[[int], Awaitable[None]]) -> bool:
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                await tell(channel_id)
        except (DiscordUnavailable, TimeoutError) as fault:
            raise ModeratorsUnreachable from fault
        except DeliveryFault as fault:  # the channel is gone or closed to the bot
            log.warning("log channel out of reach", guild=job.origin.guild_id, reason=str(fault))
            return False
        return True
