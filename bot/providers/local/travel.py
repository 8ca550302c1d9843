"""Where a thing on a painted path is in each frame, as a pure function."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

from bot.providers.local.camera import eased

Spot = tuple[float, float]


def offsets(path: Sequence[Spot], frames: int) -> tuple[Spot, ...]:
    """How far what follows the path is from its first point in each frame: on it, at rest at both ends.

    Speed is even along the length, whatever the distances of the points.
    """
    reached = list(accumulate((math.dist(*leg) for leg in pairwise(path)), initial=0.0))
    last = max(frames - 1, 1)
    spots = (_at(path, reached, reached[-1] * eased(frame / last)) for frame in range(frames))
    return tuple((x - path[0][0], y - path[0][1]) for x, y in spots)


def _at(path: Sequence[Spot], reached: Sequence[float], way: float) -> Spot:
    """The spot after so much of the way; `reached` says how much of it ends at each point."""
    if way <= 0:
        return path[0]
    after = bisect_left(reached, way)
    (ax, ay), (bx, by) = path[after - 1], path[after]
    part = (way - reached[after - 1]) / (reached[after] - reached[after - 1])
    return (ax + (bx - ax) * part, ay + (by - ay) * part)
