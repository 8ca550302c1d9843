"""What was made and spent: for the people of one server, and for the operator across all of them."""

import asyncio
from dataclasses import dataclass, replace

from bot.db import entries, guilds, limits, usage
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Unchanged
from bot.domain.limits import EVERYBODY, Limit, Limits, Measure
from bot.domain.money import Entry, Scope
from bot.domain.spending import Overview
from bot.domain.usage import Share, Usage
from bot.services.amounts import CEILING, Special, read_amount
from bot.services.ports import Clock

MOST_DAYS = 90
"""How far back reports go."""


class NoSuchServer(Unchanged):
    """The bot has never seen a server of this id."""


@dataclass(frozen=True, slots=True)
class Stats:
    """A server's use of the bot, as far as one person may see it."""

    usage: Usage
    """`members` is empty unless they may see them."""
    own: Share | None
    """Their own part; None where they had none."""


class UsageReports:
    """Counts what is in the ledger, and sets what servers may cost."""

    def __init__(self, *, db: Database, clock: Clock, defaults: Limits) -> None:
        """`defaults` are the caps that a server starts with."""
        self._db = db
        self._clock = clock
        self._defaults = defaults
        self._turn = asyncio.Lock()
        """A report can take a second of the one reader, which clicks need too: they wait for one of them at most."""

    async def stats(self, guild_id: int, user_id: int, *, days: int, sees_members: bool) -> Stats:
        """What `/stats` shows to a member."""
        async with self._turn:
            counted = await self._db.read(usage.of_guild(guild_id, days=days, now_ms=self._clock.now_ms()))
        own = next((share for share in counted.members if share.name == str(user_id)), None)
        return Stats(counted if sees_members else replace(counted, members=()), own)

    async def across(self, *, days: int) -> Overview:
        """What every server did."""
        async with self._turn:
            return await self._db.read(usage.across(days=days, now_ms=self._clock.now_ms()))

    async def set_ceiling(
        self, guild_id: int, credits_: int | None, *, by_id: int, is_at_hand: bool = False
    ) -> None:
        """Say what a server may cost in a month, as `ceiling` does.

        Raises:
            NoSuchServer: the bot is not there and never was used there.
        """
        now_ms = self._clock.now_ms()
        await self._db.write(
            ceiling(
                guild_id,
                credits_,
                by_id=by_id,
                is_at_hand=is_at_hand,
                defaults=self._defaults,
                now_ms=now_ms,
            )
        )


def ceiling(
    guild_id: int,
    credits_: int | None,
    *,
    by_id: int = entries.SERVER,
    is_at_hand: bool = False,
    defaults: Limits,
    now_ms: int,
) -> Transaction[None]:
    """Say what a server may cost in a calendar month at the catalogue's prices; None takes the ceiling away.

    Its ledger says so too.

    Args:
        guild_id: The server.
        credits_: The ceiling.
        by_id: Who did it; at the command line, nobody in particular.
        is_at_hand: Whether the bot is in it; if not, it must have been used there at some time.
        defaults: The caps that a server starts with.
        now_ms: Milliseconds since 1970.

    Raises:
        NoSuchServer: it is neither.
    """
    if not is_at_hand and not (yield from usage.is_known(guild_id)):
        raise NoSuchServer
    yield from guilds.settle_in(guild_id, defaults=defaults)
    if credits_ is None:
        yield from limits.clear(guild_id, Scope.OPERATOR, EVERYBODY, Measure.MONTH)
    else:
        yield from limits.put(guild_id, Limit(Scope.OPERATOR, EVERYBODY, Measure.MONTH, credits_))
    amount = "none" if credits_ is None else f"{credits_:,} credits a month"
    reason = f"the operator's ceiling: {amount}"
    yield from entries.note(guild_id, entries.SERVER, Entry.LIMIT, by_id=by_id, reason=reason, now_ms=now_ms)


def ceiling_of(text: str) -> int | None:
    """The credits that were typed; None for `none`.

    Raises:
        NoSuchAmount: it is neither.
    """
    amount = read_amount(text, CEILING)
    return None if isinstance(amount, Special) else amount
