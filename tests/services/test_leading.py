import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.app import task_group
from bot.db.errors import DatabaseUnavailable
from bot.services.leading import Alone, Elected
from tests.patience import PATIENCE_S
from tests.services.doubles import TurnedClock


@dataclass
class Table:
    """A seat that several want, and what is rung for at it."""

    sits: "Chair | None" = None
    rung: set[str] = field(default_factory=set[str])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass
class Chair:
    """One process's hold of it."""

    table: Table
    is_cut: bool = False

    async def take(self) -> bool:
        self._answer()
        if self.table.sits is None:
            self.table.sits = self
        return self.table.sits is self

    async def rung(self, *, within_s: float) -> set[str]:
        while not self.table.rung and not self.is_cut and self.table.sits is self:
            await self.table.changed.wait()
        self._answer()
        if self.table.sits is not self:
            raise DatabaseUnavailable
        rung, self.table.rung = self.table.rung, set[str]()
        return rung

    async def ring(self, *names: str) -> None:
        self._answer()
        self.table.rung |= set(names)
        self.table.change()

    async def leave(self) -> None:
        if self.table.sits is self:
            self.table.sits = None
            self.table.change()

    def cut(self) -> None:
        self.is_cut = True
        self.table.sits = None
        self.table.change()

    def _answer(self) -> None:
        if self.is_cut:
            raise DatabaseUnavailable


class Sweep:
    """A duty that looks each time it is woken."""

    def __init__(self) -> None:
        self.looks = 0
        self.runs = 0
        self.heard: list[int] = []
        self.due = asyncio.Event()
        self.changed = asyncio.Event()

    def wake(self) -> None:
        self.due.set()

    def hear(self, about: int) -> None:
        self.heard.append(about)
        self.due.set()

    async def run(self) -> None:
        self.runs += 1
        try:
            while True:
                self.due.clear()
                self.looks += 1
                self._change()
                await self.due.wait()
        finally:
            self.runs -= 1
            self._change()

    async def until(self, *, looks: int = 0, runs: int | None = None) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.looks < looks or (runs is not None and self.runs != runs):
                await self.changed.wait()

    def _change(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass
class Process:
    chair: Chair
    leader: Elected
    sweep: Sweep
    clock: TurnedClock


@pytest.fixture
def table() -> Table:
    return Table()


@asynccontextmanager
async def process(table: Table) -> AsyncGenerator[Process]:
    chair, sweep, clock = Chair(table), Sweep(), TurnedClock()
    leader = Elected(seat=chair, clock=clock)
    leader.duty("sweep", sweep.run, sweep.wake, sweep.hear)
    async with task_group() as tasks:
        tasks.create_task(leader.run())
        yield Process(chair, leader, sweep, clock)


async def turned(process: Process, *, until: asyncio.Task[None]) -> None:
    """Seconds go by for a process until something has happened."""
    async with asyncio.timeout(PATIENCE_S):
        while not until.done():
            process.clock.turn(1)
            await asyncio.sleep(0)
    await until


async def test_only_one_of_two_sweeps(table: Table) -> None:
    async with process(table) as one, process(table) as other:
        await one.sweep.until(looks=1)
        for _ in range(20):
            other.clock.turn(1)
            await asyncio.sleep(0)
        assert one.leader.leads
        assert not other.leader.leads
        assert other.sweep.looks == 0


async def test_what_another_process_rings_for_is_looked_at_where_the_lead_is(table: Table) -> None:
    async with process(table) as one, process(table) as other:
        await one.sweep.until(looks=1)
        other.leader.ring("sweep")
        await one.sweep.until(looks=2)
        one.leader.ring("sweep", 7)
        await one.sweep.until(looks=3)
        other.leader.ring("sweep", 8)
        await one.sweep.until(looks=4)
        assert one.sweep.heard == [7, 8]


async def test_what_nobody_here_knows_is_not_looked_at(table: Table) -> None:
    async with process(table) as one:
        await one.sweep.until(looks=1)
        await Chair(table).ring("of another version", "sweep")
        await one.sweep.until(looks=2)


async def test_who_cannot_be_sure_of_the_lead_stops_and_another_takes_over(table: Table) -> None:
    async with process(table) as one, process(table) as other:
        await one.sweep.until(looks=1)
        one.chair.cut()
        await one.sweep.until(runs=0)
        assert not one.leader.leads
        async with asyncio.TaskGroup() as tasks:
            taken = tasks.create_task(other.sweep.until(looks=1))
            await turned(other, until=taken)
        assert other.leader.leads


async def test_who_could_not_lead_tries_again(table: Table) -> None:
    async with process(table) as one:
        await one.sweep.until(looks=1)
        one.chair.cut()
        await one.sweep.until(runs=0)
        one.chair.is_cut = False
        async with asyncio.TaskGroup() as tasks:
            again = tasks.create_task(one.sweep.until(looks=2, runs=1))
            await turned(one, until=again)


async def test_a_process_that_ends_leaves_the_lead(table: Table) -> None:
    async with process(table) as one:
        await one.sweep.until(looks=1)
    assert table.sits is None
    assert one.sweep.runs == 0


async def test_a_process_that_is_alone_leads() -> None:
    leader, sweep = Alone(), Sweep()
    leader.duty("sweep", sweep.run, sweep.wake)
    async with task_group() as tasks:
        tasks.create_task(leader.run())
        await sweep.until(looks=1)
        leader.ring("sweep")
        await sweep.until(looks=2)
    assert leader.leads
