"""The arithmetic, against a scheduler that is played through step by step."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.fairness import STRIDE, Lane, Turn, jobs_ahead, rank_in_lane, step


def served_guilds(lanes: list[Lane], times: int) -> list[int]:
    """What the scheduler does: always the lowest pass, a tie to the lower guild id."""
    lanes, order = list(lanes), list[int]()
    for _ in range(times):
        waiting = [lane for lane in lanes if lane.queued]
        if not waiting:
            break
        first = min(waiting, key=lambda lane: (lane.pass_, lane.guild_id))
        order.append(first.guild_id)
        lanes[lanes.index(first)] = replace(
            first, queued=first.queued - 1, pass_=first.pass_ + step(first.weight)
        )
    return order


def served_members(turns: list[Turn]) -> list[int]:
    """The one who was served longest ago, a tie to the lower id."""
    left = {turn.user_id: turn.queued for turn in turns}
    last = {turn.user_id: turn.served for turn in turns}
    order: list[int] = []
    clock = max(last.values(), default=0)
    while any(left.values()):
        first = min((user for user in left if left[user]), key=lambda user: (last[user], user))
        clock += 1
        last[first], left[first] = clock, left[first] - 1
        order.append(first)
    return order


@st.composite
def crowds(draw: st.DrawFn) -> list[Lane]:
    guilds = draw(st.lists(st.integers(1, 50), min_size=1, max_size=6, unique=True))
    return [
        Lane(guild, draw(st.integers(1, 8)), draw(st.integers(0, 4 * STRIDE)), draw(st.integers(1, 5)))
        for guild in guilds
    ]


@st.composite
def members(draw: st.DrawFn) -> list[Turn]:
    users = draw(st.lists(st.integers(1, 50), min_size=1, max_size=6, unique=True))
    served = draw(st.lists(st.integers(0, 30), min_size=len(users), max_size=len(users)))
    return [Turn(user, draw(st.integers(1, 6)), last) for user, last in zip(users, served, strict=True)]


@given(crowds())
def test_the_jobs_ahead_are_those_that_the_scheduler_serves_first(lanes: list[Lane]) -> None:
    order = served_guilds(lanes, 1000)
    for lane in lanes:
        places = [place for place, guild in enumerate(order) if guild == lane.guild_id]
        ahead = [jobs_ahead(guild_id=lane.guild_id, rank=rank, lanes=lanes) for rank in range(lane.queued)]
        assert ahead == places


@given(members())
def test_the_rank_in_a_lane_is_the_turn_that_comes(turns: list[Turn]) -> None:
    order = served_members(turns)
    for turn in turns:
        places = [place for place, user in enumerate(order) if user == turn.user_id]
        ranks = [
            rank_in_lane(user_id=turn.user_id, own_before=own, turns=turns) for own in range(turn.queued)
        ]
        assert ranks == places


def test_a_newcomer_is_counted_in_before_the_row_exists() -> None:
    turns = [Turn(1, 3, 5), Turn(2, 3, 6)]
    assert rank_in_lane(user_id=9, own_before=0, turns=turns) == 0
    assert rank_in_lane(user_id=9, own_before=1, turns=turns) == 3


@given(st.dictionaries(st.integers(1, 50), st.integers(1, 8), min_size=2, max_size=5), st.integers(1, 20))
def test_slots_are_shared_by_weight_however_much_is_queued(weights: dict[int, int], rounds: int) -> None:
    lanes = [Lane(guild, 10**6, 0, weight) for guild, weight in weights.items()]
    total = sum(weights.values())
    served = Counter(served_guilds(lanes, rounds * total))
    for guild, weight in weights.items():
        assert abs(served[guild] - rounds * weight) <= len(weights)


@given(st.integers(-5, 10**9))
def test_a_weight_always_moves_the_lane_or_leaves_it_never_goes_back(weight: int) -> None:
    assert 0 <= step(weight) <= STRIDE
    assert step(0) == step(1) == STRIDE
