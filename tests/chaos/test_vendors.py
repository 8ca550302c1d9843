"""The matrix of what vendors do, short: `make chaos` plays all of it."""

import random

import pytest

from tests.chaos.vendors import FAULTS, outcomes
from tests.vendors.opened import NAMES

_FAULTS = 6
"""For each provider."""


@pytest.mark.parametrize("name", NAMES)
async def test_whatever_a_vendor_does_a_clip_is_charged_and_posted_once_or_refunded(name: str) -> None:
    seed = random.randrange(10_000)
    possible = [fault for fault in FAULTS if name in fault.providers]
    chosen = random.Random(seed).sample(possible, _FAULTS)
    played = [one async for one in outcomes(chosen, [name])]
    assert len(played) == _FAULTS
    assert not [one for one in played if one.problems], f"seed {seed}"
