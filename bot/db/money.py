"""The ledger and what is derived from it.

`ledger` holds immutable rows and is the truth; `budgets` holds their sums per cap and period,
so that one conditional update can decide whether a request still fits.
"""

from functools import lru_cache

from bot.db.transaction import Transaction
from bot.domain.errors import QuotaExceeded
from bot.domain.jobs import Job
from bot.domain.money import Balance, Caps, Entry, Periods

GUILD = 0
"""The `user_id` of a server's own budget."""
_DAY_MS = 86_400_000
_UNCAPPED = 2**62


def reserve(job: Job, caps: Caps) -> Transaction[None]:
    """Take a job's credits from the member's day and the server's month, or nothing at all.

    Raises:
        QuotaExceeded: a cap would be overdrawn; the caller's transaction is to be rolled back.
    """
    origin, periods = job.origin, _periods(job.created_at_ms)
    for whose, user_id, period, cap in (
        ("user", origin.user_id, periods.day, caps.user_daily_credits),
        ("guild", GUILD, periods.month, caps.guild_monthly_credits),
    ):
        key = {"guild_id": origin.guild_id, "user_id": user_id, "period": period}
        most = _UNCAPPED if cap is None else cap
        taken = yield _TAKE, {**key, "credits": job.credits, "most": most}
        if not taken:
            yield _BEGIN, key
            taken = yield _TAKE, {**key, "credits": job.credits, "most": most}
        if not taken:
            balance = yield from _balance(origin.guild_id, user_id, period, cap)
            raise QuotaExceeded(whose=whose, price=job.credits, left=balance.left or 0, period=period)
    yield _ENTER, _entry(job, Entry.RESERVE, job.credits, periods, job.created_at_ms)


def close(job: Job, kind: Entry, *, now_ms: int) -> Transaction[None]:
    """Settle or refund a job's reservation, in the periods it was taken from.

    The unique index on closing rows makes a second close an error instead of a second payment.
    """
    periods = _periods(job.created_at_ms)
    used = job.price if kind is Entry.SETTLE else 0
    yield _ENTER, _entry(job, kind, used, periods, now_ms)
    yield (
        _RELEASE,
        {
            "guild_id": job.origin.guild_id,
            "user_id": job.origin.user_id,
            "day": periods.day,
            "month": periods.month,
            "credits": job.credits,
            "used": used,
        },
    )


def balances(guild_id: int, user_id: int, caps: Caps, *, now_ms: int) -> Transaction[tuple[Balance, Balance]]:
    """The member's day and the server's month."""
    periods = Periods.at(now_ms)
    member = yield from _balance(guild_id, user_id, periods.day, caps.user_daily_credits)
    guild = yield from _balance(guild_id, GUILD, periods.month, caps.guild_monthly_credits)
    return member, guild


def discrepancies() -> Transaction[int]:
    """How many budgets differ from the sums of their ledger rows; 0 in a sound database."""
    rows = yield _DISCREPANCIES, {}
    return int(rows[0]["n"])


def _periods(at_ms: int) -> Periods:
    return _periods_of_day(at_ms // _DAY_MS)


@lru_cache(maxsize=64)
def _periods_of_day(day: int) -> Periods:
    """Formatting dates takes longer than most statements."""
    return Periods.at(day * _DAY_MS)


def _balance(guild_id: int, user_id: int, period: str, cap: int | None) -> Transaction[Balance]:
    rows = yield _BALANCE, {"guild_id": guild_id, "user_id": user_id, "period": period}
    used, reserved = (rows[0]["used"], rows[0]["reserved"]) if rows else (0, 0)
    return Balance(period=period, cap=cap, used=used, reserved=reserved)


def _entry(job: Job, kind: Entry, amount: int, periods: Periods, now_ms: int) -> dict[str, object]:
    return {
        "job_id": job.id,
        "kind": kind.value,
        "guild_id": job.origin.guild_id,
        "user_id": job.origin.user_id,
        "month": periods.month,
        "day": periods.day,
        "credits": amount,
        "at_ms": now_ms,
    }


_TAKE = """
    UPDATE budgets SET reserved = reserved + :credits
    WHERE guild_id = :guild_id AND user_id = :user_id AND period = :period
        AND used + reserved + :credits <= :most
    RETURNING reserved
"""
_BEGIN = """
    INSERT INTO budgets (guild_id, user_id, period, reserved, used)
    VALUES (:guild_id, :user_id, :period, 0, 0) ON CONFLICT (guild_id, user_id, period) DO NOTHING
"""
_ENTER = """
    INSERT INTO ledger (job_id, kind, guild_id, user_id, month, day, credits, at_ms)
    VALUES (:job_id, :kind, :guild_id, :user_id, :month, :day, :credits, :at_ms)
"""
_RELEASE = """
    UPDATE budgets SET reserved = reserved - :credits, used = used + :used
    WHERE guild_id = :guild_id
        AND ((user_id = :user_id AND period = :day) OR (user_id = 0 AND period = :month))
"""
_BALANCE = """
    SELECT used, reserved FROM budgets
    WHERE guild_id = :guild_id AND user_id = :user_id AND period = :period
"""
_DISCREPANCIES = """
    WITH lines AS (
        SELECT guild_id, user_id, day, month,
            CASE WHEN kind = 'reserve' AND NOT EXISTS (
                SELECT 1 FROM ledger AS closing
                WHERE closing.job_id = ledger.job_id AND closing.kind IN ('settle', 'refund')
            ) THEN credits ELSE 0 END AS reserved,
            CASE kind WHEN 'settle' THEN credits ELSE 0 END AS used
        FROM ledger
    ), differences AS (
        SELECT guild_id, user_id, day AS period, reserved, used FROM lines
        UNION ALL SELECT guild_id, 0, month, reserved, used FROM lines
        UNION ALL SELECT guild_id, user_id, period, -reserved, -used FROM budgets
    ), wrong AS (
        SELECT period FROM differences GROUP BY guild_id, user_id, period
        HAVING sum(reserved) <> 0 OR sum(used) <> 0
    )
    SELECT count(*) AS n FROM wrong
"""
