"""Whose turn it is to identify at Discord's gateway, among the shards of several processes."""

from bot.db import installation
from bot.db.transaction import Transaction


def take_turn(remainder: int, *, now_ms: int, every_ms: int) -> Transaction[int]:
    """When a shard may identify, after all that asked before; `remainder` is its number by `max_concurrency`."""
    name = f"identify {remainder}"
    free_at_ms = yield from installation.recall(name)
    turn_ms = max(now_ms, int(free_at_ms or 0))
    yield from installation.remember(name, str(turn_ms + every_ms))
    return turn_ms
