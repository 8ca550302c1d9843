"""What moderators are told in their log channel without having asked."""

import asyncio

import structlog

from bot.db import notices
from bot.db.errors import DatabaseFault
from bot.db.notices import Crossing
from bot.db.transaction import Database
from bot.domain.errors import DeliveryFault, DiscordUnavailable
from bot.domain.money import window_of
from bot.services.ports import Clock, Publisher

log = structlog.stdlib.get_logger(__name__)

_RETRY_AFTER_MS = 60_000


class Notices:
    """Tells each thing once; what could not be told is told later, after a restart too."""

    def __init__(self, *, db: Database, publisher: Publisher, clock: Clock) -> None:
        self._db = db
        self._publisher = publisher
        self._clock = clock
        self._due = asyncio.Event()
        self._due.set()

    def wake(self) -> None:
        """Something was noted about a budget."""
        self._due.set()

    async def tell(self, guild_id: int, text: str, *, key: str) -> None:
        """Say something in a server's log channel, if it has one; what cannot be said is logged.

        Args:
            guild_id: The server.
            text: What to say, its foreign words already made harmless.
            key: What it is about: the same thing is not said twice within some minutes.
        """
        channel_id = await self._db.read(notices.log_channel(guild_id))
        if channel_id is None:
            return
        try:
            await self._publisher.tell(guild_id, channel_id, text, key=key)
        except DeliveryFault as fault:
            log.warning("log channel not told", guild=guild_id, channel=channel_id, reason=str(fault))

    async def run(self) -> None:
        """Tell what there is to tell, for as long as the bot runs."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                for notice in await self._db.read(notices.untold(now_ms=self._clock.now_ms())):
                    await self._tell_budget(notice)
            except (DiscordUnavailable, DatabaseFault) as fault:
                log.info("notices wait", reason=str(fault))
                await self._pause()
            except Exception:  # a notice must not end the bot
                log.exception("notices failed")
                await self._pause()

    async def _pause(self) -> None:
        await self._clock.wait(self._due, until_ms=self._clock.now_ms() + _RETRY_AFTER_MS)
        self._due.set()

    async def _tell_budget(self, notice: Crossing) -> None:
        key = f"budget {notice.guild_id} {notice.balance.period} {notice.percent} {notice.noted_at_ms}"
        text = budget_text(notice)
        try:
            await self._publisher.tell(notice.guild_id, notice.channel_id, text, key=key)
        except DiscordUnavailable:
            raise
        except DeliveryFault as fault:  # it will not get better by itself
            log.warning("log channel out of reach", guild=notice.guild_id, reason=str(fault))
        await self._db.write(notices.told(notice))


def budget_text(notice: Crossing) -> str:
    """What the log channel is told about a budget."""
    balance = notice.balance
    taken = f"{balance.used:,} used and {balance.reserved:,} reserved of {balance.cap:,} credits"
    window = window_of(balance.period)
    resets = f"It resets <t:{balance.ends_s}:R>"
    if notice.percent < 100:  # noqa: PLR2004 - per cent
        return (
            f"**{notice.percent} % of this server's budget for this {window} is taken**: {taken}. {resets}."
        )
    then = (
        f"After it, {notice.granted:,} credits that were granted on top are used."
        if notice.granted
        else f"Clips that cost more than the {balance.left:,} left are refused until then."
    )
    return (
        f"**This server's budget for this {window} is used up**: {taken}. {resets}. {then} "
        "`/quota budget` changes it, `/quota log` says who used it."
    )
