"""The matrix of Discord's faults, short: `python -m tests.chaos.discord` plays all of it."""

import random

from tests.chaos.discord import CALLS, TROUBLES, outcomes

_CASES = 6


async def test_whatever_discord_does_everybody_is_answered_and_pays_for_one_clip() -> None:
    seed = random.randrange(10_000)
    dice = random.Random(seed)
    calls = dice.sample(CALLS, k=_CASES)
    played = [one for call in calls async for one in outcomes([call], [dice.choice(TROUBLES)])]
    assert not [one for one in played if one.problems], f"seed {seed}"
