"""Credits: periods, balances, grants, and who pays for a clip. 1 credit is 0.01 USD.

A clip is paid from two sides at once: by the member (an allowance per day, week and month, and grants on top) and by
the server (its budget, and grants on top). Each side takes from what it would lose first. A channel's allowance and
the operator's ceiling only limit; nothing is granted there.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MICRO_USD_PER_CREDIT = 10_000


class Entry(StrEnum):
    """The kinds of ledger rows. A job has one `RESERVE` and, when it ends, a `SETTLE` or a `REFUND`."""

    RESERVE = "reserve"
    SETTLE = "settle"
    REFUND = "refund"
    GRANT = "grant"  # credits on top of the allowance
    ADJUST = "adjust"  # what was used is forgotten
    LIMIT = "limit"  # moves no credits: a cap or a price was changed
    BLOCK = "block"
    UNBLOCK = "unblock"


class Scope(StrEnum):
    """Whose cap it is."""

    OPERATOR = "operator"  # what the server may cost, at the catalogue's prices
    SERVER = "server"
    MEMBER = "member"
    ROLE = "role"  # for each of its members, not for all together
    CHANNEL = "channel"


class Window(StrEnum):
    """The stretches of time that credits are counted in, by the clock of the server's time zone."""

    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Periods:
    """The day, week and month that contain a moment: `2026-11-21`, `2026-W47`, `2026-11`."""

    day: str
    week: str
    month: str

    @classmethod
    def at(cls, now_ms: int, zone: tzinfo = UTC) -> "Periods":
        """The periods that contain a moment."""
        moment = datetime.fromtimestamp(now_ms / 1000, zone)
        return cls(day=f"{moment:%Y-%m-%d}", week=f"{moment:%G-W%V}", month=f"{moment:%Y-%m}")

    def of(self, window: Window) -> str:
        """The period of one window."""
        return getattr(self, window.value)


def zone_of(name: str) -> tzinfo:
    """The time zone of that name; UTC where the machine's own list does not know it any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last where it names a folder of the list
        return UTC


def window_of(period: str) -> Window:
    """Which kind of period it is."""
    if len(period) == len("2026-11"):
        return Window.MONTH
    return Window.WEEK if "W" in period else Window.DAY


def period_end_s(period: str, zone: tzinfo = UTC) -> int:
    """When a period ends and its cap is fresh again, in seconds since 1970."""
    match window_of(period):
        case Window.MONTH:
            start = datetime.strptime(period, "%Y-%m")  # noqa: DTZ007 - the clock on the wall, until the last line
            end = (start + timedelta(days=32)).replace(day=1)
        case Window.WEEK:
            end = datetime.strptime(f"{period}-1", "%G-W%V-%u") + timedelta(weeks=1)  # noqa: DTZ007 - likewise
        case Window.DAY:
            end = datetime.strptime(period, "%Y-%m-%d") + timedelta(days=1)  # noqa: DTZ007 - likewise
    return int(end.replace(tzinfo=zone).timestamp())


@dataclass(frozen=True, slots=True)
class Balance:
    """What was used and reserved of an allowance in one period."""

    period: str
    cap: int | None
    used: int
    reserved: int
    ends_s: int
    """Seconds since 1970."""

    @property
    def left(self) -> int | None:
        """Credits still free, never below 0; None without a cap."""
        return None if self.cap is None else max(0, self.cap - self.used - self.reserved)


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits on top of an allowance."""

    id: int
    credits: int
    reserved: int
    used: int
    expires_at_ms: int | None

    @property
    def left(self) -> int:
        """Credits that nothing has taken."""
        return self.credits - self.reserved - self.used


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where the credits of one side come from: the allowance, and grants by their ids, in the order they are used."""

    allowance: int
    before: tuple[tuple[int, int], ...] = ()
    """From grants that end sooner than the allowance."""
    after: tuple[tuple[int, int], ...] = ()

    @property
    def grants(self) -> tuple[tuple[int, int], ...]:
        """What comes from grants."""
        return self.before + self.after

    def keeping(self, charged: int) -> "Drawn":
        """What is kept of it when only so many are charged: what would be lost first. More comes from the allowance."""
        before, rest = _kept(self.before, charged)
        from_allowance = min(self.allowance, rest)
        after, rest = _kept(self.after, rest - from_allowance)
        return Drawn(from_allowance + rest, before, after)


def _kept(parts: Iterable[tuple[int, int]], charged: int) -> tuple[tuple[tuple[int, int], ...], int]:
    kept: list[tuple[int, int]] = []
    for grant_id, amount in parts:
        used = min(amount, charged)
        charged -= used
        kept.append((grant_id, used))
    return tuple(kept), charged


@dataclass(frozen=True, slots=True)
class Purse:
    """One side's means: its balances in the present periods, and its open grants."""

    balances: tuple[Balance, ...]
    grants: tuple[Grant, ...] = ()

    @property
    def tightest(self) -> Balance | None:
        """The balance with the least left, the one that is fresh again last among equals; None where nothing is capped."""
        capped = [balance for balance in self.balances if balance.cap is not None]
        return min(capped, key=lambda balance: (balance.left or 0, -balance.ends_s), default=None)

    @property
    def left(self) -> int | None:
        """Credits that can still be drawn, with the grants; None without a cap."""
        tightest = self.tightest
        return None if tightest is None else (tightest.left or 0) + sum(grant.left for grant in self.grants)

    def draw(self, amount: int) -> Drawn | None:
        """Where so many credits come from, what expires first before all else; None if there are not so many."""
        capped = [balance for balance in self.balances if balance.cap is not None]
        if not capped:
            return Drawn(amount)
        allowance = min(balance.left or 0 for balance in capped)
        if not self.grants:
            return Drawn(amount) if amount <= allowance else None
        ending, lasting = _in_order(self.grants, 1000 * min(balance.ends_s for balance in capped))
        before, rest = _take(amount, ending)
        from_allowance = min(rest, allowance)
        after, rest = _take(rest - from_allowance, lasting)
        return None if rest else Drawn(from_allowance, before, after)


def _in_order(grants: Iterable[Grant], allowance_ends_ms: int) -> tuple[list[Grant], list[Grant]]:
    """Grants that end before the allowance does, and the others; each the first to expire first."""
    ordered = sorted(grants, key=lambda grant: (grant.expires_at_ms or math.inf, grant.id))
    before = [grant for grant in ordered if (grant.expires_at_ms or math.inf) < allowance_ends_ms]
    return before, ordered[len(before) :]


def _take(missing: int, grants: Sequence[Grant]) -> tuple[tuple[tuple[int, int], ...], int]:
    """What is taken from grants in their order, and what is still missing."""
    drawn: list[tuple[int, int]] = []
    for grant in grants:
        amount = min(missing, grant.left)
        if amount:
            drawn.append((grant.id, amount))
            missing -= amount
    return tuple(drawn), missing


MOST_OVERRUN = 2
"""No clip is charged for more than so many times what was reserved, whatever its provider says."""


def most_charged(reserved: int, *, percent: int | None, may_exceed: bool) -> int:
    """The most that a clip can be charged for when so many credits were reserved; see `real_price`."""
    return reserved * MOST_OVERRUN if may_exceed and percent is not None else reserved


def real_price(
    price: int, *, reserved: int, percent: int | None, cost_micro_usd: int | None, may_exceed: bool
) -> int:
    """What a clip is charged for when its provider has said what it really cost.

    Args:
        price: What was agreed on; it stands where the provider says nothing.
        reserved: Credits that were reserved; the most, unless `may_exceed`, which allows `MOST_OVERRUN` times as many.
        percent: Of the catalogue's prices that the server takes; None for a price of its own, which stands.
        cost_micro_usd: Millionths of a dollar that the provider took; None where it does not tell.
        may_exceed: Whether the server pays more than was reserved.
    """
    if cost_micro_usd is None or percent is None:
        return price
    real = -(-cost_micro_usd * percent // (100 * MICRO_USD_PER_CREDIT))
    return min(real, most_charged(reserved, percent=percent, may_exceed=may_exceed))
