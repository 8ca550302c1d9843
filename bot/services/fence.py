"""What cannot be undone goes out only from whoever still has the job to carry.

A process that stood still, or lost its database, may have been taken for dead meanwhile: then somebody else has the
job, and may have ordered or posted the clip already.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from bot.db import jobs
from bot.domain.provider import Fence
from bot.services.ports import Clock

Holds: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether the job is still the caller's to carry."""

BELIEVED_FOR_MS = 10_000
"""An answer that took longer was slept over; nobody is taken for dead within so short a time."""


async def alone() -> bool:
    """Nobody else carries jobs."""
    return True


def fence_of(holds: Holds, clock: Clock) -> Fence:
    """What is waited for right before a request goes out; raises `Overtaken` for who may not send it any more."""

    async def stand() -> None:
        is_fresh = False
        while not is_fresh:
            asked_ms = clock.now_ms()
            if not await holds():
                raise jobs.Overtaken
            is_fresh = 0 <= clock.now_ms() - asked_ms <= BELIEVED_FOR_MS

    return stand
