"""Who goes next: stride scheduling between guilds, round robin between the members of one.

A lane is one guild's queue. Serving it moves its `pass` on by `STRIDE / weight`, and the lane with
the lowest pass is served next, so that in any stretch of time guilds get slots in proportion
to their weights however much each has queued (Waldspurger and Weihl, 1995).
"""

from collections.abc import Iterable
from dataclasses import dataclass

STRIDE = 1 << 20


def step(weight: int) -> int:
    """How far one service moves a lane of this weight."""
    return STRIDE // max(1, weight)


@dataclass(frozen=True, slots=True)
class Lane:
    """A guild's queue as the scheduler sees it."""

    guild_id: int
    queued: int
    pass_: int
    weight: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One member's share of a lane; `served` is the sequence number of the last service."""

    user_id: int
    queued: int
    served: int


def rank_in_lane(*, user_id: int, own_before: int, turns: Iterable[Turn]) -> int:
    """Jobs of the same guild that are served before one with `own_before` of its member's own ahead."""
    turns = tuple(turns)
    mine = next((turn for turn in turns if turn.user_id == user_id), Turn(user_id, 1, 0))
    before_me = (mine.served, mine.user_id)
    return own_before + sum(
        min(turn.queued, own_before + ((turn.served, turn.user_id) < before_me))
        for turn in turns
        if turn.user_id != user_id
    )


def jobs_ahead(*, guild_id: int, rank: int, lanes: Iterable[Lane]) -> int:
    """Jobs of all guilds that are served before the one at `rank` (0 is next) of its lane."""
    lanes = tuple(lanes)
    mine = next(lane for lane in lanes if lane.guild_id == guild_id)
    my_pass = mine.pass_ + rank * step(mine.weight)
    others = (lane for lane in lanes if lane.guild_id != guild_id)
    return rank + sum(min(lane.queued, _services_before(lane, my_pass, guild_id)) for lane in others)


def _services_before(lane: Lane, pass_: int, guild_id: int) -> int:
    """How often `lane` is served before a lane at `pass_`; a tie goes to the lower guild id."""
    gap = pass_ - lane.pass_
    if gap < 0:
        return 0
    full, rest = divmod(gap, step(lane.weight))
    ties = 1 if rest == 0 and lane.guild_id > guild_id else 0
    return full + 1 - ties
