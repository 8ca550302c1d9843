from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.db import identifies, processes
from bot.db.transaction import Database
from bot.domain.duties import Role
from bot.domain.shares import GONE_AFTER_MS, Process
from tests.services import databases
from tests.services.doubles import TurnedClock

WORKER = Process("w", "machine:7", Role.WORKER, None, "1.0")
GATEWAY = Process("g", "machine:8", Role.GATEWAY, "0-3/16", "1.0")


class Cluster:
    """Processes on machines of their own, whose clocks are anything; only the shared one is to matter."""

    def __init__(self, db: Database, clock: TurnedClock, *, strays_ms: int) -> None:
        self.db, self.clock = db, clock
        self._strays_ms = strays_ms

    @property
    def now_ms(self) -> int:
        """By the clock of one of them, each time another one."""
        self._strays_ms = -self._strays_ms
        return self.clock.now_ms() + self._strays_ms

    async def appear(self, process: Process) -> list[Process]:
        seen = await self.db.write(processes.appear(process, now_ms=self.now_ms))
        assert seen.at_ms == self.clock.now_ms()
        return seen.processes

    async def live(self) -> list[Process]:
        return await self.db.read(processes.live(now_ms=self.now_ms))


@pytest.fixture(params=databases.KINDS)
async def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    clock = databases.clock_of(request.param, request)
    async with databases.processes(request.param, tmp_path, request) as [db, _]:
        yield Cluster(db, clock, strays_ms=3_600_000 if request.param == "postgres" else 0)


async def test_each_says_that_it_is_there_and_sees_the_others(cluster: Cluster) -> None:
    began_ms = cluster.clock.now_ms()
    worker = replace(WORKER, began_at_ms=began_ms, seen_at_ms=began_ms)
    assert await cluster.appear(WORKER) == [worker]
    cluster.clock.turn(1)
    gateway = replace(GATEWAY, began_at_ms=began_ms + 1000, seen_at_ms=began_ms + 1000)
    assert await cluster.appear(GATEWAY) == [worker, gateway]
    cluster.clock.turn(1)
    await cluster.appear(worker)
    assert await cluster.live() == [replace(worker, seen_at_ms=began_ms + 2000), gateway]


async def test_one_that_ends_or_was_not_seen_for_long_is_there_no_more(cluster: Cluster) -> None:
    began_ms = cluster.clock.now_ms()
    for process in (WORKER, GATEWAY):
        await cluster.appear(process)
    await cluster.db.write(processes.disappear("g"))
    cluster.clock.turn(GONE_AFTER_MS / 1000)
    assert [one.id for one in await cluster.live()] == ["w"]
    cluster.clock.turn(0.001)
    assert await cluster.live() == []
    assert [one.id for one in await cluster.appear(GATEWAY)] == ["g"]
    first, _ = await cluster.appear(replace(WORKER, began_at_ms=began_ms))
    assert (first.id, first.began_at_ms) == ("w", began_ms)


async def test_shards_of_all_processes_identify_one_after_the_other(cluster: Cluster) -> None:
    async def turn(remainder: int = 0) -> int:
        return await cluster.db.write(identifies.take_turn(remainder, now_ms=cluster.now_ms, every_ms=5_000))

    assert [await turn(), await turn(), await turn(1)] == [0, 5_000, 0]
    cluster.clock.turn(2)
    assert [await turn(), await turn(1)] == [3_000, 3_000]
    await cluster.db.write(identifies.hold(0, now_ms=cluster.now_ms, for_ms=5_000))
    cluster.clock.turn(3)
    assert [await turn(), await turn(1)] == [2_000, 0]
