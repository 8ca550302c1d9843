from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Balance, Periods, period_end_s

MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds must be naive


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "month", "day"),
    [
        ("2026-11-21T05:00:00", "2026-11", "2026-11-21"),
        ("2026-12-31T23:59:59.999", "2026-12", "2026-12-31"),
        ("2027-01-01T00:00:00", "2027-01", "2027-01-01"),
        ("2028-02-29T12:00:00", "2028-02", "2028-02-29"),
    ],
)
def test_a_moment_counts_in_its_month_and_day(moment: str, month: str, day: str) -> None:
    assert Periods.at(at(moment)) == Periods(month=month, day=day)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2026-11", "2026-12-01"),
        ("2026-12", "2027-01-01"),
        ("2026-01", "2026-02-01"),
        ("2027-02", "2027-03-01"),
        ("2028-02", "2028-03-01"),
        ("2026-11-21", "2026-11-22"),
        ("2026-12-31", "2027-01-01"),
        ("2027-02-28", "2027-03-01"),
        ("2028-02-28", "2028-02-29"),
        ("2028-02-29", "2028-03-01"),
    ],
)
def test_a_period_ends_where_the_next_begins(period: str, end: str) -> None:
    assert period_end_s(period) * 1000 == at(end)


@given(MOMENTS)
def test_the_end_is_the_first_moment_of_another_period(moment: datetime) -> None:
    now_ms = int(moment.timestamp() * 1000)
    periods = Periods.at(now_ms)
    for period, length in ((periods.day, timedelta(days=1)), (periods.month, timedelta(days=31))):
        end_ms = period_end_s(period) * 1000
        assert now_ms < end_ms <= now_ms + length.total_seconds() * 1000
        last, first = Periods.at(end_ms - 1), Periods.at(end_ms)
        assert period in (last.day, last.month)
        assert period not in (first.day, first.month)


@pytest.mark.parametrize(
    ("cap", "used", "reserved", "left"),
    [(10, 3, 2, 5), (10, 8, 2, 0), (10, 20, 0, 0), (0, 0, 0, 0), (None, 500, 5, None)],
)
def test_what_is_left_is_never_less_than_nothing(
    cap: int | None, used: int, reserved: int, left: int | None
) -> None:
    assert Balance(period="2026-11", cap=cap, used=used, reserved=reserved).left == left
