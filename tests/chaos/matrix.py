"""Which runs there are: a trace of each story tells its points, and at each of them the bot is killed."""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from tests.chaos.keeper import Keeper
from tests.chaos.points import ANY, Kill
from tests.chaos.run import Outcome, Plan, play
from tests.chaos.stories import STORIES, Story

CLASSICS = (
    "acknowledge: arrived, unanswered",
    "submitting: about to send: after commit",
    "create: arrived, unanswered",
    "post: arrived, unanswered",
)
"""Where others lost a request, paid twice, or posted twice."""

_FEWEST_POINTS = 20
"""Of a clip with any provider."""

_CAN_BE_ASKED = "kling"
"""Whatever happens there, there is a clip in the end."""

_TWICE = {"name blob": 2}
"""Deeds that are done to two things in a run: first to the picture, then to the clip."""

_IN_DOUBT = ("delivering: about to post: after commit", "post: ")
"""Points after which a message may be there that nobody has heard of."""

_AWAY_S = 300.0
_TWICE_EVERY = 4
_TOGETHER_EVERY = 6
_DIES_AGAIN = ("local", "kling", "onemin")


@dataclass(frozen=True)
class Traced:
    """The points of a story with a provider, in the order in which they are first reached."""

    story: Story
    provider: str
    outcome: Outcome

    @property
    def is_thorough(self) -> bool:
        """Whether seams and observers are in place: the classics are there, but for a create that goes to nobody."""
        of_nobody = {"create: arrived, unanswered"} if self.provider == "local" else set[str]()
        return len(self.points) >= _FEWEST_POINTS and {*CLASSICS} - of_nobody <= {*self.outcome.trace}

    @property
    def points(self) -> list[Kill]:
        """All of them."""
        known = dict.fromkeys(self.outcome.trace)
        return [Kill(point, nth + 1) for point in known for nth in range(_times(point))]


def _times(point: str) -> int:
    return _TWICE.get(point.partition(":")[0], 1)


async def together(keeper: Keeper, plans: Iterable[Plan], *, at_once: int) -> AsyncGenerator[Outcome]:
    """Play runs, some at the same time; what is played comes as it ends."""
    ended: asyncio.Queue[Outcome] = asyncio.Queue()
    waiting = list(plans)
    left = iter(waiting)

    async def one_after_another() -> None:
        for plan in left:
            await ended.put(await play(keeper, plan))

    async with asyncio.TaskGroup() as players:
        for _ in range(at_once):
            players.create_task(one_after_another())
        for _ in waiting:
            yield await ended.get()


async def traces(keeper: Keeper, stories: Iterable[Story] = STORIES, *, at_once: int) -> list[Traced]:
    """Play each story with each of its providers undisturbed."""
    plans = {Plan(story.name, name): (story, name) for story in stories for name in story.providers}
    found = {outcome.plan: outcome async for outcome in together(keeper, plans, at_once=at_once)}
    return [Traced(*about, found[plan]) for plan, about in plans.items()]


def crashes(known: Sequence[Traced]) -> list[Plan]:
    """Killed once, at every point; of the other stories at those that an ordinary clip does not reach."""
    plans: list[Plan] = []
    ordinary = {traced.provider: set(traced.points) for traced in known if traced.story.name == "clip"}
    for traced in known:
        if traced.story.jobs > 1:
            continue
        is_ordinary = traced.story.name == "clip"
        besides = set[Kill]() if is_ordinary else ordinary[traced.provider]
        for kill in traced.points:
            if kill in besides and not kill.point.startswith(traced.story.anew):
                continue
            plans.append(Plan(traced.story.name, traced.provider, (kill,)))
            if kill.point.startswith(_IN_DOUBT):
                plans.append(Plan(traced.story.name, traced.provider, (kill,), _AWAY_S))
    return plans


def crashes_again(known: Sequence[Traced]) -> list[Plan]:
    """Killed at a point, and at one of the first that are reached after the restart."""
    ordinary = (traced for traced in known if traced.story.name == "clip" and traced.provider in _DIES_AGAIN)
    return [
        Plan("clip", traced.provider, (kill, Kill(ANY, nth)))
        for traced in ordinary
        for kill, nth in zip(traced.points[::_TWICE_EVERY], cycle(range(1, 6)), strict=False)
    ]


def crashes_together(known: Sequence[Traced]) -> list[Plan]:
    """Killed while two clips are on their way."""
    several = (traced for traced in known if traced.story.jobs > 1)
    return [
        Plan(traced.story.name, traced.provider, (kill,))
        for traced in several
        for kill in traced.points[::_TOGETHER_EVERY]
    ]


def spread(known: Sequence[Traced], dice: random.Random, *, count: int) -> list[Plan]:
    """The classics, and some other points of all that was traced."""
    classics = [Plan("clip", _CAN_BE_ASKED, (Kill(point),)) for point in CLASSICS]
    others = [plan for plans in everything(known).values() for plan in plans if plan not in classics]
    return [*classics, *dice.sample(others, k=min(count, len(others)))]


MATRICES = {
    "killed once": crashes,
    "killed twice": crashes_again,
    "killed with two clips on their way": crashes_together,
}
"""Another is one more line: a function from what was traced to plans."""


def everything(known: Sequence[Traced]) -> dict[str, list[Plan]]:
    """The plans of all matrices."""
    return {name: plans(known) for name, plans in MATRICES.items()}
