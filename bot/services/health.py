"""Which providers are well: learnt from what becomes of creates, used to choose among them and to leave them alone.

Only creates count. A provider may well answer questions about old tasks, or not, while it takes nothing new.
"""

from collections.abc import Callable

import structlog

from bot.domain.breaker import CLOSED, Breaker
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Refusal, Rejected, Unknown
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

AVOIDED_MS = 600_000
"""An account without credit, or whose key is refused, is chosen last for this long: people need time to mend it."""


class Health:
    """One breaker for each account, in this process."""

    def __init__(self, clock: Clock, *, changed: Callable[[], None]) -> None:
        """`changed` is called when a provider is left alone or well again, which somebody may be waiting for."""
        self._clock = clock
        self._changed = changed
        self._breakers: dict[str, Breaker] = {}
        self._avoided_until_ms: dict[str, int] = {}

    def heard(self, spec: ModelSpec, outcome: Accepted | Rejected | Unknown) -> None:
        """Learn from what became of a create.

        What is wrong about a model that stands in no row says nothing: any member may name one.
        """
        match outcome:
            case Accepted():
                self._avoided_until_ms.pop(spec.provider, None)
                self._went_well(spec.provider)
            case Rejected(why=Refusal.INPUT):
                return  # which may have been judged before anything was sent
            case _ if not spec.is_known:
                return
            case Unknown() | Rejected(why=Refusal.UNREACHABLE):
                self._went_wrong(spec.provider)
            case Rejected(why=(Refusal.PAYMENT | Refusal.ACCOUNT) as why):
                self._avoid(spec.provider, why)
                self._went_well(spec.provider)
            case Rejected():
                self._went_well(spec.provider)

    def is_healthy(self, provider: str) -> bool:
        """Whether it is worth choosing while there is another: after a pause it is again, for one job."""
        avoided = self._avoided_until_ms.get(provider, 0) > self._clock.now_ms()
        return not avoided and self.admits(provider, 1) > 0

    def admits(self, provider: str, most: int) -> int:
        """How many more jobs it may be sent now, of `most` when it is well."""
        return self._breakers.get(provider, CLOSED).admits(most, self._clock.now_ms())

    def probed(self, provider: str) -> None:
        """A job was sent to it."""
        if provider in self._breakers:
            self._breakers[provider] = self._breakers[provider].probed(self._clock.now_ms())

    def next_try_ms(self) -> int | None:
        """When a provider that is left alone may be tried again; None while there is none."""
        now_ms = self._clock.now_ms()
        pauses = [breaker.paused_until_ms for breaker in self._breakers.values()]
        return min((until_ms for until_ms in pauses if until_ms > now_ms), default=None)

    def _went_well(self, provider: str) -> None:
        if self._breakers.pop(provider, CLOSED).is_open:
            log.info("provider is back", provider=provider)
            self._changed()

    def _went_wrong(self, provider: str) -> None:
        before = self._breakers.get(provider, CLOSED)
        after = self._breakers[provider] = before.failed(self._clock.now_ms())
        if after.paused_until_ms > before.paused_until_ms:
            pause_s = (after.paused_until_ms - self._clock.now_ms()) / 1000
            log.warning("provider left alone", provider=provider, failures=after.failures, for_s=pause_s)
            self._changed()

    def _avoid(self, provider: str, why: Refusal) -> None:
        self._avoided_until_ms[provider] = self._clock.now_ms() + AVOIDED_MS
        log.error("provider refuses the account", provider=provider, why=why.value)
