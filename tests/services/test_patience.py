"""How long a job waits for whom, and what is never waited for."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bot.db import history, jobs
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.jobs import Job, JobState
from bot.domain.provider import (
    Absent,
    Accepted,
    NoSuchTask,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    TaskLost,
    Unknown,
    Unreachable,
)
from bot.media.errors import StoreUnavailable
from tests import builders
from tests.services.conftest import Engine

DONE, FAILED, QUEUED, FETCHING = JobState.DONE, JobState.FAILED, JobState.QUEUED, JobState.FETCHING
DAY_S = 24 * 3600


class Away:
    """A database that is away for the next three writes."""

    left = 0

    async def begin(self) -> None:
        self.left = 3


async def until_s(engine: Engine, job: Job, seconds: float) -> Job:
    """Take steps until so much time has passed, or the job has ended."""
    begun_ms = engine.clock.now_ms()
    while engine.clock.now_ms() - begun_ms < seconds * 1000 and job.state not in (DONE, FAILED):
        job = await engine.step(job)
    return job


class TestMadeAnew:
    """What went with the process that made it."""

    async def test_a_render_is_begun_again_under_its_key(self, engine: Engine) -> None:
        engine.provider.polls = deque([TaskLost("elsewhere"), Ready("clip")])
        job = await engine.until(await engine.admitted(), DONE)
        assert len(engine.provider.keys) == 2
        assert len(set(engine.provider.keys)) == 1
        assert job.attempt == 1

    async def test_so_is_a_finished_clip_that_nobody_has(self, engine: Engine) -> None:
        engine.provider.opens = deque([TaskLost("elsewhere"), None])
        await engine.until(await engine.admitted(), DONE)
        assert len(set(engine.provider.keys)) == 1
        assert len(engine.publisher.posted) == 1

    async def test_whoever_wants_it_stopped_meanwhile_pays_nothing(self, engine: Engine) -> None:
        engine.provider.polls = deque([TaskLost("elsewhere")])
        job = await engine.step(await engine.step(await engine.admitted()))
        assert job.state is JobState.SUBMITTING
        await engine.db.write(jobs.cancel(job.id, guild_id=1, owner_id=None, now_ms=engine.clock.now_ms()))
        await engine.until(job, JobState.CANCELLED)
        assert len(engine.provider.keys) == 1
        assert (await engine.balance()).reserved == 0

    async def test_not_for_ever(self, engine: Engine) -> None:
        engine.provider.polls = deque([TaskLost("elsewhere")])
        job = await engine.step(await engine.step(await engine.admitted()))
        engine.clock.turn(70 * 60)
        await engine.until(job, FAILED)
        assert (await engine.balance()).reserved == 0

    @pytest.mark.parametrize("recovery", [Recovery.LOOK_UP, Recovery.NEITHER])
    async def test_never_where_it_would_be_paid_for_twice(self, engine: Engine, recovery: Recovery) -> None:
        engine.provider.recovery = recovery
        engine.provider.polls = deque([TaskLost("elsewhere"), Ready("clip")])
        await engine.until(await engine.admitted(), DONE)
        assert len(engine.provider.keys) == 1


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

    async def test_an_error_page_in_the_place_of_a_clip_after_an_outage_is_not_the_end(
        self, engine: Engine
    ) -> None:
        engine.provider.opens = deque([*[ProviderFault("503")] * 11, b"<html>", None])
        await engine.until(await engine.admitted(), DONE)

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

    async def test_a_disk_that_does_not_give_the_clip_back_loses_none(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        job = await engine.until(await engine.admitted(), FETCHING)

        @asynccontextmanager
        async def unreadable(_: str) -> AsyncGenerator[Path]:
            yield tmp_path / "none.mp4"

        with monkeypatch.context() as patched:
            patched.setattr(engine.stages._blobs, "path", unreadable)
            for _ in range(9):
                job = await engine.step(job)
        assert (job.state, job.tries) == (FETCHING, 9)
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

    @pytest.mark.parametrize("recovery", Recovery)
    async def test_what_a_provider_said_outlives_a_database_that_is_away(
        self, engine: Engine, recovery: Recovery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine.provider.recovery = recovery
        engine.provider.submits = deque([Accepted("uuid", ready=Ready("clip"))])
        engine.provider.look_ups = deque([Unknown("cannot tell")])
        job, away, write = await engine.admitted(), Away(), type(engine.db).write

        async def failing(db: SqliteDatabase, transaction: Transaction[Any]) -> Any:
            if away.left:
                away.left -= 1
                transaction.close()
                engine.clock.turn_soon(5)
                raise DatabaseUnavailable
            return await write(db, transaction)

        engine.provider.before_submit = away.begin
        monkeypatch.setattr(type(engine.db), "write", failing)
        job = await engine.until(job, DONE, FAILED)
        assert (job.state, len(engine.provider.keys)) == (DONE, 1)

    async def test_a_cancellation_during_a_create_in_doubt_does_not_shorten_the_grace(
        self, engine: Engine
    ) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.submits = deque([Unknown("cut")])
        engine.provider.look_ups = deque([Absent(), Accepted("task")])
        job = await engine.admitted()

        async def slow() -> None:
            engine.clock.turn(100)
            now_ms = engine.clock.now_ms()
            await engine.db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=now_ms))

        engine.provider.before_submit = slow
        job = await engine.step(job)
        cut_ms = engine.clock.now_ms()
        await engine.until(job, JobState.RENDERING, JobState.CANCELLED)
        assert engine.clock.now_ms() - cut_ms >= 90_000

    async def test_a_cancelled_job_that_turned_out_absent_goes_nowhere_else(self, engine: Engine) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.submits = deque([Unknown("cut")])
        job = await engine.until(await engine.admitted(price=9), JobState.UNKNOWN)
        await engine.db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=engine.clock.now_ms()))
        await engine.until(job, JobState.CANCELLED)

    async def test_a_create_that_crashes_inside_the_bot_is_in_doubt(self, engine: Engine) -> None:
        async def crash() -> None:
            raise RuntimeError("a bug")

        engine.provider.recovery = Recovery.LOOK_UP
        engine.provider.look_ups = deque([Accepted("task")])
        engine.provider.before_submit = crash
        await engine.until(await engine.admitted(), DONE)
        assert len(engine.provider.keys) == 1

    async def test_a_key_that_is_honoured_stays_the_same_while_the_provider_is_busy(
        self, engine: Engine
    ) -> None:
        busy = Rejected("Busy.", Refusal.BUSY, retry_after_s=2)
        ready = Accepted("task", ready=Ready("clip"))
        engine.provider.submits = deque([Unknown("cut"), busy, ready])
        await engine.until(await engine.admitted(), DONE)
        assert len(set(engine.provider.keys)) == 1

    async def test_after_a_crash_the_grace_begins_anew(self, engine: Engine) -> None:
        engine.provider.recovery = Recovery.LOOK_UP
        job = await engine.admitted()
        marked_ms = engine.clock.now_ms()
        await engine.db.write(jobs.move(job, job.state, now_ms=marked_ms, marked_at_ms=marked_ms))
        engine.clock.turn(91)
        engine.restart()
        assert (await engine.step(job)).state is JobState.UNKNOWN
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
        engine.provider.polls = deque([NoSuchTask("task_not_exist")])
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

    @pytest.mark.parametrize("fault", [Unreachable("no route"), ProviderFault("503")])
    async def test_the_first_answer_after_a_long_outage_is_not_the_end(
        self, engine: Engine, fault: ProviderFault
    ) -> None:
        engine.provider.polls = deque([*[fault] * 80, Pending(0.9), Ready("clip")])
        await engine.until(await engine.admitted(), DONE, steps=300)

    async def test_time_without_an_answer_is_not_held_against_a_clip(self, engine: Engine) -> None:
        fault, rendering = Unreachable("no route"), Pending(0.5)
        engine.provider.polls = deque([rendering, *[fault] * 80, *[rendering] * 20, Ready("clip")])
        await engine.until(await engine.admitted(), DONE, steps=600)

    async def test_no_more_time_is_made_up_for_than_went_by_without_an_answer(self, engine: Engine) -> None:
        engine.provider.polls = deque([Pending(0.5), Unreachable("no route")])
        job = await engine.until(await engine.admitted(), JobState.RENDERING)
        job = await engine.step(job)
        begun_ms, asked_ms = job.marked_at_ms, engine.clock.now_ms()
        assert begun_ms is not None
        for _ in range(60):  # callbacks come long before it is due
            engine.clock.turn(1)
            await engine.stages.advance(job.id, early=True)
        job = await engine.job(job)
        assert job.tries == 60
        assert job.marked_at_ms == begun_ms + engine.clock.now_ms() - asked_ms - 1000  # until the first

    async def test_no_render_begins_in_the_future(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def cancel(_: str) -> bool:
            return False

        monkeypatch.setattr(engine.provider, "cancel", cancel)
        engine.provider.polls = deque([Unreachable("no route")])
        job = await engine.until(await engine.admitted(), JobState.RENDERING)
        for _ in range(6):
            await engine.stages.advance(job.id, early=True)
        now_ms = engine.clock.now_ms()
        await engine.db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=now_ms))
        await engine.stages.advance(job.id)
        job = await engine.job(job)
        assert (job.tries, job.marked_at_ms) == (7, now_ms)

    async def test_a_task_that_is_said_not_to_exist_now_and_then_has_its_time_and_no_more(
        self, engine: Engine
    ) -> None:
        engine.provider.polls = deque([Pending(0.5), NoSuchTask("task_not_exist")] * 900)
        job = await until_s(engine, await engine.admitted(), 2 * 3600)
        assert job.state is FAILED

    async def test_an_outage_teaches_nothing_of_how_long_clips_take(self, engine: Engine) -> None:
        for _ in range(6):
            engine.provider.polls = deque([*[Unreachable("no route")] * 80, Ready("clip")])
            job = await engine.until(await engine.admitted(), DONE, steps=300)
            assert await engine.db.read(history.forecast(history.Kind.of(job))) is None

    async def test_hours_of_trouble_and_one_too_fast_lose_nothing(self, engine: Engine) -> None:
        engine.provider.polls = deque([*[Unreachable("x")] * 400, ProviderFault("429"), Ready("clip")])
        await engine.until(await engine.admitted(), DONE, steps=600)

    async def test_an_answer_ends_the_trouble(self, engine: Engine) -> None:
        engine.provider.polls = deque([*[ProviderFault("x")] * 7, Pending(0.5), ProviderFault("blip")])
        job = await engine.until(await engine.admitted(), JobState.RENDERING)
        for _ in range(9):
            job = await engine.step(job)
        assert job.run_at_ms - engine.clock.now_ms() < 5_000

    async def test_a_task_that_cannot_be_told_to_stop_is_asked_about_all_the_same(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def cancel(_: str) -> bool:
            raise ProviderFault("500")

        job = await engine.until(await engine.admitted(), JobState.RENDERING)
        monkeypatch.setattr(engine.provider, "cancel", cancel)
        await engine.db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=engine.clock.now_ms()))
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

    async def test_one_refused_connection_sends_nobody_to_an_account_without_credit(
        self, engine: Engine
    ) -> None:
        engine.health.heard(builders.SPARE, Rejected("no", Refusal.PAYMENT))
        down = Rejected("down", Refusal.UNREACHABLE, retry_after_s=5)
        engine.provider.submits = deque([down, Accepted("task")])
        job = await engine.until(await engine.admitted(price=9), DONE)
        assert job.provider == "scripted"

    async def test_a_slot_at_a_provider_that_left_is_given_back_at_once(self, engine: Engine) -> None:
        job = await engine.admitted(price=9)
        providers: Any = engine.stages._attempts._providers
        del providers["scripted"]
        job = await engine.step(job)
        assert (job.state, job.provider) == (QUEUED, "spare")

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
