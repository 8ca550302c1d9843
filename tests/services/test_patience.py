"""How long a job waits for whom, and what is never waited for."""

from collections import deque
from itertools import count

import pytest

from bot.db import jobs
from bot.domain.jobs import Job, JobState
from bot.domain.provider import (
    Absent,
    Accepted,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Unknown,
    Unreachable,
)
from bot.media.errors import StoreUnavailable
from tests import builders
from tests.services.conftest import Engine

DONE, FAILED, QUEUED, FETCHING = JobState.DONE, JobState.FAILED, JobState.QUEUED, JobState.FETCHING
DAY_S = 24 * 3600


async def until_s(engine: Engine, job: Job, seconds: float) -> Job:
    """Take steps until so much time has passed, or the job has ended."""
    begun_ms = engine.clock.now_ms()
    while engine.clock.now_ms() - begun_ms < seconds * 1000 and job.state not in (DONE, FAILED):
        job = await engine.step(job)
    return job


class TestFetching:
    async def test_an_outage_of_hours_loses_no_clip_that_was_paid_for(self, engine: Engine) -> None:
        engine.provider.opens = deque([ProviderFault("503")])
        job = await until_s(engine, await engine.admitted(), 12 * 3600)
        assert job.state is FETCHING
        engine.provider.opens = deque([None])
        await engine.until(job, DONE)

    async def test_after_a_day_it_is_given_up(self, engine: Engine) -> None:
        engine.provider.opens = deque([ProviderFault("404")])
        job = await until_s(engine, await engine.admitted(), 2 * DAY_S)
        assert job.state is FAILED
        assert (await engine.balance()).reserved == 0

    async def test_the_link_is_tried_although_the_api_is_down(self, engine: Engine) -> None:
        engine.provider.polls = deque([Ready("clip"), ProviderFault("api is down")])
        engine.provider.opens = deque([ProviderFault("cut"), None])
        await engine.until(await engine.admitted(), DONE)

    async def test_a_full_disk_loses_no_clip_however_long_it_is_full(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blobs = engine.stages._blobs

        async def full(*_: object, **__: object) -> None:
            raise StoreUnavailable

        with monkeypatch.context() as patched:
            patched.setattr(type(blobs), "put", full)
            job = await until_s(engine, await engine.admitted(), 3 * DAY_S)
        assert job.state is FETCHING
        await engine.until(job, DONE)


class TestDoubts:
    async def test_absence_is_believed_only_once_a_slow_create_must_have_ended(self, engine: Engine) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.submits.appendleft(Unknown("cut after a long time"))

        async def slow() -> None:
            engine.clock.turn(100)

        engine.provider.before_submit = slow
        job = await engine.step(await engine.admitted())
        cut_ms = engine.clock.now_ms()
        await engine.until(job, DONE)
        assert len(engine.provider.keys) == 2
        assert engine.clock.now_ms() - cut_ms >= 90_000

    async def test_after_a_crash_the_grace_begins_anew(self, engine: Engine) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        job = await engine.admitted()
        marked_ms = engine.clock.now_ms()
        await engine.db.write(jobs.move(job, job.state, now_ms=marked_ms, marked_at_ms=marked_ms))
        engine.clock.turn(91)
        engine.restart()
        job = await engine.step(job)
        assert engine.provider.keys == []
        assert job.run_at_ms == marked_ms + 91_000 + 90_000

    async def test_one_absence_after_trouble_in_asking_is_not_the_whole_truth(self, engine: Engine) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.submits.appendleft(Unknown("cut"))
        job = await engine.step(await engine.admitted())
        engine.provider.look_ups = deque([Unknown("?"), Absent(), Accepted("task")])
        engine.clock.turn(120)
        await engine.until(job, DONE)
        assert len(engine.provider.keys) == 1

    async def test_what_turned_out_absent_goes_to_another_provider(self, engine: Engine) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.submits.appendleft(Unknown("cut"))
        job = await engine.until(await engine.admitted(price=9), QUEUED)
        assert (job.provider, job.tried) == ("spare", ("scripted",))

    async def test_a_provider_that_loses_every_job_is_not_asked_for_a_day_without_pause(
        self, engine: Engine
    ) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.submits = deque([Unknown("5000")])
        job = await until_s(engine, await engine.admitted(), DAY_S + 7200)
        assert job.state is FAILED
        assert len(engine.provider.keys) < 500


class TestRendering:
    async def test_a_task_that_nobody_knows_there_holds_its_slot_for_hours_not_for_days(
        self, engine: Engine
    ) -> None:
        engine.provider.polls = deque([ProviderFault("task_not_exist")])
        job = await until_s(engine, await engine.admitted(), 7 * 3600)
        assert job.state is FAILED

    async def test_a_provider_out_of_reach_is_waited_for_a_day(self, engine: Engine) -> None:
        engine.provider.polls = deque([Unreachable("no route")])
        job = await until_s(engine, await engine.admitted(), 23 * 3600)
        assert job.state is JobState.RENDERING
        assert (await until_s(engine, job, 2 * 3600)).state is FAILED

    async def test_an_hour_of_trouble_ends_nothing(self, engine: Engine) -> None:
        engine.provider.polls = deque([ProviderFault("503")])
        job = await until_s(engine, await engine.admitted(), 3600)
        assert job.state is JobState.RENDERING
        engine.provider.polls = deque([Pending(0.5), Ready("clip")])
        await engine.until(job, DONE)


class TestRefusals:
    async def test_asking_again_at_once_is_not_taken_by_its_word(self, engine: Engine) -> None:
        engine.provider.submits = deque([Rejected("Busy.", Refusal.BUSY, retry_after_s=0.0)])
        job = await engine.step(await engine.admitted())
        assert job.run_at_ms - engine.clock.now_ms() >= 2_000

    async def test_who_only_has_to_wait_is_not_sent_to_an_account_without_credit(
        self, engine: Engine
    ) -> None:
        engine.health.heard(builders.SPARE, Rejected("no", Refusal.PAYMENT))
        busy = Rejected("Busy.", Refusal.BUSY, retry_after_s=2)
        engine.provider.submits = deque([*[busy] * 9, Accepted("task")])
        job = await engine.until(await engine.admitted(price=9), DONE)
        assert (job.provider, engine.spare.keys) == ("scripted", [])

    async def test_creates_that_fail_are_not_forgotten_over_questions_that_are_answered(
        self, engine: Engine
    ) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.submits = deque([Unknown("5000")])
        job = await engine.admitted()
        for number in count():
            if not engine.health.is_healthy("scripted"):
                break
            assert number < 60
            job = await engine.step(job)
        assert len(engine.provider.looked_up) >= 4
