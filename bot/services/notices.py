"""What moderators are told in their log channel without having asked."""

import asyncio
from collections.abc import Callable

import structlog

from bot.db import notices
from bot.db.errors import DatabaseFault
from bot.db.notices import Crossing
from bot.db.transaction import Database
from bot.domain.errors import DeliveryFault, DiscordUnavailable
from bot.domain.money import Window, window_of
from bot.language import grouped, marked, speaking, tr
from bot.services.ports import Clock, Publisher

log = structlog.stdlib.get_logger(__name__)

_RETRY_AFTER_MS = 60_000
_TAKEN = {
    Window.DAY: marked("**{percent} % of this server's budget for this day is taken**"),
    Window.WEEK: marked("**{percent} % of this server's budget for this week is taken**"),
    Window.MONTH: marked("**{percent} % of this server's budget for this month is taken**"),
}
_USED_UP = {
    Window.DAY: marked("**This server's budget for this day is used up**"),
    Window.WEEK: marked("**This server's budget for this week is used up**"),
    Window.MONTH: marked("**This server's budget for this month is used up**"),
}


class Notices:
    """Tells each thing once; what could not be told is told later, after a restart too."""

    def __init__(
        self, *, db: Database, publisher: Publisher, clock: Clock, ring: Callable[[], None] | None = None
    ) -> None:
        """`ring` lets whichever process tells of budgets know that it is to `look`; None if it is this one."""
        self._db = db
        self._publisher = publisher
        self._clock = clock
        self._ring = ring or self.look
        self._due = asyncio.Event()
        self._due.set()

    def wake(self) -> None:
        """Something was noted about a budget."""
        self._ring()

    def look(self) -> None:
        """Something may be untold."""
        self._due.set()

    async def tell(self, guild_id: int, text: str, *, key: str) -> None:
        """Say something in a server's log channel, if it has one; what cannot be said is logged.

        Args:
            guild_id: The server.
            text: What to say in the server's language, its foreign words already made harmless.
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
        with speaking(notice.language):
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
    balance, window = notice.balance, window_of(notice.balance.period)
    is_used_up = notice.percent >= 100  # noqa: PLR2004 - per cent
    taken = tr(
        "{used} used and {reserved} reserved of {cap} credits",
        used=grouped(balance.used),
        reserved=grouped(balance.reserved),
        cap=grouped(balance.cap or 0),
    )
    first = tr(_USED_UP[window]) if is_used_up else tr(_TAKEN[window], percent=notice.percent)
    resets = tr("It resets {time}.", time=f"<t:{balance.ends_s}:R>")
    return " ".join([f"{first}: {taken}.", resets, *(_then(notice) if is_used_up else ())])


def _then(notice: Crossing) -> list[str]:
    """What happens when a budget is used up."""
    granted, left = grouped(notice.granted), grouped(notice.balance.left or 0)
    return [
        tr("After it, {credits} credits that were granted on top are used.", credits=granted)
        if notice.granted
        else tr("Clips that cost more than the {credits} left are refused until then.", credits=left),
        tr("`/quota budget` changes it, `/quota log` says who used it."),
    ]
