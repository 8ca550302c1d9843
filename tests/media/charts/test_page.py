import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.usage import Share, Usage
from bot.media.charts import Theme
from bot.media.charts.page import page_of
from tests.media.charts.usages import BUSY, EMPTY, SMALL, days, used, using


@given(st.text(max_size=200))
def test_a_foreign_name_becomes_one_bounded_line(name: str) -> None:
    [(shown, _)] = page_of(used(days(1, done=1), models=using(name)), Theme.DARK)["groups"]["Models"]
    assert 1 <= len(shown) <= 60
    assert shown.isprintable()


def test_members_are_numbered_and_their_ids_stay_here() -> None:
    page = page_of(BUSY, Theme.DARK)
    assert [name for name, _ in page["groups"]["Members"]] == ["#1", "#2", "#3", "#4", "36 others"]
    assert "1900000" not in json.dumps(page)


def test_more_than_four_are_summed_up() -> None:
    assert page_of(BUSY, Theme.DARK)["groups"]["Providers"] == [
        ("kling", 60),
        ("kkiai", 50),
        ("aimlapi", 40),
        ("onemin", 30),
        ("2 others", 30),
    ]


def test_a_single_one_left_over_is_another() -> None:
    page = page_of(used(days(1, done=1), models=using(*"abcde")), Theme.DARK)
    assert page["groups"]["Models"][-1] == ("1 other", 1)


def test_where_nothing_was_charged_clips_are_counted() -> None:
    page = page_of(used(days(2, done=1), models=(Share("local", 2, 0),)), Theme.DARK)
    assert (page["unit"], page["groups"]["Models"]) == ("clips", [("local", 2)])


def test_where_nothing_was_made_there_is_no_wait() -> None:
    page = page_of(Usage(days(3, failed=1), 0, None, (), (), ()), Theme.DARK)
    assert page["tiles"] == [
        ("0", "clips"),
        ("0", "credits"),
        ("0 %", "success"),
        ("\N{EN DASH}", "median wait"),
    ]


def test_where_nothing_was_asked_for_there_are_no_numbers() -> None:
    assert page_of(EMPTY, Theme.DARK)["tiles"] == []


@pytest.mark.parametrize(
    ("done", "failed", "shown"), [(1, 0, "100 %"), (1999, 1, "99 %"), (29, 21, "58 %"), (1, 2, "33 %")]
)
def test_the_success_rate_is_full_only_where_nothing_failed(done: int, failed: int, shown: str) -> None:
    page = page_of(used(days(1, done=done, failed=failed)), Theme.DARK)
    assert page["tiles"][2] == (shown, "success")


@pytest.mark.parametrize(
    ("wait_s", "shown"),
    [
        (0.2, "0 s"),
        (42, "42 s"),
        (59.6, "1 min"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (7201, "2 h"),
        (97_300, "1 d 3 h"),
    ],
)
def test_a_wait_is_told_in_its_two_largest_units(wait_s: float, shown: str) -> None:
    page = page_of(used(days(1, done=1), wait_s=wait_s), Theme.DARK)
    assert page["tiles"][3] == (shown, "median wait")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1, "1"),
        (99_999, "99,999"),
        (100_000, "100k"),
        (123_456, "123k"),
        (999_600, "1M"),
        (12_345_678, "12.3M"),
        (2**63 - 1, "9.22E"),
    ],
)
def test_large_numbers_are_rounded(number: int, shown: str) -> None:
    page = page_of(used(days(1, done=number, charged=1)), Theme.DARK)
    assert page["tiles"][0] == (shown, "clip" if number == 1 else "clips")
    assert page["tiles"][1] == ("1", "credit")


def test_heading_and_dates_say_the_span() -> None:
    month, day = page_of(SMALL, Theme.DARK), page_of(used(days(1, done=1)), Theme.DARK)
    assert (month["heading"], month["span"]) == ("Last 30 days", "23 Oct \N{EN DASH} 21 Nov")
    assert (day["heading"], day["span"]) == ("Today", "21 Nov")
