"""The ledger and what is derived from it.

`ledger` and `draws` hold immutable rows and are the truth; `balances` holds their sums per account and period, and
`grants` what is left of each, so that a request is decided from a handful of rows. All of it happens in the
transaction that inserts the job.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from bot.db import notices
from bot.db.transaction import Rows, Transaction
from bot.domain.errors import ClipTooDear, QuotaExceeded
from bot.domain.jobs import Asker, Job
from bot.domain.limits import Limits, Measure
from bot.domain.money import (
    Balance,
    Drawn,
    Entry,
    Grant,
    Periods,
    Purse,
    Scope,
    Window,
    period_end_s,
    window_of,
)

SERVER = 0
"""The `user_id` of a server's own rows, and the `by_id` of what Kinora does by itself."""
RETURNED_LASTS_MS = 86_400_000
"""Credits that come back to a grant which has expired meanwhile can be used for a day."""

_ACCOUNTS = (Scope.MEMBER, Scope.CHANNEL, Scope.SERVER, Scope.OPERATOR)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a request of a member in a channel can be paid from, at one moment."""

    periods: Periods
    caps: Mapping[Scope, Mapping[Measure, int | None]]
    member: Purse
    server: Purse
    channel: Purse
    operator: Purse


def channel_of(job: Job) -> int:
    """The channel whose allowance a job counts in: a thread's own channel above it."""
    return job.origin.parent_id or job.origin.channel_id


def reserve(job: Job, limits: Limits, asker: Asker, zone: tzinfo) -> Transaction[bool]:
    """Take a job's credits from the member and the server, or nothing at all.

    Returns whether the log channel is to hear of the server's budget.

    Raises:
        ClipTooDear, QuotaExceeded: a cap would be overdrawn; the caller's transaction is to be rolled back.
    """
    standing = yield from _standing(job, limits, asker, zone)
    _check_clip(job, standing)
    drawn = {
        scope: _draw(scope, purse, amount, job.credits)
        for scope, purse, amount in (
            (Scope.MEMBER, standing.member, job.credits),
            (Scope.CHANNEL, standing.channel, job.credits),
            (Scope.SERVER, standing.server, job.credits),
            (Scope.OPERATOR, standing.operator, job.worth),
        )
    }
    taken = {scope: part.allowance for scope, part in drawn.items()}
    key = _key(job.origin.guild_id, job.origin.user_id, channel_of(job), standing.periods)
    yield _TAKE, {**key, **{scope.value: amount for scope, amount in taken.items()}}
    for grant_id, credits_ in (*drawn[Scope.MEMBER].grants, *drawn[Scope.SERVER].grants):
        yield _DRAW, {"grant_id": grant_id, "credits": credits_}
        yield _ENTER_DRAW, _draw_row(job, grant_id, Entry.RESERVE, credits_)
    by_id = asker.approved_by or job.origin.user_id
    entry = _entry(job, Entry.RESERVE, taken, standing.periods, by_id=by_id, now_ms=job.created_at_ms)
    yield _ENTER, entry | {"credits": job.credits, "worth": job.worth}
    return (yield from _note_crossings(job.origin.guild_id, standing.server, taken[Scope.SERVER]))


def close(job: Job, kind: Entry, *, now_ms: int) -> Transaction[None]:
    """Settle or refund a job's reservation, in the periods and from the grants it was taken from.

    The unique index on closing rows makes a second close an error instead of a second payment.
    """
    row = (yield _RESERVED, {"job_id": job.id})[0]
    periods = Periods(row["day"], row["week"], row["month"])
    reserved = {
        Scope.MEMBER: row["allowance"],
        Scope.CHANNEL: row["credits"],
        Scope.SERVER: row["budget"],
        Scope.OPERATOR: row["worth"],
    }
    is_settled = kind is Entry.SETTLE
    price = job.price if is_settled else 0
    used = {**dict.fromkeys(_ACCOUNTS, price), Scope.OPERATOR: _worth(job) if is_settled else 0}
    if row["allowance"] != row["credits"] or row["budget"] != row["credits"]:
        used |= yield from _close_draws(job, kind, reserved, price, now_ms=now_ms)
    entered = used if is_settled else reserved
    entry = _entry(job, kind, entered, periods, by_id=SERVER, now_ms=now_ms)
    charged = price if is_settled else row["credits"]
    channel_id = row["channel_id"]
    yield _ENTER, entry | {"credits": charged, "worth": entered[Scope.OPERATOR], "channel_id": channel_id}
    subjects = {Scope.MEMBER: job.origin.user_id, Scope.CHANNEL: channel_id}
    for scope in _ACCOUNTS:
        account = {"scope": scope.value, "subject_id": subjects.get(scope, SERVER)}
        amounts = {"reserved": reserved[scope], "used": used[scope]}
        yield _RELEASE, {"guild_id": job.origin.guild_id, **account, **amounts, **_dates(periods)}


def standing(
    guild_id: int,
    user_id: int,
    channel_id: int,
    caps: Mapping[Scope, Mapping[Measure, int | None]],
    *,
    zone: tzinfo,
    now_ms: int,
) -> Transaction[Standing]:
    """What a member could spend in a channel now; only reads."""
    periods = periods_at(now_ms, zone)
    found = yield _BALANCES, _key(guild_id, user_id, channel_id, periods)
    granted = yield _GRANTS, {"guild_id": guild_id, "user_id": user_id, "now_ms": now_ms}
    return _standing_of(periods, zone, caps, found, granted)


def grant(
    guild_id: int,
    user_id: int,
    credits_: int,
    *,
    expires_at_ms: int | None,
    by_id: int,
    reason: str | None,
    now_ms: int,
) -> Transaction[int]:
    """Give a member, or the server (`SERVER`), credits on top; returns the grant's number. The server has settled in."""
    rows = yield (
        _GRANT,
        {"guild_id": guild_id, "user_id": user_id, "credits": credits_, "expires_at_ms": expires_at_ms},
    )
    given = _row(guild_id, user_id, Entry.GRANT, by_id=by_id, reason=reason, now_ms=now_ms)
    yield _ENTER, given | {"grant_id": rows[0]["id"], "credits": credits_}
    return int(rows[0]["id"])


def reset(
    guild_id: int, scope: Scope, subject_id: int, *, zone: tzinfo, by_id: int, reason: str | None, now_ms: int
) -> Transaction[dict[Window, int]]:
    """Forget what a member, a channel or the server used in the present periods; what is reserved stays.

    Returns the credits that were forgotten, by window.
    """
    periods = periods_at(now_ms, zone)
    account = {"guild_id": guild_id, "scope": scope.value, "subject_id": subject_id}
    forgotten: dict[Window, int] = {}
    if scope is Scope.SERVER:
        yield from notices.forget(guild_id)
    for window in Window:
        rows = yield _USED, {**account, "period": periods.of(window)}
        if not rows or not rows[0]["used"]:
            continue
        used = forgotten[window] = rows[0]["used"]
        yield _FORGET, {**account, "period": periods.of(window)}
        user_id = subject_id if scope is Scope.MEMBER else SERVER
        entry = _row(guild_id, user_id, Entry.ADJUST, by_id=by_id, reason=reason, now_ms=now_ms)
        counts = {
            Scope.MEMBER: {"allowance": -used},
            Scope.SERVER: {"budget": -used},
            Scope.CHANNEL: {"channel_id": subject_id},
        }[scope]
        yield _ENTER, entry | {"credits": -used, window.value: periods.of(window)} | counts
    return forgotten


def note(
    guild_id: int, user_id: int, kind: Entry, *, by_id: int, reason: str | None, now_ms: int
) -> Transaction[None]:
    """Write down what a moderator did that moves no credits."""
    yield _ENTER, _row(guild_id, user_id, kind, by_id=by_id, reason=reason, now_ms=now_ms)


def discrepancies() -> Transaction[int]:
    """How many balances and grants differ from the sums of their rows; 0 in a sound database."""
    balances = yield _DISCREPANCIES, {}
    grants = yield _GRANT_DISCREPANCIES, {}
    return int(balances[0]["n"]) + int(grants[0]["n"])


@lru_cache(maxsize=256)
def _periods_of_quarter(quarter: int, zone: tzinfo) -> Periods:
    """Formatting dates takes longer than most statements; every time zone's days begin at a quarter of an hour."""
    return Periods.at(quarter * _QUARTER_MS, zone)


_QUARTER_MS = 900_000


def periods_at(now_ms: int, zone: tzinfo) -> Periods:
    """The day, week and month of a moment in a server."""
    return _periods_of_quarter(now_ms // _QUARTER_MS, zone)


@lru_cache(maxsize=1024)
def _ends_s(period: str, zone: tzinfo) -> int:
    return period_end_s(period, zone)


def _standing(job: Job, limits: Limits, asker: Asker, zone: tzinfo) -> Transaction[Standing]:
    origin, channel_id = job.origin, channel_of(job)
    caps = caps_for(limits, origin.user_id, asker.roles, channel_id)
    periods = periods_at(job.created_at_ms, zone)
    key = _key(origin.guild_id, origin.user_id, channel_id, periods)
    found = yield _BALANCES, key
    wanted = {"guild_id": origin.guild_id, "user_id": origin.user_id, "now_ms": job.created_at_ms}
    granted = yield _GRANTS, wanted
    return _standing_of(periods, zone, caps, found, granted)


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


def _standing_of(
    periods: Periods,
    zone: tzinfo,
    caps: Mapping[Scope, Mapping[Measure, int | None]],
    found: Rows,
    granted: Rows,
) -> Standing:
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


def _check_clip(job: Job, standing: Standing) -> None:
    for scope in (Scope.MEMBER, Scope.CHANNEL):
        cap = standing.caps[scope].get(Measure.CLIP)
        if cap is not None and job.credits > cap:
            raise ClipTooDear(scope=scope, price=job.credits, cap=cap)


def _draw(scope: Scope, purse: Purse, amount: int, price: int) -> Drawn:
    drawn = purse.draw(amount)
    if drawn is None:
        tightest = purse.tightest
        assert tightest is not None
        raise QuotaExceeded(
            scope=scope,
            price=price,
            left=purse.left or 0,
            window=window_of(tightest.period),
            fresh_at_s=tightest.ends_s,
        )
    return drawn


def _note_crossings(guild_id: int, server: Purse, taken: int) -> Transaction[bool]:
    """Note which parts of the budget are gone now; whether that is news."""
    is_news = False
    for balance in server.balances:
        if not balance.cap:
            continue
        share = (balance.used + balance.reserved + taken) * 100 // balance.cap
        for percent in notices.PERCENTS:
            if share >= percent:
                is_news |= yield from notices.note(guild_id, balance.period, percent)
    return is_news


def _worth(job: Job) -> int:
    """What a clip really took, in credits; the catalogue's price where its provider does not tell."""
    cost = _cost_micro_usd(job)
    return job.worth if cost is None else -(-cost // 10_000)


def _cost_micro_usd(job: Job) -> int | None:
    return None if job.spent is None or job.spent.usd is None else round(job.spent.usd * 1_000_000)


def _close_draws(
    job: Job, kind: Entry, reserved: Mapping[Scope, int], price: int, *, now_ms: int
) -> Transaction[dict[Scope, int]]:
    """Give back or use up what was taken from grants; returns what remains with the allowance and the budget."""
    rows = yield _DRAWN, {"job_id": job.id}
    used: dict[Scope, int] = {}
    for scope in (Scope.MEMBER, Scope.SERVER):
        mine = [row for row in rows if (row["user_id"] == SERVER) is (scope is Scope.SERVER)]
        drawn = Drawn(reserved[scope], tuple((row["grant_id"], row["credits"]) for row in mine))
        kept = drawn.keeping(price)
        used[scope] = kept.allowance
        for row, (grant_id, amount) in zip(mine, kept.grants, strict=True):
            yield _RETURN, {"grant_id": grant_id, "reserved": row["credits"], "used": amount}
            back = row["credits"] - amount
            yield _ENTER_DRAW, _draw_row(job, grant_id, kind, amount if kind is Entry.SETTLE else back)
            if back and row["expires_at_ms"] is not None and row["expires_at_ms"] <= now_ms:
                yield from grant(
                    job.origin.guild_id,
                    row["user_id"],
                    back,
                    expires_at_ms=now_ms + RETURNED_LASTS_MS,
                    by_id=SERVER,
                    reason=f"came back from job {job.id} after they had expired",
                    now_ms=now_ms,
                )
    return used


def _key(guild_id: int, user_id: int, channel_id: int, periods: Periods) -> dict[str, object]:
    return {
        "guild_id": guild_id,
        "user_id": user_id,
        "channel_id": channel_id,
        **_dates(periods),
    }


def _dates(periods: Periods) -> dict[str, object]:
    return {"day": periods.day, "week": periods.week, "month": periods.month}


def _draw_row(job: Job, grant_id: int, kind: Entry, credits_: int) -> dict[str, object]:
    return {"job_id": job.id, "grant_id": grant_id, "kind": kind.value, "credits": credits_}


def _entry(
    job: Job, kind: Entry, amounts: Mapping[Scope, int], periods: Periods, *, by_id: int, now_ms: int
) -> dict[str, object]:
    return {
        **_row(job.origin.guild_id, job.origin.user_id, kind, by_id=by_id, reason=None, now_ms=now_ms),
        "job_id": job.id,
        "channel_id": channel_of(job),
        "provider": job.provider,
        "allowance": amounts[Scope.MEMBER],
        "budget": amounts[Scope.SERVER],
        "cost_micro_usd": _cost_micro_usd(job),
        **_dates(periods),
    }


def _row(
    guild_id: int, user_id: int, kind: Entry, *, by_id: int, reason: str | None, now_ms: int
) -> dict[str, object]:
    return {
        "kind": kind.value,
        "guild_id": guild_id,
        "user_id": user_id,
        "by_id": by_id,
        "job_id": None,
        "grant_id": None,
        "channel_id": None,
        "provider": None,
        "credits": 0,
        "allowance": 0,
        "budget": 0,
        "worth": 0,
        "cost_micro_usd": None,
        "reason": reason,
        "day": "",
        "week": "",
        "month": "",
        "at_ms": now_ms,
    }


_BALANCES = """
    WITH wanted (scope, subject_id, period) AS (VALUES
        ('member', :user_id, :day), ('member', :user_id, :week), ('member', :user_id, :month),
        ('channel', :channel_id, :day), ('channel', :channel_id, :week), ('channel', :channel_id, :month),
        ('server', 0, :day), ('server', 0, :week), ('server', 0, :month), ('operator', 0, :month))
    SELECT balances.scope, balances.period, used, reserved FROM wanted JOIN balances
        ON balances.guild_id = :guild_id AND balances.scope = wanted.scope
        AND balances.subject_id = wanted.subject_id AND balances.period = wanted.period
"""
_TAKE = """
    INSERT INTO balances (guild_id, scope, subject_id, period, reserved, used)
    VALUES
        (:guild_id, 'member', :user_id, :day, :member, 0), (:guild_id, 'member', :user_id, :week, :member, 0),
        (:guild_id, 'member', :user_id, :month, :member, 0), (:guild_id, 'channel', :channel_id, :day, :channel, 0),
        (:guild_id, 'channel', :channel_id, :week, :channel, 0),
        (:guild_id, 'channel', :channel_id, :month, :channel, 0), (:guild_id, 'server', 0, :day, :server, 0),
        (:guild_id, 'server', 0, :week, :server, 0), (:guild_id, 'server', 0, :month, :server, 0),
        (:guild_id, 'operator', 0, :month, :operator, 0)
    ON CONFLICT (guild_id, scope, subject_id, period) DO UPDATE SET reserved = balances.reserved + excluded.reserved
"""
_RELEASE = """
    UPDATE balances SET reserved = reserved - :reserved, used = used + :used
    WHERE guild_id = :guild_id AND scope = :scope AND subject_id = :subject_id AND period IN (:day, :week, :month)
"""
_ENTER = """
    INSERT INTO ledger (kind, guild_id, user_id, by_id, job_id, grant_id, channel_id, provider, credits, allowance,
        budget, worth, cost_micro_usd, reason, day, week, month, at_ms)
    VALUES (:kind, :guild_id, :user_id, :by_id, :job_id, :grant_id, :channel_id, :provider, :credits, :allowance,
        :budget, :worth, :cost_micro_usd, :reason, :day, :week, :month, :at_ms)
"""
_RESERVED = """
    SELECT channel_id, credits, allowance, budget, worth, day, week, month FROM ledger
    WHERE job_id = :job_id AND kind = 'reserve'
"""
_GRANTS = """
    SELECT id, user_id, credits, reserved, used, expires_at_ms FROM grants
    WHERE guild_id = :guild_id AND user_id IN (0, :user_id) AND reserved + used < credits
        AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
    ORDER BY id /*pg:FOR UPDATE*/
"""
_GRANT = """
    INSERT INTO grants (guild_id, user_id, credits, expires_at_ms)
    VALUES (:guild_id, :user_id, :credits, :expires_at_ms) RETURNING id
"""
_DRAW = "UPDATE grants SET reserved = reserved + :credits WHERE id = :grant_id"
_RETURN = "UPDATE grants SET reserved = reserved - :reserved, used = used + :used WHERE id = :grant_id"
_ENTER_DRAW = (
    "INSERT INTO draws (job_id, grant_id, kind, credits) VALUES (:job_id, :grant_id, :kind, :credits)"
)
_DRAWN = """
    SELECT grant_id, draws.credits, user_id, expires_at_ms FROM draws JOIN grants ON grants.id = grant_id
    WHERE job_id = :job_id AND kind = 'reserve' ORDER BY coalesce(expires_at_ms, 9000000000000000), grant_id
"""
_USED = """
    SELECT used FROM balances
    WHERE guild_id = :guild_id AND scope = :scope AND subject_id = :subject_id AND period = :period /*pg:FOR UPDATE*/
"""
_FORGET = """
    UPDATE balances SET used = 0
    WHERE guild_id = :guild_id AND scope = :scope AND subject_id = :subject_id AND period = :period
"""
_DISCREPANCIES = """
    WITH lines AS (
        SELECT ledger.*, kind = 'reserve' AND NOT EXISTS (
            SELECT 1 FROM ledger AS closing
            WHERE closing.job_id = ledger.job_id AND closing.kind <> 'reserve'
        ) AS is_open
        FROM ledger WHERE kind IN ('reserve', 'settle', 'adjust')
    ), accounts AS (
        SELECT guild_id, 'member' AS scope, user_id AS subject_id, allowance AS amount, kind, is_open, day, week, month
        FROM lines
        UNION ALL SELECT guild_id, 'server', 0, budget, kind, is_open, day, week, month FROM lines
        UNION ALL SELECT guild_id, 'channel', channel_id, credits, kind, is_open, day, week, month FROM lines
            WHERE channel_id IS NOT NULL
        UNION ALL SELECT guild_id, 'operator', 0, worth, kind, is_open, '', '', month FROM lines
    ), periods AS (
        SELECT guild_id, scope, subject_id, amount, kind, is_open, day AS period FROM accounts
        UNION ALL SELECT guild_id, scope, subject_id, amount, kind, is_open, week FROM accounts
        UNION ALL SELECT guild_id, scope, subject_id, amount, kind, is_open, month FROM accounts
    ), differences AS (
        SELECT guild_id, scope, subject_id, period,
            CASE WHEN is_open THEN amount ELSE 0 END AS reserved,
            CASE WHEN kind <> 'reserve' THEN amount ELSE 0 END AS used
        FROM periods WHERE period <> ''
        UNION ALL SELECT guild_id, scope, subject_id, period, -reserved, -used FROM balances
    ), wrong AS (
        SELECT period FROM differences GROUP BY guild_id, scope, subject_id, period
        HAVING sum(reserved) <> 0 OR sum(used) <> 0
    )
    SELECT count(*) AS n FROM wrong
"""
_GRANT_DISCREPANCIES = """
    WITH differences AS (
        SELECT id AS grant_id, credits, reserved, used FROM grants
        UNION ALL SELECT grant_id, -credits, 0, 0 FROM ledger WHERE kind = 'grant'
        UNION ALL SELECT grant_id, 0, 0, -credits FROM draws WHERE kind = 'settle'
        UNION ALL SELECT grant_id, 0, -credits, 0 FROM draws WHERE kind = 'reserve' AND NOT EXISTS (
            SELECT 1 FROM draws AS closing WHERE closing.job_id = draws.job_id
                AND closing.grant_id = draws.grant_id AND closing.kind <> 'reserve')
    ), wrong AS (
        SELECT grant_id FROM differences GROUP BY grant_id
        HAVING sum(credits) <> 0 OR sum(reserved) <> 0 OR sum(used) <> 0
    )
    SELECT count(*) AS n FROM wrong
"""
