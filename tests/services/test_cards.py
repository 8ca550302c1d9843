import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.app import task_group
from bot.db import history, jobs, lanes
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import (
    DestinationForbidden,
    DestinationGone,
    DiscordUnavailable,
    NoSuchJob,
    PictureMissing,
)
from bot.domain.jobs import Job, JobState, Lineage, Relation
from bot.services.cards import Cards
from bot.services.gate import Gate
from bot.services.ports import Card
from tests import builders
from tests.held import held
from tests.services.doubles import RecordingPublisher, ScriptedProvider, TurnedClock, routes

RENDERING, FETCHING = JobState.RENDERING, JobState.FETCHING


class Board(RecordingPublisher):
    """A publisher whose edits can be held up or refused."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = 0

    async def show(self, card: Card) -> None:
        self.begun += 1
        await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        await super().show(card)


class Failing:
    """A database whose next reads fail."""

    def __init__(self, db: SqliteDatabase) -> None:
        self.db = db
        self.faults = 0

    async def read(self, transaction: Any) -> Any:
        if self.faults:
            self.faults -= 1
            raise DatabaseUnavailable
        return await self.db.read(transaction)


@dataclass
class Wall:
    db: SqliteDatabase
    failing: Failing
    clock: TurnedClock
    board: Board
    provider: ScriptedProvider
    cards: Cards
    gate: Gate

    async def job(self, *states: JobState) -> Job:
        """A job in the last of the states."""
        accepted = await self.db.write(
            jobs.accept(
                builders.origin(),
                builders.request(),
                builders.choice(provider="scripted"),
                defaults=builders.NO_CAPS,
                now_ms=self.clock.now_ms(),
            )
        )
        job = accepted.job
        if states:
            admitted = await self.db.write(jobs.admit("scripted", slots=99, now_ms=self.clock.now_ms()))
            assert admitted
            job = admitted
        for state in states[1:]:
            job = await self.moved(job, state)
        return job

    async def begun(self, job: Job) -> None:
        """The card of a job is shown for the first time, by other means than the publisher."""

        async def show(card: Card) -> None:
            assert card.job.id == job.id

        self.cards.begin(job, show)
        await self.settled()

    async def rendering(self) -> Job:
        """A job that renders, whose card says so."""
        job = await self.job(JobState.SUBMITTING, RENDERING)
        await self.begun(job)
        return job

    async def moved(self, job: Job, state: JobState | None = None, **known: Any) -> Job:
        return await self.db.write(jobs.move(job, state or job.state, now_ms=self.clock.now_ms(), **known))

    async def changes(self, job: Job, state: JobState | None = None, **known: Any) -> Job:
        """The job moves, its card is told, and whatever is due at once happens."""
        job = await self.moved(job, state, **known)
        self.cards.changed(job)
        await self.settled()
        return job

    async def turn(self, seconds: float) -> None:
        self.clock.turn(seconds)
        await self.settled()

    async def settled(self) -> None:
        """Whatever was due has happened: reads before this one have been answered."""
        for _ in range(4):
            await self.db.read(lanes.queued_by(1, 1))
            await asyncio.sleep(0)

    @property
    def seen(self) -> list[tuple[JobState, float | None]]:
        return [(card.job.state, card.job.progress) for card in self.board.shown]


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncGenerator[Wall]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Wall]:
        db = await SqliteDatabase.open(tmp_path / "kinora.db")
        await db.write(lanes.open_pool("scripted"))
        clock, board, provider = TurnedClock(), Board(), ScriptedProvider()
        failing: Any = Failing(db)
        gate = Gate(changed=lambda: None)
        async with task_group() as tasks:
            cards = Cards(
                db=failing,
                publisher=board,
                providers={"scripted": provider},
                routes=routes(db, builders.SCRIPTED),
                gate=gate,
                clock=clock,
                tasks=tasks,
            )
            yield Wall(db, failing, clock, board, provider, cards, gate)
        await db.close()

    async with held(opened()) as made:
        yield made


async def test_a_card_nobody_has_shown_yet_is_shown_at_once(wall: Wall) -> None:
    await wall.changes(await wall.job(JobState.SUBMITTING), RENDERING)
    assert wall.seen == [(RENDERING, None)]


async def test_progress_is_shown_once_in_ten_seconds_and_then_the_newest(wall: Wall) -> None:
    job = await wall.rendering()
    for second in range(1, 21):
        job = await wall.changes(job, progress=second / 100)
        await wall.turn(1)
    assert wall.seen == [(RENDERING, 0.1), (RENDERING, 0.2)]


async def test_a_change_of_state_is_shown_after_two_seconds(wall: Wall) -> None:
    job = await wall.rendering()
    await wall.changes(job, FETCHING)
    await wall.turn(1.9)
    assert wall.seen == []
    await wall.turn(0.1)
    assert wall.seen == [(FETCHING, None)]


async def test_a_change_of_state_does_not_wait_behind_progress(wall: Wall) -> None:
    job = await wall.rendering()
    job = await wall.changes(job, progress=0.5)
    await wall.turn(3)
    await wall.changes(job, FETCHING)
    assert wall.seen == [(FETCHING, 0.5)]


async def test_progress_after_a_change_of_state_waits_its_ten_seconds(wall: Wall) -> None:
    job = await wall.job(JobState.SUBMITTING)
    await wall.begun(job)
    job = await wall.changes(job, RENDERING)
    wall.board.gate.clear()
    await wall.turn(2)
    job = await wall.changes(job, progress=0.5)
    wall.board.gate.set()
    await wall.settled()
    await wall.turn(9)
    assert wall.seen == [(RENDERING, None)]
    await wall.turn(1)
    assert wall.seen == [(RENDERING, None), (RENDERING, 0.5)]


async def test_what_changes_during_an_edit_is_shown_by_the_next(wall: Wall) -> None:
    job = await wall.rendering()
    wall.board.gate.clear()
    job = await wall.changes(job, progress=0.1)
    await wall.turn(10)
    await wall.changes(job, FETCHING)
    wall.board.gate.set()
    await wall.turn(2)
    assert wall.seen == [(RENDERING, 0.1), (FETCHING, 0.1)]


async def test_an_edit_shows_the_newest_not_what_asked_for_it(wall: Wall) -> None:
    job = await wall.rendering()
    job = await wall.changes(job, progress=0.1)
    await wall.moved(job, progress=0.9)
    await wall.turn(10)
    assert wall.seen == [(RENDERING, 0.9)]


async def test_after_the_end_nothing_else_is_shown(wall: Wall) -> None:
    job = await wall.rendering()
    job = await wall.changes(job, progress=0.5)
    job = await wall.changes(job, JobState.FAILED)
    await wall.cards.finish(job)
    wall.cards.changed(job)
    await wall.turn(60)
    assert wall.seen == [(JobState.FAILED, 0.5)]


async def test_an_end_that_its_carrier_has_not_shown_yet_is_left_to_it(wall: Wall) -> None:
    job = await wall.rendering()
    job = await wall.changes(job, progress=0.5)
    await wall.moved(job, JobState.FAILED)
    await wall.turn(10)
    assert wall.seen == []


async def test_the_end_waits_for_an_edit_that_is_on_its_way(wall: Wall) -> None:
    job = await wall.rendering()
    wall.board.gate.clear()
    job = await wall.changes(job, progress=0.5)
    await wall.turn(10)
    job = await wall.moved(job, JobState.FAILED)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wall.cards.finish(job))
        await wall.settled()
        assert wall.board.begun == 1
        wall.board.gate.set()
    assert wall.seen == [(RENDERING, 0.5), (JobState.FAILED, 0.5)]


async def test_after_an_hour_only_the_end_is_shown(wall: Wall) -> None:
    job = await wall.rendering()
    await wall.turn(3601)
    job = await wall.changes(job, progress=0.5)
    await wall.turn(60)
    assert wall.seen == []
    await wall.cards.finish(await wall.moved(job, JobState.FAILED))
    assert wall.seen == [(JobState.FAILED, 0.5)]


async def test_a_refused_edit_is_not_repeated_and_stops_nothing(wall: Wall) -> None:
    job = await wall.rendering()
    wall.board.refusals = [DiscordUnavailable()]
    job = await wall.changes(job, progress=0.1)
    await wall.turn(10)
    assert wall.seen == []
    await wall.changes(job, progress=0.2)
    await wall.turn(10)
    assert wall.seen == [(RENDERING, 0.2)]


async def test_a_database_that_is_out_costs_an_edit_and_stops_nothing(wall: Wall) -> None:
    job = await wall.rendering()
    wall.failing.faults = 1
    job = await wall.changes(job, progress=0.1)
    await wall.turn(10)
    assert wall.seen == []
    await wall.changes(job, progress=0.2)
    await wall.turn(10)
    assert wall.seen == [(RENDERING, 0.2)]


@pytest.mark.parametrize("fault", [DestinationGone(), DestinationForbidden()])
async def test_a_card_out_of_reach_counts_as_finished(wall: Wall, fault: Exception) -> None:
    wall.board.refusals = [fault]
    await wall.cards.finish(await wall.job(JobState.SUBMITTING, JobState.FAILED))
    assert wall.seen == []


async def test_an_end_that_discord_did_not_take_is_tried_again_by_the_carrier(wall: Wall) -> None:
    job = await wall.job(JobState.SUBMITTING, JobState.FAILED)
    wall.board.refusals = [DiscordUnavailable()]
    with pytest.raises(DiscordUnavailable):
        await wall.cards.finish(job)
    await wall.cards.finish(job)
    assert wall.seen == [(JobState.FAILED, None)]


async def test_cards_do_not_wait_for_each_other(wall: Wall) -> None:
    one, other = await wall.rendering(), await wall.rendering()
    await wall.changes(one, FETCHING)
    await wall.changes(other, progress=0.5)
    await wall.turn(2)
    assert wall.seen == [(FETCHING, None)]
    await wall.turn(8)
    assert wall.seen == [(FETCHING, None), (RENDERING, 0.5)]


async def test_a_waiting_job_knows_its_place_and_when_it_may_be_ready(wall: Wall) -> None:
    first, second = await wall.job(), await wall.job()
    assert (await wall.cards.of(second.id)) == Card(second, ahead=1)
    for seconds in (30, 40, 40, 50, 90):
        await wall.db.write(history.record(first, seconds))
    wall.provider.concurrency = 1
    now_s = wall.clock.now_ms() // 1000
    assert (await wall.cards.of(first.id)).ready_between_s == (now_s + 40, now_s + 90)
    assert (await wall.cards.of(second.id)).ready_between_s == (now_s + 80, now_s + 180)


async def test_a_running_job_is_timed_from_when_it_was_sent(wall: Wall) -> None:
    job = await wall.job(JobState.SUBMITTING)
    for _ in range(5):
        await wall.db.write(history.record(job, 60))
    sent_ms = wall.clock.now_ms()
    job = await wall.moved(job, RENDERING, marked_at_ms=sent_ms)
    await wall.turn(25)
    card = await wall.cards.of(job.id)
    assert card == Card(job, None, (sent_ms // 1000 + 60, sent_ms // 1000 + 60))


async def test_the_card_of_a_job_that_has_ended_promises_nothing(wall: Wall) -> None:
    job = await wall.job(JobState.SUBMITTING, JobState.FAILED)
    assert await wall.cards.of(job.id) == Card(job)


async def test_a_provider_that_is_no_longer_configured_promises_nothing(wall: Wall) -> None:
    job = await wall.job()
    for _ in range(5):
        await wall.db.write(history.record(job, 60))
    other = Cards(
        db=wall.db,
        publisher=wall.board,
        providers={},
        routes=routes(wall.db, builders.SCRIPTED),
        gate=wall.gate,
        clock=wall.clock,
        tasks=asyncio.TaskGroup(),
    )
    assert await other.of(job.id) == Card(job, ahead=0)


async def test_a_job_that_is_not_there_has_no_card(wall: Wall) -> None:
    with pytest.raises(NoSuchJob):
        await wall.cards.of(99)


async def test_what_looks_the_same_is_not_edited(wall: Wall) -> None:
    job = await wall.rendering()
    job = await wall.changes(job, progress=0.101)
    await wall.turn(10)
    for tries in range(5):
        job = await wall.changes(job, progress=0.102, tries=tries)
        await wall.turn(10)
    assert wall.seen == [(RENDERING, 0.101)]
    await wall.changes(job, cancel_requested=1)
    assert wall.seen == [(RENDERING, 0.101), (RENDERING, 0.102)]


async def test_an_edit_that_was_not_taken_is_made_again_by_the_next_news(wall: Wall) -> None:
    job = await wall.rendering()
    wall.board.refusals = [DiscordUnavailable()]
    job = await wall.changes(job, progress=0.5)
    await wall.turn(10)
    await wall.changes(job, tries=1)
    await wall.turn(10)
    assert wall.seen == [(RENDERING, 0.5)]


async def test_a_promise_that_was_not_kept_is_taken_back(wall: Wall) -> None:
    job = await wall.job(JobState.SUBMITTING)
    for _ in range(5):
        await wall.db.write(history.record(job, 60))
    job = await wall.moved(job, RENDERING, marked_at_ms=wall.clock.now_ms())
    await wall.begun(job)
    for _ in range(9):
        await wall.turn(10)
        job = await wall.changes(job)
    assert len(wall.board.shown) == 1
    [late] = wall.board.shown
    assert late.ready_between_s is not None
    assert late.at_s >= late.ready_between_s[1]


class Album:
    """Thumbnails as they are made of a job's picture."""

    def __init__(self, thumbnail: bytes | None = b"small") -> None:
        self.thumbnail = thumbnail
        self.made = 0

    async def of(self, job: Job) -> bytes | None:
        if job.request.image is None:
            return None
        self.made += 1
        return self.thumbnail


def hang(wall: Wall, album: Album) -> None:
    pictures: Any = album
    wall.cards._thumbnails = pictures


async def pictured(wall: Wall, album: Album) -> Job:
    """A job with a picture, on a wall that shows pictures."""
    hang(wall, album)
    accepted = await wall.db.write(
        jobs.accept(
            builders.origin(),
            builders.request(image=builders.PICTURE),
            builders.choice(provider="scripted"),
            defaults=builders.NO_CAPS,
            now_ms=wall.clock.now_ms(),
        )
    )
    return accepted.job


def pictures_of(cards: list[Card]) -> list[tuple[bool, bytes | None]]:
    return [(card.is_pictured, card.thumbnail) for card in cards]


async def test_a_picture_is_uploaded_with_the_first_show_and_never_again(wall: Wall) -> None:
    album, first = Album(), list[Card]()
    job = await pictured(wall, album)

    async def show(card: Card) -> None:
        first.append(card)

    wall.cards.begin(job, show)
    await wall.settled()
    job = await wall.changes(job, cancel_requested=1)
    await wall.turn(10)
    await wall.cards.finish(job)
    assert pictures_of(first) == [(True, b"small")]
    assert pictures_of(wall.board.shown) == [(True, None), (True, None)]
    assert album.made == 1


async def test_a_picture_that_a_message_lacks_is_uploaded_then(wall: Wall) -> None:
    job = await pictured(wall, Album())
    wall.board.refusals = [PictureMissing()]
    await wall.cards.finish(job)
    assert pictures_of(wall.board.shown) == [(True, b"small")]


async def test_a_picture_that_cannot_be_made_any_more_is_left_out(wall: Wall) -> None:
    job = await pictured(wall, Album(thumbnail=None))
    wall.board.refusals = [PictureMissing()]
    await wall.cards.finish(job)
    assert pictures_of(wall.board.shown) == [(False, None)]


async def test_a_job_from_words_shows_no_picture(wall: Wall) -> None:
    hang(wall, Album())
    await wall.cards.finish(await wall.job(JobState.SUBMITTING, JobState.FAILED))
    assert pictures_of(wall.board.shown) == [(False, None)]


async def test_what_becomes_of_a_job_after_its_end_is_shown_if_its_card_can_be_reached(wall: Wall) -> None:
    job = await wall.job(JobState.SUBMITTING, JobState.FAILED)
    await wall.cards.amend(job)
    wall.board.refusals = [DestinationGone()]
    await wall.cards.amend(job)
    assert wall.seen == [(JobState.FAILED, None)]


async def test_a_card_knows_the_job_that_it_came_out_of(wall: Wall) -> None:
    source = await wall.job()
    origin = builders.origin(lineage=Lineage(source.id, Relation.AGAIN))
    accepted = await wall.db.write(
        jobs.accept(
            origin,
            builders.request(),
            builders.choice(provider="scripted"),
            defaults=builders.NO_CAPS,
            now_ms=wall.clock.now_ms(),
        )
    )
    assert (await wall.cards.of(accepted.job.id)).came_from == source
