"""Upload limits that turned out smaller than Discord says: known for one clip, they hold for the next ones too."""

from collections import OrderedDict
from dataclasses import dataclass

from bot.services.ports import Clock

SURE_LIMIT = 10 * 1024 * 1024
"""What every place takes (discord-api-docs#8572: 10 MiB, since September 2026 perhaps 20)."""

LEARNT_FOR_MS = 6 * 3_600_000
"""Limits rise, and what was refused may have been refused by a proxy on the way."""

_SERVERS = 10_000
_SHRINK = 0.8


@dataclass(frozen=True, slots=True)
class _Learnt:
    claimed: int
    """What Discord said; once it says something else, this is no longer true."""
    limit: int
    at_ms: int


class UploadLimits:
    """What servers really take, kept for some hours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._learnt: OrderedDict[int, _Learnt] = OrderedDict()

    def known(self, guild_id: int, claimed: int) -> int:
        """Bytes that a server takes, of which Discord claims so many."""
        learnt = self._learnt.get(guild_id)
        if learnt is None or learnt.claimed != claimed:
            return claimed
        is_old = self._clock.now_ms() - learnt.at_ms > LEARNT_FOR_MS
        return claimed if is_old else min(claimed, learnt.limit)

    def refused(self, guild_id: int, claimed: int, size_bytes: int) -> int:
        """A server has not taken so many bytes; returns what to try next, there and with later clips."""
        limit = SURE_LIMIT if size_bytes > SURE_LIMIT else int(size_bytes * _SHRINK)
        self._learnt[guild_id] = _Learnt(claimed, limit, self._clock.now_ms())
        self._learnt.move_to_end(guild_id)
        if len(self._learnt) > _SERVERS:
            self._learnt.popitem(last=False)
        return limit
