"""Which providers are well: learnt from what becomes of creates, used to choose among them and to leave them alone.

Only creates count. A provider may well answer questions about old tasks, or not, while it takes nothing new.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from bot.db import breakers
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database, Transaction
from bot.domain.breaker import WELL, Condition, Lesson
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Refusal, Rejected, Unknown
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

_LOOKS_EVERY_MS = 2_000


class Health:
    """One breaker for each account: in this process, or in rows that several share.

    Shared, what is chosen by may be some seconds old; who begins jobs reads the rows in the same transaction, so that
    no more than one job finds out for all of them whether a provider is back.
    """

    def __init__(self, clock: Clock, *, changed: Callable[[], None], shared: Database | None = None) -> None:
        """`changed` is called when a provider is left alone or well again, which somebody may be waiting for."""
        self._clock = clock
        self._changed = changed
        self._shared = shared
        self._known: dict[str, Condition] = {}
        self._unshared: list[tuple[str, Lesson, int]] = []
        """What was learnt here and the others do not know yet."""
        self._learnt = asyncio.Event()

    def heard(self, spec: ModelSpec, outcome: Accepted | Rejected | Unknown) -> None:
        """Learn from what became of a create.

        What is wrong about a model that stands in no row says nothing: any member may name one.
        """
        lesson = _lesson(outcome, is_known=spec.is_known)
        if lesson is None:
            return
        now_ms = self._clock.now_ms()
        before = self._known.get(spec.provider, WELL)
        after = before.after(lesson, now_ms)
        if lesson is Lesson.BARRED and isinstance(outcome, Rejected):
            log.error("provider refuses the account", provider=spec.provider, why=outcome.why.value)
        if after == before:
            return
        if self._shared is not None:
            self._unshared.append((spec.provider, lesson, now_ms))
            self._learnt.set()
        self._see(spec.provider, after)

    def is_healthy(self, provider: str) -> bool:
        """Whether it is worth choosing while there is another: after a pause it is again, for one job."""
        condition = self._known.get(provider, WELL)
        return condition.avoided_until_ms <= self._clock.now_ms() and self.admits(provider, 1) > 0

    def admits(self, provider: str, most: int) -> int:
        """How many more jobs it may be sent now, of `most` when it is well, as far as this process knows."""
        return self._known.get(provider, WELL).breaker.admits(most, self._clock.now_ms())

    def admitting(self, provider: str, most: int) -> Transaction[int]:
        """The same, for certain; in the transaction that begins those jobs."""
        if self._shared is None:
            return self.admits(provider, most)
        condition = yield from breakers.of(provider)
        return condition.breaker.admits(most, self._clock.now_ms())

    def probing(self, provider: str) -> Transaction[None]:
        """A job is begun at it by this transaction."""
        if self._shared is not None:
            yield from breakers.probed(provider, now_ms=self._clock.now_ms())

    def probed(self, provider: str) -> None:
        """A job was sent to it."""
        if provider in self._known:
            self._known[provider] = self._known[provider].probed(self._clock.now_ms())

    def next_try_ms(self) -> int | None:
        """When a provider that is left alone may be tried again; None while there is none."""
        now_ms = self._clock.now_ms()
        pauses = [condition.breaker.paused_until_ms for condition in self._known.values()]
        return min((until_ms for until_ms in pauses if until_ms > now_ms), default=None)

    async def run(self) -> None:
        """Share what is learnt here, and learn what others have, for as long as the process runs."""
        while True:
            try:
                await self.share()
            except DatabaseFault as fault:
                log.info("health not shared yet", reason=str(fault))
                self._learnt.clear()
            await self._clock.wait(self._learnt, until_ms=self._clock.now_ms() + _LOOKS_EVERY_MS)

    async def share(self) -> None:
        """Do both once.

        Raises:
            DatabaseFault: what was learnt is shared later.
        """
        assert self._shared is not None
        self._learnt.clear()
        lessons, self._unshared = self._unshared, []
        try:
            known = await (
                self._shared.write(breakers.learn(lessons))
                if lessons
                else self._shared.read(breakers.known())
            )
        except BaseException:
            self._unshared = lessons + self._unshared
            raise
        self._take_over(known)

    def _take_over(self, known: Mapping[str, Condition]) -> None:
        told = dict(known)
        for provider, lesson, at_ms in self._unshared:  # since the rows were read
            told[provider] = told.get(provider, WELL).after(lesson, at_ms)
        for provider in self._known.keys() | told.keys():
            self._see(provider, told.get(provider, WELL))

    def _see(self, provider: str, after: Condition) -> None:
        before = self._known.pop(provider, WELL)
        if after != WELL:
            self._known[provider] = after
        if before.breaker.is_open and not after.breaker.is_open:
            log.info("provider is back", provider=provider)
            self._changed()
        elif after.breaker.failures > before.breaker.failures and after.breaker.is_open:
            pause_s = (after.breaker.paused_until_ms - self._clock.now_ms()) / 1000
            log.warning(
                "provider left alone", provider=provider, failures=after.breaker.failures, for_s=pause_s
            )
            self._changed()


def _lesson(outcome: Accepted | Rejected | Unknown, *, is_known: bool) -> Lesson | None:
    match outcome:
        case Accepted():
            return Lesson.TAKEN
        case Rejected(why=Refusal.INPUT):
            return None  # which may have been judged before anything was sent
        case _ if not is_known:
            return None
        case Unknown() | Rejected(why=Refusal.UNREACHABLE):
            return Lesson.FAILED
        case Rejected(why=Refusal.PAYMENT | Refusal.ACCOUNT):
            return Lesson.BARRED
        case Rejected():
            return Lesson.ANSWERED
