"""What the books say, for tests that look something up in them."""

from datetime import UTC, tzinfo

from bot.db import standing as means
from bot.db.transaction import Transaction
from bot.domain.limits import Limits
from bot.domain.money import Balance, Purse, Scope, Window

_UNCAPPED = means.caps_for(Limits(), 0, (), 0)


def standing(
    *,
    guild_id: int = 1,
    user_id: int = 100,
    channel_id: int = 10,
    zone: tzinfo = UTC,
    now_ms: int,
) -> Transaction[means.Standing]:
    """What was used and reserved, without regard to caps."""
    return means.read(guild_id, user_id, channel_id, _UNCAPPED, zone=zone, now_ms=now_ms)


def balance(
    scope: Scope = Scope.MEMBER,
    window: Window = Window.DAY,
    *,
    guild_id: int = 1,
    user_id: int = 100,
    now_ms: int,
) -> Transaction[Balance]:
    """One account in one window, by the clock of UTC."""
    found = yield from standing(guild_id=guild_id, user_id=user_id, now_ms=now_ms)
    purse: Purse = getattr(found, scope.value)
    period = found.periods.of(window)
    return next(balance for balance in purse.balances if balance.period == period)
