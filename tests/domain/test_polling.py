from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.polling import DEADLINE_S, Forecast, is_overdue, next_ask_s, waiting_s

SECONDS = st.floats(0.1, 5000)
PAST = st.lists(SECONDS, min_size=5, max_size=60)


def asked_at(forecast: Forecast | None, until_s: float = DEADLINE_S) -> list[float]:
    """The moments at which a task is asked about."""
    moments: list[float] = []
    elapsed_s = 0.0
    while elapsed_s < until_s:
        elapsed_s += next_ask_s(elapsed_s, forecast)
        moments.append(elapsed_s)
    return moments


def test_too_few_renders_teach_nothing() -> None:
    assert Forecast.of([30, 31, 32, 33]) is None
    assert Forecast.of([33, 31, 32, 30, 34]) == Forecast(30, 32, 34)


@given(PAST)
def test_a_forecast_lies_in_what_was_seen_and_in_order(past: list[float]) -> None:
    forecast = Forecast.of(past)
    assert forecast
    assert min(past) == forecast.fastest_s <= forecast.usual_s <= forecast.slow_s <= max(past)
    assert sum(seconds <= forecast.slow_s for seconds in past) >= 0.9 * len(past)


@given(PAST)
def test_a_forecast_does_not_depend_on_the_order(past: list[float]) -> None:
    assert Forecast.of(past) == Forecast.of(past[::-1])


@given(PAST)
def test_nobody_asks_before_the_fastest_render_there_was(past: list[float]) -> None:
    assert asked_at(Forecast.of(past))[0] >= min(past)


@given(PAST | st.none())
def test_asking_goes_on_to_the_deadline_and_never_in_a_rush(past: list[float] | None) -> None:
    moments = asked_at(Forecast.of(past) if past else None)
    gaps = [round(later - earlier, 6) for earlier, later in pairwise(moments)]
    assert min(gaps, default=2) >= 2
    assert max(gaps, default=30) <= 30
    assert len(moments) < DEADLINE_S / 2


def test_the_usual_time_is_asked_about_more_often_than_the_long_tail() -> None:
    moments = asked_at(Forecast(60, 100, 160), until_s=2000)
    dense = [moment for moment in moments if 60 <= moment <= 160]
    assert len(dense) >= 10
    assert moments[-1] - moments[-2] == pytest.approx(30)


@given(
    st.lists(st.floats(160, 5000), min_size=2, max_size=20), st.sampled_from([None, Forecast(60, 100, 160)])
)
def test_past_the_usual_the_gaps_only_grow(elapsed: list[float], forecast: Forecast | None) -> None:
    gaps = [next_ask_s(elapsed_s, forecast) for elapsed_s in sorted(elapsed)]
    assert gaps == sorted(gaps)


def test_without_a_forecast_the_first_question_comes_after_ten_seconds() -> None:
    assert asked_at(None)[0] == 10


def test_the_deadline_is_not_before_seventy_minutes() -> None:
    assert not is_overdue(70 * 60 - 0.1)
    assert is_overdue(DEADLINE_S)
    assert DEADLINE_S >= 70 * 60


@pytest.mark.parametrize(("slots", "forecast"), [(1, None), (0, Forecast(1, 2, 3)), (0, None)])
def test_no_promise_without_grounds(slots: int, forecast: Forecast | None) -> None:
    assert waiting_s(3, slots=slots, forecast=forecast) is None


@pytest.mark.parametrize(
    ("ahead", "slots", "promised"),
    [(0, 1, (40, 90)), (1, 1, (80, 180)), (1, 2, (40, 90)), (2, 2, (80, 180)), (9, 3, (160, 360))],
)
def test_a_promise_counts_the_rounds_before_it(ahead: int, slots: int, promised: tuple[int, int]) -> None:
    assert waiting_s(ahead, slots=slots, forecast=Forecast(30, 40, 90)) == promised


@given(st.integers(0, 500), st.integers(1, 20), PAST)
def test_more_ahead_never_promises_sooner(ahead: int, slots: int, past: list[float]) -> None:
    forecast = Forecast.of(past)
    sooner, later = (waiting_s(number, slots=slots, forecast=forecast) for number in (ahead, ahead + 1))
    assert sooner
    assert later
    assert sooner <= later
    assert sooner[0] <= sooner[1]
