"""Credits taken, charged and given back, row by row."""

import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from bot.db import audit, grants, guilds, jobs, lanes, limits, withdrawals
from bot.db.entries import SERVER
from bot.db.rows import spent_columns
from bot.db.transaction import Database, Transaction
from bot.domain.errors import QuotaExceeded
from bot.domain.jobs import Asker, Job, JobState
from bot.domain.limits import Limit, Measure
from bot.domain.money import Scope, Window
from bot.domain.provider import Spent
from tests import books, builders

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
async def db(either: Database) -> AsyncIterator[Database]:
    await either.write(lanes.open_pool("local"))
    await either.write(guilds.settle_in(1, defaults=builders.NO_CAPS))
    yield either
    assert await either.read(audit.discrepancies()) == 0


async def asked(db: Database, price: int, asker: Asker | None = None, *, now_ms: int = NOW_MS) -> Job:
    wanted = (builders.origin(), builders.request(), builders.choice(price), asker or Asker())
    return (await db.write(jobs.accept(*wanted, defaults=builders.NO_CAPS, now_ms=now_ms))).job


async def brought(db: Database, *states: JobState, now_ms: int = NOW_MS, **known: Any) -> Job:
    """The next job through these states; what is known comes with the last of them."""
    job = await db.write(jobs.admit("local", slots=9, now_ms=now_ms))
    assert job is not None
    for state in states[:-1]:
        at = {"rendered_at_ms": now_ms} if state is JobState.FETCHING else {}
        job = await db.write(jobs.move(job, state, now_ms=now_ms, **at))
    return await db.write(jobs.move(job, states[-1], now_ms=now_ms, **known))


async def ceiling_used(db: Database) -> int:
    return (await db.read(books.balance(Scope.OPERATOR, Window.MONTH, now_ms=NOW_MS))).used


DELIVERING = (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING)


# ---- What the operator pays


async def test_a_clip_that_could_not_be_posted_stays_reserved_everywhere(db: Database) -> None:
    await asked(db, 60)
    await brought(db, *DELIVERING, JobState.UNDELIVERABLE)
    for scope in (Scope.MEMBER, Scope.SERVER, Scope.OPERATOR):
        held = await db.read(books.balance(scope, Window.MONTH, now_ms=NOW_MS))
        assert (held.used, held.reserved) == (0, 60)


async def test_a_clip_that_nobody_claimed_costs_its_member_nothing_and_counts_for_the_ceiling(
    db: Database,
) -> None:
    await asked(db, 60)
    job = await brought(db, *DELIVERING, JobState.UNDELIVERABLE)
    await db.write(jobs.let_go(job, now_ms=NOW_MS))
    assert await ceiling_used(db) == 60
    member = await db.read(books.balance(now_ms=NOW_MS))
    assert (member.used, member.reserved) == (0, 0)


async def test_a_clip_that_is_claimed_after_its_month_is_charged_in_the_month_it_was_asked_for(
    db: Database,
) -> None:
    await asked(db, 60)
    job = await brought(db, *DELIVERING, JobState.UNDELIVERABLE)
    later_ms = NOW_MS + 40 * 24 * HOUR_MS
    done = await db.write(jobs.move(job, JobState.DONE, now_ms=later_ms))
    assert done.finished_at_ms == later_ms
    for now_ms, used in ((NOW_MS, 60), (later_ms, 0)):
        of_month = await db.read(books.balance(Scope.SERVER, Window.MONTH, now_ms=now_ms))
        assert (of_month.used, of_month.reserved) == (used, 0)


async def test_clips_that_no_place_takes_do_not_pile_up_for_nothing(db: Database) -> None:
    await db.write(limits.put(1, Limit(Scope.MEMBER, 0, Measure.DAY, 100)))
    for _ in range(2):
        await asked(db, 50)
        await brought(db, *DELIVERING, JobState.UNDELIVERABLE)
    with pytest.raises(QuotaExceeded):
        await asked(db, 50)


async def test_a_clip_that_was_given_up_though_it_may_be_charged_counts_for_the_ceiling(
    db: Database,
) -> None:
    await asked(db, 60)
    await brought(db, JobState.UNKNOWN, JobState.FAILED, maybe_charged=1)
    assert await ceiling_used(db) == 60


async def test_what_was_refused_or_cancelled_in_time_costs_the_operator_nothing(db: Database) -> None:
    await asked(db, 60)
    await brought(db, JobState.FAILED)
    job = await asked(db, 60)
    await db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=NOW_MS))
    assert await ceiling_used(db) == 0


async def test_one_absurd_report_does_not_use_up_a_servers_month(db: Database) -> None:
    await asked(db, 50)
    absurd: dict[str, Any] = spent_columns(Spent(Decimal(1), "credit", Decimal(1_000_000)))
    job = await brought(db, JobState.RENDERING, JobState.FETCHING, rendered_at_ms=NOW_MS, **absurd)
    for state in (JobState.DELIVERING, JobState.DONE):
        job = await db.write(jobs.move(job, state, now_ms=NOW_MS))
    assert await ceiling_used(db) == 500


# ---- Grants that expire


async def granted(db: Database, amount: int, *, expires_at_ms: int | None, now_ms: int = NOW_MS) -> int:
    on_top = grants.give(1, 100, amount, expires_at_ms=expires_at_ms, by_id=9, reason=None, now_ms=now_ms)
    return await db.write(on_top)


async def left(db: Database, *, now_ms: int) -> int:
    """Credits that can be used on top."""
    return sum(grant.left for grant in (await db.read(books.standing(now_ms=now_ms))).member.grants)


@pytest.fixture
async def capped(db: Database) -> Database:
    """A server in which members have nothing but grants."""
    await db.write(limits.put(1, Limit(Scope.MEMBER, 0, Measure.DAY, 0)))
    return db


async def test_what_comes_back_to_an_expired_grant_can_be_used_for_a_day_once(capped: Database) -> None:
    await granted(capped, 50, expires_at_ms=NOW_MS + HOUR_MS)
    await asked(capped, 50)
    later_ms = NOW_MS + 2 * HOUR_MS
    await brought(capped, JobState.FAILED, now_ms=later_ms)
    assert await left(capped, now_ms=later_ms) == 50
    await asked(capped, 50, now_ms=later_ms)
    await brought(capped, JobState.FAILED, now_ms=later_ms + 2 * DAY_MS)
    assert await left(capped, now_ms=later_ms + 2 * DAY_MS) == 0


async def test_a_grant_is_not_kept_alive_by_cancelling(capped: Database) -> None:
    await granted(capped, 50, expires_at_ms=NOW_MS + HOUR_MS)
    job = await asked(capped, 50)
    later_ms = NOW_MS + 2 * HOUR_MS
    await capped.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=later_ms))
    assert await left(capped, now_ms=later_ms) == 0


@pytest.mark.parametrize(
    ("by_id", "comes_back"), [(100, 0), (None, 0), (9, 50)], ids=["deleted", "lapsed", "moderated"]
)
async def test_a_grant_is_not_kept_alive_by_a_clip_that_its_member_lets_go(
    capped: Database, by_id: int | None, comes_back: int
) -> None:
    await granted(capped, 50, expires_at_ms=NOW_MS + HOUR_MS)
    await asked(capped, 50)
    job = await brought(capped, *DELIVERING, JobState.UNDELIVERABLE)
    later_ms = NOW_MS + 9 * DAY_MS
    letting_go = (
        jobs.let_go(job, now_ms=later_ms)
        if by_id is None
        else withdrawals.give_up(job, by_id, now_ms=later_ms)
    )
    assert (await capped.write(letting_go)).state is JobState.FAILED
    assert await left(capped, now_ms=later_ms) == comes_back


async def test_what_would_be_lost_first_is_charged_first(db: Database) -> None:
    await db.write(limits.put(1, Limit(Scope.MEMBER, 0, Measure.DAY, 4)))
    await granted(db, 6, expires_at_ms=NOW_MS + HOUR_MS)
    await granted(db, 6, expires_at_ms=None)
    await asked(db, 12)
    cheaper = await brought(db, *DELIVERING, price=7)
    await db.write(jobs.move(cheaper, JobState.DONE, now_ms=NOW_MS))
    member = await db.read(books.balance(now_ms=NOW_MS))
    assert (member.used, member.reserved) == (1, 0)
    assert [(grant.used, grant.reserved) for grant in await all_grants(db)] == [(6, 0), (0, 0)]


class _Left:
    def __init__(self, used: int, reserved: int) -> None:
        self.used, self.reserved = used, reserved


async def all_grants(db: Database) -> list[_Left]:
    def look() -> Transaction[list[_Left]]:
        rows = yield "SELECT used, reserved FROM grants ORDER BY id", {}
        return [_Left(row["used"], row["reserved"]) for row in rows]

    return await db.read(look())


async def test_a_servers_grant_pays_for_whoever_asks(db: Database) -> None:
    await db.write(limits.put(1, Limit(Scope.SERVER, 0, Measure.MONTH, 10)))
    top_up = grants.give(1, SERVER, 30, expires_at_ms=None, by_id=9, reason=None, now_ms=NOW_MS)
    await db.write(top_up)
    await asked(db, 40)
    server = await db.read(books.balance(Scope.SERVER, Window.MONTH, now_ms=NOW_MS))
    assert (server.reserved, (await all_grants(db))[0].reserved) == (10, 30)


# ---- Approval


async def test_roles_of_hours_ago_do_not_count_for_what_waits(db: Database) -> None:
    await db.write(limits.put(1, Limit(Scope.MEMBER, 0, Measure.RUNNING, 1)))
    await db.write(limits.put(1, Limit(Scope.ROLE, 7, Measure.RUNNING, 5)))
    for _ in range(2):
        await asked(db, 1, Asker(frozenset({7})))
    await asked(db, 1, Asker(frozenset(), approved_by=9))
    admitted = [await db.write(jobs.admit("local", slots=9, now_ms=NOW_MS)) for _ in range(4)]
    assert len([job for job in admitted if job]) == 3


# ---- Immutable


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM ledger",
        "UPDATE ledger SET credits = credits + 1",
        "UPDATE ledger SET kind = 'settle'",
        "UPDATE ledger SET day = ''",
        "DELETE FROM draws",
        "UPDATE draws SET credits = 0",
    ],
)
async def test_what_was_written_of_money_cannot_be_changed(capped: Database, change: str) -> None:
    await granted(capped, 50, expires_at_ms=None)
    await asked(capped, 5)

    def damage() -> Transaction[None]:
        yield change, {}

    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError), match="the ledger is immutable"):
        await capped.write(damage())


async def test_who_a_row_is_about_can_be_forgotten(db: Database) -> None:
    await asked(db, 5)

    def forget() -> Transaction[None]:
        yield "UPDATE ledger SET reason = NULL", {}

    await db.write(forget())
