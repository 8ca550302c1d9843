"""Whose turn it is to identify at Discord's gateway, among the shards of several processes."""

from bot.db import installation
from bot.db.clock import SHARED_MS
from bot.db.transaction import Transaction


def take_turn(remainder: int, *, now_ms: int, every_ms: int) -> Transaction[int]:
    """Take the turn, and keep others from it for `every_ms`; else say in how many ms it is free. 0 is: taken.

    `remainder` is a shard's number by `max_concurrency`. Nobody keeps others out for longer than `every_ms`: what says
    so was written before the clock was set back.
    """
    free_at_ms = yield from installation.recall(_name(remainder))
    wait_ms = int(free_at_ms or 0) - (yield from _shared_ms(now_ms))
    if 0 < wait_ms <= every_ms:
        return wait_ms
    yield from hold(remainder, now_ms=now_ms, for_ms=every_ms)
    return 0


def hold(remainder: int, *, now_ms: int, for_ms: int) -> Transaction[None]:
    """Whoever has the turn keeps others from it for so long."""
    until_ms = (yield from _shared_ms(now_ms)) + for_ms
    yield from installation.remember(_name(remainder), str(until_ms))


def _shared_ms(now_ms: int) -> Transaction[int]:
    [now] = yield f"SELECT {SHARED_MS} AS at_ms", {"now_ms": now_ms}
    return now["at_ms"]


def _name(remainder: int) -> str:
    return f"identify {remainder}"
