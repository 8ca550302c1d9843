"""What is counted in the ledger, on made-up histories that went through the same steps as any job."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.db import guilds, jobs, lanes, limits, usage
from bot.db.transaction import Transaction
from bot.domain.jobs import JobState
from bot.domain.limits import EVERYBODY, Limit, Measure
from bot.domain.money import Scope
from bot.domain.spending import Spending
from bot.domain.usage import Day, Share
from tests import builders
from tests.histories import DAY_MS, NOW_MS, ROADS, History, Past, lived

HOUR_MS = 3_600_000


@pytest.fixture
def history(anew: Callable[[], History]) -> History:
    return anew()


def at(*moment: int, zone: str = "UTC") -> int:
    return int(datetime(*moment, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def in_zone(history: History, name: str) -> None:
    history.write(guilds.prefer(1, {"time_zone": name}, defaults=builders.NO_CAPS))


# ---- One server


def test_a_server_that_was_never_seen_has_days_without_anything(history: History) -> None:
    found = history.read(usage.of_guild(1, days=3, now_ms=NOW_MS))
    assert [day.date for day in found.days] == [date(2026, 9, day) for day in (19, 20, 21)]
    assert (found.done, found.failed, found.credits, found.cancelled) == (0, 0, 0, 0)
    assert (found.success, found.median_wait_s) == (None, None)
    assert (found.members, found.models, found.providers) == ((), (), ())


def test_clips_count_on_the_day_they_ended_and_only_what_was_delivered_is_charged(history: History) -> None:
    history.add(
        Past(price=7, wait_s=2 * 86_400),
        Past(JobState.FAILED),
        Past(JobState.UNDELIVERABLE),
        Past(JobState.CANCELLED),
        Past(None),
        Past(at_ms=NOW_MS - DAY_MS, price=3),
        Past(at_ms=NOW_MS - 2 * DAY_MS),
        Past(guild_id=2),
    )
    found = history.read(usage.of_guild(1, days=2, now_ms=NOW_MS))
    assert found.days == (Day(date(2026, 9, 20), 1, 0, 3), Day(date(2026, 9, 21), 1, 2, 7))
    assert (found.cancelled, found.credits) == (1, 10)
    assert found.success == 0.5


@pytest.mark.parametrize(
    ("zone", "today"),
    [
        ("UTC", date(2026, 9, 20)),
        ("Europe/Berlin", date(2026, 9, 21)),
        ("America/Los_Angeles", date(2026, 9, 20)),
        ("Pacific/Kiritimati", date(2026, 9, 21)),
        ("Asia/Kathmandu", date(2026, 9, 21)),
    ],
)
def test_days_are_those_of_the_servers_clock(history: History, zone: str, today: date) -> None:
    in_zone(history, zone)
    late_ms = at(2026, 9, 20, 23, 30)
    history.add(Past(at_ms=late_ms))
    found = history.read(usage.of_guild(1, days=2, now_ms=late_ms))
    assert (found.days[-1].date, found.days[-1].done, found.days[0].done) == (today, 1, 0)


@pytest.mark.parametrize(
    ("zone", "changed", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),  # at midnight: the day begins at one
        ("Australia/Lord_Howe", date(2026, 4, 5), 24),  # by half an hour
    ],
)
def test_a_day_on_which_the_clock_is_turned_has_all_its_hours(
    history: History, zone: str, changed: date, hours: int
) -> None:
    in_zone(history, zone)
    noon_ms = at(changed.year, changed.month, changed.day, 12, zone=zone)
    for hour in range(-30, 31):
        history.add(Past(at_ms=noon_ms + hour * HOUR_MS))
    found = history.read(usage.of_guild(1, days=3, now_ms=noon_ms + 36 * HOUR_MS))
    assert {day.date: day.done for day in found.days}[changed] == hours


def test_parts_are_sorted_by_credits_and_then_by_clips(history: History) -> None:
    history.add(
        Past(user_id=1, model="b", provider="kling", price=5),
        Past(user_id=2, model="a", provider="local", price=9),
        Past(user_id=3, model="c", provider="local", price=0),
        Past(user_id=3, model="c", provider="local", price=0),
        Past(user_id=4, model="d", provider="aimlapi", price=0),
        Past(JobState.FAILED, user_id=5, model="e", provider="onemin", price=100),
    )
    found = history.read(usage.of_guild(1, days=1, now_ms=NOW_MS))
    assert found.members == (Share("2", 1, 9), Share("1", 1, 5), Share("3", 2, 0), Share("4", 1, 0))
    assert [share.name for share in found.models] == ["a", "b", "c", "d"]
    assert found.providers == (Share("local", 3, 9), Share("kling", 1, 5), Share("aimlapi", 1, 0))


@pytest.mark.parametrize(
    ("waits_s", "expected"), [([40], 40), ([10, 400, 20], 20), ([10, 20, 30, 400], 25), ([5, 5, 5, 9], 5)]
)
def test_the_median_wait_is_from_request_to_clip(
    history: History, waits_s: list[int], expected: float
) -> None:
    history.add(*(Past(wait_s=wait_s) for wait_s in waits_s), Past(JobState.FAILED, wait_s=9000))
    assert history.read(usage.of_guild(1, days=1, now_ms=NOW_MS)).median_wait_s == expected


def test_a_clip_that_was_claimed_waited_until_it_was_made(history: History) -> None:
    asked_ms = NOW_MS - 10 * DAY_MS
    job = history.write(lived(Past(None, at_ms=asked_ms, wait_s=0)))
    history.write(lanes.leave(job))
    for state in (JobState.SUBMITTING, *ROADS[JobState.DONE][:-1], JobState.UNDELIVERABLE):
        known = {"rendered_at_ms": asked_ms + 90_000} if state is JobState.FETCHING else {}
        job = history.write(jobs.move(job, state, now_ms=asked_ms + 95_000, **known))
    posted = {"message_channel_id": 10, "message_id": 20}
    history.write(jobs.move(job, JobState.DONE, now_ms=NOW_MS, **posted))
    assert history.read(usage.of_guild(1, days=1, now_ms=NOW_MS)).median_wait_s == 90


@pytest.mark.parametrize("days", [1, 90])
def test_as_few_and_as_many_days_as_can_be_asked_for(history: History, days: int) -> None:
    history.add(*(Past(at_ms=NOW_MS - ago * DAY_MS) for ago in range(0, 100, 9)))
    found = history.read(usage.of_guild(1, days=days, now_ms=NOW_MS))
    assert len(found.days) == days
    assert found.done == sum(1 for ago in range(0, 100, 9) if ago < days)


# ---- All servers


def test_what_providers_report_and_what_they_do_not_are_told_apart(history: History) -> None:
    history.add(
        Past(provider="kling", price=10, worth=20, cost_usd="0.123456"),
        Past(provider="kling", price=10, worth=8),
        Past(JobState.UNDELIVERABLE, provider="kling", price=10, cost_usd="0.5"),
        Past(JobState.UNDELIVERABLE, provider="kling", price=10, worth=30),
        Past(JobState.FAILED, provider="kling"),
        Past(JobState.FAILED, provider="kling", maybe_charged=True),
        Past(JobState.CANCELLED, provider="kling"),
        Past(None, provider="kling"),
    )
    [account] = history.read(usage.across(days=1, now_ms=NOW_MS)).accounts
    assert (account.guild_id, account.provider) == (1, "kling")
    assert account.spending == Spending(
        clips=2,
        credits=20,
        worth=28,
        reported_micro_usd=623_456,
        reported_clips=2,
        estimated_micro_usd=380_000,
        estimated_clips=2,
        maybe_charged=1,
    )


def test_the_local_renderer_has_a_price_and_costs_nothing(history: History) -> None:
    history.add(Past(provider="local", price=5), Past(JobState.UNDELIVERABLE, provider="local"))
    total = history.read(usage.across(days=1, now_ms=NOW_MS)).total
    assert (total.credits, total.spent_micro_usd, total.margin_micro_usd) == (5, 0, 50_000)


def test_the_operators_days_are_those_of_utc(history: History) -> None:
    in_zone(history, "Pacific/Kiritimati")
    midnight_ms = at(2026, 9, 20)
    history.add(Past(at_ms=midnight_ms), Past(at_ms=midnight_ms - 1))
    assert history.read(usage.across(days=2, now_ms=NOW_MS)).total.clips == 1


def test_ceilings_are_told_whether_or_not_anything_was_made(history: History) -> None:
    for guild_id, amount in ((1, 500), (2, None), (3, 0)):
        history.write(guilds.settle_in(guild_id, defaults=builders.caps(guild_month=7)))
        cap = Limit(Scope.OPERATOR, EVERYBODY, Measure.MONTH, amount)
        history.write(limits.put(guild_id, cap))
    assert history.read(usage.across(days=1, now_ms=NOW_MS)).ceilings == {1: 500, 3: 0}
    assert history.read(usage.across(days=1, now_ms=NOW_MS, guild_id=3)).ceilings == {3: 0}


# ---- Against the rows themselves

PASTS = st.builds(
    Past,
    end=st.sampled_from([*ROADS]) | st.none(),
    at_ms=st.integers(NOW_MS - 4 * DAY_MS, NOW_MS),
    guild_id=st.integers(1, 3),
    user_id=st.integers(100, 103),
    provider=st.sampled_from(["kling", "local"]),
    model=st.sampled_from(["a", "b"]),
    price=st.integers(0, 50),
    worth=st.integers(0, 50),
    wait_s=st.integers(0, 10_000),
    cost_usd=st.none() | st.decimals("0", "3", places=6).map(str),
    maybe_charged=st.booleans(),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(PASTS, max_size=14),
    st.integers(1, 5),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati"]),
)
def test_a_servers_sums_are_those_of_its_ledgers_rows(
    anew: Callable[[], History], pasts: list[Past], days: int, zone: str
) -> None:
    history = anew()
    in_zone(history, zone)
    history.add(*pasts)
    found = history.read(usage.of_guild(1, days=days, now_ms=NOW_MS))
    begin = datetime.combine(found.days[0].date, datetime.min.time(), ZoneInfo(zone))
    rows = [row for row in history.ledger(1) if row["at_ms"] >= begin.timestamp() * 1000]
    settled = [row for row in rows if row["kind"] == "settle"]
    refunded = [row["state"] for row in rows if row["kind"] == "refund"]
    assert (found.done, found.credits) == (len(settled), sum(row["credits"] for row in settled))
    assert found.cancelled == refunded.count(JobState.CANCELLED)
    assert found.failed == len(refunded) - found.cancelled
    for shares, column in (
        (found.members, "user_id"),
        (found.models, "model"),
        (found.providers, "provider"),
    ):
        assert {share.name: (share.clips, share.credits) for share in shares} == {
            str(name): (
                sum(1 for row in settled if row[column] == name),
                sum(row["credits"] for row in settled if row[column] == name),
            )
            for name in {row[column] for row in settled}
        }
    waits_s = [
        past.wait_s
        for past in pasts
        if past.guild_id == 1 and past.end is JobState.DONE and past.at_ms >= begin.timestamp() * 1000
    ]
    assert found.median_wait_s == (median(waits_s) if waits_s else None)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PASTS, max_size=14), st.integers(1, 5))
def test_all_servers_are_the_sum_of_each_and_of_the_ledgers_rows(
    anew: Callable[[], History], pasts: list[Past], days: int
) -> None:
    history = anew()
    history.add(*pasts)
    whole = history.read(usage.across(days=days, now_ms=NOW_MS))
    parts = [
        history.read(usage.across(days=days, now_ms=NOW_MS, guild_id=guild_id)) for guild_id in (1, 2, 3)
    ]
    assert whole.total == sum((part.total for part in parts), Spending())
    of_utc = [history.read(usage.of_guild(guild_id, days=days, now_ms=NOW_MS)) for guild_id in (1, 2, 3)]
    assert whole.total.clips == sum(one.done for one in of_utc)
    assert whole.total.credits == sum(one.credits for one in of_utc)
    begin = datetime.combine(of_utc[0].days[0].date, datetime.min.time(), UTC)
    rows = [row for row in history.ledger() if row["at_ms"] >= begin.timestamp() * 1000]
    assert whole.total.reported_micro_usd == sum(row["cost_micro_usd"] or 0 for row in rows)
    assert whole.total.worth == sum(row["catalogue"] for row in rows if row["kind"] == "settle")


# ---- How it is read


def plan(sql: str) -> Transaction[str]:
    rows = yield f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    return "\n".join(row["detail"] for row in rows)


def test_a_server_is_counted_without_reading_what_is_older_or_anothers() -> None:
    history = History()
    found = history.read(plan(usage._of_guild(90)))
    assert "SEARCH ledger USING INDEX ledger_guild (guild_id=? AND at_ms>? AND at_ms<?)" in found
    assert "SEARCH jobs USING INTEGER PRIMARY KEY" in found
    assert not re.search(r"SCAN (ledger|jobs)", found)


def test_all_servers_are_counted_without_reading_what_is_older() -> None:
    history = History()
    found = history.read(plan(usage._ACROSS))
    assert "SEARCH ledger USING INDEX ledger_guild (guild_id=? AND at_ms>?)" in found
    assert "SEARCH jobs USING INTEGER PRIMARY KEY" in found
    assert not re.search(r"SCAN (ledger|jobs)", found)
