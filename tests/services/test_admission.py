import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.app import task_group
from bot.db import audit, jobs, lanes, operation
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.domain.catalogue import Choice
from bot.domain.jobs import Job, JobState
from bot.domain.limits import Limits
from bot.domain.provider import Unknown
from bot.services.admission import Admission
from bot.services.gate import Closure, Gate
from bot.services.health import Health
from tests import books, builders
from tests.held import held
from tests.patience import PATIENCE_S
from tests.services.doubles import ScriptedProvider, TurnedClock, routes


class Failing:
    """A database whose next writes fail."""

    def __init__(self, db: SqliteDatabase) -> None:
        self.db = db
        self.faults = 0
        self.failed = asyncio.Event()

    async def write(self, transaction: Any) -> Any:
        if self.faults:
            self.faults -= 1
            self.failed.set()
            raise DatabaseUnavailable
        return await self.db.write(transaction)

    async def read(self, transaction: Any) -> Any:
        return await self.db.read(transaction)


SMALL, LARGE = (
    builders.LOCAL.model_copy(update={"provider": name, "id": name}) for name in ("small", "large")
)


@dataclass
class Door:
    """Admission at work, and what it let in."""

    db: SqliteDatabase
    failing: Failing
    clock: TurnedClock
    providers: dict[str, Any]
    health: Health
    admission: Any = None
    gate: Any = None
    let_in: list[Job] = field(default_factory=list[Job])
    moved_up: list[Job] = field(default_factory=list[Job])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def admitted(self, job: Job) -> None:
        self.let_in.append(job)
        self.changed.set()

    async def queue(
        self, times: int = 1, *, provider: str = "scripted", caps: Limits = builders.NO_CAPS, **known: Any
    ) -> None:
        for _ in range(times):
            await self.db.write(
                jobs.accept(
                    builders.origin(**known),
                    builders.request(),
                    builders.choice(provider=provider),
                    defaults=caps,
                    now_ms=self.clock.now_ms(),
                )
            )

    async def until(self, number: int) -> list[Job]:
        """Wait until so many are in; and that no more come."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.let_in) < number:
                self.changed.clear()
                await self.changed.wait()
        await self.settled()
        return self.let_in

    async def settled(self) -> None:
        """Whatever the last wake leads to has happened: more transactions have passed than it takes."""
        for _ in range(4):
            await self.db.write(lanes.open_pool("scripted"))
            await self.db.read(operation.load())
            await asyncio.sleep(0)

    async def finish(self, job: Job) -> None:
        await self.db.write(jobs.move(job, JobState.FAILED, now_ms=self.clock.now_ms()))
        self.admission.wake()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Door]:
        db = await SqliteDatabase.open(tmp_path / "kinora.db")
        small, large = ScriptedProvider(), ScriptedProvider()
        small.concurrency, large.concurrency = 2, 1000
        clock = TurnedClock()
        health = Health(clock, changed=lambda: door.admission.wake())  # noqa: PLW0108 - made below
        door = Door(db, Failing(db), clock, {"scripted": small, "large": large}, health)
        for name, provider in door.providers.items():
            provider.name = name
            await db.write(lanes.open_pool(name))
        database: Any = door.failing
        door.gate = Gate(changed=lambda: door.admission.wake())  # noqa: PLW0108 - made below
        door.admission = Admission(
            db=database,
            providers=door.providers,
            clock=door.clock,
            gate=door.gate,
            health=door.health,
            routes=routes(db, SMALL, LARGE, health=health),
            has_left=lambda _provider: True,
            admitted=door.admitted,
            moved_up=door.moved_up.append,
        )
        async with task_group() as tasks:
            tasks.create_task(door.admission.run())
            await door.settled()
            yield door
        await db.close()

    async with held(opened()) as made:
        yield made


async def test_what_waited_at_the_start_is_let_in_up_to_the_slots(door: Door) -> None:
    await door.queue(3)
    door.admission.wake()
    let_in = await door.until(2)
    assert [(job.state, job.attempt) for job in let_in] == [(JobState.SUBMITTING, 1)] * 2


async def test_a_slot_that_is_freed_goes_to_the_next(door: Door) -> None:
    await door.queue(3)
    door.admission.wake()
    first, _ = await door.until(2)
    await door.finish(first)
    assert len(await door.until(3)) == 3


async def test_those_who_wait_are_told_when_others_went_ahead(door: Door) -> None:
    await door.queue(4)
    door.admission.wake()
    let_in = await door.until(2)
    await door.finish(let_in[0])
    await door.until(3)
    assert {job.id for job in door.moved_up} == {3, 4}
    assert {job.id for job in let_in[:2]} == {1, 2}


async def test_each_provider_has_slots_of_its_own(door: Door) -> None:
    await door.queue(3)
    await door.queue(3, provider="large")
    door.admission.wake()
    let_in = await door.until(5)
    assert sorted(job.provider for job in let_in) == ["large"] * 3 + ["scripted"] * 2


async def test_a_large_provider_is_filled_in_several_transactions(door: Door) -> None:
    await door.queue(75, provider="large")
    door.admission.wake()
    assert len(await door.until(75)) == 75


async def test_who_is_at_a_cap_does_not_keep_others_out(door: Door) -> None:
    await door.queue(3, provider="large", user_id=1, caps=builders.caps(user_running=1))
    await door.queue(1, provider="large", user_id=2)
    door.admission.wake()
    let_in = await door.until(2)
    assert sorted(job.origin.user_id for job in let_in) == [1, 2]


async def test_nobody_is_let_in_twice(door: Door) -> None:
    await door.queue(2)
    for _ in range(5):
        door.admission.wake()
    let_in = await door.until(2)
    assert len({job.id for job in let_in}) == len(let_in) == 2


async def test_a_database_that_is_out_for_a_moment_is_asked_again(door: Door) -> None:
    await door.settled()
    door.failing.faults = 2
    await door.queue(1)
    door.admission.wake()
    for _ in range(2):
        async with asyncio.timeout(PATIENCE_S):
            await door.failing.failed.wait()
        door.failing.failed.clear()
        await door.settled()
        door.clock.turn(5)
    assert len(await door.until(1)) == 1


GONE = builders.LOCAL.model_copy(update={"provider": "gone", "id": "gone"})


async def waiting_for_gone(db: SqliteDatabase, *, price: int, **origin: int) -> Job:
    """A job in the line of a provider that is not configured any more."""
    await db.write(lanes.open_pool("gone"))
    choice = Choice(GONE, price, worth=price)
    transaction = jobs.accept(
        builders.origin(**origin), builders.request(), choice, defaults=builders.NO_CAPS, now_ms=1
    )
    return (await db.write(transaction)).job


@dataclass
class Start:
    """Admission before it runs, and the jobs it hands on."""

    db: SqliteDatabase
    admission: Any = None
    handed_on: list[Job] = field(default_factory=list[Job])
    elsewhere: set[str] = field(default_factory=set[str])
    """Providers that another process has."""


@pytest.fixture
async def at_start(tmp_path: Path) -> AsyncGenerator[Start]:
    db = await SqliteDatabase.open(tmp_path / "start.db")
    await db.write(lanes.open_pool("small"))
    clock, start = TurnedClock(), Start(db)
    health = Health(clock, changed=lambda: None)
    provider = ScriptedProvider()
    provider.name = "small"
    start.admission = Admission(
        db=db,
        providers={"small": provider},
        clock=clock,
        gate=Gate(changed=lambda: None),
        health=health,
        routes=routes(db, SMALL, health=health),
        has_left=lambda provider: provider not in start.elsewhere,
        admitted=start.handed_on.append,
        moved_up=start.handed_on.append,
    )
    yield start
    assert await db.write(lanes.recount()) == 0
    assert await db.read(audit.discrepancies()) == 0
    await db.close()


async def test_jobs_of_a_provider_that_has_left_are_taken_over(
    at_start: Start,
) -> None:
    admission, db, handed_on = at_start.admission, at_start.db, at_start.handed_on
    await waiting_for_gone(db, price=9)
    await admission._adopt({"gone"})
    [job] = handed_on
    assert (job.state, job.provider, job.credits, job.price) == (JobState.QUEUED, "small", 9, 5)
    assert await db.write(jobs.admit("small", slots=1, now_ms=2)) is not None


async def test_what_nobody_else_can_make_for_its_price_ends_with_the_credits_back(
    at_start: Start,
) -> None:
    admission, db, handed_on = at_start.admission, at_start.db, at_start.handed_on
    await waiting_for_gone(db, price=4)
    await admission._adopt({"gone"})
    [job] = handed_on
    assert job.state is JobState.FAILED
    assert "gone is no longer at hand here" in (job.error or "")
    assert (await db.read(books.balance(now_ms=1))).reserved == 0


async def test_jobs_of_providers_at_hand_stay_where_they_are(
    at_start: Start,
) -> None:
    admission, db, handed_on = at_start.admission, at_start.db, at_start.handed_on
    transaction = jobs.accept(
        builders.origin(), builders.request(), Choice(SMALL, 5, worth=5), defaults=builders.NO_CAPS, now_ms=1
    )
    await db.write(transaction)
    await admission.fill()
    assert [(job.state, job.provider, job.tried) for job in handed_on] == [(JobState.SUBMITTING, "small", ())]


async def test_a_member_who_cancels_meanwhile_strands_nobody_else(
    at_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    admission, db, handed_on = at_start.admission, at_start.db, at_start.handed_on
    waiting = [await waiting_for_gone(db, price=9, user_id=user_id) for user_id in (100, 101, 102)]
    next_for = admission._routes.next_for

    async def cancelled_meanwhile(job: Job) -> Choice | None:
        if job.id == waiting[0].id:
            await db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=2))
        return await next_for(job)

    monkeypatch.setattr(admission._routes, "next_for", cancelled_meanwhile)
    await admission._adopt({"gone"})
    assert [job.id for job in handed_on] == [waiting[1].id, waiting[2].id]


async def test_nothing_is_admitted_while_the_gate_is_shut_and_all_of_it_once_it_is_open(door: Door) -> None:
    door.gate.shut(Closure.DRAINING)
    await door.queue(2)
    door.admission.wake()
    await door.settled()
    assert door.let_in == []
    door.gate.open(Closure.DRAINING)
    assert len(await door.until(2)) == 2


async def test_a_gate_that_is_still_shut_for_another_reason_admits_nothing(door: Door) -> None:
    door.gate.shut(Closure.DRAINING)
    door.gate.shut(Closure.DISK_FULL)
    await door.queue()
    door.gate.open(Closure.DRAINING)
    await door.settled()
    assert door.let_in == []


async def test_who_waits_is_told_that_nothing_is_begun_and_when_that_is_over(door: Door) -> None:
    await door.queue(4)
    door.admission.wake()
    waiting = {1, 2, 3, 4} - {job.id for job in await door.until(2)}
    for change in (door.gate.shut, door.gate.open):
        door.moved_up.clear()
        change(Closure.DISK_FULL)
        await door.settled()
        assert {job.id for job in door.moved_up} == waiting
    door.moved_up.clear()
    door.gate.shut(Closure.STOPPING)
    await door.settled()
    assert door.moved_up == []


async def test_a_shut_gate_does_not_keep_admission_busy_over_a_provider_whose_pause_is_over(
    door: Door,
) -> None:
    for _ in range(5):
        door.health.heard(SMALL, Unknown("no answer"))
    door.gate.shut(Closure.DRAINING)
    door.clock.turn(3600)
    await door.queue(provider="small")
    door.admission.wake()
    await door.settled()
    door.gate.open(Closure.DRAINING)


async def test_a_process_that_leaves_its_work_to_others_says_so(door: Door) -> None:
    assert await door.admission.fill()
    door.admission._gate = gate = Gate(changed=lambda: None, is_one_of_several=True)
    gate.shut(Closure.DISK_FULL)
    assert not await door.admission.fill()


async def test_jobs_of_a_provider_that_another_process_has_are_left_to_it_as_long_as_it_has(
    at_start: Start,
) -> None:
    waiting = await waiting_for_gone(at_start.db, price=9)
    at_start.elsewhere.add("gone")
    assert not await at_start.admission.fill()
    assert (await at_start.db.read(jobs.get(waiting.id))).provider == "gone"
    at_start.elsewhere.clear()
    assert await at_start.admission.fill()
    assert [(job.state, job.provider) for job in at_start.handed_on[-1:]] == [(JobState.SUBMITTING, "small")]


async def test_what_another_process_has_in_line_is_not_read_again_and_again(
    at_start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_providers: object) -> None:
        raise AssertionError

    await waiting_for_gone(at_start.db, price=9)
    at_start.elsewhere.add("gone")
    monkeypatch.setattr(jobs, "waiting_for", refuse)
    assert not await at_start.admission.fill()
