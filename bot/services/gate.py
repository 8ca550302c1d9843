"""Whether waiting jobs are admitted and new requests taken, and why not."""

from collections.abc import Callable
from enum import StrEnum

import structlog

from bot.domain.errors import Refused
from bot.language import marked, tr

log = structlog.stdlib.get_logger(__name__)


class Closure(StrEnum):
    """Why no job is begun; several may hold at once."""

    STOPPING = "stopping"  # the process is about to end
    DISK_FULL = "disk full"  # what would be made could not be kept
    DRAINING = "draining"  # the operator wants what runs to end, and no more; requests are taken and wait


_REFUSALS = {
    Closure.STOPPING: marked("The bot is just being stopped or restarted. Please ask again in a minute."),
    Closure.DISK_FULL: marked(
        "The bot's disk is full, so it takes no requests until there is room; its operator is told. "
        "Please ask again later."
    ),
}
"""Translated where they are raised; a closure that refuses nobody is not among them."""


class NotTaking(Refused):
    """The bot takes no requests at the moment."""

    def __init__(self, closure: Closure) -> None:
        super().__init__(tr(_REFUSALS[closure]))
        self.closure = closure


class Gate:
    """One for the process. It knows nothing of who shuts it: each opens what it has shut."""

    def __init__(self, *, changed: Callable[[], None], is_one_of_several: bool = False) -> None:
        """`changed` is called after each change; `is_one_of_several`: other processes begin jobs, too."""
        self._changed = changed
        self._is_one_of_several = is_one_of_several
        self._closures: frozenset[Closure] = frozenset()

    @property
    def closures(self) -> frozenset[Closure]:
        """Why it is shut; empty while it is open."""
        return self._closures

    @property
    def closure(self) -> Closure | None:
        """The reason that people are told where there are several; None while it is open."""
        return next((closure for closure in Closure if closure in self._closures), None)

    @property
    def pause(self) -> Closure | None:
        """Why no process begins a job, as far as that is known here: a full disk of one of several stops only that one."""
        if self._is_one_of_several:
            return Closure.DRAINING if Closure.DRAINING in self._closures else None
        return self.closure

    @property
    def leaves_to_others(self) -> bool:
        """Whether what needs room had better be done by another process."""
        return self._is_one_of_several and Closure.DISK_FULL in self._closures

    @property
    def admits(self) -> bool:
        """Whether waiting jobs may be begun."""
        return not self._closures

    def shut(self, closure: Closure) -> None:
        """Begin no job; where that is so already, nothing changes."""
        if closure not in self._closures:
            if closure is Closure.STOPPING:  # as every process does at some time
                log.info("admission paused", why=closure.value)
            else:
                log.warning("admission paused", why=closure.value)
            self._closures |= {closure}
            self._changed()

    def open(self, closure: Closure) -> None:
        """Take a reason away; jobs are begun again once there is none left."""
        if closure in self._closures:
            self._closures -= {closure}
            log.info("admission no longer paused", why=closure.value, still=sorted(self._closures))
            self._changed()

    def ensure_taking(self) -> None:
        """Let a new request pass.

        Raises:
            NotTaking: what would come of it could not be kept, or the process ends. Nothing was charged.
        """
        for closure in _REFUSALS:
            if closure in self._closures:
                raise NotTaking(closure)
