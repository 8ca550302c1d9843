"""How providers have fared with creates lately, where several processes have to know."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.db import ticks
from bot.db.transaction import Row, Transaction
from bot.domain.breaker import WELL, Breaker, Condition, Lesson


def known() -> Transaction[dict[str, Condition]]:
    """All that are not simply well."""
    rows = yield "SELECT * FROM breakers", {}
    return {row["provider"]: _condition(row) for row in rows}


def of(provider: str) -> Transaction[Condition]:
    """One account at this moment."""
    rows = yield "SELECT * FROM breakers WHERE provider = :provider", {"provider": provider}
    return _condition(rows[0]) if rows else WELL


def learn(lessons: Iterable[tuple[str, Lesson, int]]) -> Transaction[dict[str, Condition]]:
    """Add lessons about providers, each with its moment; returns what is known then."""
    for provider, lesson, at_ms in lessons:
        before = yield from of(provider)
        after = before.after(lesson, at_ms)
        yield from _put(provider, after)
        if before.breaker.is_open and not after.breaker.is_open:
            yield from ticks.admission()
    return (yield from known())


def probed(provider: str, *, now_ms: int) -> Transaction[None]:
    """A job is sent to a provider: where it was left alone, it is the only one until it is known what becomes of it."""
    condition = yield from of(provider)
    if condition.breaker.is_open:
        yield from _put(provider, condition.probed(now_ms))


def _put(provider: str, condition: Condition) -> Transaction[None]:
    if condition == WELL:
        yield "DELETE FROM breakers WHERE provider = :provider", {"provider": provider}
        return
    breaker = condition.breaker
    row: Mapping[str, Any] = {
        "provider": provider,
        "failures": breaker.failures,
        "paused_until_ms": breaker.paused_until_ms,
        "is_probed": int(breaker.is_probed),
        "avoided_until_ms": condition.avoided_until_ms,
    }
    yield _PUT, row


def _condition(row: Row) -> Condition:
    breaker = Breaker(row["failures"], row["paused_until_ms"], bool(row["is_probed"]))
    return Condition(breaker, row["avoided_until_ms"])


_PUT = """
    INSERT INTO breakers (provider, failures, paused_until_ms, is_probed, avoided_until_ms)
    VALUES (:provider, :failures, :paused_until_ms, :is_probed, :avoided_until_ms)
    ON CONFLICT (provider) DO UPDATE SET failures = excluded.failures, paused_until_ms = excluded.paused_until_ms,
        is_probed = excluded.is_probed, avoided_until_ms = excluded.avoided_until_ms
"""
