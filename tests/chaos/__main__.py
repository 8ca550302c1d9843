"""`make chaos`: the bot is killed at every point of a clip's life, and Discord and vendors do what they may.

With every provider; nothing wrong may be left. `--story doubt --provider kling` plays a part, `--point post` the points
that begin so, `--at-once 4` more at a time.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.chaos import faults
from tests.chaos.keeper import Keeper
from tests.chaos.matrix import everything, together, traces
from tests.chaos.run import Outcome, Plan
from tests.chaos.stories import BY_NAME, PROVIDERS, STORIES, Story
from tests.chaos.table import Cell, Part, told, write

_RESULT = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "chaos.json"


def main() -> int:
    """Play all, print the table; the exit status says whether all was well."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--story", choices=BY_NAME, action="append")
    parser.add_argument("--provider", choices=PROVIDERS, action="append")
    parser.add_argument("--point", default="")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=_RESULT)
    given = parser.parse_args()
    wanted = given.provider or PROVIDERS
    stories = [
        replace(story, providers=tuple(name for name in story.providers if name in wanted))
        for story in STORIES
        if story.name in (given.story or BY_NAME) or story.name == "clip"  # whose points the others leave out
    ]
    chosen = partial(_is_chosen, stories=given.story or list(BY_NAME), point=given.point)
    began_s = time.monotonic()
    parts = asyncio.run(_play(stories, chosen, given.at_once))
    if not (given.story or given.provider or given.point):
        _say("faults: " + ", ".join(faults.MATRICES))
        parts += asyncio.run(faults.played(at_once=given.at_once))
    took_s = time.monotonic() - began_s
    write(given.json, parts, took_s=took_s)
    print(told(parts, took_s=took_s))  # noqa: T201
    return 1 if any(cell.problems for part in parts for cell in part.cells) else 0


async def _play(stories: Sequence[Story], is_chosen: Callable[[Plan], bool], at_once: int) -> list[Part]:
    async with Keeper.open() as keeper:
        known = await traces(keeper, stories, at_once=at_once)
        for one in known:
            if one.story.name == "clip" and not one.is_thorough:
                sys.exit(f"{one.provider} has too few points, {len(one.points)}: {one.outcome.problems}")
        parts = [Part("not killed", [Cell.of(one.outcome) for one in known])]
        for name, plans in everything(known).items():
            chosen = [plan for plan in plans if is_chosen(plan)]
            _say(f"{name}: {len(chosen)} runs")
            played: dict[Plan, Outcome] = {}
            async for outcome in together(keeper, chosen, at_once=at_once):
                played[outcome.plan] = outcome
                if outcome.problems:
                    _say(f"WRONG {outcome.plan}: {outcome.problems[0]}")
            parts.append(Part(name, [Cell.of(played[plan]) for plan in chosen]))
    return parts


def _is_chosen(plan: Plan, *, stories: Sequence[str], point: str) -> bool:
    return plan.story in stories and any(kill.point.startswith(point) for kill in plan.kills)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
