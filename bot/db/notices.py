"""How much of a server's budget is gone, and whether its log channel was told."""

from dataclasses import dataclass

from bot.db.transaction import Transaction
from bot.domain.limits import Measure
from bot.domain.money import Balance, Window, period_end_s, window_of, zone_of
from bot.language import ENGLISH

PERCENTS = (80, 100)
"""Of a budget: told at each."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Something the moderators of a server should know."""

    guild_id: int
    channel_id: int
    percent: int
    balance: Balance
    noted_at_ms: int
    granted: int
    """Credits that were granted to the server on top, and that nothing has taken."""
    language: str
    """In which it is told."""


def note(guild_id: int, period: str, percent: int, *, now_ms: int) -> Transaction[bool]:
    """Note that so much of a server's budget of a period is gone; whether that is news."""
    key = {"guild_id": guild_id, "period": period, "length": len(period)}
    rows = yield _NOTE, {**key, "percent": percent, "now_ms": now_ms}
    if rows:
        yield _DROP_PAST, key
    return bool(rows)


def untold(*, now_ms: int) -> Transaction[list[Crossing]]:
    """What log channels were not told of present budgets, the most of each; nothing of servers without such a channel."""
    rows = yield _UNTOLD, {}
    found: list[Crossing] = []
    for row in rows:
        measure = Measure(window_of(row["period"]).value)
        ends_s = period_end_s(row["period"], zone_of(row["time_zone"]))
        if ends_s * 1000 <= now_ms:
            continue
        key = {"guild_id": row["guild_id"], "period": row["period"], "measure": measure.value}
        for one in (yield _BALANCE, key):
            balance = Balance(row["period"], one["amount"], one["used"], one["reserved"], ends_s)
            granted = (yield _GRANTED, {"guild_id": row["guild_id"], "now_ms": now_ms})[0]["n"]
            spoken = yield from language(row["guild_id"])
            found.append(
                Crossing(
                    row["guild_id"],
                    row["log_channel_id"],
                    row["percent"],
                    balance,
                    row["noted_at_ms"],
                    granted,
                    spoken,
                )
            )
    return found


def told(notice: Crossing) -> Transaction[None]:
    """The log channel knows this, and with it what was noted at less of the same budget."""
    yield (
        _TOLD,
        {
            "guild_id": notice.guild_id,
            "period": notice.balance.period,
            "percent": notice.percent,
            "noted_at_ms": notice.noted_at_ms,
        },
    )


def forget(guild_id: int, window: Window) -> Transaction[None]:
    """Begin anew with a server's budget of one window: it has changed, or what was used is forgotten."""
    yield _FORGET, {"guild_id": guild_id, "length": _LENGTHS[window]}


def log_channel(guild_id: int) -> Transaction[int | None]:
    """Where a server's moderators want to be told things; None if nowhere."""
    rows = yield "SELECT log_channel_id FROM guilds WHERE guild_id = :guild_id", {"guild_id": guild_id}
    return rows[0]["log_channel_id"] if rows else None


def language(guild_id: int) -> Transaction[str]:
    """What is spoken in a server's log channel: what it chose, else as at its last request."""
    chosen = yield "SELECT language FROM guilds WHERE guild_id = :guild_id", {"guild_id": guild_id}
    rows = [*chosen, *(yield _LAST_SPOKEN, {"guild_id": guild_id})]
    return next((row["language"] for row in rows if row["language"]), ENGLISH)


_LENGTHS = {Window.DAY: len("2026-11-21"), Window.WEEK: len("2026-W47"), Window.MONTH: len("2026-11")}
"""How the periods of a window are told apart."""
_FORGET = "DELETE FROM notices WHERE guild_id = :guild_id AND length(period) = :length"
_DROP_PAST = (
    "DELETE FROM notices WHERE guild_id = :guild_id AND length(period) = :length AND period <> :period"
)
_NOTE = """
    INSERT INTO notices (guild_id, period, percent, noted_at_ms) VALUES (:guild_id, :period, :percent, :now_ms)
    ON CONFLICT (guild_id, period, percent) DO NOTHING RETURNING percent
"""
_UNTOLD = """
    SELECT notices.guild_id, period, percent, noted_at_ms, log_channel_id, time_zone
    FROM notices JOIN guilds ON guilds.guild_id = notices.guild_id
    WHERE is_told = 0 AND log_channel_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM notices AS later WHERE later.guild_id = notices.guild_id
            AND later.period = notices.period AND later.percent > notices.percent)
"""
_BALANCE = """
    SELECT amount, used, reserved
    FROM balances JOIN limits ON limits.guild_id = balances.guild_id AND limits.scope = 'server'
        AND limits.subject_id = 0 AND limits.measure = :measure
    WHERE balances.guild_id = :guild_id AND balances.scope = 'server' AND balances.subject_id = 0
        AND period = :period AND amount IS NOT NULL
"""
_GRANTED = """
    SELECT coalesce(sum(credits - reserved - used), 0) AS n FROM grants
    WHERE guild_id = :guild_id AND user_id = 0 AND reserved + used < credits
        AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
"""
_LAST_SPOKEN = """
    SELECT jobs.language FROM ledger JOIN jobs ON jobs.id = ledger.job_id
    WHERE ledger.guild_id = :guild_id ORDER BY ledger.at_ms DESC LIMIT 1
"""
_TOLD = """
    UPDATE notices SET is_told = 1
    WHERE guild_id = :guild_id AND period = :period AND percent <= :percent AND noted_at_ms <= :noted_at_ms
"""
