"""The caps that moderators set, a row each."""

from bot.db import notices
from bot.db.transaction import Rows, Transaction
from bot.domain.limits import Limit, Limits, Measure
from bot.domain.money import Scope, Window


def that_matter(guild_id: int, user_id: int, channel_id: int) -> Transaction[Limits]:
    """Those that may count for a request of a member in a channel."""
    rows = yield _THAT_MATTER, {"guild_id": guild_id, "user_id": user_id, "channel_id": channel_id}
    return _limits(rows)


def all_of(guild_id: int) -> Transaction[Limits]:
    """Every one of a server."""
    rows = yield _ALL, {"guild_id": guild_id}
    return _limits(rows)


def put(guild_id: int, limit: Limit) -> Transaction[None]:
    """Set a cap, in place of what was set before. The server has settled in.

    What its log channel was told of a budget is forgotten with the old one.
    """
    if limit.scope is Scope.SERVER and limit.measure in _WINDOWS:
        yield from notices.forget(guild_id, _WINDOWS[limit.measure])
    yield (
        _PUT,
        {
            "guild_id": guild_id,
            "scope": limit.scope.value,
            "subject_id": limit.subject_id,
            "measure": limit.measure.value,
            "amount": limit.amount,
        },
    )


def clear(guild_id: int, scope: Scope, subject_id: int, measure: Measure) -> Transaction[None]:
    """Take a subject's own cap away."""
    if scope is Scope.SERVER and measure in _WINDOWS:
        yield from notices.forget(guild_id, _WINDOWS[measure])
    key = {"guild_id": guild_id, "scope": scope.value, "subject_id": subject_id, "measure": measure.value}
    yield _CLEAR, key


def _limits(rows: Rows) -> Limits:
    return Limits(
        tuple(
            Limit(_SCOPES[scope], subject_id, _MEASURES[measure], amount)
            for scope, subject_id, measure, amount in rows
        )
    )


_SCOPES = {scope.value: scope for scope in Scope}  # an enum's own look-up takes five times as long
_MEASURES = {measure.value: measure for measure in Measure}
_WINDOWS = {Measure(window.value): window for window in Window}
_THAT_MATTER = """
    SELECT scope, subject_id, measure, amount FROM limits
    WHERE guild_id = :guild_id AND scope IN ('operator', 'server', 'role')
    UNION ALL
    SELECT scope, subject_id, measure, amount FROM limits
    WHERE guild_id = :guild_id AND scope = 'member' AND subject_id IN (0, :user_id)
    UNION ALL
    SELECT scope, subject_id, measure, amount FROM limits
    WHERE guild_id = :guild_id AND scope = 'channel' AND subject_id = :channel_id
"""
_ALL = "SELECT scope, subject_id, measure, amount FROM limits WHERE guild_id = :guild_id"
_PUT = """
    INSERT INTO limits (guild_id, scope, subject_id, measure, amount)
    VALUES (:guild_id, :scope, :subject_id, :measure, :amount)
    ON CONFLICT (guild_id, scope, subject_id, measure) DO UPDATE SET amount = excluded.amount
"""
_CLEAR = """
    DELETE FROM limits WHERE guild_id = :guild_id AND scope = :scope AND subject_id = :subject_id AND measure = :measure
"""
