import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.db import audit, jobs, lanes
from bot.db.transaction import Database
from bot.domain.errors import NoSuchJob, QuotaExceeded, TooLateToCancel, TooManyQueued
from bot.domain.jobs import CLOSED, STEPS, Job, JobState, Origin
from bot.domain.limits import Limits
from bot.domain.money import Scope, Window
from tests import books, builders

NOW_MS = 1_790_000_000_000


@pytest.fixture
async def db(either: Database) -> AsyncIterator[Database]:
    await either.write(lanes.open_pool("local"))
    yield either
    assert await either.read(audit.discrepancies()) == 0


async def accept(
    db: Database, origin: Origin | None = None, *, price: int = 5, defaults: Limits = builders.NO_CAPS
) -> jobs.Accepted:
    return await db.write(
        jobs.accept(
            origin or builders.origin(),
            builders.request(),
            builders.choice(price),
            defaults=defaults,
            now_ms=NOW_MS,
        )
    )


async def admit(db: Database, slots: int = 100) -> Job | None:
    return await db.write(jobs.admit("local", slots=slots, now_ms=NOW_MS))


async def move(db: Database, job: Job, *states: JobState) -> Job:
    for state in states:
        job = await db.write(jobs.move(job, state, now_ms=NOW_MS))
    return job


TO_DONE = (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE)


async def test_the_same_request_twice_makes_one_job_and_one_reservation(db: Database) -> None:
    origin = builders.origin()
    first = await accept(db, origin)
    again = await accept(db, origin)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.job == again.job
    assert (await db.read(books.balance(now_ms=NOW_MS))).reserved == 5


async def test_a_daily_cap_is_reached_exactly_and_not_overdrawn(db: Database) -> None:
    caps = builders.caps(user_day=15)
    answers = await asyncio.gather(*(accept(db, defaults=caps) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, jobs.Accepted) for answer in answers) == 3
    refusals = [answer for answer in answers if isinstance(answer, QuotaExceeded)]
    assert {(refusal.scope, refusal.window, refusal.left) for refusal in refusals} == {
        (Scope.MEMBER, Window.DAY, 0)
    }
    assert len(refusals) == 17


async def test_a_guilds_month_counts_all_members_together(db: Database) -> None:
    caps = builders.caps(guild_month=12)
    await accept(db, builders.origin(user_id=1), defaults=caps)
    await accept(db, builders.origin(user_id=2), defaults=caps)
    with pytest.raises(QuotaExceeded) as refusal:
        await accept(db, builders.origin(user_id=3), defaults=caps)
    assert (refusal.value.scope, refusal.value.left, refusal.value.window) == (Scope.SERVER, 2, Window.MONTH)


async def test_a_cap_of_nothing_refuses_the_first_request_and_keeps_nothing(db: Database) -> None:
    with pytest.raises(QuotaExceeded):
        await accept(db, defaults=builders.caps(user_day=0))
    assert await db.read(jobs.of_member(1, 100, limit=5)) == []


async def test_a_member_cannot_queue_more_than_the_cap(db: Database) -> None:
    caps = builders.caps(user_queued=2)
    await accept(db, defaults=caps)
    await accept(db, defaults=caps)
    with pytest.raises(TooManyQueued):
        await accept(db, defaults=caps)
    await admit(db)
    await accept(db, defaults=caps)


@pytest.mark.parametrize("cap", ["user_running", "guild_running"])
async def test_where_nothing_may_run_nothing_is_queued(db: Database, cap: str) -> None:
    with pytest.raises(TooManyQueued):
        await accept(db, defaults=builders.caps(**{cap: 0}))


async def test_caps_belong_to_the_guild_and_outlive_changed_defaults(db: Database) -> None:
    await accept(db, defaults=builders.caps(user_day=5))
    with pytest.raises(QuotaExceeded):
        await accept(db, defaults=builders.NO_CAPS)
    await accept(db, builders.origin(guild_id=2), defaults=builders.NO_CAPS)


async def test_success_settles_and_anything_else_refunds(db: Database) -> None:
    for _ in range(3):
        await accept(db)
    done, failed, cancelled = [await admit(db) for _ in range(3)]
    assert done
    assert failed
    assert cancelled
    await move(db, done, *TO_DONE)
    await move(db, failed, JobState.RENDERING, JobState.FAILED)
    await move(db, cancelled, JobState.CANCELLED)
    for scope in (Scope.MEMBER, Scope.CHANNEL, Scope.SERVER, Scope.OPERATOR):
        balance = await db.read(books.balance(scope, Window.MONTH, now_ms=NOW_MS))
        assert (balance.used, balance.reserved) == (5, 0)


async def test_a_job_that_somebody_else_moved_stays_as_they_left_it(db: Database) -> None:
    await accept(db)
    job = await admit(db)
    assert job
    await move(db, job, JobState.RENDERING)
    with pytest.raises(jobs.Overtaken):
        await move(db, job, JobState.FAILED)
    assert (await db.read(jobs.get(job.id))).state is JobState.RENDERING


async def test_two_who_end_one_job_at_once_close_its_money_once(db: Database) -> None:
    await accept(db)
    job = await admit(db)
    assert job
    answers = await asyncio.gather(
        move(db, job, JobState.FAILED), move(db, job, JobState.CANCELLED), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Job, jobs.Overtaken]


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_nothing_leads_out_of_an_end(state: JobState) -> None:
    assert STEPS[state] == {state}


async def test_only_the_steps_of_the_table_can_be_taken(db: Database) -> None:
    job = (await accept(db)).job
    with pytest.raises(ValueError, match="no step leads from queued to done"):
        await move(db, job, JobState.DONE)


async def test_a_waiting_job_is_cancelled_at_once_and_leaves_its_lane(db: Database) -> None:
    job = (await accept(db)).job
    cancelled = await db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=NOW_MS))
    assert cancelled.state is JobState.CANCELLED
    assert await admit(db) is None
    assert await db.write(lanes.recount()) == 0


async def test_a_running_job_is_asked_to_end(db: Database) -> None:
    job = (await accept(db)).job
    await admit(db)
    asked = await db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=NOW_MS))
    assert (asked.state, asked.cancel_requested) == (JobState.SUBMITTING, True)


async def test_a_rendered_job_cannot_be_cancelled(db: Database) -> None:
    await accept(db)
    job = await admit(db)
    assert job
    job = await move(db, job, JobState.RENDERING, JobState.FETCHING)
    with pytest.raises(TooLateToCancel):
        await db.write(jobs.cancel(job.id, guild_id=1, owner_id=None, now_ms=NOW_MS))


@pytest.mark.parametrize(("guild_id", "owner_id"), [(1, 666), (2, 100), (2, None)])
async def test_a_strangers_job_does_not_exist_for_others(
    db: Database, guild_id: int, owner_id: int | None
) -> None:
    job = (await accept(db)).job
    with pytest.raises(NoSuchJob):
        await db.write(jobs.cancel(job.id, guild_id=guild_id, owner_id=owner_id, now_ms=NOW_MS))


async def test_open_jobs_are_those_with_a_step_to_take(db: Database) -> None:
    for _ in range(3):
        await accept(db)
    running, done = await admit(db), await admit(db)
    assert running
    assert done
    done = await move(db, done, *TO_DONE)
    assert sorted(await db.read(jobs.open_ids())) == [running.id, done.id]
    await db.write(jobs.move(done, done.state, now_ms=NOW_MS, aftercare=2))
    assert await db.read(jobs.open_ids()) == [running.id]
