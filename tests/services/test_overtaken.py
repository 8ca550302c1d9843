"""Who carries a job may have been taken for dead: somebody else has it then, and finds what was begun."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.db import jobs
from bot.db.transaction import Transaction
from bot.domain.jobs import Job, JobState
from bot.domain.provider import Absent, Accepted, Pending, Ready, Recovery, Refusal, Rejected, sending_lasts_s
from bot.domain.requests import Picture
from bot.services.fence import BELIEVED_FOR_MS, Holds
from bot.services.ordering import LOOK_UP_GRACE_MS
from bot.services.ports import Place
from tests import builders
from tests.services.conftest import Engine

DONE, FAILED = JobState.DONE, JobState.FAILED


async def _yes() -> bool:
    return True


async def _no() -> bool:
    return False


def _until(is_held: Callable[[], bool]) -> Holds:
    async def holds() -> bool:
        return is_held()

    return holds


async def _marked(engine: Engine, recovery: Recovery) -> Job:
    """A job whose create somebody else has begun."""
    engine.provider.recovery = recovery
    job = await engine.admitted()
    now_ms = engine.clock.now_ms()
    return await engine.db.write(jobs.move(job, job.state, now_ms=now_ms, marked_at_ms=now_ms))


async def test_absence_is_believed_some_time_after_it_was_learnt_that_the_sender_is_gone(
    engine: Engine,
) -> None:
    job = await _marked(engine, Recovery.LOOK_UP)
    engine.provider.look_ups.append(Accepted("task"))
    engine.clock.turn(600)  # a long upload, which may have arrived when its process was killed
    await engine.until(job, JobState.RENDERING)
    assert len(engine.provider.looked_up) == 2
    assert engine.provider.keys == []


async def test_a_create_that_was_cut_off_is_not_taken_for_refused_when_its_repetition_is(
    engine: Engine,
) -> None:
    job = await _marked(engine, Recovery.KEY_HONOURED)
    engine.provider.submits.appendleft(Rejected("Too many at once.", retry_after_s=5))
    await engine.until(job, DONE)
    assert len(engine.provider.keys) == 2
    assert len(set(engine.provider.keys)) == 1


@pytest.mark.parametrize("recovery", Recovery)
async def test_a_create_under_way_is_left_to_the_one_who_has_the_job_now(
    engine: Engine, recovery: Recovery
) -> None:
    job = await _marked(engine, recovery)
    assert await engine.stages.advance(job.id, holds=_no) is None
    assert await engine.job(job) == job
    assert engine.provider.keys == engine.provider.looked_up == []


async def test_who_was_overtaken_goes_on_only_while_the_job_is_still_his(engine: Engine) -> None:
    for holds, expected in ((_no, None), (_yes, engine.clock.now_ms())):
        job = await engine.until(await engine.admitted(), JobState.RENDERING)
        engine.provider.before_poll = lambda job=job: engine.db.write(
            jobs.move(job, job.state, now_ms=engine.clock.now_ms(), tries=1)
        )
        assert await engine.stages.advance(job.id, holds=holds) == expected


async def test_a_task_accepted_while_somebody_else_was_in_doubt_of_it_is_adopted(engine: Engine) -> None:
    job = await engine.admitted()

    async def doubt() -> None:
        row, now_ms = await engine.job(job), engine.clock.now_ms()
        await engine.db.write(jobs.move(row, JobState.UNKNOWN, now_ms=now_ms, marked_at_ms=now_ms))

    engine.provider.before_submit = doubt
    await engine.until(job, DONE)
    assert len(engine.provider.keys) == 1
    assert engine.provider.looked_up == []


async def test_a_refusal_that_somebody_elses_try_has_overtaken_is_no_cancellation(engine: Engine) -> None:
    job = await engine.admitted()

    async def fail() -> None:
        await engine.db.write(
            jobs.move(await engine.job(job), job.state, now_ms=engine.clock.now_ms(), tries=1)
        )

    engine.provider.before_submit = fail
    engine.provider.submits.appendleft(Rejected("Too many at once.", Refusal.BUSY, retry_after_s=5))
    await engine.until(job, DONE)
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-{attempt}" for attempt in (1, 2)]


@pytest.mark.parametrize(("adopted", "told"), [("task", 0), (None, 1)])
async def test_a_clip_that_nobody_waits_for_any_more_is_told_of(
    engine: Engine, adopted: str | None, told: int
) -> None:
    job = await engine.admitted()

    async def end() -> None:
        row, now_ms = await engine.job(job), engine.clock.now_ms()
        known = {"task_id": adopted, "maybe_charged": 1}
        await engine.db.write(jobs.move(row, FAILED, now_ms=now_ms, **known))

    engine.provider.before_submit = end
    with capture_logs() as logs:
        assert await engine.stages.advance(job.id, holds=_until(lambda: not engine.provider.keys)) is None
    assert len([entry for entry in logs if entry["event"].startswith("accepted too late")]) == told


async def test_a_job_of_a_provider_that_only_another_worker_has_waits_for_that_worker(engine: Engine) -> None:
    job = await engine.admitted()
    engine.elsewhere.add("scripted")
    providers: Any = engine.stages._attempts._providers
    scripted = providers.pop("scripted")
    assert (await engine.step(job)).state is JobState.SUBMITTING
    providers["scripted"] = scripted
    assert (await engine.until(job, DONE)).tried == ()


# ---- What goes out only from whoever has the job


async def test_who_wakes_after_the_clip_was_ordered_anew_orders_nothing(engine: Engine) -> None:
    engine.provider.recovery = Recovery.LOOK_UP
    job, is_ours = await engine.admitted(), True

    async def freeze() -> None:
        nonlocal is_ours
        is_ours = False
        engine.clock.turn(20)
        awake, engine.stages = engine.stages, engine.build(sender_may_live=True)
        await engine.until(job, JobState.RENDERING)
        engine.stages = awake

    engine.provider.before_sending = freeze
    assert await engine.stages.advance(job.id, holds=_until(lambda: is_ours)) is None
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-2"]


async def test_who_is_slow_and_still_has_the_job_orders_the_clip(engine: Engine) -> None:
    async def dawdle() -> None:
        engine.clock.turn(3600)

    engine.provider.before_sending = dawdle
    job = await engine.until(await engine.admitted(), DONE)
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-1"]


async def test_an_answer_that_was_slept_over_is_not_believed(engine: Engine) -> None:
    job, answers = await engine.admitted(), [True, False, False]

    async def holds() -> bool:
        if len(answers) == 3:
            engine.clock.turn(BELIEVED_FOR_MS / 1000 + 1)
        return answers.pop(0)

    assert await engine.stages.advance(job.id, holds=holds) is None
    assert (answers, engine.provider.keys) == ([], [])
    assert (await engine.job(job)).marked_at_ms is not None  # so whoever has it finds out what became of it


async def test_who_wakes_after_the_clip_was_posted_posts_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, is_ours = await engine.until(await engine.admitted(), JobState.DELIVERING), True
    limit_of = engine.publisher.upload_limit

    async def freeze(job: Job, place: Place) -> int:
        nonlocal is_ours
        is_ours = False
        monkeypatch.setattr(engine.publisher, "upload_limit", limit_of)
        assert await engine.build().advance(job.id) is not None
        engine.publisher.remembers_nonces = False
        return await limit_of(job, place)

    monkeypatch.setattr(engine.publisher, "upload_limit", freeze)
    assert await engine.stages.advance(job.id, holds=_until(lambda: is_ours)) is None
    assert len(engine.publisher.posted) == 1
    assert (await engine.job(job)).state is DONE


@pytest.mark.parametrize("may_live", [False, True])
async def test_a_sender_that_may_live_is_given_the_time_that_a_large_picture_takes(
    engine: Engine, *, may_live: bool
) -> None:
    engine.provider.recovery = Recovery.LOOK_UP
    engine.stages = engine.build(sender_may_live=may_live)
    large = bytes(3_000_000)
    kept = await engine.stages._blobs.put(large, max_bytes=len(large))
    picture = Picture(blob=kept.hash, media_type="image/png", width=640, height=360)
    job = await engine.admitted(request=builders.request(image=picture))
    begun_ms = engine.clock.now_ms()
    await engine.db.write(jobs.move(job, job.state, now_ms=begun_ms, marked_at_ms=begun_ms))
    await engine.until(job, JobState.RENDERING)
    lasts_ms = int(sending_lasts_s(len(large)) * 1000) if may_live else LOOK_UP_GRACE_MS
    assert engine.clock.now_ms() - begun_ms >= lasts_ms
    assert lasts_ms >= LOOK_UP_GRACE_MS
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-2"]


async def test_absence_from_before_a_newer_doubt_proves_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await _marked(engine, Recovery.LOOK_UP)
    look_up = engine.provider.look_up

    async def doubted_meanwhile(*asked: Any) -> Any:
        found = await look_up(*asked)
        if len(engine.provider.looked_up) == 2:  # which would be believed
            engine.clock.turn(1)
            row, now_ms = await engine.job(job), engine.clock.now_ms()
            await engine.db.write(jobs.move(row, row.state, now_ms=now_ms, marked_at_ms=now_ms))
        return found

    monkeypatch.setattr(engine.provider, "look_up", doubted_meanwhile)
    engine.provider.look_ups.extend([Absent(), Absent(), Accepted("task")])
    found = await engine.until(job, JobState.RENDERING)
    assert (found.attempt, engine.provider.keys) == (job.attempt, [])


async def test_a_create_that_was_cut_off_teaches_nothing_of_how_long_clips_take(engine: Engine) -> None:
    for is_cut_off in (True, False):
        engine.provider.polls.extendleft([Ready("clip"), Pending(0.5)])
        engine.provider.look_ups.appendleft(Accepted("task"))
        job = await (_marked(engine, Recovery.LOOK_UP) if is_cut_off else engine.admitted())
        if is_cut_off:
            engine.clock.turn(180)
            engine.restart()
        await engine.until(job, DONE)

        def known() -> Transaction[int]:
            return len((yield "SELECT seconds FROM renders", {}))

        assert await engine.db.read(known()) == (0 if is_cut_off else 1)
