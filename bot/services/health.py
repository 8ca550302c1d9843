"""Which providers are well: learnt from what they answer, used to choose among them and to leave them alone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import structlog

from bot.domain.breaker import CLOSED, Breaker
from bot.domain.models import ModelSpec
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    Provider,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import Task
from bot.services.ports import Clock

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)

AVOIDED_MS = 600_000
"""An account without credit, or whose key is refused, is chosen last for this long: people need time to mend it."""


class Health:
    """One breaker for each account, in this process."""

    def __init__(self, clock: Clock, *, worsened: Callable[[], None]) -> None:
        """`worsened` is called when a provider is left alone, whose end somebody may want to wait for."""
        self._clock = clock
        self._worsened = worsened
        self._breakers: dict[str, Breaker] = {}
        self._avoided_until_ms: dict[str, int] = {}

    def went_well(self, provider: str) -> None:
        """It answered sensibly."""
        if self._breakers.pop(provider, CLOSED).is_open:
            log.info("provider is back", provider=provider)
            self._worsened()

    def went_wrong(self, provider: str) -> None:
        """It could not be reached, or was out of order."""
        before = self._breakers.get(provider, CLOSED)
        after = self._breakers[provider] = before.failed(self._clock.now_ms())
        if after.paused_until_ms > before.paused_until_ms:
            pause_s = (after.paused_until_ms - self._clock.now_ms()) / 1000
            log.warning("provider left alone", provider=provider, failures=after.failures, for_s=pause_s)
            self._worsened()

    def avoid(self, provider: str, why: Refusal) -> None:
        """Its account needs the operator."""
        self._avoided_until_ms[provider] = self._clock.now_ms() + AVOIDED_MS
        log.error("provider refuses the account", provider=provider, why=why.value)

    def is_healthy(self, provider: str) -> bool:
        """Whether it is worth choosing while there is another."""
        avoided = self._avoided_until_ms.get(provider, 0) > self._clock.now_ms()
        return not avoided and not self._breakers.get(provider, CLOSED).is_open

    def slots(self, provider: Provider) -> int:
        """How many jobs it may have at once now."""
        breaker = self._breakers.get(provider.name, CLOSED)
        return breaker.slots(provider.concurrency, self._clock.now_ms())

    def next_try_ms(self) -> int | None:
        """When a provider that is left alone may be tried again; None while there is none."""
        now_ms = self._clock.now_ms()
        pauses = [breaker.paused_until_ms for breaker in self._breakers.values()]
        return min((until_ms for until_ms in pauses if until_ms > now_ms), default=None)


class Watched:
    """A provider whose answers are told to `Health`; otherwise the provider itself."""

    def __init__(self, provider: Provider, health: Health) -> None:
        self._provider = provider
        self._health = health

    @property
    def name(self) -> str:
        """As the provider's."""
        return self._provider.name

    @property
    def recovery(self) -> Recovery:
        """As the provider's."""
        return self._provider.recovery

    @property
    def concurrency(self) -> int:
        """As the provider's."""
        return self._provider.concurrency

    def preview(self, submission: Submission) -> str:
        """As the provider's."""
        return self._provider.preview(submission)

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """As the provider's; a create in doubt counts as a failure.

        What is wrong about a model that stands in no row says nothing: any member may name one.
        """
        outcome = await self._provider.submit(submission)
        if not submission.spec.is_known and not isinstance(outcome, Accepted):
            return outcome
        match outcome:
            case Unknown() | Rejected(why=Refusal.UNREACHABLE):
                self._health.went_wrong(self.name)
            case Rejected(why=(Refusal.PAYMENT | Refusal.ACCOUNT) as why):
                self._health.went_well(self.name)
                self._health.avoid(self.name, why)
            case Rejected() | Accepted():
                self._health.went_well(self.name)
        return outcome

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted | Absent | Unknown:
        """As the provider's."""
        return await self._told(self._provider.look_up(key, spec, task))

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """As the provider's."""
        return await self._told(self._provider.poll(task_id))

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """As the provider's; where clips are kept says nothing about the API."""
        return self._provider.open(result)

    async def cancel(self, task_id: str) -> bool:
        """As the provider's."""
        return await self._provider.cancel(task_id)

    async def close(self) -> None:
        """As the provider's."""
        await self._provider.close()

    async def _told(self, answer: Awaitable[T]) -> T:
        try:
            given = await answer
        except ProviderFault:
            self._health.went_wrong(self.name)
            raise
        self._health.went_well(self.name)
        return given
