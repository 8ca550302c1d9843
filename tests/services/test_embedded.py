import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest
from structlog.testing import capture_logs

from bot.app import task_group
from bot.db.errors import DatabaseUnavailable
from bot.services.runner.embedded import EmbeddedRunner
from tests.held import held
from tests.patience import PATIENCE_S
from tests.services.doubles import TurnedClock

Answer: TypeAlias = int | Exception | None


def crashes(times: int) -> list[Answer]:
    return [ZeroDivisionError() for _ in range(times)]


class Steps:
    """Stands in for `Stages`: answers what a test lined up, and keeps what was asked."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.answers: list[Answer] = []
        self.taken: list[tuple[int, bool, int]] = []
        self.given_up: list[int] = []
        self.give_up_fault: Exception | None = None
        self.at_once = self.most_at_once = 0
        self._began_ms = clock.now_ms()
        self._one_more = asyncio.Condition()

    async def advance(self, job_id: int, *, early: bool) -> int | None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.taken.append((job_id, early, (self.clock.now_ms() - self._began_ms) // 1000))
        async with self._one_more:
            self._one_more.notify_all()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return None if answer is None else self.clock.now_ms() + answer * 1000

    async def give_up(self, job_id: int) -> None:
        self.given_up.append(job_id)
        if self.give_up_fault:
            raise self.give_up_fault

    async def took(self, number: int) -> None:
        """Wait until so many steps were taken and the carrier waits for the next."""
        async with asyncio.timeout(PATIENCE_S), self._one_more:
            await self._one_more.wait_for(lambda: len(self.taken) >= number)
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def steps(clock: TurnedClock) -> Steps:
    return Steps(clock)


@pytest.fixture
async def runner(steps: Steps, clock: TurnedClock) -> AsyncGenerator[EmbeddedRunner]:
    @asynccontextmanager
    async def running() -> AsyncGenerator[EmbeddedRunner]:
        async with task_group() as tasks:
            yield EmbeddedRunner(advance=steps.advance, give_up=steps.give_up, clock=clock, tasks=tasks)

    async with held(running()) as made:
        yield made


async def test_a_job_is_carried_from_moment_to_moment_until_it_is_done(
    runner: EmbeddedRunner, steps: Steps, clock: TurnedClock
) -> None:
    steps.answers = [10, 30, None]
    runner.wake(7)
    await steps.took(1)
    clock.turn(9)
    await steps.took(1)
    clock.turn(1)
    await steps.took(2)
    clock.turn(30)
    await steps.took(3)
    assert [(job_id, at_s) for job_id, _, at_s in steps.taken] == [(7, 0), (7, 10), (7, 40)]
    assert runner._woken == {}


async def test_the_first_step_is_not_early(runner: EmbeddedRunner, steps: Steps) -> None:
    steps.answers = [None]
    runner.wake(7)
    await steps.took(1)
    assert steps.taken == [(7, False, 0)]


async def test_a_wake_takes_the_next_step_at_once(runner: EmbeddedRunner, steps: Steps) -> None:
    steps.answers = [600, None]
    runner.wake(7)
    await steps.took(1)
    runner.wake(7)
    await steps.took(2)
    assert steps.taken == [(7, False, 0), (7, True, 0)]


async def test_a_job_has_one_carrier_however_often_it_is_woken(runner: EmbeddedRunner, steps: Steps) -> None:
    steps.answers = [600] * 5
    for number in (1, 2):
        for _ in range(5):
            runner.wake(7)
        await steps.took(number)
        assert len(steps.taken) == number
    assert steps.most_at_once == 1


async def test_a_wake_during_the_last_step_is_not_lost(runner: EmbeddedRunner, steps: Steps) -> None:
    steps.answers = [None, None]
    runner.wake(7)
    await asyncio.sleep(0)
    assert steps.at_once == 1
    runner.wake(7)
    await steps.took(2)
    assert len(steps.taken) == 2
    assert runner._woken == {}


async def test_a_job_that_was_done_can_be_carried_again(runner: EmbeddedRunner, steps: Steps) -> None:
    steps.answers = [None, None]
    runner.wake(7)
    await steps.took(1)
    runner.wake(7)
    await steps.took(2)


async def test_jobs_do_not_wait_for_each_other(runner: EmbeddedRunner, steps: Steps) -> None:
    steps.answers = [600, 600, 600]
    for job_id in (1, 2, 3):
        runner.wake(job_id)
    await steps.took(3)
    assert {job_id for job_id, *_ in steps.taken} == {1, 2, 3}
    assert steps.most_at_once == 3


async def test_a_step_that_crashes_is_tried_again_later_and_later(
    runner: EmbeddedRunner, steps: Steps, clock: TurnedClock
) -> None:
    steps.answers = [*crashes(7), None]
    with capture_logs() as logs:
        runner.wake(7)
        await steps.took(1)
        for number, wait_s in enumerate((2, 4, 8, 16, 32, 60, 60), 2):
            clock.turn(wait_s)
            await steps.took(number)
    assert [at_s for *_, at_s in steps.taken] == [0, 2, 6, 14, 30, 62, 122, 182]
    assert [(entry["event"], entry["job"], entry["crashes"]) for entry in logs] == [
        ("step crashed", 7, number) for number in range(1, 8)
    ]
    assert steps.given_up == []


async def test_a_step_that_never_works_is_given_up_at_the_eighth_try(
    runner: EmbeddedRunner, steps: Steps, clock: TurnedClock
) -> None:
    steps.answers = [*crashes(8), None]
    runner.wake(7)
    for number in range(1, 9):
        assert steps.given_up == []
        await steps.took(number)
        clock.turn(60)
    assert steps.given_up == [7]
    await steps.took(9)
    assert runner._woken == {}


async def test_a_step_that_worked_wipes_the_slate(
    runner: EmbeddedRunner, steps: Steps, clock: TurnedClock
) -> None:
    steps.answers = [*crashes(7), 1, *crashes(7), None]
    runner.wake(7)
    for number in range(1, 17):
        await steps.took(number)
        clock.turn(60)
    assert steps.given_up == []


async def test_a_job_that_cannot_even_be_given_up_stops_nobody(
    runner: EmbeddedRunner, steps: Steps, clock: TurnedClock
) -> None:
    steps.give_up_fault = DatabaseUnavailable()
    steps.answers = [*crashes(9), None, None]
    runner.wake(7)
    for number in range(1, 11):
        await steps.took(number)
        clock.turn(60)
    assert steps.given_up == [7, 7]
    runner.wake(8)
    await steps.took(11)


async def test_a_parked_runner_ends_the_steps_under_way_and_begins_no_other(
    runner: EmbeddedRunner, steps: Steps
) -> None:
    steps.answers = [600, 0, None]
    runner.wake(7)
    await steps.took(1)
    runner.wake(8)
    under_way = runner.park()
    runner.wake(7)
    runner.wake(9)
    await asyncio.wait_for(asyncio.wait(under_way), PATIENCE_S)
    assert [job_id for job_id, _, _ in steps.taken] == [7]
    assert runner._woken == {}
    assert runner.park() == set()


async def test_a_step_that_is_under_way_when_the_runner_is_parked_is_waited_for(
    clock: TurnedClock,
) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), list[int]()

    async def advance(job_id: int, *, early: bool) -> int | None:
        assert not early
        begun.set()
        await may_end.wait()
        ended.append(job_id)
        return clock.now_ms()

    async def give_up(job_id: int) -> None:
        raise AssertionError(job_id)

    async with task_group() as tasks:
        runner = EmbeddedRunner(advance=advance, give_up=give_up, clock=clock, tasks=tasks)
        runner.wake(7)
        await begun.wait()
        under_way = runner.park()
        assert len(under_way) == 1
        may_end.set()
        await asyncio.wait_for(asyncio.wait(under_way), PATIENCE_S)
    assert ended == [7]
