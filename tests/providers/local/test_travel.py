import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.providers.local.travel import Spot, offsets

places = st.tuples(st.integers(0, 4000), st.integers(0, 4000))
paths = st.lists(places, min_size=1, max_size=77)


def off(path: list[Spot], spot: Spot) -> float:
    """How far beside a path a spot lies."""
    return min(
        (
            abs(math.dist(a, spot) + math.dist(spot, b) - math.dist(a, b))
            for a, b in pairwise([path[0], *path])
        )
    )


@given(paths, st.integers(1, 60))
def test_it_begins_where_it_is_and_ends_at_the_last_point_without_leaving_the_path(
    path: list[Spot], frames: int
) -> None:
    found = offsets(path, frames)
    assert len(found) == frames
    assert found[0] == (0, 0)
    (x0, y0), (x, y) = path[0], path[-1]
    if frames > 1:
        assert found[-1] == pytest.approx((x - x0, y - y0))
    assert all(off(path, (x0 + dx, y0 + dy)) < 1e-6 for dx, dy in found)


@given(paths)
def test_speed_does_not_depend_on_how_the_points_are_spread(path: list[Spot]) -> None:
    length = sum(math.dist(*leg) for leg in pairwise(path))
    steps = [math.dist(*step) for step in pairwise(offsets(path, 200))]
    assert max(steps) <= length / 199 / 0.75 + 1e-6  # steady after the first quarter of the time


def test_it_speeds_up_gently_and_comes_to_rest() -> None:
    steps = [after[0] - before[0] for before, after in pairwise(offsets([(0, 0), (100, 0), (600, 0)], 150))]
    assert steps[0] < 0.1
    assert steps[-1] < 0.1
    assert max(abs(after - before) for before, after in pairwise(steps)) < 0.2


def test_points_that_lie_upon_each_other_do_no_harm() -> None:
    found = offsets([(5, 5), (5, 5), (9, 5), (9, 5)], 11)
    assert found[5] == pytest.approx((2, 0))
    assert offsets([(5, 5), (5, 5)], 3) == ((0, 0),) * 3
