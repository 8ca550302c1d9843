"""What a server allows: caps for itself, its members, roles and channels, and which of them count for a request."""

from collections.abc import Collection, Mapping
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
        """What counts for a member, by measure."""
        return {measure: row.amount for measure, row in self.counting(user_id, roles).items()}

    def counting(self, user_id: int, roles: Collection[int]) -> dict[Measure, Limit]:
        """The rows that count for a member: one of their own, else the most generous of their roles', else everybody's."""
        everybodys: dict[Measure, Limit] = {}
        of_roles: dict[Measure, Limit] = {}
        own: dict[Measure, Limit] = {}
        member, role = Scope.MEMBER, Scope.ROLE  # looked up once: this is on the path of every request
        for row in self.rows:
            if row.scope is member:
                if row.subject_id == user_id:
                    own[row.measure] = row
                elif row.subject_id == EVERYBODY:
                    everybodys[row.measure] = row
            elif row.scope is role and row.subject_id in roles:
                held = of_roles.get(row.measure)
                if held is None or _is_more_generous(row, held):
                    of_roles[row.measure] = row
        return everybodys | of_roles | own


def _is_more_generous(one: Limit, other: Limit) -> bool:
    """Of two roles' caps that are the same, that of the lower id counts for the more generous one."""
    if one.amount == other.amount:
        return one.subject_id < other.subject_id
    return one.amount is None or (other.amount is not None and one.amount > other.amount)
