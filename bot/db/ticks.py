"""Who carries jobs on is told in the transaction that gives them something to do.

A tick is a statement that is only a comment. SQLite executes it as nothing: there the one process sees by itself what
is due. `PostgresDatabase` hands the ticks of what it commits to the queue of jobs, in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.db.transaction import Transaction

STEP = "-- step"
ADMISSION = "-- admission"


@dataclass(frozen=True, slots=True)
class Tick:
    """Something to be done by any worker."""

    job_id: int | None = None
    """The job to be carried one step further; None for filling free slots with waiting jobs."""
    at_ms: int | None = None
    """Not before; None is at once."""
    is_early: bool = False
    """Whether it goes ahead of a later one of the same job."""


def step(job_id: int, at_ms: int | None = None, *, early: bool = False) -> Transaction[None]:
    """Carry a job one step further at this time, or at once."""
    yield STEP, {"job_id": job_id, "at_ms": at_ms, "early": early}


def admission() -> Transaction[None]:
    """Fill free slots with waiting jobs."""
    yield ADMISSION, {}


def told(sql: str, parameters: Mapping[str, Any]) -> Tick | None:
    """The tick that a statement of a transaction is; None for the others."""
    if sql is STEP:
        return Tick(parameters["job_id"], parameters["at_ms"], parameters["early"])
    return Tick() if sql is ADMISSION else None
