import math
import random
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.polling import DEADLINE_S, EARLIEST_S, Forecast, is_overdue, next_ask_s, waiting_s

SECONDS = st.floats(0, 5000)
PAST = st.lists(SECONDS, min_size=5, max_size=60)
CORE_S = tuple(180 + 0.3 * number for number in range(200))


def asked_at(forecast: Forecast | None, until_s: float = DEADLINE_S, *, from_s: float = 0) -> list[float]:
    """The moments at which a task is asked about."""
    moments: list[float] = []
    elapsed_s = from_s
    while elapsed_s < until_s:
        elapsed_s += next_ask_s(elapsed_s, forecast)
        moments.append(elapsed_s)
    return moments


def learnt(past: list[float] | tuple[float, ...]) -> Forecast:
    forecast = Forecast.of(past)
    assert forecast
    return forecast


def replayed(takes_s: list[float], known: list[float]) -> list[tuple[int, float]]:
    """Polls and delay of each clip, when every clip teaches what was noticed of it."""
    chance, past = random.Random(5), list(known)
    seen: list[tuple[int, float]] = []
    for finished_s in takes_s:
        moments = asked_at(Forecast.of(past[-200:]), finished_s, from_s=chance.uniform(1, 4))
        seen.append((1 + len(moments), moments[-1] - finished_s))
        past.append(moments[-1])
    return seen


def test_too_few_renders_teach_nothing() -> None:
    assert Forecast.of([30, 31, 32, 33]) is None
    assert Forecast.of([33, 31, 32, 30, 34]) == Forecast((30, 31, 32, 33, 34))


def test_what_cannot_be_a_duration_teaches_nothing() -> None:
    nonsense = [math.nan, math.inf, -math.inf, -1, 1e300]
    assert Forecast.of([30, 31, 32, 33, *nonsense]) is None
    assert learnt([30, 31, 32, 33, 34, *nonsense]) == Forecast((30, 31, 32, 33, 34))


@given(PAST)
def test_a_forecast_lies_in_what_was_seen_and_in_order(past: list[float]) -> None:
    forecast = learnt(past)
    assert forecast.fastest_s == pytest.approx(min(past), abs=0.001)
    assert forecast.fastest_s <= forecast.usual_s <= forecast.slow_s <= max(past) + 0.001
    assert sum(seconds <= forecast.slow_s + 0.001 for seconds in past) >= 0.9 * len(past)


@given(PAST)
def test_a_forecast_does_not_depend_on_the_order(past: list[float]) -> None:
    assert Forecast.of(past) == Forecast.of(past[::-1])


@given(PAST, st.floats(0, 5))
def test_nobody_asks_long_before_the_fastest_render_there_was(past: list[float], from_s: float) -> None:
    first_s = asked_at(learnt(past), from_s=from_s)[0]
    assert first_s >= min(0.9 * min(past) - 0.01, 600)


@given(PAST, st.floats(0, 5000))
@example([0.0] * 5, 0.0)
@example([0.001] * 5, 0.0)
@example([4200.0] * 200, 0.0)
@example([1.0, 200.0, 200.0, 200.0, 5000.0], 190.0)
@example([1e-320, 2e-320, 0.0005, 0.0006, 86_400.0], 1.0)
def test_a_pause_is_neither_a_rush_nor_endless(past: list[float], elapsed_s: float) -> None:
    forecast = learnt(past)
    pause_s = next_ask_s(elapsed_s, forecast)
    assert EARLIEST_S <= pause_s <= max(30, min(600, forecast.slow_s - elapsed_s))


@given(PAST | st.none(), st.floats(0, 5))
def test_asking_goes_on_to_the_deadline_and_never_in_a_rush(past: list[float] | None, from_s: float) -> None:
    moments = asked_at(learnt(past) if past else None, from_s=from_s)
    assert min((later - earlier for earlier, later in pairwise(moments)), default=2) > 1.999
    assert moments[-1] >= DEADLINE_S
    assert len(moments) <= DEADLINE_S / EARLIEST_S


@given(PAST, st.floats(0, 5000), st.floats(0, 60))
def test_waiting_longer_never_brings_the_next_poll_forward(
    past: list[float], elapsed_s: float, more_s: float
) -> None:
    forecast = learnt(past)
    elapsed_s = max(elapsed_s, forecast.fastest_s)
    earlier = elapsed_s + next_ask_s(elapsed_s, forecast)
    later = elapsed_s + more_s + next_ask_s(elapsed_s + more_s, forecast)
    assert later >= earlier - 0.001


@given(PAST, st.lists(st.floats(0, 5000), min_size=2, max_size=20))
def test_past_everything_seen_the_gaps_only_grow(past: list[float], beyond: list[float]) -> None:
    forecast = learnt(past)
    gaps = [next_ask_s(forecast.past[-1] + seconds, forecast) for seconds in sorted(beyond)]
    assert all(later >= earlier - 0.001 for earlier, later in pairwise(gaps))


def test_most_polls_come_when_most_renders_are_finished() -> None:
    moments = asked_at(learnt([*CORE_S, 1500, 2000, 2500, 3000, 3500, 3900]), 4000)
    dense = [moment for moment in moments if 180 <= moment <= 240]
    assert 15 <= len(dense) <= 30
    assert moments[0] >= 162
    assert moments[-1] - moments[-2] == pytest.approx(30)


def test_a_gap_between_two_kinds_of_renders_is_hardly_asked_about() -> None:
    moments = asked_at(learnt([*(60 + number / 5 for number in range(100)), *CORE_S]))
    between = [moment for moment in moments if 85 < moment < 175]
    assert len(between) <= 2


def test_one_quick_render_does_not_wake_everybody_early() -> None:
    quick = asked_at(learnt([5, *CORE_S]), 240, from_s=2)
    usual = asked_at(learnt(CORE_S), 240, from_s=2)
    assert len(quick) <= len(usual) + 3


def test_one_slow_render_does_not_thin_the_polls() -> None:
    slow, usual = asked_at(learnt([*CORE_S, 4000]), 240), asked_at(learnt(CORE_S), 240)
    assert abs(len(slow) - len(usual)) <= 1


@pytest.mark.parametrize(("low_s", "high_s"), [(180, 240), (360, 480)])
def test_a_learnt_plan_halves_both_polls_and_delay_of_a_loop_of_ten_seconds(low_s: int, high_s: int) -> None:
    chance = random.Random(3)
    takes_s = [chance.uniform(low_s, high_s) for _ in range(400)]
    seen = replayed(takes_s, [])[50:]
    loop = fmean(1 + math.ceil((finished_s - 2.5) / 10) for finished_s in takes_s[50:])
    assert fmean(polls for polls, _ in seen) <= loop / 2
    assert fmean(delay_s for _, delay_s in seen) <= 2.5


def test_a_provider_that_became_twice_as_fast_is_noticed_within_a_few_clips() -> None:
    chance = random.Random(3)
    seen = replayed([chance.uniform(90, 120) for _ in range(60)], list(CORE_S))
    assert fmean(delay_s for _, delay_s in seen[:3]) > 30
    assert fmean(delay_s for _, delay_s in seen[10:]) < 10
    assert fmean(delay_s for _, delay_s in seen[40:]) < 5


def test_a_provider_that_became_slower_is_still_asked_often_enough() -> None:
    chance = random.Random(3)
    seen = replayed([chance.uniform(290, 380) for _ in range(60)], list(CORE_S))
    assert fmean(delay_s for _, delay_s in seen[:5]) < 10
    assert fmean(delay_s for _, delay_s in seen[20:]) < 4


def test_tasks_are_not_all_asked_about_at_the_same_moments() -> None:
    forecast = learnt(CORE_S)
    firsts = {round(asked_at(forecast, from_s=2 + number / 1000)[0]) for number in range(20)}
    assert len(firsts) >= 5


def test_a_short_render_is_asked_about_at_once() -> None:
    assert asked_at(learnt([3, 3, 3.1, 3.2, 3.3]))[0] <= 4


def test_without_a_forecast_the_first_question_comes_after_ten_seconds() -> None:
    assert asked_at(None)[0] == 10


def test_the_deadline_is_not_before_seventy_minutes() -> None:
    assert not is_overdue(70 * 60 - 0.1)
    assert is_overdue(DEADLINE_S)
    assert DEADLINE_S >= 70 * 60


@pytest.mark.parametrize(("slots", "forecast"), [(1, None), (0, Forecast((1, 2, 3))), (0, None)])
def test_no_promise_without_grounds(slots: int, forecast: Forecast | None) -> None:
    assert waiting_s(3, slots=slots, forecast=forecast) is None


@pytest.mark.parametrize(
    ("ahead", "slots", "promised"),
    [(0, 1, (40, 90)), (1, 1, (80, 180)), (1, 2, (40, 90)), (2, 2, (80, 180)), (9, 3, (160, 360))],
)
def test_a_promise_counts_the_rounds_before_it(ahead: int, slots: int, promised: tuple[int, int]) -> None:
    assert waiting_s(ahead, slots=slots, forecast=Forecast((30, 40, 90))) == promised


@given(st.integers(0, 500), st.integers(1, 20), PAST)
def test_more_ahead_never_promises_sooner(ahead: int, slots: int, past: list[float]) -> None:
    forecast = Forecast.of(past)
    sooner, later = (waiting_s(number, slots=slots, forecast=forecast) for number in (ahead, ahead + 1))
    assert sooner
    assert later
    assert sooner <= later
    assert sooner[0] <= sooner[1]
