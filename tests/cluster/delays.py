"""How long after they were due steps were done, as seen from beside: the jobs' rows, looked at again and again."""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.db.transaction import Transaction
from bot.domain.jobs import Aftercare, JobState

LOOKS_EVERY_S = 0.5


class Step(NamedTuple):
    """What is to be done next for a job."""

    job_id: int
    state: str
    aftercare: int
    tries: int
    due_s: float


@dataclass
class Delays:
    """From when a step was due until its job had moved on."""

    late_s: list[float] = field(default_factory=list[float])
    """Of each step that was seen to be due, ascending."""
    slowest: Step | None = None
    _due: dict[int, Step] = field(default_factory=dict[int, Step])

    def look(self, steps: list[Step], *, now_s: float, down: Sequence[tuple[float, float]]) -> None:
        """Compare with what was there before; in stretches like those of `down` nothing could be done by anybody."""
        there = {step.job_id: step for step in steps}
        for job_id, step in list(self._due.items()):
            if there.get(job_id) != step:
                self._done(step, now_s - step.due_s - _shared_s(step.due_s, now_s, down))
                del self._due[job_id]
        self._due |= {step.job_id: step for step in steps if step.due_s <= now_s}

    def _done(self, step: Step, late_s: float) -> None:
        if not self.late_s or late_s > self.late_s[-1]:
            self.slowest = step
        insort(self.late_s, max(late_s, 0.0))

    def share_s(self, share: float) -> float:
        """No more than so much in this share of all."""
        return self.late_s[min(int(len(self.late_s) * share), len(self.late_s) - 1)] if self.late_s else 0.0

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {self.share_s(share):.1f} s" for name, share in _SHARES)
        return f"{len(self.late_s)} done after they were due: {figures} ({self.slowest})"


def _shared_s(from_s: float, to_s: float, stretches: Sequence[tuple[float, float]]) -> float:
    return sum(max(0.0, min(to_s, end_s) - max(from_s, begin_s)) for begin_s, end_s in stretches)


_SHARES = (("half within", 0.5), ("95 % within", 0.95), ("99 % within", 0.99), ("all within", 1.0))


def steps() -> Transaction[list[Step]]:
    """What is to be done for jobs that nobody waits for a slot for."""
    found = yield _STEPS, {"queued": JobState.QUEUED, "none": Aftercare.NONE}
    return [
        Step(row["id"], row["state"], row["aftercare"], row["tries"], row["run_at_ms"] / 1000)
        for row in found
    ]


_STEPS = """
    SELECT id, state, aftercare, tries, run_at_ms FROM jobs
    WHERE state <> :queued AND aftercare <> :none ORDER BY id
"""
