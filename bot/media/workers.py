"""Threads for work that blocks: bounded in number, owned by one object, closed by it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Self, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The work was told to stop before it was done."""


class Workers:
    """At most `count` pieces of work at a time; the rest wait their turn."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._closing = threading.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Call `work(check)` in a thread, in the caller's context; `check()` raises Stopped once the caller is cancelled.

        A cancelled caller returns after the thread has let go, so its files may be removed then.
        """
        stop = threading.Event()

        def check() -> None:
            if stop.is_set() or self._closing.is_set():
                raise Stopped

        done = asyncio.wrap_future(future := self._pool.submit(copy_context().run, work, check))
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError:
            stop.set()
            if not future.cancel():
                await asyncio.wait([done])
                done.exception()  # told to stop, and did: nobody else asks how it ended
            raise
        return done.result()

    async def close(self) -> None:
        """Tell running work to stop, drop what waits and see the threads end."""
        self._closing.set()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
