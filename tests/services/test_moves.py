"""Two processes with one store of blobs: what one puts, the other does not delete."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from obstore.store import MemoryStore

from bot.db import blobs as uses
from bot.db import moves
from bot.db.transaction import Database, Transaction
from bot.media.blobs import Blobs
from bot.media.errors import NoSuchBlob, StoreUnavailable
from bot.services.moves import FRESH_MS, HELD_FOR_MS, SharedMoves
from tests.patience import PATIENCE_S
from tests.services.databases import KINDS, clock_of, processes
from tests.services.doubles import TurnedClock, Watched

T = TypeVar("T")

CLIP = b"a clip that was paid for"


@dataclass
class Warehouse:
    """One store, and what two processes have of it."""

    db: Database
    clock: TurnedClock
    one: Blobs
    other: Blobs
    store: MemoryStore

    async def put_long_ago(self) -> str:
        blob = await self.one.put(CLIP, max_bytes=100)
        self.clock.turn(FRESH_MS / 1000 + 1)
        for blobs in (self.one, self.other):
            blobs._came_s.clear()
        return blob.hash

    async def is_needed(self, blob: str) -> bool:
        return await self.db.read(uses.is_needed(blob, now_ms=self.clock.now_ms()))

    async def held(self, blob: str) -> None:
        """A process has died just before it deleted a blob."""
        hold = moves.hold(blob, fresh_ms=FRESH_MS, now_ms=self.clock.now_ms(), for_ms=HELD_FOR_MS)
        assert await self.db.write(hold)


@pytest.fixture(params=KINDS)
async def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Warehouse]:
    clock, store = clock_of(request.param, request), MemoryStore()
    async with processes(request.param, tmp_path, request) as opened:
        one, other = (
            Blobs(store, folder=None, spool=tmp_path, moves=SharedMoves(db=db, clock=clock)) for db in opened
        )
        yield Warehouse(opened[0], clock, one, other, store)


async def never() -> bool:
    return False


async def test_what_another_process_has_just_put_is_not_deleted(warehouse: Warehouse) -> None:
    blob = await warehouse.put_long_ago()
    await warehouse.other.put(CLIP, max_bytes=100)
    assert not await warehouse.one.discard(blob, unless=never)
    assert await warehouse.one.get(blob) == CLIP
    warehouse.clock.turn(FRESH_MS / 1000 + 1)
    assert await warehouse.one.discard(blob, unless=never)
    assert not await warehouse.other.exists(blob)


async def test_what_is_put_while_another_process_deletes_it_is_there_afterwards(warehouse: Warehouse) -> None:
    blob = await warehouse.put_long_ago()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly() -> bool:
        asked.set()
        await answer.wait()
        return False

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        discarding = tasks.create_task(warehouse.one.discard(blob, unless=slowly))
        await asked.wait()
        putting = tasks.create_task(warehouse.other.put(CLIP, max_bytes=100))
        while not warehouse.clock._sleepers:  # noqa: ASYNC110 - until it waits for the row
            await asyncio.sleep(0)
        assert not putting.done()
        answer.set()
        assert await discarding
        while not putting.done():
            warehouse.clock.turn(1)
            await asyncio.sleep(0.001)
    assert await warehouse.one.get(blob) == CLIP


async def test_two_processes_that_put_and_delete_at_once_never_lose_what_was_put(
    warehouse: Warehouse,
) -> None:
    for turn in range(20):
        blob = await warehouse.put_long_ago()
        deleting = asyncio.ensure_future(warehouse.one.discard(blob, unless=never))
        for _ in range(turn % 3):
            await asyncio.sleep(0)
        putting = asyncio.ensure_future(warehouse.other.put(CLIP, max_bytes=100))
        await deleting
        while not putting.done():
            warehouse.clock.turn(1)
            await asyncio.sleep(0.001)
        await putting
        assert await warehouse.one.get(blob) == CLIP


async def test_a_process_that_died_while_it_deleted_holds_the_others_up_for_a_minute(
    warehouse: Warehouse,
) -> None:
    blob = await warehouse.put_long_ago()
    await warehouse.held(blob)
    assert not await warehouse.other.discard(blob, unless=never)
    putting = asyncio.ensure_future(warehouse.other.put(CLIP, max_bytes=100))
    before_ms = warehouse.clock.now_ms()
    async with asyncio.timeout(PATIENCE_S):
        while not putting.done():
            warehouse.clock.turn(1)
            await asyncio.sleep(0.001)
    assert warehouse.clock.now_ms() - before_ms >= HELD_FOR_MS
    assert await warehouse.one.get(blob) == CLIP


async def test_a_deletion_of_unknown_end_keeps_others_from_putting_for_a_while(warehouse: Warehouse) -> None:
    blob = await warehouse.put_long_ago()

    async def broken() -> bool:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await warehouse.one.discard(blob, unless=broken)
    assert not await warehouse.db.write(moves.come(blob, now_ms=warehouse.clock.now_ms()))
    warehouse.clock.turn(HELD_FOR_MS / 1000)
    assert await warehouse.db.write(moves.come(blob, now_ms=warehouse.clock.now_ms()))


async def test_a_machine_that_was_suspended_over_a_deletion_deletes_nothing_when_it_wakes(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    blob = await warehouse.put_long_ago()

    class Suspended(Watched):
        async def write(self, transaction: Transaction[T]) -> T:
            written = await super().write(transaction)
            warehouse.clock.turn(HELD_FOR_MS / 1000)
            return written

    moves_ = SharedMoves(db=Suspended(warehouse.db), clock=warehouse.clock)
    woken = Blobs(warehouse.store, folder=None, spool=tmp_path, moves=moves_)
    with pytest.raises(StoreUnavailable):
        await woken.discard(blob, unless=never)
    assert await warehouse.one.get(blob) == CLIP


async def test_damage_is_not_set_aside_while_another_process_is_at_it(warehouse: Warehouse) -> None:
    blob = await warehouse.put_long_ago()
    await warehouse.store.put_async(f"{blob[:2]}/{blob[2:]}", b"what a disk has made of it")
    await warehouse.held(blob)
    with pytest.raises(NoSuchBlob):
        await warehouse.other.get(blob)
    assert await warehouse.other.exists(blob)
    warehouse.clock.turn(HELD_FOR_MS / 1000)
    with pytest.raises(NoSuchBlob):
        await warehouse.other.get(blob)
    assert not await warehouse.other.exists(blob)


async def test_what_moved_long_ago_is_not_remembered_for_ever(warehouse: Warehouse) -> None:
    blob = await warehouse.put_long_ago()
    await warehouse.db.write(moves.drop_old(before_ms=warehouse.clock.now_ms()))
    assert await warehouse.one.discard(blob, unless=lambda: warehouse.is_needed(blob))
