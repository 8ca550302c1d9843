from hypothesis import given
from hypothesis import strategies as st

from bot.domain.breaker import CLOSED, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, OPENS_AFTER, Breaker


def failed(times: int, now_ms: int = 0, breaker: Breaker = CLOSED) -> Breaker:
    for _ in range(times):
        breaker = breaker.failed(now_ms)
    return breaker


def test_some_failures_are_weather() -> None:
    assert failed(OPENS_AFTER - 1).admits(3, 0) == 3
    assert not failed(OPENS_AFTER - 1).is_open


def test_an_outage_gets_a_pause_and_then_one_job_for_each() -> None:
    breaker = failed(OPENS_AFTER)
    assert breaker.is_open
    assert breaker.admits(3, FIRST_PAUSE_MS - 1) == 0
    assert breaker.admits(3, FIRST_PAUSE_MS) == 1
    assert breaker.probed(FIRST_PAUSE_MS).admits(3, FIRST_PAUSE_MS) == 0
    assert breaker.probed(FIRST_PAUSE_MS).admits(3, 2 * FIRST_PAUSE_MS) == 1


def test_a_job_sent_to_one_that_is_well_is_no_probe() -> None:
    assert failed(2).probed(0) == failed(2)


def test_what_was_on_its_way_when_the_pause_began_tells_nothing_new() -> None:
    breaker = failed(OPENS_AFTER)
    assert failed(20, now_ms=FIRST_PAUSE_MS - 1, breaker=breaker) == breaker


def test_a_failure_after_the_pause_begins_a_longer_one() -> None:
    breaker = failed(OPENS_AFTER).failed(FIRST_PAUSE_MS)
    assert breaker.paused_until_ms == FIRST_PAUSE_MS + 2 * FIRST_PAUSE_MS


@given(st.lists(st.integers(0, LONGEST_PAUSE_MS), max_size=60))
def test_no_pause_is_longer_than_ten_minutes(gaps_ms: list[int]) -> None:
    now_ms, breaker = 0, CLOSED
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        breaker = breaker.failed(now_ms)
        assert breaker.paused_until_ms - now_ms <= LONGEST_PAUSE_MS
        assert breaker.admits(3, now_ms + LONGEST_PAUSE_MS) >= 1
