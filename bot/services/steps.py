"""The steps a job takes, each with all that goes with it: written down, shown, its slot given back."""

from collections.abc import Callable

import structlog

from bot.db import history, jobs
from bot.db.rows import spent_columns
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import Job, JobState
from bot.domain.money import real_price
from bot.domain.provider import Ready, Spent
from bot.services.cards import Cards
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

HOPELESS_AFTER_MS = 24 * 3600 * 1000
"""A provider that has not answered for a day is not waited for."""


class Steps:
    """Shared by those who carry jobs; every method raises `Overtaken` if somebody else moved the job first."""

    def __init__(self, *, db: Database, clock: Clock, cards: Cards, slot_freed: Callable[[], None]) -> None:
        self.db = db
        self.clock = clock
        self.up_since_ms = clock.now_ms()
        """Time before is not held against anybody: no process was there to ask."""
        self._cards = cards
        self._slot_freed = slot_freed

    async def move(self, job: Job, state: JobState, **known: object) -> Job:
        """Take one step, with what became known on the way."""
        if state is not job.state:
            known = {"tries": 0} | known
        moved = await self.db.write(jobs.move(job, state, now_ms=self.clock.now_ms(), **known))
        if state is not job.state:
            log.info("moved", job=job.id, state=state.value)
        self._cards.changed(moved)
        return moved

    async def free(self, transaction: Transaction[Job]) -> Job:
        """Take a step that is more than one, and that gives the slot back."""
        moved = await self.db.write(transaction)
        log.info("moved", job=moved.id, state=moved.state.value)
        self._slot_freed()
        self._cards.changed(moved)
        return moved

    async def rendered(self, job: Job, ready: Ready, *, task_id: str | None) -> Job:
        """The provider has finished the clip; how long that took is remembered."""
        now_ms = self.clock.now_ms()

        def step() -> Transaction[Job]:
            # After an outage nobody knows when it was finished; from before a start, when it was ordered: what was
            # cut off is marked anew.
            is_known = not job.tries and (job.started_at_ms or 0) >= self.up_since_ms
            if is_known and job.marked_at_ms:
                yield from history.record(job, (now_ms - job.marked_at_ms) / 1000)
            return (
                yield from jobs.move(
                    job,
                    JobState.FETCHING,
                    now_ms=now_ms,
                    task_id=task_id,
                    result=ready.result,
                    **spent_columns(ready.spent),
                    price=_real_price(job, ready.spent),
                    progress=1.0,
                    tries=0,
                    rendered_at_ms=now_ms,
                    run_at_ms=now_ms,
                )
            )

        return await self.free(step())

    async def cancelled(self, job: Job) -> Job:
        """It was stopped in time; the credits go back."""
        return await self.free(jobs.move(job, JobState.CANCELLED, now_ms=self.clock.now_ms()))

    async def end(self, job: Job, reason: str, *, maybe_charged: bool = False) -> Job:
        """It will not be made; the credits go back. `reason` is a sentence for the person who asked."""
        log.warning("failed", job=job.id, provider=job.provider, reason=reason)
        known = {"error": reason, "maybe_charged": int(maybe_charged)}
        return await self.free(jobs.move(job, JobState.FAILED, now_ms=self.clock.now_ms(), **known))

    async def lose(self, job: Job, reason: str) -> Job:
        """End a job that the provider may charge for all the same, which the operator must know."""
        maybe_charged = job.marked_at_ms is not None
        if maybe_charged:
            known = {"provider": job.provider, "attempt": job.attempt_key, "task": job.task_id}
            log.error("given up: may have been charged", job=job.id, state=job.state, **known)
        return await self.end(job, reason, maybe_charged=maybe_charged)

    def waited_s(self, since_ms: int | None) -> float:
        """Seconds since a moment in which somebody could have asked; 0 for None."""
        now_ms = self.clock.now_ms()
        return (now_ms - max(since_ms or now_ms, self.up_since_ms)) / 1000

    def is_past(self, since_ms: int | None) -> bool:
        """Whether a day has gone by since then."""
        return self.waited_s(since_ms) * 1000 > HOPELESS_AFTER_MS


def _real_price(job: Job, spent: Spent | None) -> int:
    """What is charged now that the provider may have said what it took."""
    return real_price(
        job.price,
        reserved=job.credits,
        percent=job.price_percent,
        cost_micro_usd=spent.micro_usd if spent else None,
        may_exceed=job.pays_overrun,
    )
