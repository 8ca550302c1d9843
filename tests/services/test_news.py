import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.app import task_group
from bot.db import jobs, lanes
from bot.db.errors import DatabaseClosed
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.jobs import Job, JobState
from bot.services import news as module
from bot.services.news import News, Notice
from tests import builders
from tests.held import held
from tests.patience import PATIENCE_S

NOW_MS = 1_790_000_000_000


@dataclass
class Newsroom:
    """A database with jobs in it, and a runner that only keeps who was woken."""

    db: SqliteDatabase
    tasks: asyncio.TaskGroup
    woken: list[int] = field(default_factory=list[int])

    def wake(self, job_id: int) -> None:
        self.woken.append(job_id)

    @property
    def news(self) -> News:
        return News(db=self.db, runner=self, installation="abc123", tasks=self.tasks)

    async def job(self, *states: JobState, provider: str = "kling", **known: object) -> Job:
        """A job that was moved to one state after the other."""
        accepted = await self.db.write(
            jobs.accept(
                builders.origin(),
                builders.request(),
                builders.choice(provider=provider),
                defaults=builders.NO_CAPS,
                now_ms=NOW_MS,
            )
        )
        job = await self.db.write(jobs.admit(provider, slots=99, now_ms=NOW_MS))
        assert job
        assert job.id == accepted.job.id
        for state in states:
            job = await self.db.write(jobs.move(job, state, now_ms=NOW_MS, **known))
        return job

    async def tell(self, provider: str, key: str | None = None, *task_ids: str) -> list[int]:
        """Who is woken by a notice."""
        self.woken.clear()
        news = self.news
        news.tell(provider, Notice(key, task_ids))
        await settled(news)
        return self.woken


async def settled(news: News) -> None:
    """Wait until nothing is looked into any more."""
    async with asyncio.timeout(PATIENCE_S):
        while news._looked_into:  # noqa: ASYNC110 - nobody is told when a task of another's ends
            await asyncio.sleep(0)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Newsroom]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Newsroom]:
        db = await SqliteDatabase.open(tmp_path / "kinora.db")
        for pool in ("kling", "kkiai"):
            await db.write(lanes.open_pool(pool))
        async with task_group() as tasks:
            yield Newsroom(db, tasks)
        await db.close()

    async with held(opened()) as made:
        yield made


def key(job: Job, *, installation: str = "abc123", attempt: int | None = None) -> str:
    return f"kinora-{installation}-{job.id}-{job.attempt if attempt is None else attempt}"


async def test_a_job_is_found_by_the_key_of_its_attempt(room: Newsroom) -> None:
    job = await room.job(JobState.RENDERING, task_id="image2video/827")
    await room.job(JobState.RENDERING, task_id="image2video/828")
    assert await room.tell("kling", key(job)) == [job.id]


async def test_the_key_counts_for_more_than_the_task_id(room: Newsroom) -> None:
    job = await room.job(JobState.RENDERING, task_id="image2video/827")
    await room.job(JobState.RENDERING, task_id="image2video/828")
    assert await room.tell("kling", key(job), "828") == [job.id]


@pytest.mark.parametrize("held_as", ["827", "image2video/827", "text2video/827"])
async def test_a_job_is_found_by_its_task_id_in_each_form_in_which_it_may_be_held(
    room: Newsroom, held_as: str
) -> None:
    await room.job(JobState.RENDERING, task_id="image2video/8")
    job = await room.job(JobState.RENDERING, task_id=held_as)
    assert await room.tell("kling", None, "827") == [job.id]
    assert await room.tell("kling", "of-somebody-else", "unknown", "827") == [job.id]


async def test_an_attempt_in_doubt_is_looked_up_sooner(room: Newsroom) -> None:
    job = await room.job(JobState.UNKNOWN, marked_at_ms=NOW_MS)
    assert await room.tell("kling", key(job)) == [job.id]


async def test_another_providers_job_is_not_found(room: Newsroom) -> None:
    job = await room.job(JobState.RENDERING, task_id="image2video/827")
    assert await room.tell("kkiai", key(job), "827") == []
    assert await room.tell("nobody", key(job), "827") == []


async def test_another_installations_key_and_one_of_an_earlier_attempt_name_no_job(room: Newsroom) -> None:
    job = await room.job(JobState.SUBMITTING, attempt=2)
    job = await room.db.write(jobs.move(job, JobState.RENDERING, now_ms=NOW_MS, task_id="image2video/827"))
    assert await room.tell("kling", key(job)) == [job.id]
    assert await room.tell("kling", key(job, installation="zzz999")) == []
    assert await room.tell("kling", key(job, attempt=1)) == []
    assert await room.tell("kling", key(job, attempt=3)) == []
    assert await room.tell("kling", key(job, attempt=1), "827") == [job.id]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kinora",
        "kinora-abc123",
        "kinora-abc123-",
        "kinora-abc123-1",
        "kinora-abc123-1-",
        "kinora-abc123--1-1",
        "kinora-abc123-1-1-1",
        "kinora-abc123-1-1\n",
        "kinora-abc123-x-y",
        "kinora-abc123-999-1",
        "kinora-abc123-0-0",
        "kinora-abc123-\N{ARABIC-INDIC DIGIT ONE}-1",
        f"kinora-abc123-{'9' * 18}-{'9' * 9}",
        f"kinora-abc123-{'9' * 100}-1",
        "' OR 1=1 --",
    ],
)
async def test_a_key_that_is_none_names_no_job(room: Newsroom, text: str) -> None:
    await room.job(JobState.RENDERING, task_id="image2video/827")
    with capture_logs() as logs:
        assert await room.tell("kling", text, text) == []
    assert [one["event"] for one in logs] == ["news of no open job"]


@pytest.mark.parametrize(
    "states",
    [
        (),
        (JobState.SUBMITTING,),
        (JobState.RENDERING, JobState.FETCHING),
        (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING),
        (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE),
        (JobState.RENDERING, JobState.FAILED),
        (JobState.RENDERING, JobState.CANCELLED),
    ],
)
async def test_a_job_that_does_not_wait_for_its_provider_is_left_alone(
    room: Newsroom, states: tuple[JobState, ...]
) -> None:
    job = await room.job(*states, task_id="image2video/827")
    assert await room.tell("kling", key(job), "827") == []


async def test_news_about_nothing_are_logged_with_what_they_named(room: Newsroom) -> None:
    with capture_logs() as logs:
        assert await room.tell("kling", "theirs", "827") == []
    [log] = logs
    assert (log["event"], log["key"], log["tasks"]) == ("news of no open job", "theirs", ("827",))


async def test_the_same_news_many_times_at_once_are_looked_into_once(room: Newsroom) -> None:
    job = await room.job(JobState.RENDERING, task_id="image2video/827")
    news = room.news
    for _ in range(5000):
        news.tell("kling", Notice(None, ("827",)))
    await settled(news)
    assert room.woken == [job.id]
    news.tell("kling", Notice(None, ("827",)))
    await settled(news)
    assert room.woken == [job.id, job.id]


async def test_too_many_different_news_at_once_are_left_to_the_usual_asking(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    ids = [(await room.job(JobState.RENDERING, task_id=f"{number}")).id for number in range(5)]
    news = room.news
    with capture_logs() as logs:
        for number in range(5):
            news.tell("kling", Notice(None, (f"{number}",)))
    assert [one["event"] for one in logs] == ["too much news at once"] * 2
    await settled(news)
    assert sorted(room.woken) == ids[:3]


class Broken(SqliteDatabase):
    """A database that is away."""

    def __init__(self) -> None:
        pass

    async def read(self, transaction: Transaction[Any]) -> Any:
        transaction.close()
        raise DatabaseClosed


async def test_a_database_that_is_away_is_logged_and_ends_nothing(room: Newsroom) -> None:
    news = News(db=Broken(), runner=room, installation="abc123", tasks=room.tasks)
    with capture_logs() as logs:
        news.tell("kling", Notice(None, ("827",)))
        await settled(news)
    assert [(one["event"], one["log_level"]) for one in logs] == [("news not passed on", "error")]
    job = await room.job(JobState.RENDERING, task_id="827")
    assert await room.tell("kling", None, "827") == [job.id]


async def test_a_runner_that_fails_is_logged_and_ends_nothing(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.job(JobState.RENDERING, task_id="827")

    def fail(_: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(room, "wake", fail)
    with capture_logs() as logs:
        assert await room.tell("kling", None, "827") == []
    assert [one["event"] for one in logs] == ["news", "news not passed on"]
