"""What a server allows: caps for itself, its members, roles and channels, and which of them count for a request."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.money import Scope

EVERYBODY = 0
"""As a subject: every member, or the server itself."""


class Measure(StrEnum):
    """What a cap counts."""

    DAY = "day"  # credits, as the next two
    WEEK = "week"
    MONTH = "month"
    CLIP = "clip"  # credits for one clip
    QUEUED = "queued"  # clips that wait
    RUNNING = "running"  # clips being made at once


MEASURES: Mapping[Scope, tuple[Measure, ...]] = {
    Scope.OPERATOR: (Measure.MONTH,),
    Scope.SERVER: (Measure.DAY, Measure.WEEK, Measure.MONTH, Measure.RUNNING),
    Scope.MEMBER: tuple(Measure),
    Scope.ROLE: tuple(Measure),
    Scope.CHANNEL: (Measure.DAY, Measure.WEEK, Measure.MONTH, Measure.CLIP),
}
"""What can be capped for whom."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One cap."""

    scope: Scope
    subject_id: int
    """A member, role or channel; `EVERYBODY` for every member and for the server."""
    measure: Measure
    amount: int | None
    """None: no cap, where another one would count otherwise."""


Caps = Mapping[Measure, int | None]
"""A missing measure is not capped."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The caps of a server, all of them or those that matter to somebody."""

    rows: tuple[Limit, ...] = field(default=())

    def of(self, scope: Scope, subject_id: int = EVERYBODY) -> dict[Measure, int | None]:
        """What was set for one subject itself."""
        return {
            row.measure: row.amount
            for row in self.rows
            if row.scope is scope and row.subject_id == subject_id
        }

    def for_member(self, user_id: int, roles: Collection[int]) -> dict[Measure, int | None]:
        """What counts for a member: a cap of their own, else the most generous of their roles', else everybody's."""
        of_roles = _most_generous(
            row for row in self.rows if row.scope is Scope.ROLE and row.subject_id in roles
        )
        return self.of(Scope.MEMBER) | of_roles | self.of(Scope.MEMBER, user_id)


def _most_generous(rows: Iterable[Limit]) -> dict[Measure, int | None]:
    best: dict[Measure, int | None] = {}
    for row in rows:
        if row.measure not in best:
            best[row.measure] = row.amount
        elif (held := best[row.measure]) is not None:
            best[row.measure] = None if row.amount is None else max(held, row.amount)
    return best
