from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import (
    MOST_OVERRUN,
    Balance,
    Drawn,
    Grant,
    Periods,
    Purse,
    Window,
    period_end_s,
    real_price,
    window_of,
)

MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds must be naive
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",  # turns its clocks at midnight, so that some days begin at one o'clock
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kathmandu",  # 5 h 45 min ahead
    "Pacific/Kiritimati",  # 14 h ahead
    "Pacific/Pago_Pago",  # 11 h behind
    "Australia/Lord_Howe",  # turns its clocks by half an hour
    "Pacific/Chatham",  # 12 h 45 min ahead, or 13 h 45 min
]
UNTIL = {
    Window.DAY: timedelta(hours=25),
    Window.WEEK: timedelta(days=7, hours=1),
    Window.MONTH: timedelta(31.05),
}
"""The longest that a period takes, clocks turned back included."""


def at(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "month", "week", "day"),
    [
        ("2026-11-21T05:00:00", "2026-11", "2026-W47", "2026-11-21"),
        ("2026-11-22T23:59:59.999", "2026-11", "2026-W47", "2026-11-22"),
        ("2026-11-23T00:00:00", "2026-11", "2026-W48", "2026-11-23"),
        ("2026-12-31T23:59:59.999", "2026-12", "2026-W53", "2026-12-31"),
        ("2027-01-01T00:00:00", "2027-01", "2026-W53", "2027-01-01"),
        ("2027-01-04T00:00:00", "2027-01", "2027-W01", "2027-01-04"),
        ("2024-12-30T00:00:00", "2024-12", "2025-W01", "2024-12-30"),
        ("2028-02-29T12:00:00", "2028-02", "2028-W09", "2028-02-29"),
    ],
)
def test_a_moment_counts_in_its_month_week_and_day(moment: str, month: str, week: str, day: str) -> None:
    assert Periods.at(at(moment)) == Periods(day=day, week=week, month=month)


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        ("2026-11-21T18:14:59.999+00:00", "Asia/Kathmandu", "2026-11-21"),
        ("2026-11-21T18:15:00+00:00", "Asia/Kathmandu", "2026-11-22"),
        ("2026-11-21T09:59:59.999+00:00", "Pacific/Kiritimati", "2026-11-21"),
        ("2026-11-21T10:00:00+00:00", "Pacific/Kiritimati", "2026-11-22"),
        ("2026-11-21T10:59:59.999+00:00", "Pacific/Pago_Pago", "2026-11-20"),
        ("2026-11-21T12:59:59.999+00:00", "Australia/Lord_Howe", "2026-11-21"),  # + 11 h in summer
        ("2026-06-21T13:29:59.999+00:00", "Australia/Lord_Howe", "2026-06-21"),  # + 10 h 30 min in winter
        ("2026-06-21T13:30:00+00:00", "Australia/Lord_Howe", "2026-06-22"),
    ],
)
def test_a_day_is_that_of_the_servers_clock(moment: str, zone: str, day: str) -> None:
    assert Periods.at(at(moment), ZoneInfo(zone)).day == day


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2026-11", "2026-12-01"),
        ("2026-12", "2027-01-01"),
        ("2026-01", "2026-02-01"),
        ("2027-02", "2027-03-01"),
        ("2028-02", "2028-03-01"),
        ("2026-W47", "2026-11-23"),
        ("2026-W53", "2027-01-04"),
        ("2025-W01", "2025-01-06"),
        ("2025-W52", "2025-12-29"),
        ("2026-11-21", "2026-11-22"),
        ("2026-12-31", "2027-01-01"),
        ("2027-02-28", "2027-03-01"),
        ("2028-02-28", "2028-02-29"),
        ("2028-02-29", "2028-03-01"),
    ],
)
def test_a_period_ends_where_the_next_begins(period: str, end: str) -> None:
    assert period_end_s(period) * 1000 == at(end)


@pytest.mark.parametrize(
    ("period", "zone", "end"),
    [
        ("2026-11-21", "Asia/Kathmandu", "2026-11-22T00:00:00+05:45"),
        ("2026-11-30", "Pacific/Kiritimati", "2026-12-01T00:00:00+14:00"),
        ("2026-10-25", "Europe/Berlin", "2026-10-26T00:00:00+01:00"),  # a day of 25 hours
        ("2026-03-29", "Europe/Berlin", "2026-03-30T00:00:00+02:00"),  # a day of 23 hours
        ("2026-10", "Europe/Berlin", "2026-11-01T00:00:00+01:00"),
        ("2026-W43", "Europe/Berlin", "2026-10-26T00:00:00+01:00"),
        ("2026-10-04", "Australia/Lord_Howe", "2026-10-05T00:00:00+11:00"),
        ("2026-04-05", "Australia/Lord_Howe", "2026-04-06T00:00:00+10:30"),
        ("2026-09-05", "America/Santiago", "2026-09-06T01:00:00-03:00"),  # there was no midnight
    ],
)
def test_a_period_ends_by_the_servers_clock(period: str, zone: str, end: str) -> None:
    assert period_end_s(period, ZoneInfo(zone)) * 1000 == at(end)


@given(MOMENTS, st.sampled_from(ZONES))
def test_the_end_is_the_first_moment_of_another_period(moment: datetime, name: str) -> None:
    now_ms, zone = int(moment.timestamp() * 1000), ZoneInfo(name)
    periods = Periods.at(now_ms, zone)
    for window in Window:
        period = periods.of(window)
        assert window_of(period) is window
        end_ms = period_end_s(period, zone) * 1000
        assert now_ms < end_ms <= now_ms + UNTIL[window].total_seconds() * 1000
        assert Periods.at(end_ms - 1, zone).of(window) == period
        assert Periods.at(end_ms, zone).of(window) != period


@pytest.mark.parametrize(
    ("cap", "used", "reserved", "left"),
    [(10, 3, 2, 5), (10, 8, 2, 0), (10, 20, 0, 0), (0, 0, 0, 0), (None, 500, 5, None)],
)
def test_what_is_left_is_never_less_than_nothing(
    cap: int | None, used: int, reserved: int, left: int | None
) -> None:
    assert Balance("2026-11", cap=cap, used=used, reserved=reserved, ends_s=0).left == left


def balances(*caps: int | None, used: int = 0) -> tuple[Balance, ...]:
    """Of a day, a week and a month that end at 1000, 2000 and 3000 s."""
    names = ("2026-11-21", "2026-W47", "2026-11")
    return tuple(
        Balance(name, cap, used, 0, ends_s)
        for name, cap, ends_s in zip(names, caps, (1000, 2000, 3000), strict=True)
    )


SOON, LATE, NEVER = (
    Grant(1, 10, 0, 0, expires_at_ms=999_999),
    Grant(2, 10, 0, 0, expires_at_ms=1_000_000),
    Grant(3, 10, 0, 0, expires_at_ms=None),
)


@pytest.mark.parametrize(
    ("amount", "drawn"),
    [
        (0, Drawn(0)),
        (4, Drawn(0, ((1, 4),))),
        (12, Drawn(2, ((1, 10),))),
        (16, Drawn(5, ((1, 10),), ((2, 1),))),
        (30, Drawn(5, ((1, 10),), ((2, 10), (3, 5)))),
        (35, Drawn(5, ((1, 10),), ((2, 10), (3, 10)))),
        (36, None),
    ],
)
def test_what_expires_before_the_allowance_is_drawn_first_and_other_grants_last(
    amount: int, drawn: Drawn | None
) -> None:
    purse = Purse(balances(5, None, 100), (NEVER, LATE, SOON))
    assert purse.draw(amount) == drawn
    assert purse.left == 35


def test_grants_are_not_touched_where_nothing_is_capped() -> None:
    purse = Purse(balances(None, None, None), (SOON,))
    assert purse.draw(10**12) == Drawn(10**12)
    assert purse.left is None


def test_the_tightest_balance_counts_and_among_equals_the_one_that_is_fresh_last() -> None:
    assert Purse(balances(9, 5, 7)).tightest == balances(9, 5, 7)[1]
    assert Purse(balances(5, 7, 5)).tightest == balances(5, 7, 5)[2]
    assert Purse(balances(None, 7, None)).tightest == balances(None, 7, None)[1]
    assert Purse(balances(5, 3, 3, used=100)).left == 0


@st.composite
def grants(draw: st.DrawFn, number: int) -> Grant:
    credits_ = draw(st.integers(1, 20))
    used = draw(st.integers(0, credits_))
    reserved = draw(st.integers(0, credits_ - used))
    return Grant(
        number, credits_, reserved, used, draw(st.sampled_from([None, 500_000, 1_000_000, 2_500_000]))
    )


@st.composite
def purses(draw: st.DrawFn) -> Purse:
    cap = st.none() | st.integers(0, 30)
    held = tuple(draw(grants(number)) for number in range(1, 5))
    return Purse(balances(draw(cap), draw(cap), draw(cap), used=draw(st.integers(0, 30))), held)


PURSES = purses()


@given(PURSES, st.integers(0, 100))
def test_a_draw_takes_what_was_asked_and_no_more_than_there_is(purse: Purse, amount: int) -> None:
    drawn = purse.draw(amount)
    if purse.left is None:
        assert drawn == Drawn(amount)
        return
    assert (drawn is not None) is (amount <= purse.left)
    if drawn is not None:
        assert drawn.allowance + sum(part for _, part in drawn.grants) == amount
        assert all(balance.left is None or 0 <= drawn.allowance <= balance.left for balance in purse.balances)
        open_now = {grant.id: grant.left for grant in purse.grants}
        assert all(0 < part <= open_now[grant_id] for grant_id, part in drawn.grants)
        assert len(dict(drawn.grants)) == len(drawn.grants)


@given(PURSES, st.integers(0, 100))
def test_nothing_lasts_shorter_than_what_was_drawn_and_is_left_over(purse: Purse, amount: int) -> None:
    drawn = purse.draw(amount)
    if drawn is None or purse.left is None:
        return
    taken = dict(drawn.grants)
    far = 10**15
    ends = {grant.id: grant.expires_at_ms or far for grant in purse.grants}
    untouched = [ends[one.id] for one in purse.grants if taken.get(one.id, 0) < one.left]
    assert all(ends[grant_id] <= left_over for grant_id in taken for left_over in untouched)
    allowance_ends_ms = 1000 * min(balance.ends_s for balance in purse.balances if balance.cap is not None)
    if drawn.allowance:
        assert all(left_over >= allowance_ends_ms for left_over in untouched)
    if any(ends[grant_id] >= allowance_ends_ms for grant_id in taken):
        assert drawn.allowance == min(balance.left for balance in purse.balances if balance.left is not None)


@st.composite
def drawn_before(draw: st.DrawFn) -> Drawn:
    parts = tuple(enumerate(draw(st.lists(st.integers(1, 20), max_size=4)), start=1))
    ending = draw(st.integers(0, len(parts)))
    return Drawn(draw(st.integers(0, 30)), parts[:ending], parts[ending:])


DRAWN = drawn_before()


@given(DRAWN, st.integers(0, 150))
def test_what_is_kept_is_what_was_charged_and_no_grant_gives_more_than_it_gave(
    drawn: Drawn, charged: int
) -> None:
    kept = drawn.keeping(charged)
    assert kept.allowance + sum(part for _, part in kept.grants) == charged
    assert kept.allowance >= 0
    total = drawn.allowance + sum(part for _, part in drawn.grants)
    for was, now in ((drawn.before, kept.before), (drawn.after, kept.after)):
        assert [grant_id for grant_id, _ in now] == [grant_id for grant_id, _ in was]
        assert all(0 <= is_now <= had for (_, had), (_, is_now) in zip(was, now, strict=True))
    if charged >= total:
        assert kept.grants == drawn.grants


@given(DRAWN, st.integers(0, 150))
def test_what_is_lost_last_comes_back_first(drawn: Drawn, charged: int) -> None:
    def one_by_one(of: Drawn) -> list[int]:
        parts = [*of.before, (0, of.allowance), *of.after]
        return [source for source, amount in parts for _ in range(amount)]

    taken, kept = one_by_one(drawn), one_by_one(drawn.keeping(charged))
    if charged <= len(taken):
        assert kept == taken[:charged]


@pytest.mark.parametrize(
    ("charged", "kept"),
    [
        (15, Drawn(5, ((1, 6),), ((2, 4),))),
        (12, Drawn(5, ((1, 6),), ((2, 1),))),
        (11, Drawn(5, ((1, 6),), ((2, 0),))),
        (7, Drawn(1, ((1, 6),), ((2, 0),))),
        (3, Drawn(0, ((1, 3),), ((2, 0),))),
        (0, Drawn(0, ((1, 0),), ((2, 0),))),
        (20, Drawn(10, ((1, 6),), ((2, 4),))),
    ],
)
def test_a_cheaper_clip_gives_back_what_lasts_and_a_dearer_one_takes_from_the_allowance(
    charged: int, kept: Drawn
) -> None:
    assert Drawn(5, ((1, 6),), ((2, 4),)).keeping(charged) == kept


@pytest.mark.parametrize(
    ("micro_usd", "percent", "may_exceed", "charged"),
    [
        (None, 100, False, 50),  # the provider does not tell
        (None, 100, True, 50),
        (420_000, 100, False, 42),
        (420_001, 100, False, 43),  # a part of a credit is one
        (0, 100, False, 0),
        (700_000, 100, False, 60),  # no more than was reserved
        (700_000, 100, True, 70),
        (1_200_000, 100, True, 120),
        (1_200_001, 100, True, 120),  # no more than twice what was reserved
        (420_000, 150, False, 60),
        (420_000, 150, True, 63),
        (420_000, 0, True, 0),  # a server that charges nothing
        (420_000, None, True, 50),  # a price of its own stands
        (420_000, None, False, 50),
    ],
)
def test_a_clip_is_charged_at_what_it_really_cost(
    micro_usd: int | None, percent: int | None, *, may_exceed: bool, charged: int
) -> None:
    found = real_price(50, reserved=60, percent=percent, cost_micro_usd=micro_usd, may_exceed=may_exceed)
    assert found == charged


@given(
    micro_usd=st.integers(0, 10**12),
    reserved=st.integers(0, 10**10),
    percent=st.integers(0, 1000) | st.none(),
    may_exceed=st.booleans(),
)
def test_nobody_is_charged_more_than_was_reserved_unless_the_server_wants_it(
    micro_usd: int, reserved: int, percent: int | None, *, may_exceed: bool
) -> None:
    found = real_price(
        reserved, reserved=reserved, percent=percent, cost_micro_usd=micro_usd, may_exceed=may_exceed
    )
    assert found >= 0
    if not may_exceed:
        assert found <= reserved
    if may_exceed:
        assert found <= reserved * MOST_OVERRUN
    if percent is not None and found < reserved:
        exact = micro_usd * percent  # of a hundredth of a credit's ten thousand micro-dollars
        assert (found - 1) * 1_000_000 < exact <= found * 1_000_000
