"""Whose turn it is to identify at Discord's gateway, among the shards of several processes."""

from bot.db import installation
from bot.db.transaction import Transaction


def take_turn(remainder: int, *, now_ms: int, every_ms: int) -> Transaction[int]:
    """Take the turn, and keep others from it for `every_ms`; else say in how many ms it is free. 0 is: taken.

    `remainder` is a shard's number by `max_concurrency`. Nobody keeps others out for longer than `every_ms`: what says
    so was written by a clock that is wrong.
    """
    free_at_ms = yield from installation.recall(_name(remainder))
    wait_ms = int(free_at_ms or 0) - now_ms
    if 0 < wait_ms <= every_ms:
        return wait_ms
    yield from hold(remainder, until_ms=now_ms + every_ms)
    return 0


def hold(remainder: int, *, until_ms: int) -> Transaction[None]:
    """Whoever has the turn keeps others from it until then."""
    yield from installation.remember(_name(remainder), str(until_ms))


def _name(remainder: int) -> str:
    return f"identify {remainder}"
