import asyncio
import itertools
import math
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from procrastinate import exceptions
from procrastinate.jobs import Job as Queued
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from structlog.testing import capture_logs

from bot.app import task_group
from bot.clock import SystemClock
from bot.db import breakers, jobs, lanes, operation
from bot.db.errors import DatabaseUnavailable, DatabaseUnusable
from bot.db.postgres.queue import QUEUE, STEP
from bot.db.ticks import Tick
from bot.db.transaction import Transaction
from bot.domain.breaker import Lesson
from bot.domain.jobs import Job, JobState
from bot.domain.provider import Pending
from bot.services.runner.cluster import ClusterRunner, _after_crash
from bot.services.runner.housekeeping import Housekeeping
from tests import builders
from tests.held import held
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer
from tests.services import cluster as built
from tests.services.cluster import Cluster
from tests.services.conftest import engine_on
from tests.services.doubles import TurnedClock

_LIVE = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
_LATER = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at > now()"
_RETRIED = "SELECT coalesce(sum(attempts), 0)::int FROM procrastinate_jobs"


@pytest.fixture
async def cluster(postgres_url: str) -> AsyncGenerator[Cluster]:
    async with held(built.open_cluster(postgres_url, SystemClock())) as opened:
        yield opened


async def test_a_step_is_queued_with_the_change_of_state_and_only_with_it(cluster: Cluster) -> None:
    kept, undone = await cluster.admitted(), await cluster.admitted()
    cluster.execute("DELETE FROM procrastinate_jobs")

    def move(job: Job, *, fails: bool) -> Transaction[Job]:
        moved = yield from jobs.move(job, JobState.RENDERING, now_ms=1, run_at_ms=2)
        if fails:
            raise ZeroDivisionError
        return moved

    written = (cluster.db.write(move(kept, fails=False)), cluster.db.write(move(undone, fails=True)))
    outcomes = await asyncio.gather(*written, return_exceptions=True)
    assert isinstance(outcomes[1], ZeroDivisionError)
    assert cluster.ticks() == [("step", kept.id, False, "todo")]


async def test_whatever_gives_somebody_a_turn_asks_for_an_admission(cluster: Cluster) -> None:
    admission = [("admit", None, False, "todo")]
    await cluster.queued()
    assert cluster.ticks() == admission
    job = await cluster.admitted()
    ended = await cluster.db.write(jobs.move(job, JobState.CANCELLED, now_ms=1))
    assert [tick for tick in cluster.ticks() if tick[0] == "admit"] == admission
    assert [tick[1] for tick in cluster.ticks() if tick[0] == "step"] == [ended.id]
    cluster.execute("DELETE FROM procrastinate_jobs")
    well_again: list[Transaction[Any]] = [
        lanes.recap(1, builders.NO_CAPS),
        operation.resume(),
        breakers.learn([("scripted", Lesson.TAKEN, 1)]),
    ]
    await cluster.db.write(breakers.learn([("scripted", Lesson.FAILED, 1)] * 9))
    for transaction in well_again:
        assert cluster.ticks() == []
        await cluster.db.write(transaction)
        assert cluster.ticks() == admission
        cluster.execute("DELETE FROM procrastinate_jobs")


async def test_a_job_that_is_not_to_be_posted_any_more_is_looked_at_at_once(cluster: Cluster) -> None:
    job = await cluster.move(await cluster.admitted(), run_at_ms=cluster.clock.now_ms() + 3_600_000)
    await cluster.move(job, withdrawn_at_ms=1, withdrawn_by=7)
    assert cluster.ticks() == [("step", job.id, False, "todo"), ("step", job.id, True, "todo")]


async def test_of_a_job_only_the_newest_tick_of_a_kind_waits(cluster: Cluster) -> None:
    job = await cluster.admitted()
    for number in range(5):
        job = await cluster.move(job, run_at_ms=cluster.clock.now_ms() + 3_600_000 * (5 - number))
        await cluster.carrier.give([Tick(job.id, is_early=True), Tick()])
        await cluster.queued()
    assert cluster.ticks() == [
        ("admit", None, False, "todo"),
        ("step", job.id, False, "todo"),
        ("step", job.id, True, "todo"),
    ]
    [(due_ms,)] = cluster.execute(
        "SELECT (extract(epoch FROM scheduled_at) * 1000)::bigint FROM procrastinate_jobs WHERE scheduled_at > now()"
    )
    assert due_ms == job.run_at_ms


async def test_a_job_is_carried_until_it_is_due_later(cluster: Cluster) -> None:
    steps = cluster.steps(steps=4)
    job = await cluster.admitted()
    async with cluster.worker(steps):
        await steps.until(4)
        await cluster.until(_LIVE, [(1,)])
    assert steps.taken == [(job.id, False)] * 4
    assert cluster.ticks() == [("step", job.id, True, "todo")]
    assert cluster.execute("SELECT count(*) FROM procrastinate_jobs") == [(1,)]


async def test_waiting_jobs_are_let_in_and_carried(cluster: Cluster) -> None:
    steps = cluster.steps()
    waiting = [await cluster.queued() for _ in range(3)]
    async with cluster.worker(steps):
        await steps.until(3)
    assert {job_id for job_id, _ in steps.taken} == {job.id for job in waiting}


async def test_a_wake_overtakes_the_step_that_is_due_later(cluster: Cluster) -> None:
    steps = cluster.steps()
    job = await cluster.move(await cluster.admitted(), run_at_ms=cluster.clock.now_ms() + 3_600_000)
    async with cluster.worker(steps) as runner:
        runner.wake(job.id)
        await steps.until(1)
    assert steps.taken == [(job.id, True)]


async def test_a_process_that_carries_nothing_wakes_those_that_do(cluster: Cluster) -> None:
    steps = cluster.steps()
    job = await cluster.move(await cluster.admitted(), run_at_ms=cluster.clock.now_ms() + 3_600_000)
    async with cluster.worker(steps), task_group() as tasks:
        gateway = ClusterRunner(
            carrier=cluster.carrier,
            advance=steps.advance,
            give_up=steps.give_up,
            fill=steps.fill,
            clock=cluster.clock,
            tasks=tasks,
        )
        gateway.wake(job.id)
        await steps.until(1)
    assert steps.taken == [(job.id, True)]


async def test_a_wake_during_a_step_is_not_lost(cluster: Cluster) -> None:
    steps = cluster.steps()
    steps.may_end.clear()
    job = await cluster.admitted()
    async with cluster.worker(steps) as runner:
        await steps.until(1)
        runner.wake(job.id)
        await cluster.until("SELECT count(*) FROM procrastinate_jobs WHERE priority = 1", [(1,)])
        steps.may_end.set()
        await steps.until(2)
    assert steps.taken == [(job.id, False), (job.id, True)]
    assert steps.most_at_once == 1


async def test_wakes_do_not_make_ticks_pile_up(cluster: Cluster) -> None:
    steps = cluster.steps()
    job = await cluster.admitted()
    async with cluster.worker(steps) as runner:
        for number in range(1, 4):
            await steps.until(number)
            runner.wake(job.id)
        await steps.until(4)
        await cluster.until(_LIVE, [(1,)])
    assert cluster.execute("SELECT count(*) FROM procrastinate_events") == [(2,)]  # put there, and for when


async def test_a_tick_that_comes_for_nothing_does_nothing(cluster: Cluster) -> None:
    steps = cluster.steps()
    later = await cluster.move(await cluster.admitted(), run_at_ms=cluster.clock.now_ms() + 3_600_000)
    ended = await cluster.db.write(jobs.move(await cluster.admitted(), JobState.CANCELLED, now_ms=1))
    due = await cluster.admitted()
    await cluster.carrier.give([Tick(later.id), Tick(ended.id), Tick(due.id)])
    async with cluster.worker(steps, housekeeping_every_s=3600):
        await steps.until(1)
        await cluster.until(_LIVE, [(1,)])  # of the job whose step was taken
    assert steps.taken == [(due.id, False)]


async def test_a_tick_that_the_servers_clock_lets_through_too_soon_waits_for_ours(postgres_url: str) -> None:
    clock = TurnedClock()
    async with built.open_cluster(postgres_url, clock) as cluster:
        steps = cluster.steps()
        job = await cluster.move(await cluster.admitted(), run_at_ms=clock.now_ms() + 2_000)
        async with cluster.worker(steps, housekeeping_every_s=3600):
            await cluster.until("SELECT status::text FROM procrastinate_jobs", [("doing",)])
            while not clock._sleepers:  # noqa: ASYNC110 - a list tells nobody
                await asyncio.sleep(0.01)
            assert steps.taken == []
            clock.turn(2)
            await steps.until(1)
    assert steps.taken == [(job.id, False)]


async def test_no_two_workers_are_about_one_job(cluster: Cluster) -> None:
    steps = cluster.steps(steps=5)
    carried = [await cluster.admitted() for _ in range(8)]
    async with AsyncExitStack() as stack:
        runners = [await stack.enter_async_context(held(cluster.worker(steps))) for _ in range(2)]
        for number, runner in zip(range(1, 20), itertools.cycle(runners)):
            await steps.until(number)
            for job in carried:
                runner.wake(job.id)
        await steps.until(len(carried) * 5)
    assert steps.most_at_once == 1


async def test_who_takes_ticks_of_one_job_at_the_same_moment_gets_one_of_them(cluster: Cluster) -> None:
    job = await cluster.admitted()
    await cluster.carrier.give([Tick(job.id)])
    worker_id = await cluster.carrier.queue.register_worker()
    with psycopg.connect(cluster.url) as other:  # has taken one, and not said so yet
        other.execute("SELECT * FROM procrastinate_fetch_job_v2(%s, %s)", ([QUEUE], worker_id))
        await cluster.carrier.give([Tick(job.id, is_early=True)])
        taking = asyncio.ensure_future(cluster.carrier.queue.fetch_job([QUEUE], worker_id))
        await cluster.until("SELECT count(*) FROM pg_locks WHERE NOT granted", [(1,)])
        other.commit()
    assert await asyncio.wait_for(taking, PATIENCE_S) is None


async def test_what_a_killed_worker_was_carrying_is_carried_by_another(cluster: Cluster) -> None:
    job = await cluster.admitted()
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", built.__name__, cluster.url, stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    assert await asyncio.wait_for(victim.stdout.readline(), PATIENCE_S) == b"begun\n"
    steps = cluster.steps()
    async with cluster.worker(steps):
        victim.kill()
        await victim.wait()
        await steps.until(1)
    assert steps.taken == [(job.id, False)]
    assert cluster.execute(_LATER) == [(1,)]


async def test_a_worker_whose_step_takes_long_is_not_taken_for_dead(cluster: Cluster) -> None:
    steps = cluster.steps()
    steps.may_end.clear()
    await cluster.admitted()
    async with cluster.worker(steps), cluster.worker(steps):
        await steps.until(1)
        # The other has long had the right to call somebody dead when it does so with one that is.
        cluster.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES ('2020-01-01')")
        await cluster.until(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat < '2021-01-01'", [(0,)]
        )
        assert len(steps.taken) == 1
        steps.may_end.set()


async def test_who_has_just_reached_the_database_calls_nobody_dead(cluster: Cluster) -> None:
    job = await cluster.admitted()
    queue = cluster.carrier.queue
    assert await queue.fetch_job([QUEUE], await queue.register_worker())
    await queue.register_worker()
    queue.beats_since_s = -math.inf  # until everything was suspended
    cluster.execute("UPDATE procrastinate_workers SET last_heartbeat = '2020-01-01'")

    def housekeeping(stalled_after_s: float) -> Housekeeping:
        return Housekeeping(
            cluster.carrier, carried=set[int], clock=cluster.clock, stalled_after_s=stalled_after_s
        )

    await housekeeping(PATIENCE_S)._look()
    assert cluster.ticks() == [("step", job.id, False, "doing")]
    queue.beats_since_s = -math.inf  # that was long ago
    await housekeeping(PATIENCE_S)._look()
    assert cluster.ticks() == [("step", job.id, False, "todo")]
    assert cluster.execute("SELECT id FROM procrastinate_workers") == [(queue.worker_id,)]


async def test_a_worker_that_was_struck_off_as_dead_goes_on_beside_the_step_that_it_is_about(
    cluster: Cluster,
) -> None:
    steps = cluster.steps()
    steps.may_end.clear()
    held_up = await cluster.admitted()
    with capture_logs() as logs:
        async with cluster.worker(steps):
            await steps.until(1)
            cluster.execute("DELETE FROM procrastinate_workers")
            other = await cluster.admitted()
            await steps.until(2)
            steps.may_end.set()
            await cluster.until(_LATER, [(2,)])
    assert {job_id for job_id, _ in steps.taken} == {held_up.id, other.id}
    events = [entry["event"] for entry in logs]
    assert "was taken for dead" in events
    assert "the worker of the queue failed" not in events


async def test_a_worker_that_has_ended_is_not_put_down_again(cluster: Cluster) -> None:
    queue = cluster.carrier.queue
    await queue.unregister_worker(await queue.register_worker())
    await Housekeeping(cluster.carrier, carried=set[int], clock=cluster.clock)._look()
    assert cluster.execute("SELECT count(*) FROM procrastinate_workers") == [(0,)]


async def test_a_tick_whose_worker_never_heard_of_it_is_given_again(cluster: Cluster) -> None:
    steps = cluster.steps()
    async with cluster.worker(steps):
        await cluster.until("SELECT count(*) FROM procrastinate_workers", [(1,)])
        [(worker_id,)] = cluster.execute("SELECT id FROM procrastinate_workers")
        with psycopg.connect(cluster.url) as lost:
            job = await cluster.admitted()
            lost.execute("LOCK procrastinate_jobs")
            lost.execute(
                "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s, scheduled_at = NULL",
                (worker_id,),
            )
        await steps.until(1)
        await cluster.until(_LATER, [(1,)])
    assert steps.taken[-1] == (job.id, False)


async def test_due_jobs_without_a_tick_are_given_one(cluster: Cluster) -> None:
    due = await cluster.admitted()
    later = await cluster.move(await cluster.admitted(), run_at_ms=cluster.clock.now_ms() + 3_600_000)
    waiting = await cluster.queued()
    cluster.execute("DELETE FROM procrastinate_jobs")
    steps = cluster.steps()
    async with cluster.worker(steps):
        await steps.until(2)
    assert {job_id for job_id, _ in steps.taken} == {due.id, waiting.id}
    assert later.id not in dict(steps.taken)


async def test_a_due_job_whose_tick_is_not_ready_for_long_is_given_another(cluster: Cluster) -> None:
    job = await cluster.admitted()
    cluster.execute("UPDATE procrastinate_jobs SET scheduled_at = now() + INTERVAL '3 minutes'")
    assert await cluster.carrier.due_without_tick(limit=9) == [job.id]
    cluster.execute("UPDATE procrastinate_jobs SET scheduled_at = now() + INTERVAL '90 seconds'")
    assert await cluster.carrier.due_without_tick(limit=9) == []


async def test_a_step_that_crashes_is_tried_again_later_and_later_and_given_up_at_last(
    cluster: Cluster,
) -> None:
    steps = cluster.steps(faults=[ZeroDivisionError() for _ in range(8)])
    job = await cluster.admitted()
    with capture_logs() as logs:
        async with cluster.worker(steps, housekeeping_every_s=3600):
            for number in range(1, 9):
                assert steps.given_up == []
                has_crashed = (
                    f"SELECT attempts >= {number} AND scheduled_at IS NOT NULL FROM procrastinate_jobs"
                )
                await cluster.until(has_crashed, [(True,)])
                cluster.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")
            await steps.until(9)
            await cluster.until(_LATER, [(1,)])
            await cluster.until(_LIVE, [(1,)])
    assert steps.given_up == [(job.id, 8)]
    assert [_after_crash(number).pause_s for number in range(8)] == [2, 4, 8, 16, 32, 60, 60, 60]
    assert [entry["crashes"] for entry in logs if entry["event"] == "step crashed"] == list(range(1, 9))
    assert cluster.execute(_RETRIED) == [(0,)]


async def test_a_step_that_kills_its_workers_is_given_up_before_it_is_taken_once_more(
    cluster: Cluster,
) -> None:
    job = await cluster.admitted()
    for _ in range(8):
        tick = await cluster.carrier.queue.fetch_job([QUEUE], await cluster.carrier.queue.register_worker())
        assert tick is not None
        await cluster.carrier.queue.retry_job(tick)
    steps = cluster.steps()
    async with cluster.worker(steps):
        await steps.until(1)
    assert steps.given_up == [(job.id, 0)]


async def test_a_worker_that_was_taken_for_dead_leaves_its_step_to_the_one_that_has_it(
    cluster: Cluster,
) -> None:
    frozen, others = cluster.steps(), cluster.steps()
    frozen.may_end.clear()
    job = await cluster.admitted()
    async with cluster.worker(frozen, housekeeping_every_s=3600) as runner:
        await frozen.until(1)
        [carrying] = runner.park()  # so that it is not given the tick itself
        others.may_end.clear()
        async with cluster.worker(others, housekeeping_every_s=3600):
            await cluster.take_away()
            await others.until(1)
            job = await cluster.move(await cluster.db.read(jobs.get(job.id)), marked_at_ms=1)
            frozen.may_end.set()
            await asyncio.wait_for(asyncio.wait((carrying,)), PATIENCE_S)
            await cluster.until("SELECT count(*) FROM procrastinate_workers", [(1,)])  # it has ended
            assert [tick for tick in cluster.ticks() if tick[3] == "doing"] == [
                ("step", job.id, False, "doing")
            ]
            others.may_end.set()
            await others.until(2)
    assert (frozen.taken, frozen.left) == ([(job.id, False)], [job.id])
    assert others.left == []


@pytest.mark.parametrize("keeps", [True, False])
async def test_what_orders_a_clip_goes_out_only_while_its_tick_is_held(
    postgres_url: str, tmp_path: Path, clip: bytes, *, keeps: bool
) -> None:
    clock = TurnedClock()
    async with (
        held(built.open_cluster(postgres_url, clock)) as cluster,
        held(engine_on(cluster.db, clock, tmp_path, clip)) as engine,
    ):
        frozen, wakes = asyncio.Event(), asyncio.Event()

        async def freeze() -> None:
            frozen.set()
            await wakes.wait()

        engine.provider.before_sending = freeze
        engine.provider.polls.appendleft(Pending(ask_again_s=3600))
        job = await engine.admitted()
        carrying: Any = SimpleNamespace(
            advance=engine.stages.advance, give_up=engine.stages.give_up, fill=_nothing_waits
        )
        async with cluster.worker(carrying, housekeeping_every_s=3600) as runner:
            await asyncio.wait_for(frozen.wait(), PATIENCE_S)
            clock.turn(3600)
            if not keeps:
                [step] = [task for task in runner.park() if task.get_name() == f"job-{job.id}"]
                await cluster.take_away()
                wakes.set()
                await asyncio.wait_for(asyncio.wait((step,)), PATIENCE_S)
            else:
                wakes.set()
                await cluster.until("SELECT state FROM jobs", [("rendering",)])
        assert engine.provider.keys == ([f"kinora-abc123-{job.id}-1"] if keeps else [])
        assert (await engine.job(job)).marked_at_ms == job.started_at_ms


async def _nothing_waits() -> bool:
    return True


async def test_a_database_that_is_away_does_not_count_as_a_crash(postgres_url: str) -> None:
    clock = TurnedClock()
    async with built.open_cluster(postgres_url, clock) as cluster:
        steps = cluster.steps(faults=[DatabaseUnavailable() for _ in range(10)])
        await cluster.admitted()
        async with cluster.worker(steps, housekeeping_every_s=3600):
            for number in range(1, 11):
                await steps.until(number)
                async with asyncio.timeout(PATIENCE_S):
                    while len(steps.taken) == number:
                        await asyncio.sleep(0.01)
                        clock.turn(5)
            assert cluster.execute(_RETRIED) == [(0,)]
        assert steps.given_up == []


async def test_admission_that_crashes_is_tried_again(cluster: Cluster) -> None:
    steps = cluster.steps()
    fill, faults = steps.fill, [ZeroDivisionError()]

    async def crash_once() -> bool:
        if faults:
            raise faults.pop()
        return await fill()

    steps.fill = crash_once
    await cluster.queued()
    async with cluster.worker(steps, housekeeping_every_s=3600):
        await steps.until(1)


async def test_a_worker_that_leaves_admission_to_others_does_not_use_up_its_tick(cluster: Cluster) -> None:
    full, others = cluster.steps(), cluster.steps()

    async def leave() -> bool:
        full.fills += 1
        await full._tell()
        return False

    full.fill = leave
    job = await cluster.queued()
    async with cluster.worker(full, housekeeping_every_s=3600):
        await full.see(lambda: full.fills)
        await cluster.until("SELECT DISTINCT status::text FROM procrastinate_jobs", [("todo",)])
    async with cluster.worker(others, housekeeping_every_s=3600):
        await others.until(1)
    assert others.taken == [(job.id, False)]


async def test_what_others_have_no_room_for_either_is_asked_about_less_often(cluster: Cluster) -> None:
    full = cluster.steps()

    async def leave() -> bool:
        return False

    full.fill = leave
    async with cluster.worker(full) as runner:
        later = [await runner._let_in(attempts) for attempts in range(3)]
    assert [getattr(one, "pause_s", None) for one in later] == [1, 5, 5]


async def test_a_parked_worker_ends_what_it_is_about_and_begins_nothing(cluster: Cluster) -> None:
    steps, others = cluster.steps(steps=2), cluster.steps(steps=2)
    steps.may_end.clear()
    job = await cluster.admitted()
    async with cluster.worker(steps) as runner:
        await steps.until(1)
        under_way = runner.park()
        assert {task.get_name() for task in under_way} == {f"job-{job.id}"}
        new = await cluster.admitted()
        steps.may_end.set()
        await asyncio.wait_for(asyncio.wait(under_way), PATIENCE_S)
        assert steps.taken == [(job.id, False)]
        async with cluster.worker(others):
            await others.until(3)
    assert len(steps.taken) == 1
    assert sorted(others.taken) == sorted([(job.id, False), (new.id, False), (new.id, False)])


async def test_a_step_that_is_cut_off_is_taken_again_at_once(cluster: Cluster) -> None:
    steps, others = cluster.steps(), cluster.steps()
    steps.may_end.clear()
    job = await cluster.admitted()
    async with cluster.worker(steps):
        await steps.until(1)
    assert cluster.ticks() == [("step", job.id, False, "todo")]
    assert cluster.execute("SELECT count(*) FROM procrastinate_workers") == [(0,)]
    async with cluster.worker(others, housekeeping_every_s=3600):
        await others.until(1)


async def test_nothing_is_lost_when_postgresql_is_restarted(own_postgres: PostgresServer) -> None:
    own_postgres.execute("CREATE DATABASE kinora")
    async with built.open_cluster(own_postgres.url("kinora"), SystemClock()) as cluster:
        steps = cluster.steps()
        steps.may_end.clear()
        carried = [await cluster.admitted() for _ in range(3)]
        async with cluster.worker(steps):
            await steps.until(3)
            with capture_logs() as logs:
                await asyncio.to_thread(own_postgres.restart)
                steps.may_end.set()
                await cluster.until(_LATER, [(3,)])  # what was under way has ended, and said so
                await cluster.until(_LIVE, [(3,)])
                await cluster.admitted()
                await steps.until(4)  # and the same worker goes on
            assert not [entry for entry in logs if entry["log_level"] == "error"]
            assert not [entry for entry in logs if "gone" in entry["event"]]
        assert steps.most_at_once == 1
        assert sorted(steps.taken)[:3] == sorted((job.id, False) for job in carried)


async def test_the_queue_takes_ticks_with_one_lock_by_priority_and_age_whether_they_are_due_or_not(
    cluster: Cluster,
) -> None:
    """Why a tick takes the place of the one before it, and why early ones have a priority of their own."""
    queue = cluster.carrier.queue
    later, ready, early = (
        Queued(
            queue=QUEUE,
            task_name=STEP,
            lock="job:7",
            queueing_lock=None,
            priority=priority,
            scheduled_at=at,
        )
        for priority, at in ((0, datetime.now(UTC) + timedelta(hours=1)), (0, None), (1, None))
    )
    worker_id = await queue.register_worker()
    await queue.batch_defer_jobs_async(jobs=[later, ready])
    assert await queue.fetch_job([QUEUE], worker_id) is None
    await queue.batch_defer_jobs_async(jobs=[early])
    taken = await queue.fetch_job([QUEUE], worker_id)
    assert taken is not None
    assert taken.priority == early.priority


async def test_a_moment_that_no_calendar_knows_waits_for_long(cluster: Cluster) -> None:
    await cluster.carrier.give([Tick(7, at_ms=10**18)])
    assert cluster.execute("SELECT extract(year FROM scheduled_at) FROM procrastinate_jobs") == [(2100,)]


async def test_a_tick_that_cannot_be_taken_is_not_tried_for_ever(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def taken(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise exceptions.UniqueViolation(constraint_name="lock", queueing_lock=None)

    monkeypatch.setattr(JobManager, "fetch_job", taken)
    assert await cluster.carrier.queue.fetch_job([QUEUE], 1) is None
    assert tries == 3


async def test_a_queue_that_another_version_made_is_refused_in_words(
    cluster: Cluster, postgres_url: str
) -> None:
    again = built.open_carrier(postgres_url, cluster.clock)
    cluster.execute("COMMENT ON TABLE procrastinate_jobs IS 'Procrastinate 2.0.0, abc'")
    with pytest.raises(
        DatabaseUnusable, match=r"by Procrastinate 2\.0\.0, abc, and this is Procrastinate 3\."
    ):
        async with again:
            pass


async def test_what_ends_twice_has_ended(cluster: Cluster) -> None:
    """Who was taken for dead may come back to life, and an answer may be lost."""
    queue = cluster.carrier.queue
    await cluster.queued()
    tick = await queue.fetch_job([QUEUE], await queue.register_worker())
    assert tick is not None
    for _ in range(2):
        await queue.finish_job(tick, Status.SUCCEEDED, delete_job=True)
    await queue.retry_job(tick)
    assert cluster.ticks() == []


async def test_workers_that_start_at_the_same_moment_make_the_tables_once(bare_postgres_url: str) -> None:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        await asyncio.gather(
            *(stack.enter_async_context(held(built.open_carrier(bare_postgres_url, clock))) for _ in range(3))
        )
        async with built.open_carrier(bare_postgres_url, clock) as carrier:
            assert await carrier.app.check_connection_async()
