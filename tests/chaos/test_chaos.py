"""The matrix of crash points, short: `make chaos` plays all of it."""

import random
from collections.abc import AsyncGenerator

import pytest

from tests.chaos.keeper import Keeper
from tests.chaos.matrix import CLASSICS, spread, together, traces
from tests.chaos.run import Outcome
from tests.chaos.stories import BY_NAME, PROVIDERS
from tests.chaos.table import Cell, Part, told

_OTHERS = 12
_AT_ONCE = 2


@pytest.fixture
async def keeper() -> AsyncGenerator[Keeper]:
    async with Keeper.open() as keeper:
        yield keeper


async def test_wherever_the_bot_dies_a_clip_is_charged_and_posted_once(keeper: Keeper) -> None:
    seed = random.randrange(10_000)
    clip = [BY_NAME["clip"]]
    known = await traces(keeper, clip, at_once=_AT_ONCE)
    assert {one.provider: one.is_thorough for one in known} == dict.fromkeys(PROVIDERS, True)
    assert not [one.outcome.problems for one in known if one.outcome.problems]
    plans = spread(known, random.Random(seed), count=_OTHERS)
    outcomes = [outcome async for outcome in together(keeper, plans, at_once=_AT_ONCE)]
    table = told([Part("short", [Cell.of(outcome) for outcome in outcomes])], took_s=0)
    assert not any(outcome.problems for outcome in outcomes), f"seed {seed}\n{table}"
    dead = [outcome for outcome in outcomes if outcome.deaths]
    assert len(dead) >= len(plans) - 2  # a card that lags behind may be edited once less
    assert {kill.point for o in dead for kill in o.plan.kills} >= set(CLASSICS)
    assert {how(one) for one in dead if one.plan.provider in ("local", "kling")} == {(1, 1, "reserve settle")}


def how(outcome: Outcome) -> tuple[int, int, str]:
    return outcome.charges, outcome.posts, outcome.ledger
