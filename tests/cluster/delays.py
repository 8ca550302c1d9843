"""How long after they were due steps were done, as seen from beside: the jobs' rows, looked at again and again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.db.transaction import Transaction
from bot.domain.jobs import Aftercare, JobState

LOOKS_EVERY_S = 0.5
_NOTICED_WITHIN_S = 30.0
"""The heartbeat limit of 20 s, the heartbeat before it, and the pause between two looks for what has stalled."""
_SLACK_S = 10.0
"""A machine may do something else meanwhile."""


class Step(NamedTuple):
    """What is to be done next for a job."""

    job_id: int
    state: str
    aftercare: int
    tries: int
    due_s: float


@dataclass(frozen=True)
class Late:
    """A step that was not done when it was due."""

    step: Step
    done_s: float

    @property
    def late_s(self) -> float:
        return self.done_s - self.step.due_s

    def shared(self, moments_s: Sequence[float]) -> int:
        """How many of these fell into the time in which it was waited for, or taken."""
        return sum(self.step.due_s - LOOKS_EVERY_S <= moment_s <= self.done_s for moment_s in moments_s)


@dataclass
class Delays:
    """From when a step was due until its job had moved on."""

    seen: list[Late] = field(default_factory=list[Late])
    struck_s: list[float] = field(default_factory=list[float])
    """When a process that carries steps was killed, or PostgreSQL stopped."""
    _due: dict[int, Step] = field(default_factory=dict[int, Step])

    def look(self, steps: list[Step], *, now_s: float) -> None:
        """Compare with what was there before."""
        there = {step.job_id: step for step in steps}
        for job_id, step in list(self._due.items()):
            if there.get(job_id) != step:
                self.seen.append(Late(step, now_s))
                del self._due[job_id]
        self._due |= {step.job_id: step for step in steps if step.due_s <= now_s}

    def too_late(self) -> Iterator[Late]:
        """Steps that waited longer than it takes to notice each death in that time, and to do what is usual."""
        usual_s = max((late.late_s for late in self._struck(0)), default=0.0)
        for late in self.seen:
            if late.late_s > late.shared(self.struck_s) * _NOTICED_WITHIN_S + usual_s + _SLACK_S:
                yield late

    def _struck(self, times: int) -> list[Late]:
        return [late for late in self.seen if late.shared(self.struck_s) == times]

    def __str__(self) -> str:
        return "; ".join(
            f"struck {name}: {_summed_up(self._struck(times))}"
            for times, name in enumerate(("by nothing", "once", "twice", "three times"))
        )


def _summed_up(some: Sequence[Late]) -> str:
    if not some:
        return "none"
    waits_s = sorted(late.late_s for late in some)
    half_s, most_s = waits_s[len(waits_s) // 2], waits_s[len(waits_s) * 95 // 100]
    return f"{len(waits_s)} were done within {half_s:.1f} s (half), {most_s:.1f} s (95 %), {waits_s[-1]:.1f} s (all)"


def steps() -> Transaction[list[Step]]:
    """What is to be done for jobs that have left the queue."""
    found = yield _STEPS, {"queued": JobState.QUEUED, "none": Aftercare.NONE}
    return [
        Step(row["id"], row["state"], row["aftercare"], row["tries"], row["run_at_ms"] / 1000)
        for row in found
    ]


_STEPS = """
    SELECT id, state, aftercare, tries, run_at_ms FROM jobs
    WHERE state <> :queued AND aftercare <> :none ORDER BY id
"""
