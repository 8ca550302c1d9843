"""A job that one provider refuses, and what another makes of it."""

from decimal import Decimal

import pytest

from bot.db import jobs, lanes
from bot.domain.jobs import Job, JobState
from bot.domain.provider import Absent, Accepted, Ready, Recovery, Refusal, Rejected, Spent, Unknown
from tests.services.conftest import Engine

DONE, FAILED, QUEUED = JobState.DONE, JobState.FAILED, JobState.QUEUED


async def admitted_by_the_spare(engine: Engine) -> Job:
    """The job in the spare's queue, with a slot."""
    job = await engine.db.write(jobs.admit("spare", slots=9, now_ms=engine.clock.now_ms()))
    assert job is not None
    return job


@pytest.mark.parametrize("why", [Refusal.INPUT, Refusal.PAYMENT, Refusal.ACCOUNT, Refusal.UNREACHABLE])
async def test_what_one_provider_refuses_another_makes_and_the_member_pays_its_price(
    engine: Engine, why: Refusal
) -> None:
    wait_s = 5.0 if why is Refusal.UNREACHABLE else None
    engine.provider.submits.appendleft(Rejected("No.", why, retry_after_s=wait_s))
    job = await engine.step(await engine.admitted(price=9))
    assert (job.state, job.provider, job.model, job.tried) == (QUEUED, "spare", "spare-1", ("scripted",))
    assert (job.credits, job.price) == (9, 6)
    assert engine.slots_freed.is_set()
    job = await engine.until(await admitted_by_the_spare(engine), DONE)
    assert engine.spare.keys == [f"kinora-abc123-{job.id}-2"]
    balance = await engine.balance()
    assert (balance.used, balance.reserved) == (6, 0)


async def test_a_job_in_line_at_another_provider_is_counted_there(engine: Engine) -> None:
    engine.provider.submits.appendleft(Rejected("No."))
    await engine.step(await engine.admitted(price=9))
    assert await engine.db.write(lanes.recount()) == 0


async def test_a_job_in_line_at_another_provider_is_not_given_up_for_what_its_last_step_did(
    engine: Engine,
) -> None:
    engine.provider.submits.appendleft(Rejected("No."))
    job = await engine.step(await engine.admitted(price=9))
    await engine.stages.give_up(job.id)
    assert (await engine.job(job)).state is QUEUED
    await engine.until(await admitted_by_the_spare(engine), DONE)


async def test_nobody_is_asked_twice(engine: Engine) -> None:
    engine.provider.submits.appendleft(Rejected("No."))
    engine.spare.submits.appendleft(Rejected("Nor I."))
    await engine.step(await engine.admitted(price=9))
    job = await engine.until(await admitted_by_the_spare(engine), FAILED)
    assert (job.error, job.tried) == ("Nor I.", ("scripted",))
    assert (len(engine.provider.keys), len(engine.spare.keys)) == (1, 1)


async def test_refused_content_is_offered_to_nobody_else(engine: Engine) -> None:
    engine.provider.submits.appendleft(Rejected("Not this picture.", Refusal.MODERATION))
    job = await engine.until(await engine.admitted(price=9), FAILED)
    assert (job.error, engine.spare.keys) == ("Not this picture.", [])


async def test_what_would_cost_more_than_was_reserved_is_not_made_elsewhere(engine: Engine) -> None:
    engine.provider.submits.appendleft(Rejected("No."))
    job = await engine.until(await engine.admitted(price=5), FAILED)
    assert (job.error, engine.spare.keys) == ("No.", [])


async def test_an_outcome_in_doubt_never_moves_on(engine: Engine) -> None:
    engine.provider.recovery = Recovery.NEITHER
    engine.provider.submits.appendleft(Unknown("cut off"))
    await engine.until(await engine.admitted(price=9), FAILED)
    assert engine.spare.keys == []


async def test_a_busy_provider_is_waited_for_a_little_and_then_left(engine: Engine) -> None:
    engine.provider.submits.extendleft([Rejected("Busy.", Refusal.BUSY, retry_after_s=2)] * 9)
    job = await engine.until(await engine.admitted(price=9), QUEUED)
    assert (len(engine.provider.keys), job.provider) == (4, "spare")


async def test_a_provider_that_answers_with_the_clip_is_not_asked_again(engine: Engine) -> None:
    spent = Spent(Decimal("2.5"), "unit", Decimal("0.35"))
    engine.provider.submits.appendleft(Accepted("uuid", ready=Ready("link", spent)))
    engine.provider.polls.appendleft(Ready("never asked"))
    job = await engine.step(await engine.admitted())
    assert (job.state, job.task_id, job.result, job.spent) == (JobState.FETCHING, "uuid", "link", spent)
    await engine.until(job, DONE)


async def test_what_a_provider_took_is_written_down_when_the_clip_is_ready(engine: Engine) -> None:
    spent = Spent(Decimal(120_000), "credit", Decimal("0.06"))
    engine.provider.polls.appendleft(Ready("link", spent))
    job = await engine.until(await engine.admitted(), DONE)
    assert job.spent == spent


async def test_what_has_no_rate_in_dollars_is_written_down_without(engine: Engine) -> None:
    engine.provider.polls.appendleft(Ready("link", Spent(Decimal(7), "credit")))
    job = await engine.until(await engine.admitted(), DONE)
    assert job.spent == Spent(Decimal(7), "credit", None)


async def test_a_create_that_no_look_up_clears_up_is_held_once_it_must_have_ended(engine: Engine) -> None:
    engine.provider.recovery = Recovery.LOOK_UP
    engine.provider.submits.appendleft(Unknown("cut off"))
    engine.provider.look_ups.clear()
    engine.provider.look_ups.append(Unknown("not listed"))
    begun_ms = engine.clock.now_ms()
    job = await engine.until(await engine.admitted(price=9), FAILED, steps=200)
    waited_s = (engine.clock.now_ms() - begun_ms) / 1000
    assert 70 * 60 <= waited_s < 75 * 60
    assert (len(engine.provider.keys), engine.spare.keys) == (1, [])
    assert (await engine.balance()).reserved == 0
    assert job.error


async def test_a_refused_attempt_that_turns_out_absent_is_sent_again_once(engine: Engine) -> None:
    engine.provider.recovery = Recovery.LOOK_UP
    engine.provider.submits.appendleft(Unknown("cut off"))
    engine.provider.look_ups.clear()
    engine.provider.look_ups.append(Absent())
    job = await engine.until(await engine.admitted(), DONE)
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-{attempt}" for attempt in (1, 2)]


async def test_a_refusal_during_a_cancellation_is_not_taken_for_doubt(engine: Engine) -> None:
    engine.provider.recovery = Recovery.NEITHER
    engine.provider.submits.appendleft(Rejected("No."))
    job = await engine.admitted(price=9)
    now_ms = engine.clock.now_ms()
    engine.provider.before_submit = lambda: engine.db.write(
        jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=now_ms)
    )
    job = await engine.step(job)
    assert (job.state, job.error) == (JobState.CANCELLED, None)


async def test_the_pauses_of_a_busy_provider_grow_but_not_without_end(engine: Engine) -> None:
    engine.provider.submits.extendleft([Rejected("Busy.", Refusal.BUSY, retry_after_s=2)] * 12)
    job, pauses = await engine.admitted(), list[float]()
    for _ in range(12):
        await engine.stages.advance(job.id, early=True)
        job = await engine.job(job)
        pauses.append((job.run_at_ms - engine.clock.now_ms()) / 1000)
    assert pauses[:4] == [2, 4, 8, 16]
    assert max(pauses) == 120
