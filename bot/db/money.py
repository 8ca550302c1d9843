"""Taking, charging and giving back credits, in the transactions that insert and end jobs.

`ledger` and `draws` hold immutable rows and are the truth; `balances` holds their sums per account and period, and
`grants` what is left of each, so that a request is decided from a handful of rows.
"""

from collections.abc import Mapping
from datetime import tzinfo

from bot.db import grants, notices, standing
from bot.db.entries import SERVER, enter
from bot.db.grants import Closing
from bot.db.standing import Standing, dates, periods_at
from bot.db.transaction import Transaction
from bot.domain.errors import ClipTooDear, QuotaExceeded
from bot.domain.jobs import Asker, Job, JobState
from bot.domain.limits import Limits, Measure
from bot.domain.money import MICRO_USD_PER_CREDIT, Drawn, Entry, Periods, Purse, Scope, Window, window_of

_MOST_BELIEVED = 10
"""No provider takes so many times its price; one absurd report must not use up a server's month."""

_ACCOUNTS = (Scope.MEMBER, Scope.CHANNEL, Scope.SERVER, Scope.OPERATOR)


def channel_of(job: Job) -> int:
    """The channel whose allowance a job counts in: a thread's own channel above it."""
    return job.origin.parent_id or job.origin.channel_id


def reserve(job: Job, limits: Limits, asker: Asker, zone: tzinfo) -> Transaction[bool]:
    """Take a job's credits from the member and the server, or nothing at all.

    Returns whether the log channel is to hear of the server's budget.

    Raises:
        ClipTooDear, QuotaExceeded: a cap would be overdrawn; the caller's transaction is to be rolled back.
    """
    origin, channel_id = job.origin, channel_of(job)
    caps = standing.caps_for(limits, origin.user_id, asker.roles, channel_id)
    means = yield from standing.read(
        origin.guild_id, origin.user_id, channel_id, caps, zone=zone, now_ms=job.created_at_ms, to_draw=True
    )
    _check_clip(job, means)
    drawn = {
        Scope.MEMBER: _draw(Scope.MEMBER, means.member, job.credits),
        Scope.CHANNEL: _draw(Scope.CHANNEL, means.channel, job.credits),
        Scope.SERVER: _draw(Scope.SERVER, means.server, job.credits),
        Scope.OPERATOR: _draw(Scope.OPERATOR, means.operator, job.worth),
    }
    taken = {scope: part.allowance for scope, part in drawn.items()}
    key = {"guild_id": origin.guild_id, "user_id": origin.user_id, "channel_id": channel_id}
    yield _TAKE, {**key, **dates(means.periods), **{scope.value: amount for scope, amount in taken.items()}}
    yield from grants.draw(job.id, drawn[Scope.MEMBER])
    yield from grants.draw(job.id, drawn[Scope.SERVER])
    yield from enter(
        origin.guild_id,
        origin.user_id,
        Entry.RESERVE,
        by_id=asker.approved_by or origin.user_id,
        now_ms=job.created_at_ms,
        credits=job.credits,
        **_counted(taken),
        **_about(job, channel_id, means.periods),
    )
    return (yield from _note_crossings(job, means.server, taken[Scope.SERVER]))


def close(
    job: Job, state: JobState, *, cost: bool, now_ms: int, comes_back: bool = True
) -> Transaction[None]:
    """Settle or refund a job's reservation, in the periods and from the grants it was taken from.

    The unique index on closing rows makes a second close an error instead of a second payment.

    Args:
        job: As it was before it ended.
        state: How it ended.
        cost: Whether the operator pays for it, or may have to, though nobody is charged.
        now_ms: The moment.
        comes_back: Whether credits of a grant that has expired meanwhile can be used for another day; never those of
            what was cancelled.
    """
    if job.state is JobState.UNDELIVERABLE and (yield _CLOSING, {"job_id": job.id}):
        return  # earlier versions gave its credits back as soon as no place took its clip
    kind = Entry.SETTLE if state is JobState.DONE else Entry.REFUND
    row = (yield _RESERVED, {"job_id": job.id})[0]
    guild_id, user_id, channel_id = job.origin.guild_id, job.origin.user_id, row["channel_id"]
    periods = Periods(row["day"], row["week"], row["month"])
    reserved = {
        Scope.MEMBER: row["allowance"],
        Scope.CHANNEL: row["credits"],
        Scope.SERVER: row["budget"],
        Scope.OPERATOR: row["worth"],
    }
    price = job.price if kind is Entry.SETTLE else 0
    used: dict[Scope, int] = dict.fromkeys(_ACCOUNTS, price)
    used[Scope.OPERATOR] = _worth(job) if cost or kind is Entry.SETTLE else 0
    if row["allowance"] != row["credits"] or row["budget"] != row["credits"]:
        comes_back = comes_back and state is not JobState.CANCELLED
        closing = Closing(job.id, guild_id, kind, price, comes_back, now_ms)
        allowances = {user_id: row["allowance"], SERVER: row["budget"]}
        kept = yield from grants.close(closing, allowances)
        used |= {Scope.MEMBER: kept[user_id], Scope.SERVER: kept[SERVER]}
    said = used if kind is Entry.SETTLE else {**reserved, Scope.OPERATOR: used[Scope.OPERATOR]}
    yield from enter(
        guild_id,
        user_id,
        kind,
        by_id=SERVER,
        now_ms=now_ms,
        credits=price if kind is Entry.SETTLE else row["credits"],
        **_counted(said),
        **_about(job, channel_id, periods),
    )
    subjects = {Scope.MEMBER: user_id, Scope.CHANNEL: channel_id}
    for scope in _ACCOUNTS:
        account = {"guild_id": guild_id, "scope": scope.value, "subject_id": subjects.get(scope, SERVER)}
        yield _RELEASE, {**account, "reserved": reserved[scope], "used": used[scope], **dates(periods)}


def reserved_worth(job_id: int) -> Transaction[int]:
    """What of the operator's ceiling a job has reserved."""
    return (yield _RESERVED, {"job_id": job_id})[0]["worth"]


def reset(
    guild_id: int, scope: Scope, subject_id: int, *, zone: tzinfo, by_id: int, reason: str | None, now_ms: int
) -> Transaction[dict[Window, int]]:
    """Forget what a member, a channel or the server used in the present periods; what is reserved stays.

    Returns the credits that were forgotten, by window.
    """
    periods = periods_at(now_ms, zone)
    account = {"guild_id": guild_id, "scope": scope.value, "subject_id": subject_id}
    user_id = subject_id if scope is Scope.MEMBER else SERVER
    forgotten: dict[Window, int] = {}
    for window in Window:
        if scope is Scope.SERVER:
            yield from notices.forget(guild_id, window)
        rows = yield _USED, {**account, "period": periods.of(window)}
        if not rows or not rows[0]["used"]:
            continue
        used = forgotten[window] = rows[0]["used"]
        yield _FORGET, {**account, "period": periods.of(window)}
        counts: dict[Scope, dict[str, object]] = {
            Scope.MEMBER: {"allowance": -used},
            Scope.SERVER: {"budget": -used},
            Scope.CHANNEL: {"channel_id": subject_id},
        }
        known = {"reason": reason, "credits": -used, window.value: periods.of(window), **counts[scope]}
        yield from enter(guild_id, user_id, Entry.ADJUST, by_id=by_id, now_ms=now_ms, **known)
    return forgotten


def _check_clip(job: Job, means: Standing) -> None:
    for scope in (Scope.MEMBER, Scope.CHANNEL):
        cap = means.caps[scope].get(Measure.CLIP)
        if cap is not None and job.credits > cap:
            raise ClipTooDear(scope=scope, price=job.credits, cap=cap)


def _draw(scope: Scope, purse: Purse, amount: int) -> Drawn:
    drawn = purse.draw(amount)
    if drawn is None:
        tightest = purse.tightest
        assert tightest is not None
        raise QuotaExceeded(
            scope=scope,
            price=amount,
            left=purse.left or 0,
            whole=(tightest.cap or 0) + sum(grant.left for grant in purse.grants),
            window=window_of(tightest.period),
            fresh_at_s=tightest.ends_s,
        )
    return drawn


def _note_crossings(job: Job, server: Purse, taken: int) -> Transaction[bool]:
    """Note which parts of the budget are gone now; whether that is news."""
    is_news = False
    for balance in server.balances:
        if not balance.cap:
            continue
        share = (balance.used + balance.reserved + taken) * 100 // balance.cap
        for percent in notices.PERCENTS:
            if share >= percent:
                noted = notices.note(job.origin.guild_id, balance.period, percent, now_ms=job.created_at_ms)
                is_news |= yield from noted
    return is_news


def _worth(job: Job) -> int:
    """What a clip took, in credits: as its provider says, within reason, or else the catalogue's price."""
    cost = job.spent.micro_usd if job.spent else None
    return job.worth if cost is None else min(-(-cost // MICRO_USD_PER_CREDIT), job.worth * _MOST_BELIEVED)


def _counted(amounts: Mapping[Scope, int]) -> dict[str, object]:
    """The columns that say how much counts where; the channel counts all of the credits."""
    return {
        "allowance": amounts[Scope.MEMBER],
        "budget": amounts[Scope.SERVER],
        "worth": amounts[Scope.OPERATOR],
    }


def _about(job: Job, channel_id: int, periods: Periods) -> dict[str, object]:
    return {
        "job_id": job.id,
        "channel_id": channel_id,
        "provider": job.provider,
        "cost_micro_usd": job.spent.micro_usd if job.spent else None,
        **dates(periods),
    }


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
_RESERVED = """
    SELECT channel_id, credits, allowance, budget, worth, day, week, month FROM ledger
    WHERE job_id = :job_id AND kind = 'reserve'
"""
_CLOSING = "SELECT 1 AS is_closed FROM ledger WHERE job_id = :job_id AND kind <> 'reserve'"
_USED = """
    SELECT used FROM balances
    WHERE guild_id = :guild_id AND scope = :scope AND subject_id = :subject_id AND period = :period /*pg:FOR UPDATE*/
"""
_FORGET = """
    UPDATE balances SET used = 0
    WHERE guild_id = :guild_id AND scope = :scope AND subject_id = :subject_id AND period = :period
"""
