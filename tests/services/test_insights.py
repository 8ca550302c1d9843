from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import NoSuchJob
from bot.domain.jobs import Job, JobState
from bot.media.blobs import Blobs
from bot.services.attempts import Attempts
from bot.services.gate import Gate
from bot.services.insights import PAGE, Insights, Only
from bot.services.ports import Card
from tests import builders
from tests.services.doubles import ScriptedProvider, routes

NOW_MS = 1_790_000_000_000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    await database.write(lanes.open_pool("local"))
    yield database
    await database.close()


@pytest.fixture
def insights(db: SqliteDatabase, tmp_path: Path) -> Insights:
    attempts = Attempts(
        providers={"local": ScriptedProvider()},
        routes=routes(db, builders.LOCAL),
        blobs=Blobs.open(tmp_path / "blobs"),
        installation="abc123",
        callback_url=lambda _: None,
    )

    async def card_of(job_id: int) -> Card:
        return Card(await db.read(jobs.get(job_id)), ahead=job_id)

    return Insights(db=db, attempts=attempts, gate=Gate(changed=lambda: None), card_of=card_of)


async def accept(db: SqliteDatabase, **known: int) -> Job:
    transaction = jobs.accept(
        builders.origin(**known),
        builders.request(),
        builders.choice(),
        defaults=builders.NO_CAPS,
        now_ms=NOW_MS,
    )
    return (await db.write(transaction)).job


async def run_one(db: SqliteDatabase, *states: JobState) -> Job:
    job = await db.write(jobs.admit("local", slots=99, now_ms=NOW_MS))
    assert job
    for state in states:
        job = await db.write(jobs.move(job, state, now_ms=NOW_MS))
    return job


async def test_nothing_is_an_empty_queue(insights: Insights) -> None:
    queue = await insights.queue(1, limit=10)
    assert (queue.counts, queue.first, queue.waiting, queue.running) == ({}, [], 0, 0)


async def test_a_queue_counts_everything_and_shows_who_runs_first(
    db: SqliteDatabase, insights: Insights
) -> None:
    asked = [await accept(db, user_id=user_id) for user_id in (7, 8, 9, 7)]
    running = await run_one(db, JobState.RENDERING)
    await run_one(db, JobState.FAILED)
    queue = await insights.queue(1, limit=2)
    assert (queue.waiting, queue.running) == (2, 1)
    assert queue.counts == {JobState.QUEUED: 2, JobState.RENDERING: 1}
    assert [card.job.id for card in queue.first] == [running.id, asked[2].id]
    assert queue.first[1].ahead == asked[2].id


async def test_another_servers_jobs_are_not_shown(db: SqliteDatabase, insights: Insights) -> None:
    job = await accept(db, guild_id=2)
    assert (await insights.queue(1, limit=10)).first == []
    with pytest.raises(NoSuchJob):
        await insights.job(job.id, 1)
    assert await insights.job(job.id, 2) == job


async def test_a_member_sees_the_newest_first_whatever_became_of_them(
    db: SqliteDatabase, insights: Insights
) -> None:
    mine = [await accept(db) for _ in range(3)]
    await accept(db, user_id=101)
    await run_one(db, JobState.FAILED)
    shown = await insights.jobs_of(1, 100, limit=2)
    assert [job.id for job in shown] == [mine[2].id, mine[1].id]
    assert [job.state for job in await insights.jobs_of(1, 100, limit=9)][-1] is JobState.FAILED


async def test_a_job_that_never_was_is_not_there(insights: Insights) -> None:
    with pytest.raises(NoSuchJob):
        await insights.job(1, 1)


async def test_a_members_jobs_are_read_page_by_page_in_both_directions(
    db: SqliteDatabase, insights: Insights
) -> None:
    mine = [(await accept(db)).id for _ in range(2 * PAGE + 1)][::-1]
    await accept(db, user_id=101)
    first = await insights.newest(1, 100)
    assert [job.id for job in first.jobs] == mine[:PAGE]
    assert (first.has_newer, first.has_older) == (False, True)
    second = await insights.older(1, 100, Only.ALL, mine[PAGE - 1])
    assert [job.id for job in second.jobs] == mine[PAGE : 2 * PAGE]
    assert (second.has_newer, second.has_older) == (True, True)
    last = await insights.older(1, 100, Only.ALL, second.jobs[-1].id)
    assert [job.id for job in last.jobs] == mine[2 * PAGE :]
    assert (last.has_newer, last.has_older) == (True, False)
    back = await insights.newer(1, 100, Only.ALL, last.jobs[0].id)
    assert back == second
    assert await insights.newer(1, 100, Only.ALL, second.jobs[0].id) == first


async def test_a_page_above_that_would_not_be_full_is_the_first_one(
    db: SqliteDatabase, insights: Insights
) -> None:
    mine = [(await accept(db)).id for _ in range(PAGE + 2)][::-1]
    turned = await insights.newer(1, 100, Only.ALL, mine[2])
    assert [job.id for job in turned.jobs] == mine[:PAGE]
    assert not turned.has_newer


async def test_what_lies_below_and_is_gone_leads_to_the_first_page(
    db: SqliteDatabase, insights: Insights
) -> None:
    job = await accept(db)
    assert await insights.older(1, 100, Only.ALL, job.id) == await insights.newest(1, 100)


async def test_only_jobs_of_a_kind_are_listed(db: SqliteDatabase, insights: Insights) -> None:
    for _ in range(3):
        await accept(db)
    failed = await run_one(db, JobState.FAILED)
    rendering = await run_one(db, JobState.RENDERING)
    listed = {only: [job.id for job in (await insights.newest(1, 100, only)).jobs] for only in Only}
    assert listed[Only.FAILED] == [failed.id]
    assert rendering.id in listed[Only.OPEN]
    assert len(listed[Only.OPEN]) == 2
    assert listed[Only.DONE] == []
    assert len(listed[Only.ALL]) == 3
