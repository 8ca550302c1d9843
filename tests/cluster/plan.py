"""How much is to happen to a cluster, and what did."""

from collections import Counter
from dataclasses import dataclass, field

from tests.cluster.delays import Delays


@dataclass(frozen=True)
class Plan:
    """The same seed kills the same processes after the same pauses."""

    seed: int
    gateways: int = 2
    workers: int = 3
    jobs: int = 500
    servers: int = 8
    at_once: int = 8
    """People who ask at the same time."""
    slots: int = 5
    """Of each provider: what is under way is to leave two cores room, so that delays are the cluster's and not the machine's."""
    vendors_take_s: float = 2.0
    """For each answer: who is killed is to have something in hand, without work for the machine."""
    kills_every_s: float = 20.0
    """On average, for as long as anything is under way: about as long as it takes to notice a death."""
    requests_per_s: int = 500
    """That Discord takes of all together. With the 50 of most bots clips wait for that, not for the cluster, where it is
    killed so often: the dead keep their share for half a minute, and who has just begun has little."""
    bucket: bool = False
    """Whether files are in a bucket; else in one folder that all share."""
    within_s: float = 1200.0


@dataclass
class Report:
    """What happened, and what must not have."""

    plan: Plan
    problems: list[str] = field(default_factory=list[str])
    states: Counter[str] = field(default_factory=Counter[str])
    kills: Counter[str] = field(default_factory=Counter[str])
    unheard: int = 0
    """Requests to which a gateway that was killed never said a word; Discord says so to who asked."""
    refused: int = 0
    """Requests that were answered with a sentence because PostgreSQL was away."""
    restart: str = ""
    """How PostgreSQL was stopped before it was started again."""
    down_s: float = 0.0
    took_s: float = 0.0
    charges: int = 0
    posts: int = 0
    delays: Delays = field(default_factory=Delays)

    def __str__(self) -> str:
        plan, files = self.plan, "a bucket" if self.plan.bucket else "a folder"
        count = sum(self.states.values())
        lines = [
            f"seed {plan.seed}: {plan.gateways} gateways, {plan.workers} workers, files in {files}",
            f"{count} jobs in {self.took_s:.0f} s",
            f"killed: {dict(self.kills)}; PostgreSQL stopped with {self.restart}, away for {self.down_s:.1f} s",
            f"jobs: {dict(self.states)}; {self.charges} charges, {self.posts} posts",
            f"{self.unheard} requests unheard, {self.refused} to be made again",
            str(self.delays),
            *(f"WRONG: {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)
