"""How processes of one installation share what Discord allows their token in a second."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.duties import Role

GONE_AFTER_MS = 30_000
"""A process that was not seen for so long is none any more."""
SETTLED_AFTER_MS = 8_000
"""By then every other process has seen one that began."""
FOR_NEWCOMERS = 0.1
"""Of the whole: what those use that not every other process may have seen yet."""
TURN_MS = 60_000
"""For so long one of several equals has the request more that comes of dividing by whole numbers; then another one."""
WEIGHTS = {Role.GATEWAY: 1, Role.WORKER: 3, Role.ALL: 3}
"""Of one process beside another. What a gateway sends is mostly answers to interactions, which Discord does not count."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this installation, as it says of itself."""

    id: str
    name: str
    """Where it runs: the machine's or container's name, and its number there."""
    role: Role
    shards: str | None
    """As they are written; None where it has none, or all."""
    version: str
    began_at_ms: int = 0
    """By the clock of the database, as `seen_at_ms`; 0 where it has only begun."""
    seen_at_ms: int = 0
    providers: tuple[str, ...] = ()
    """Those it has at hand."""


def share_of(process: Process, live: Sequence[Process], *, per_s: float, now_ms: int) -> float:
    """How many requests of all, in a second, are one process's.

    Whoever has just begun takes from what is left for that, until all others leave it a part of theirs. So all together
    have no more than there is at any moment; where three and more begin within seconds of each other, hardly more.

    From one on it is a whole number: all may begin to send at the same moment, and there is no fraction of a request.
    """
    others = [other for other in live if other.id != process.id]
    newcomers = sum(_has_just_begun(other, now_ms) for other in others)
    if others and _has_just_begun(process, now_ms):
        return per_s * FOR_NEWCOMERS / (newcomers + 2)  # the next one comes before this one has heard of it
    everybody, weight = [process, *others], WEIGHTS[process.role]
    all_weigh, divided = sum(WEIGHTS[one.role] for one in everybody), per_s * (1 - FOR_NEWCOMERS) * weight
    if divided < all_weigh:
        return divided / all_weigh
    equals = [one for one in everybody if WEIGHTS[one.role] == weight]
    equals.sort(key=lambda one: (one.began_at_ms, one.id))
    place = (equals.index(process) + now_ms // TURN_MS) % len(equals)
    return float(int(divided * (place + 1) / all_weigh) - int(divided * place / all_weigh))


def _has_just_begun(process: Process, now_ms: int) -> bool:
    return now_ms - process.began_at_ms < SETTLED_AFTER_MS
