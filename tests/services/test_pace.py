import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.pace import BURST, TYPED_BURST, Buckets, Pace, TooFast


class Clock:
    def __init__(self) -> None:
        self.at_ms = 1_000_000

    def now_ms(self) -> int:
        return self.at_ms

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        raise NotImplementedError


def done_at_once(pace: Pace, user_id: int = 1) -> int:
    """How many things a member may do before they are too fast."""
    for number in range(1000):
        try:
            pace.ensure_not_too_fast(user_id)
        except TooFast:
            return number
    raise AssertionError("nobody is ever too fast")


def test_a_member_may_do_a_burst_and_then_one_thing_a_second() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert done_at_once(pace) == BURST
    clock.at_ms += 999
    assert done_at_once(pace) == 0
    clock.at_ms += 1
    assert done_at_once(pace) == 1
    clock.at_ms += 3_600_000
    assert done_at_once(pace) == BURST


def test_nobody_slows_down_anybody_else() -> None:
    pace = Pace(Clock())
    assert done_at_once(pace, 1) == BURST
    assert done_at_once(pace, 2) == BURST


def test_typing_keeps_nobody_from_doing() -> None:
    pace = Pace(Clock())
    assert sum(pace.may_be_suggested_to(1) for _ in range(200)) == TYPED_BURST
    assert done_at_once(pace) == BURST
    assert not pace.may_be_suggested_to(1)


@pytest.mark.parametrize("back_ms", [1, 600_000, 10**15])
def test_a_clock_that_is_set_back_keeps_nobody_out_for_long(back_ms: int) -> None:
    clock = Clock()
    pace = Pace(clock)
    done_at_once(pace)
    clock.at_ms -= back_ms
    assert done_at_once(pace) == 0
    clock.at_ms += 2_000
    assert done_at_once(pace) == 2


def test_no_number_of_members_fills_the_memory() -> None:
    buckets = Buckets(2, 1, most=100)
    for user_id in range(10_000):
        assert buckets.take(user_id, 0)
    assert len(buckets) == 100
    assert buckets.take(9_999, 0)
    assert not buckets.take(9_999, 0), "who was here just now is known"


@given(st.lists(st.integers(min_value=0, max_value=5_000), max_size=200))
def test_nobody_ever_does_more_than_a_burst_and_what_time_brings(gaps_ms: list[int]) -> None:
    buckets, now_ms, done = Buckets(5, 2.0), 0, 0
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        done += buckets.take(1, now_ms)
        assert done <= 5 + now_ms * 2 / 1000 + 1e-6
