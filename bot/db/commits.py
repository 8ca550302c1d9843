"""Writes that wait at one moment are committed together, so that the fsync which makes them durable is shared."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from bot.db.group import Outcome, unavailable
from bot.db.outages import Outages
from bot.db.transaction import InContext, Transaction

T = TypeVar("T")

log = logging.getLogger(__name__)

GROUP_SIZE = 256
"""Transactions per commit: bounds how long the first of them waits for the last."""

Together: TypeAlias = Callable[[Sequence[Transaction[Any]]], Awaitable[list[Outcome]]]
"""Commits a group, or the first of it, one outcome each; raises only when nothing of it was committed."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    transaction: Transaction[Any]
    answer: asyncio.Future[Any]


class Commits:
    """Gathers transactions, and has one group of them committed after the other."""

    def __init__(self, together: Together, outages: Outages) -> None:
        self._together = together
        self._outages = outages
        self._queue: deque[_Waiting] = deque()
        self._flusher: asyncio.Task[None] | None = None

    async def add(self, transaction: Transaction[T]) -> T:
        """Have it committed with whatever else waits; returns once it is durable, however its caller fares."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(InContext(transaction), answer))
        if self._flusher is None:
            # In a context of its own: it commits for others than who happened to come first.
            self._flusher = asyncio.get_running_loop().create_task(
                self._flush(), name="group commit", context=Context()
            )
        return await answer

    async def finish(self) -> None:
        """Commit all that waits."""
        if self._flusher is not None:
            await asyncio.wait((self._flusher,))
        await self._flush()  # whatever a cancelled flusher left

    async def _flush(self) -> None:
        """Commit groups until nobody waits; started by the first who does, so that idling costs nothing."""
        try:
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_SIZE))]
                await self._commit(group)
        finally:
            self._flusher = None

    async def _commit(self, group: list[_Waiting]) -> None:
        try:
            outcomes = await self._together([waiting.transaction for waiting in group])
        except Exception as error:  # noqa: BLE001 - who waits has to hear of it, and the next group to be committed
            outcomes = [Outcome(error=unavailable(error)) for _ in group]
        except asyncio.CancelledError:  # the loop is being torn down without close()
            for waiting in group:
                waiting.answer.cancel()
            raise
        self._outages.looked_at(outcomes)
        self._queue.extendleft(reversed(group[len(outcomes) :]))
        for waiting, outcome in zip(group, outcomes, strict=False):
            _settle(waiting.answer, outcome)


def _settle(answer: asyncio.Future[Any], outcome: Outcome) -> None:
    if answer.done():  # its caller was cancelled
        if outcome.error is not None:
            log.warning("a transaction failed after its caller was cancelled", exc_info=outcome.error)
    elif outcome.error is not None:
        answer.set_exception(outcome.error)
    else:
        answer.set_result(outcome.value)
