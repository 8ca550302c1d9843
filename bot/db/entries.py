"""Rows of the ledger, written once and never changed."""

from bot.db.transaction import Transaction
from bot.domain.money import Entry

SERVER = 0
"""The `user_id` of a server's own rows, and the `by_id` of what Kinora does by itself."""


def enter(
    guild_id: int, user_id: int, kind: Entry, *, by_id: int, now_ms: int, **known: object
) -> Transaction[None]:
    """Write a row: for whom, what, by whom, when, and what else is known of it, by column."""
    yield (
        _ENTER,
        {
            **_NOTHING,
            "guild_id": guild_id,
            "user_id": user_id,
            "kind": kind.value,
            "by_id": by_id,
            "at_ms": now_ms,
            **known,
        },
    )


def note(
    guild_id: int, user_id: int, kind: Entry, *, by_id: int, reason: str | None, now_ms: int
) -> Transaction[None]:
    """Write down what a moderator did that moves no credits."""
    yield from enter(guild_id, user_id, kind, by_id=by_id, reason=reason, now_ms=now_ms)


_NOTHING = {
    "job_id": None,
    "grant_id": None,
    "channel_id": None,
    "provider": None,
    "credits": 0,
    "allowance": 0,
    "budget": 0,
    "worth": 0,
    "cost_micro_usd": None,
    "reason": None,
    "day": "",
    "week": "",
    "month": "",
}
_ENTER = """
    INSERT INTO ledger (kind, guild_id, user_id, by_id, job_id, grant_id, channel_id, provider, credits, allowance,
        budget, worth, cost_micro_usd, reason, day, week, month, at_ms)
    VALUES (:kind, :guild_id, :user_id, :by_id, :job_id, :grant_id, :channel_id, :provider, :credits, :allowance,
        :budget, :worth, :cost_micro_usd, :reason, :day, :week, :month, :at_ms)
"""
