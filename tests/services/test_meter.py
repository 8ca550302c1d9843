"""What the bot tells of itself, from rows."""

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.db import jobs, metrics
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import JobState
from bot.domain.metrics import Buckets, Labels, gauge
from bot.services.gate import Closure, Gate
from bot.services.health import Health
from bot.services.meter import Meter
from tests.histories import NOW_MS, ROADS, History, Past, lived
from tests.services.doubles import TurnedClock

HELD = Past(JobState.FAILED, maybe_charged=True, price=7)


@dataclass
class Measured:
    db: SqliteDatabase
    clock: TurnedClock
    gate: Gate
    meter: Meter

    async def counted(self, name: str) -> dict[Labels, float]:
        """What is not zero."""
        return {labels: value for labels, value in (await self.read(name)).items() if value}

    async def read(self, name: str) -> dict[Labels, float]:
        [metric] = [metric for metric in await self.meter.read() if metric.name == name]
        return {
            labels: value.at_most[-1][1] if isinstance(value, Buckets) else value
            for labels, value in metric.samples.items()
        }


@pytest.fixture
async def measured(tmp_path: Path) -> AsyncGenerator[Measured]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    (tmp_path / "data").mkdir()
    clock, gate = TurnedClock(NOW_MS), Gate(changed=lambda: None)
    meter = Meter(
        db=db,
        clock=clock,
        gate=gate,
        health=Health(clock, changed=lambda: None),
        providers=("kling", "onemin"),
        folder=tmp_path / "data",
        reserve_bytes=500_000_000,
    )
    await meter.begin()
    yield Measured(db, clock, gate, meter)
    await db.close()


async def test_ends_and_money_are_counted_once_however_often_they_are_read(measured: Measured) -> None:
    for past in (Past(cost_usd="0.35"), Past(JobState.CANCELLED), HELD):
        await measured.db.write(lived(past))
    for _ in range(3):
        assert await measured.counted("kinora_jobs_total") == {
            ("kling", "done", "none"): 1,
            ("kling", "cancelled", "cancelled"): 1,
            ("kling", "failed", "held"): 1,
        }
    assert await measured.counted("kinora_credits_total") == {
        ("kling", "reserve"): 17,
        ("kling", "settle"): 5,
        ("kling", "refund"): 12,
    }
    assert await measured.counted("kinora_provider_cost_dollars_total") == {("kling",): 0.35}
    assert await measured.counted("kinora_jobs_accepted_total") == {("kling",): 3}
    await measured.db.write(lived(Past(provider="onemin")))
    assert (await measured.read("kinora_jobs_total"))["onemin", "done", "none"] == 1


async def test_what_ended_before_the_process_began_is_not_counted_again(measured: Measured) -> None:
    await measured.db.write(lived(Past()))
    await measured.meter.begin()
    assert await measured.counted("kinora_jobs_total") == {}


async def test_what_an_alert_waits_for_is_told_as_none_before_it_happens(measured: Measured) -> None:
    """Prometheus tells no increase of what it first sees as 1."""
    told = await measured.read("kinora_jobs_total")
    assert {told[name, "failed", "held"] for name in ("kling", "onemin")} == {0}


async def test_more_ends_than_fit_a_page_are_all_counted(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.meter._PAGE", 3)
    for _ in range(5):
        await measured.db.write(lived(Past()))
    assert await measured.counted("kinora_jobs_total") == {("kling", "done", "none"): 5}


async def test_the_queue_is_told_by_provider_with_the_age_of_its_oldest_job(measured: Measured) -> None:
    for at_ms in (NOW_MS - 30_000, NOW_MS):
        await measured.db.write(lived(Past(None, at_ms=at_ms, wait_s=0)))
    measured.clock.turn(12)
    assert await measured.read("kinora_queue_jobs") == {("kling",): 2, ("onemin",): 0}
    assert await measured.read("kinora_queue_oldest_seconds") == {("kling",): 42, ("onemin",): 0}
    assert await measured.read("kinora_credits_reserved") == {("kling",): 10, ("onemin",): 0}


async def test_stages_take_the_time_between_their_moments(measured: Measured) -> None:
    now_ms = measured.clock.now_ms
    await measured.db.write(lived(Past(None, wait_s=40)))
    job = await measured.db.write(jobs.admit("kling", slots=1, now_ms=now_ms()))
    assert job is not None
    for state, known in (
        (JobState.RENDERING, {}),
        (JobState.FETCHING, {"rendered_at_ms": NOW_MS + 90_000}),
        (JobState.DELIVERING, {"post_marked_at_ms": NOW_MS + 92_000}),
        (JobState.DONE, {"finished_at_ms": NOW_MS + 92_300}),
    ):
        job = await measured.db.write(jobs.move(job, state, now_ms=now_ms(), **known))
    [metric] = [one for one in await measured.meter.read() if one.name == "kinora_job_stage_seconds"]
    totals = {labels: value.total for labels, value in metric.samples.items() if isinstance(value, Buckets)}
    assert totals == {
        ("kling", "waiting"): 40,
        ("kling", "making"): 90,
        ("kling", "fetching"): 2,
        ("kling", "posting"): 0.3,
    }


async def test_what_is_kept_to_be_claimed_holds_its_credits(measured: Measured) -> None:
    await measured.db.write(lived(Past(None)))
    job = await measured.db.write(jobs.admit("kling", slots=1, now_ms=NOW_MS))
    assert job is not None
    for state in (*ROADS[JobState.DONE][:-1], JobState.UNDELIVERABLE):
        job = await measured.db.write(jobs.move(job, state, now_ms=NOW_MS))
    assert (await measured.read("kinora_credits_reserved"))["kling",] == 5
    await measured.db.write(jobs.let_go(job, now_ms=NOW_MS))
    assert (await measured.read("kinora_credits_reserved"))["kling",] == 0


async def test_clips_that_wait_to_be_posted_are_told_with_their_doubts(measured: Measured) -> None:
    await measured.db.write(lived(Past(None)))
    job = await measured.db.write(jobs.admit("kling", slots=1, now_ms=NOW_MS))
    assert job is not None
    job = await measured.db.write(jobs.move(job, JobState.UNKNOWN, now_ms=NOW_MS))
    assert await measured.read("kinora_doubts") == {("create",): 1, ("post",): 0}
    known = {"rendered_at_ms": NOW_MS, "run_at_ms": NOW_MS}
    job = await measured.db.write(jobs.move(job, JobState.FETCHING, now_ms=NOW_MS, **known))
    job = await measured.db.write(
        jobs.move(job, JobState.DELIVERING, now_ms=NOW_MS, post_marked_at_ms=NOW_MS)
    )
    measured.clock.turn(7)
    assert await measured.read("kinora_doubts") == {("create",): 0, ("post",): 1}
    assert await measured.read("kinora_outbox_clips") == {(): 1}
    assert await measured.read("kinora_outbox_oldest_seconds") == {(): 7}
    assert (await measured.read("kinora_jobs_open"))["kling", "delivering"] == 1


async def test_why_the_gate_is_shut_is_told(measured: Measured) -> None:
    measured.gate.shut(Closure.DRAINING)
    assert await measured.read("kinora_gate_shut") == {("draining",): 1, ("disk_full",): 0, ("stopping",): 0}


async def test_a_disk_that_does_not_tell_its_room_hides_nothing_else(
    measured: Measured, tmp_path: Path
) -> None:
    assert (await measured.read("kinora_disk_free_bytes"))[()] > 0
    assert await measured.read("kinora_disk_reserve_bytes") == {(): 500_000_000}
    (tmp_path / "data").rmdir()
    assert await measured.read("kinora_disk_free_bytes") == {}
    assert await measured.read("kinora_outbox_clips") == {(): 0}


async def test_what_others_count_is_told_too(measured: Measured) -> None:
    measured.meter.add(lambda: [gauge("own", "Its own.", 3)])
    assert await measured.read("own") == {(): 3}


def test_a_long_history_does_not_slow_it(tmp_path: Path) -> None:
    """100,000 jobs that have ended, and 200 that have not."""
    history = History(tmp_path / "long.db")
    history.add(Past(), *[Past(None)] * 200)
    history.connection.executescript(_MANY)
    newest = history.read(metrics.newest_entry())
    took_s: list[float] = []
    snapshot = history.read(metrics.snapshot(after_id=newest, limit=1000))
    for _ in range(5):
        began_s = time.thread_time()
        history.read(metrics.snapshot(after_id=newest, limit=1000))
        took_s.append(time.thread_time() - began_s)
    assert sum(found.jobs for found in snapshot.open) == 200
    assert min(took_s) < 0.05


_MANY = """
CREATE TEMP TABLE one AS SELECT * FROM jobs WHERE state = 'done';
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
INSERT INTO one SELECT one.* FROM one, numbers;
UPDATE one SET id = rowid + 1000, request_key = 'made-' || rowid, user_id = 100 + rowid % 500;
INSERT OR IGNORE INTO jobs SELECT * FROM one WHERE id > 1001;
DROP TABLE one;
ANALYZE;
"""


def one_of_two(measured: Measured, leads: Callable[[], bool]) -> Measured:
    """Another process on the same rows."""
    meter = Meter(
        db=measured.db,
        clock=measured.clock,
        gate=measured.gate,
        health=Health(measured.clock, changed=lambda: None),
        providers=("kling", "onemin"),
        folder=measured.meter._folder,
        reserve_bytes=500_000_000,
        leads=leads,
    )
    return Measured(measured.db, measured.clock, measured.gate, meter)


async def test_of_two_processes_one_counts_each_end_and_no_end_is_left_out_when_they_change(
    measured: Measured,
) -> None:
    first_leads = True
    first = one_of_two(measured, lambda: first_leads)
    second = one_of_two(measured, lambda: not first_leads)
    both = (first, second)
    for process in both:
        assert await process.counted("kinora_jobs_total") == {}
    await measured.db.write(lived(Past()))
    assert [await process.counted("kinora_jobs_accepted_total") for process in both] == [{("kling",): 1}, {}]
    await measured.db.write(lived(Past()))
    first_leads = False  # before it was read
    assert [await process.counted("kinora_jobs_accepted_total") for process in both] == [
        {("kling",): 1},
        {("kling",): 1},
    ]
    told = {metric.name for metric in await first.meter.read()}
    assert "kinora_jobs_open" not in told
    assert {"kinora_jobs_total", "kinora_gate_shut"} <= told
