"""How long after they were due steps were done, as seen from beside: rows of jobs and of the queue, looked at again and again.

Who dies with a step in hand is seen: the step stays theirs until somebody notices. So each death excuses the one step
that it delayed, and no other. What waits for a slot is nobody's, and whoever keeps house has it looked at every five
seconds: no death excuses that a free slot is not given away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.db.lanes import HOLDS_SLOT
from bot.db.transaction import Transaction
from bot.domain.jobs import Aftercare, JobState

LOOKS_EVERY_S = 0.5
_SILENT_S = 10.0
"""A worker whose last heartbeat, of one each five seconds, is so old is dead, or might as well be."""
_NOTICED_WITHIN_S = 30.0
"""The heartbeat limit of 20 s, the heartbeat before it, and the pause between two looks for what has stalled."""
_KNOWS_AFTER_S = 20.0
"""A worker that lives for less cannot tell whether others are dead, or PostgreSQL was away."""
_USUAL_AT_MOST_S = 15.0
_SLACK_S = 10.0
"""A machine may do something else meanwhile."""


class Step(NamedTuple):
    """What is to be done next for a job."""

    job_id: int
    state: str
    aftercare: int
    tries: int
    due_s: float


class Turn(NamedTuple):
    """A free slot is to be given to a job that waits."""

    provider: str
    served: int
    """How many it has given away before: who stands still is told from who is behind."""


@dataclass(frozen=True)
class Seen:
    """What one look shows."""

    steps: dict[Step, int | None]
    """Each with the worker that died with it in hand, if one did and nobody has noticed yet."""
    workers: frozenset[int]
    """Those that live."""
    turns: frozenset[Turn] = frozenset()


@dataclass(frozen=True)
class Late:
    """What was not done when it was due."""

    step: Step | Turn
    done_s: float
    since_s: float
    """When it was due; or since when there was somebody again to do it, or to notice who died with it."""
    deaths: int = 0
    """How many workers died with it in hand."""

    @property
    def late_s(self) -> float:
        return self.done_s - self.since_s


@dataclass
class Delays:
    """From when a step was due until its job had moved on, and from when a slot was seen to be free until it was taken."""

    seen: list[Late] = field(default_factory=list[Late])
    turns: list[Late] = field(default_factory=list[Late])
    _due: dict[Step, set[int]] = field(default_factory=dict[Step, set[int]])
    """Who died with it."""
    _free: dict[Turn, float] = field(default_factory=dict[Turn, float])
    """Since when."""
    _alive: dict[int, float] = field(default_factory=dict[int, float])
    """Since when."""
    _nobody_s: float = 0.0
    _nobody_knows_s: float = 0.0

    def away(self, *, now_s: float) -> None:
        """Nobody could do anything: PostgreSQL is away, or there is no worker."""
        self._alive = {}
        self._nobody_s = self._nobody_knows_s = now_s

    def look(self, seen: Seen, *, now_s: float) -> None:
        """Compare with what was there before."""
        if not seen.workers:
            self.away(now_s=now_s)
        self._alive = {worker: self._alive.get(worker, now_s) for worker in seen.workers}
        if not any(since_s <= now_s - _KNOWS_AFTER_S for since_s in self._alive.values()):
            self._nobody_knows_s = now_s
        for step in self._due.keys() - seen.steps.keys():
            deaths = len(self._due.pop(step))
            since_s = max(step.due_s, self._nobody_knows_s if deaths else self._nobody_s)
            self.seen.append(Late(step, now_s, since_s, deaths))
        for step, dead in seen.steps.items():
            if step.due_s <= now_s:
                died = self._due.setdefault(step, set())
                died |= set() if dead is None else {dead}
        for turn in self._free.keys() - seen.turns:
            self.turns.append(Late(turn, now_s, max(self._free.pop(turn), self._nobody_s)))
        for turn in seen.turns:
            self._free.setdefault(turn, now_s)

    def too_late(self) -> Iterator[Late]:
        """What waited longer than it takes to notice who died with it, and to do what is usual."""
        usual_s = min(_most(self._struck(0), 95), _USUAL_AT_MOST_S)
        for late in (*self.seen, *self.turns):
            if late.late_s > late.deaths * _NOTICED_WITHIN_S + usual_s + _SLACK_S:
                yield late

    def _struck(self, times: int) -> list[Late]:
        return [late for late in self.seen if late.deaths == times]

    def __str__(self) -> str:
        struck = [
            f"steps struck {name}: {_summed_up(self._struck(times))}"
            for times, name in enumerate(("by nothing", "once", "twice", "three times"))
        ]
        return "\n".join((*struck, f"slots that somebody waited for: {_summed_up(self.turns)}"))


def _most(some: Sequence[Late], percent: int) -> float:
    """Within how many seconds so many of them were done."""
    waits_s = sorted(late.late_s for late in some)
    return waits_s[(len(waits_s) - 1) * percent // 100] if waits_s else 0.0


def _summed_up(some: Sequence[Late]) -> str:
    if not some:
        return "none"
    half_s, most_s, all_s = (_most(some, percent) for percent in (50, 95, 100))
    return f"{len(some)} were done within {half_s:.1f} s (half), {most_s:.1f} s (95 %), {all_s:.1f} s (all)"


def look(*, slots: int) -> Transaction[Seen]:
    """What is to be done, and whether there is anybody to do it; each provider has so many slots, and nothing else caps."""
    alive = yield _ALIVE, {"silent_s": _SILENT_S}
    found = yield _STEPS, {"queued": JobState.QUEUED, "none": Aftercare.NONE, "silent_s": _SILENT_S}
    steps = {
        Step(row["id"], row["state"], row["aftercare"], row["tries"], row["run_at_ms"] / 1000): row["dead"]
        for row in found
    }
    turns = yield _TURNS, {"slots": slots}
    return Seen(
        steps,
        frozenset(row["id"] for row in alive),
        frozenset(Turn(row["pool"], row["served"]) for row in turns),
    )


_ALIVE = """
    SELECT id FROM procrastinate_workers
    WHERE last_heartbeat > now() - make_interval(secs => :silent_s)
"""
_STEPS = """
    SELECT j.id, j.state, j.aftercare, j.tries, j.run_at_ms, (
        SELECT min(w.id) FROM procrastinate_jobs AS t JOIN procrastinate_workers AS w ON w.id = t.worker_id
        WHERE t.lock = 'job:' || j.id AND t.status = 'doing'
        AND w.last_heartbeat <= now() - make_interval(secs => :silent_s)
    ) AS dead
    FROM jobs AS j WHERE j.state <> :queued AND j.aftercare <> :none ORDER BY j.id
"""
_TURNS = f"""
    SELECT pool, served FROM pools
    WHERE EXISTS (SELECT 1 FROM lanes WHERE lanes.pool = pools.pool AND queued > 0)
    AND (SELECT count(*) FROM jobs WHERE provider = pool AND {HOLDS_SLOT}) < :slots
"""
