import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.db import processes
from bot.db.errors import ClocksDiffer, DatabaseUnavailable
from bot.db.postgres.database import PostgresDatabase
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database
from bot.domain.duties import Duty, Role, Shards
from bot.services.processes import Processes
from bot.services.rate_limit import RateLimit
from tests.patience import PATIENCE_S
from tests.services.databases import ServersClock
from tests.services.doubles import TurnedClock


class Shares(RateLimit):
    """Writes down which share it was given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given: list[float] = []
        self.changed = asyncio.Event()

    def allow(self, per_s: float) -> None:
        super().allow(per_s)
        self.given.append(round(per_s, 3))
        self.changed.set()


class Cluster:
    def __init__(self, db: Database, clock: TurnedClock) -> None:
        self.db, self.clock = db, clock

    @asynccontextmanager
    async def process(
        self,
        duty: Duty = Duty(Role.WORKER),  # noqa: B008
        *providers: str,
    ) -> AsyncGenerator[tuple[Processes, Shares]]:
        shares = Shares()
        one = Processes(db=self.db, clock=self.clock, duty=duty, limit=shares, per_s=50, providers=providers)
        await one.begin()
        running = asyncio.ensure_future(one.run())
        try:
            yield one, shares
        finally:
            running.cancel()
            await one.end()

    async def look(self, *of: Shares) -> None:
        """Let everybody look."""
        for shares in of:
            shares.changed.clear()
        await asyncio.sleep(0)
        self.clock.turn(4)
        for shares in of:
            await asyncio.wait_for(shares.changed.wait(), PATIENCE_S)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncGenerator[Cluster]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield Cluster(db, TurnedClock())
    await db.close()


async def test_a_process_that_begins_gets_a_part_of_what_the_others_had(cluster: Cluster) -> None:
    async with cluster.process() as (_, first):
        for _ in range(3):
            await cluster.look(first)
        async with cluster.process() as (_, second):
            assert (first.given[-1], second.given[-1]) == (45, 2.5)
            for _ in range(2):
                await cluster.look(first, second)
            assert sorted((first.given[-1], second.given[-1])) == [22, 23]
        await cluster.look(first)
        assert first.given[-1] in (22, 23)  # once may be an accident
        await cluster.look(first)
        assert first.given[-1] == 45


async def test_without_the_database_everybody_keeps_their_share(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster.process() as (_, first), cluster.process() as (_, second):
        for _ in range(3):
            await cluster.look(first, second)
        asked = asyncio.Event()

        async def away(_transaction: object) -> None:
            asked.set()
            raise DatabaseUnavailable

        with monkeypatch.context() as outage:
            outage.setattr(cluster.db, "write", away)
            given = len(first.given)
            cluster.clock.turn(60)
            await asyncio.wait_for(asked.wait(), PATIENCE_S)
            assert len(first.given) == given
        await cluster.look(first, second)
        assert sorted((first.given[-1], second.given[-1])) == [22, 23]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes are many looks for a test."""
    monkeypatch.setattr("bot.services.processes._LEFT_AFTER_MS", 40_000)


async def unmissed(cluster: Cluster, one: Processes, *looking: Shares) -> float:
    """For how many seconds one process goes on believing that somebody has, or is about to get, "kling"."""
    began_ms = cluster.clock.now_ms()
    while not one.has_left("kling"):
        await cluster.look(*looking)
    return (cluster.clock.now_ms() - began_ms) / 1000


@pytest.mark.usefixtures("soon")
async def test_a_provider_has_left_some_minutes_after_its_last_worker(cluster: Cluster) -> None:
    async with cluster.process() as (one, shares):
        assert await unmissed(cluster, one, shares) == 40
        async with cluster.process(Duty(Role.WORKER), "kling") as (_, others):
            for _ in range(20):
                await cluster.look(shares, others)
            assert not one.has_left("kling")
        assert await unmissed(cluster, one, shares) == 40


@pytest.mark.usefixtures("soon")
async def test_a_provider_that_only_gateways_have_is_waited_for_some_minutes(cluster: Cluster) -> None:
    async with cluster.process() as (one, shares):
        await unmissed(cluster, one, shares)
        async with cluster.process(Duty(Role.GATEWAY), "kling") as (_, others):
            await cluster.look(shares, others)
            assert await unmissed(cluster, one, shares, others) == 40
            for _ in range(2):
                await cluster.look(shares, others)
            assert one.has_left("kling")


@pytest.mark.usefixtures("soon")
async def test_no_provider_has_left_while_nobody_could_say_that_it_is_there(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster.process() as (one, shares):
        await unmissed(cluster, one, shares)
        asked = asyncio.Event()

        async def away(_transaction: object) -> None:
            asked.set()
            raise DatabaseUnavailable

        with monkeypatch.context() as outage:
            outage.setattr(cluster.db, "write", away)
            cluster.clock.turn(60)
            assert not one.has_left("kling")
            await asyncio.wait_for(asked.wait(), PATIENCE_S)
        await cluster.look(shares)
        assert await unmissed(cluster, one, shares) == 40


async def test_each_says_what_it_does_and_is_gone_after_a_clean_end(cluster: Cluster) -> None:
    shards = Shards.parse("0-3/16")
    async with cluster.process(Duty(Role.GATEWAY, shards)) as (one, _):
        [there] = await cluster.db.read(processes.live(now_ms=cluster.clock.now_ms()))
        assert (there.id, there.role, there.shards) == (one.own.id, Role.GATEWAY, "0-3/16")
    assert await cluster.db.read(processes.live(now_ms=cluster.clock.now_ms())) == []


@pytest.mark.parametrize(
    ("seconds", "said"), [(60, "60 s ahead of the database's"), (-60, "60 s behind the database's")]
)
async def test_a_machine_whose_clock_is_wrong_does_not_join(
    postgres_url: str, seconds: int, said: str
) -> None:
    clock = ServersClock(postgres_url)
    TurnedClock.turn(clock, seconds)
    db = await PostgresDatabase.open(postgres_url)
    try:
        with pytest.raises(ClocksDiffer, match=said):
            await Processes(db=db, clock=clock, duty=Duty(Role.WORKER), limit=RateLimit(1), per_s=50).begin()
    finally:
        await db.close()


async def test_a_clock_that_goes_wrong_is_told_once(postgres_url: str) -> None:
    clock = ServersClock(postgres_url)
    db = await PostgresDatabase.open(postgres_url)
    try:
        with capture_logs() as logs:
            cluster = Cluster(db, clock)
            async with cluster.process() as (_, shares):
                TurnedClock.turn(clock, 10)
                for _ in range(2):
                    await cluster.look(shares)
        told = [entry["reason"] for entry in logs if entry["log_level"] == "error"]
    finally:
        await db.close()
    assert len(told) == 1
    assert "10 s ahead of the database's" in told[0]
