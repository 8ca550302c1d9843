"""Credits: caps, periods and ledger entries. 1 credit is 0.01 USD unless the operator says otherwise."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Entry(StrEnum):
    """The kinds of ledger rows. A job has one `RESERVE` and, when it ends, one of the other two."""

    RESERVE = "reserve"
    SETTLE = "settle"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Caps:
    """What a server allows. None means no cap, 0 means none allowed."""

    guild_monthly_credits: int | None
    user_daily_credits: int | None
    user_queued: int | None
    user_running: int | None
    guild_running: int | None


@dataclass(frozen=True, slots=True)
class Periods:
    """The month and the day a reservation counts in, UTC: `2026-11` and `2026-11-21`."""

    month: str
    day: str

    @classmethod
    def at(cls, now_ms: int) -> "Periods":
        """The periods that contain a moment."""
        moment = datetime.fromtimestamp(now_ms / 1000, UTC)
        return cls(month=f"{moment:%Y-%m}", day=f"{moment:%Y-%m-%d}")


def period_end_s(period: str) -> int:
    """When a period ends and its cap is fresh again, in seconds since 1970."""
    if len(period) == len("2026-11"):
        start = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        end = datetime.strptime(period, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    return int(end.timestamp())


@dataclass(frozen=True, slots=True)
class Balance:
    """What was used and reserved under one cap in its present period."""

    period: str
    cap: int | None
    used: int
    reserved: int

    @property
    def left(self) -> int | None:
        """Credits still free, never below 0; None without a cap."""
        return None if self.cap is None else max(0, self.cap - self.used - self.reserved)
