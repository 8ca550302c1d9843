"""What a member may still spend."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.db import guilds, jobs, limits, money
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import SLOT_HOLDERS, JobState
from bot.domain.limits import Caps, Limits
from bot.domain.money import Purse, Scope
from bot.services.ports import Clock


@dataclass(frozen=True, slots=True)
class Allowance:
    """A member's standing in one guild."""

    member: Purse
    server: Purse
    queued: int
    running: int
    """Holding a slot of a provider, which is what the cap counts."""
    caps: Caps
    """The member's."""
    block: guilds.Block | None


class Quotas:
    """Answers questions about caps and balances."""

    def __init__(self, *, db: Database, clock: Clock, defaults: Limits) -> None:
        self._db = db
        self._clock = clock
        self._defaults = defaults

    async def allowance(
        self, guild_id: int, user_id: int, *, roles: Collection[int], channel_id: int
    ) -> Allowance:
        """Everything `/quota me` shows, read at one moment."""
        return await self._db.write(self._allowance(guild_id, user_id, roles, channel_id))

    def _allowance(
        self, guild_id: int, user_id: int, roles: Collection[int], channel_id: int
    ) -> Transaction[Allowance]:
        now_ms = self._clock.now_ms()
        terms = yield from guilds.terms(guild_id, user_id, defaults=self._defaults, now_ms=now_ms)
        known = yield from limits.that_matter(guild_id, user_id, channel_id)
        caps = money.caps_for(known, user_id, roles, channel_id)
        standing = yield from money.standing(
            guild_id, user_id, channel_id, caps, zone=terms.zone, now_ms=now_ms
        )
        counts = yield from jobs.count_by_state(guild_id, user_id)
        return Allowance(
            member=standing.member,
            server=standing.server,
            queued=counts.get(JobState.QUEUED, 0),
            running=sum(counts.get(state, 0) for state in SLOT_HOLDERS),
            caps=caps[Scope.MEMBER],
            block=terms.block,
        )
