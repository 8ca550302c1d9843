from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.duties import Role
from bot.domain.shares import SETTLED_AFTER_MS, TURN_MS, Process, share_of

NOW = 1_000_000
OLD = Process("a", "here:1", Role.WORKER, None, "1", began_at_ms=0)


def process(number: int, *, age_ms: int) -> Process:
    return replace(OLD, id=f"p{number}", began_at_ms=NOW - age_ms)


def share(process: Process, live: list[Process]) -> float:
    return share_of(process, live, per_s=50, now_ms=NOW)


@pytest.mark.parametrize("age_ms", [0, SETTLED_AFTER_MS])
def test_a_process_that_is_alone_has_nearly_all(age_ms: int) -> None:
    alone = process(1, age_ms=age_ms)
    assert share(alone, [alone]) == 45
    assert share(alone, []) == 45


def test_those_that_have_been_there_share_and_who_has_just_begun_takes_little() -> None:
    live = [process(1, age_ms=60_000), process(2, age_ms=60_000), process(3, age_ms=0)]
    assert [share(one, live) for one in live] == [15, 15, 2.5]


def test_a_worker_has_more_than_a_gateway_which_sends_little_that_counts() -> None:
    live = [process(number, age_ms=60_000) for number in range(4)]
    live[:2] = [replace(one, role=Role.GATEWAY) for one in live[:2]]
    assert sorted(share(one, live) for one in live) == [5, 6, 16, 17]


def test_equals_take_turns_at_having_one_more() -> None:
    live = [process(number, age_ms=60_000) for number in range(7)]
    turns = [
        [share_of(one, live, per_s=50, now_ms=NOW + turn * TURN_MS) for one in live] for turn in range(7)
    ]
    assert {tuple(sorted(shares)) for shares in turns} == {(6, 6, 6, 6, 7, 7, 7)}
    assert {sum(shares) for shares in zip(*turns, strict=True)} == {45}


def test_less_than_one_is_not_divided() -> None:
    live = [process(number, age_ms=60_000) for number in range(90)]
    assert {share(one, live) for one in live} == {0.5}


def test_two_that_begin_within_seconds_take_no_more_than_is_left_for_them() -> None:
    old, first, second = process(1, age_ms=60_000), process(2, age_ms=5), process(3, age_ms=0)
    assert share(first, [old, first]) + share(second, [old, first, second]) < 5


AGES_MS = st.sampled_from([0, SETTLED_AFTER_MS - 1, SETTLED_AFTER_MS, 60_000])


@given(st.lists(st.tuples(AGES_MS, st.sampled_from(Role)), min_size=1, max_size=80))
def test_all_together_never_have_more_than_there_is(some: list[tuple[int, Role]]) -> None:
    live = [replace(process(number, age_ms=age_ms), role=role) for number, (age_ms, role) in enumerate(some)]
    unseen = [one for one in live if NOW - one.began_at_ms < SETTLED_AFTER_MS]
    before = [one for one in live if one not in unseen]
    assert sum(share(one, live) for one in live) <= 50.000001
    if before:  # who has not looked since the newcomers came
        late = sum(share(one, before) for one in before) + sum(share(one, live) for one in unseen)
        assert late <= 50.000001
