import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot.db import jobs, lanes, usage
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.errors import QuotaExceeded
from bot.domain.jobs import Job, JobState
from bot.domain.money import Scope
from bot.domain.provider import Failed, Pending, Ready, Recovery, Spent, Unknown
from bot.domain.spending import Spending
from bot.domain.usage import Share
from bot.services.amounts import NoSuchAmount
from bot.services.usage import NoSuchServer, UsageReports, ceiling_of
from tests import builders
from tests.histories import NOW_MS, Past, lived
from tests.services.conftest import Engine
from tests.services.doubles import TurnedClock, Watched


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    await database.write(lanes.open_pool("local"))
    yield database
    await database.close()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW_MS)


@pytest.fixture
def reports(db: SqliteDatabase, clock: TurnedClock) -> UsageReports:
    return UsageReports(db=db, clock=clock, defaults=builders.caps(user_day=7))


async def accept(db: SqliteDatabase, clock: TurnedClock, price: int, **known: int) -> Job:
    transaction = jobs.accept(
        builders.origin(**known),
        builders.request(),
        builders.choice(price),
        defaults=builders.NO_CAPS,
        now_ms=clock.now_ms(),
    )
    return (await db.write(transaction)).job


def notes(guild_id: int) -> Transaction[list[tuple[str, int, int, str]]]:
    rows = yield (
        "SELECT kind, user_id, by_id, reason FROM ledger WHERE guild_id = :guild_id AND job_id IS NULL ORDER BY id",
        {"guild_id": guild_id},
    )
    return [tuple(row) for row in rows]


async def test_who_may_see_the_members_sees_them_and_others_only_themselves(
    db: SqliteDatabase, reports: UsageReports
) -> None:
    for past in (Past(user_id=100), Past(user_id=100), Past(user_id=101, price=20), Past(guild_id=2)):
        await db.write(lived(past))
    mine, theirs = Share("100", 2, 10), Share("101", 1, 20)
    for_moderators = await reports.stats(1, 100, days=30, sees_members=True)
    assert (for_moderators.usage.members, for_moderators.own) == ((theirs, mine), mine)
    for_members = await reports.stats(1, 100, days=30, sees_members=False)
    assert (for_members.usage.members, for_members.own) == ((), mine)
    assert for_members.usage.credits == for_moderators.usage.credits == 30
    assert (await reports.stats(1, 999, days=30, sees_members=False)).own is None


async def test_reports_wait_for_each_other_so_that_a_click_waits_for_one_of_them(
    db: SqliteDatabase, clock: TurnedClock
) -> None:
    watched = Watched(db)
    reports = UsageReports(db=watched, clock=clock, defaults=builders.NO_CAPS)
    await asyncio.gather(
        *(reports.stats(1, 100, days=90, sees_members=True) for _ in range(5)),
        *(reports.across(days=90) for _ in range(5)),
    )
    assert watched.most == 1


async def test_a_ceiling_counts_at_the_catalogues_prices_until_it_is_taken_away(
    db: SqliteDatabase, clock: TurnedClock, reports: UsageReports
) -> None:
    await accept(db, clock, 6)
    await reports.set_ceiling(1, 10, by_id=5)
    with pytest.raises(QuotaExceeded) as refused:
        await accept(db, clock, 6)
    assert (refused.value.scope, refused.value.left) == (Scope.OPERATOR, 4)
    await accept(db, clock, 6, guild_id=2)
    await reports.set_ceiling(1, None, by_id=5)
    await accept(db, clock, 6)


async def test_a_ceiling_is_noted_in_the_ledger_of_its_server(
    db: SqliteDatabase, clock: TurnedClock, reports: UsageReports
) -> None:
    await accept(db, clock, 0, guild_id=2)
    await reports.set_ceiling(1, 12_500, by_id=5, is_at_hand=True)
    await reports.set_ceiling(1, None, by_id=6)
    assert await db.read(notes(1)) == [
        ("limit", 0, 5, "the operator's ceiling: 12,500 credits a month"),
        ("limit", 0, 6, "the operator's ceiling: none"),
    ]
    assert await db.read(notes(2)) == []
    assert (await reports.across(days=1)).ceilings == {}


async def test_a_server_that_nobody_knows_gets_no_ceiling(db: SqliteDatabase, reports: UsageReports) -> None:
    with pytest.raises(NoSuchServer):
        await reports.set_ceiling(1, 10, by_id=5)
    assert await db.read(notes(1)) == []


async def test_a_server_that_was_never_used_has_its_defaults_beside_a_ceiling(
    db: SqliteDatabase, clock: TurnedClock, reports: UsageReports
) -> None:
    await reports.set_ceiling(1, 100, by_id=5, is_at_hand=True)
    with pytest.raises(QuotaExceeded) as refused:
        await accept(db, clock, 8)
    assert (refused.value.scope, refused.value.left) == (Scope.MEMBER, 7)


@pytest.mark.parametrize(
    ("typed", "amount"), [("0", 0), (" 1,500 ", 1500), ("None", None), ("1000000000", 10**9)]
)
def test_a_ceiling_is_a_number_or_none(typed: str, amount: int | None) -> None:
    assert ceiling_of(typed) == amount


@pytest.mark.parametrize("typed", ["", "-1", "1.5", "lots", "١٢", "1000000001", "9" * 4000, "default"])
def test_a_ceiling_that_is_neither_is_refused(typed: str) -> None:
    with pytest.raises(NoSuchAmount, match="A ceiling is"):
        ceiling_of(typed)


# ---- Clips that came to nothing, and what they may cost all the same


async def spent(engine: Engine) -> Spending:
    overview = await engine.db.read(usage.across(days=90, now_ms=engine.clock.now_ms()))
    return overview.total


async def test_a_create_that_nobody_can_tell_about_is_counted_as_maybe_charged(engine: Engine) -> None:
    engine.provider.recovery = Recovery.NEITHER
    engine.provider.submits.appendleft(Unknown("cut off"))
    await engine.until(await engine.admitted(), JobState.FAILED, steps=1000)
    assert await spent(engine) == Spending(maybe_charged=1)


@pytest.mark.parametrize("stops", [True, False])
async def test_a_render_that_is_given_up_is_maybe_charged_unless_it_was_stopped(
    engine: Engine, *, stops: bool
) -> None:
    engine.provider.stops = stops
    engine.provider.polls.clear()
    engine.provider.polls.append(Pending())
    await engine.until(await engine.admitted(), JobState.FAILED, steps=1000)
    assert await spent(engine) == Spending(maybe_charged=0 if stops else 1)


async def test_what_a_provider_says_has_failed_costs_nothing(engine: Engine) -> None:
    engine.provider.polls.appendleft(Failed("No."))
    await engine.until(await engine.admitted(), JobState.FAILED)
    assert await spent(engine) == Spending()


async def test_a_job_that_was_given_up_before_it_was_sent_costs_nothing(engine: Engine) -> None:
    job = await engine.admitted()
    await engine.stages.give_up(job.id)
    assert await spent(engine) == Spending()


async def test_a_clip_that_could_not_be_fetched_cost_what_its_provider_says(engine: Engine) -> None:
    engine.provider.polls.appendleft(Ready("clip", spent=Spent(Decimal(7), "units", Decimal("0.07"))))
    job = await engine.until(await engine.admitted(), JobState.FETCHING)
    await engine.stages.give_up(job.id)
    assert await spent(engine) == Spending(reported_micro_usd=70_000, reported_clips=1)
