"""What a member may still spend."""

from dataclasses import dataclass

from bot.db import guilds, jobs, money
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import SLOT_HOLDERS, JobState
from bot.domain.money import Balance, Caps
from bot.services.ports import Clock


@dataclass(frozen=True, slots=True)
class Allowance:
    """A member's standing in one guild."""

    member: Balance
    guild: Balance
    queued: int
    running: int
    """Holding a slot of a provider, which is what the cap counts."""
    caps: Caps


class Quotas:
    """Answers questions about caps and balances."""

    def __init__(self, *, db: Database, clock: Clock, defaults: Caps) -> None:
        self._db = db
        self._clock = clock
        self._defaults = defaults

    async def allowance(self, guild_id: int, user_id: int) -> Allowance:
        """Everything `/quota me` shows, read at one moment."""
        return await self._db.write(self._allowance(guild_id, user_id))

    def _allowance(self, guild_id: int, user_id: int) -> Transaction[Allowance]:
        caps = yield from guilds.caps(guild_id, defaults=self._defaults)
        member, guild = yield from money.balances(guild_id, user_id, caps, now_ms=self._clock.now_ms())
        counts = yield from jobs.count_by_state(guild_id, user_id)
        return Allowance(
            member=member,
            guild=guild,
            queued=counts.get(JobState.QUEUED, 0),
            running=sum(counts.get(state, 0) for state in SLOT_HOLDERS),
            caps=caps,
        )
