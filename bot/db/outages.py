"""What the operator is told of a database that does not do its work: once an outage, not once a transaction."""

import logging
from collections.abc import Sequence

from bot.db.errors import DatabaseDamaged, DatabaseUnavailable
from bot.db.group import Outcome

log = logging.getLogger(__name__)

_MOST_STATEMENTS = 20


class Outages:
    """Tells when one begins and ends, and which statements meet damage."""

    def __init__(self) -> None:
        self._lasts = False
        self._damaged: set[str] = set()

    def looked_at(self, outcomes: Sequence[Outcome]) -> None:
        """Writes have been tried."""
        faults = [outcome.error for outcome in outcomes if isinstance(outcome.error, DatabaseUnavailable)]
        for fault in faults:
            self.met(fault, doing="written")
        if self._lasts and not faults and any(outcome.has_changed for outcome in outcomes):
            self._lasts = False
            log.info("the database can be written again")

    def met(self, fault: DatabaseUnavailable, *, doing: str) -> None:
        """Something was refused; `doing` is `read` or `written`."""
        if isinstance(fault, DatabaseDamaged):
            self._met_damage(fault)
        elif not self._lasts:
            self._lasts = doing == "written"  # reads alone do not tell when it is over
            log.error("the database cannot be %s: %s", doing, fault.__cause__ or fault)

    def _met_damage(self, fault: DatabaseDamaged) -> None:
        [statement] = getattr(fault.__cause__, "__notes__", None) or ["COMMIT"]
        if statement not in self._damaged and len(self._damaged) < _MOST_STATEMENTS:
            self._damaged.add(statement)
            log.error("%s It was met by: %s (%s)", DatabaseDamaged.__doc__, statement, fault.__cause__)
