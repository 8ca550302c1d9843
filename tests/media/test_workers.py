import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

from bot.media.workers import Stopped, Workers
from tests.patience import PATIENCE_S

Check = Callable[[], None]


async def test_no_more_than_the_given_number_run_at_once() -> None:
    together = threading.Barrier(2, timeout=PATIENCE_S)
    lock, running, most = threading.Lock(), 0, 0

    def work(_: Check) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()  # only passes when two are here
        with lock:
            running -= 1

    async with Workers(2, "test") as workers:
        await asyncio.gather(*(workers.run(work) for _ in range(6)))
    assert most == 2


async def test_the_event_loop_goes_on_while_work_runs() -> None:
    loop, entered, released = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(_: Check) -> bool:
        loop.call_soon_threadsafe(entered.set)
        return released.wait(PATIENCE_S)

    async with Workers(1, "test") as workers, asyncio.TaskGroup() as group:
        task = group.create_task(workers.run(work))
        await entered.wait()
        released.set()  # a blocked loop would never get here
    assert task.result()


async def test_a_cancelled_caller_returns_after_the_work_has_stopped() -> None:
    entered, left = threading.Event(), threading.Event()
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: lost.append(context))

    def work(check: Check) -> None:
        entered.set()
        try:
            while True:
                check()
        finally:
            left.set()

    async with Workers(1, "test") as workers:
        task = asyncio.ensure_future(workers.run(work))
        await asyncio.to_thread(entered.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert left.is_set()
    del task
    gc.collect()
    assert lost == []


async def test_work_that_has_not_begun_is_dropped_when_its_caller_is_cancelled() -> None:
    released, begun = threading.Event(), threading.Event()
    async with Workers(1, "test") as workers, asyncio.TaskGroup() as group:
        group.create_task(workers.run(lambda _: released.wait(PATIENCE_S)))
        waiting = group.create_task(workers.run(lambda _: begun.set()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        released.set()
    assert not begun.is_set()


async def test_closing_stops_what_runs() -> None:
    entered = threading.Event()

    def work(check: Check) -> None:
        entered.set()
        while True:
            check()

    workers = Workers(1, "test")
    task = asyncio.ensure_future(workers.run(work))
    await asyncio.to_thread(entered.wait, 10)
    await workers.close()
    with pytest.raises(Stopped):
        await task


async def test_an_error_reaches_the_caller() -> None:
    def work(_: Check) -> None:
        raise KeyError("lost")

    async with Workers(1, "test") as workers:
        with pytest.raises(KeyError, match="lost"):
            await workers.run(work)
