"""The matrix of Discord's faults, short: `python -m tests.chaos.discord` plays all of it."""

import random

from tests.chaos.discord import CALLS, TROUBLES, outcomes

_CASES = 6


async def test_whatever_discord_does_everybody_is_answered_and_pays_for_one_clip() -> None:
    seed = random.randrange(10_000)
    dice = random.Random(seed)
    for call in dice.sample(CALLS, k=_CASES):
        async for outcome in outcomes([call], [dice.choice(TROUBLES)]):
            assert not outcome.problems, f"seed {seed}: {outcome}"
