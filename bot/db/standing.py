"""What a request can be paid from: balances and grants against the caps that count, read at one moment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from bot.db.entries import SERVER
from bot.db.transaction import Rows, Transaction
from bot.domain.limits import Limits, Measure
from bot.domain.money import Balance, Grant, Periods, Purse, Scope, period_end_s

_QUARTER_MS = 900_000

ScopeCaps = Mapping[Scope, Mapping[Measure, int | None]]
"""What counts on each side."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a request of a member in a channel can be paid from."""

    periods: Periods
    caps: ScopeCaps
    member: Purse
    server: Purse
    channel: Purse
    operator: Purse


def caps_for(
    limits: Limits, user_id: int, roles: Collection[int], channel_id: int
) -> dict[Scope, dict[Measure, int | None]]:
    """The caps that count for a member in a channel."""
    return {
        Scope.MEMBER: limits.for_member(user_id, roles),
        Scope.CHANNEL: limits.of(Scope.CHANNEL, channel_id),
        Scope.SERVER: limits.of(Scope.SERVER),
        Scope.OPERATOR: limits.of(Scope.OPERATOR),
    }


def read(
    guild_id: int,
    user_id: int,
    channel_id: int,
    caps: ScopeCaps,
    *,
    zone: tzinfo,
    now_ms: int,
    to_draw: bool = False,
) -> Transaction[Standing]:
    """What a member can spend in a channel now; `to_draw` keeps others from the grants until the transaction ends."""
    periods = periods_at(now_ms, zone)
    found = yield (
        _BALANCES,
        {"guild_id": guild_id, "user_id": user_id, "channel_id": channel_id, **dates(periods)},
    )
    granted = yield (
        _LOCKED_GRANTS if to_draw else _GRANTS,
        {"guild_id": guild_id, "user_id": user_id, "now_ms": now_ms},
    )
    return _standing(periods, zone, caps, found, granted)


def periods_at(now_ms: int, zone: tzinfo) -> Periods:
    """The day, week and month of a moment in a server."""
    return _periods_of_quarter(now_ms // _QUARTER_MS, zone)


def dates(periods: Periods) -> dict[str, object]:
    """The periods as statements take them."""
    return {"day": periods.day, "week": periods.week, "month": periods.month}


@lru_cache(maxsize=256)
def _periods_of_quarter(quarter: int, zone: tzinfo) -> Periods:
    """Formatting dates takes longer than most statements; every time zone's days begin at a quarter of an hour."""
    return Periods.at(quarter * _QUARTER_MS, zone)


@lru_cache(maxsize=1024)
def _ends_s(period: str, zone: tzinfo) -> int:
    return period_end_s(period, zone)


def _standing(periods: Periods, zone: tzinfo, caps: ScopeCaps, found: Rows, granted: Rows) -> Standing:
    held = {(scope, period): (used, reserved) for scope, period, used, reserved in found}
    windows = ((periods.day, Measure.DAY), (periods.week, Measure.WEEK), (periods.month, Measure.MONTH))

    def purse(scope: Scope, grants: tuple[Grant, ...] = ()) -> Purse:
        balances: list[Balance] = []
        for period, measure in windows if scope is not Scope.OPERATOR else windows[-1:]:
            used, reserved = held.get((scope, period), (0, 0))
            balances.append(Balance(period, caps[scope].get(measure), used, reserved, _ends_s(period, zone)))
        return Purse(tuple(balances), grants)

    return Standing(
        periods,
        caps,
        member=purse(Scope.MEMBER, _grants(granted, is_servers=False)),
        server=purse(Scope.SERVER, _grants(granted, is_servers=True)),
        channel=purse(Scope.CHANNEL),
        operator=purse(Scope.OPERATOR),
    )


def _grants(rows: Rows, *, is_servers: bool) -> tuple[Grant, ...]:
    return tuple(
        Grant(row["id"], row["credits"], row["reserved"], row["used"], row["expires_at_ms"])
        for row in rows
        if (row["user_id"] == SERVER) is is_servers
    )


_BALANCES = """
    WITH wanted (scope, subject_id, period) AS (VALUES
        ('member', :user_id, :day), ('member', :user_id, :week), ('member', :user_id, :month),
        ('channel', :channel_id, :day), ('channel', :channel_id, :week), ('channel', :channel_id, :month),
        ('server', 0, :day), ('server', 0, :week), ('server', 0, :month), ('operator', 0, :month))
    SELECT balances.scope, balances.period, used, reserved FROM wanted JOIN balances
        ON balances.guild_id = :guild_id AND balances.scope = wanted.scope
        AND balances.subject_id = wanted.subject_id AND balances.period = wanted.period
"""
_GRANTS = """
    SELECT id, user_id, credits, reserved, used, expires_at_ms FROM grants
    WHERE guild_id = :guild_id AND user_id IN (0, :user_id) AND reserved + used < credits
        AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
    ORDER BY id
"""
_LOCKED_GRANTS = f"{_GRANTS} /*pg:FOR UPDATE*/"
