"""Async fixtures are set up and torn down in different tasks; task groups need one for both."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def held(context: AbstractAsyncContextManager[T]) -> AsyncGenerator[T]:
    """Enter and leave `context` in a task of its own."""
    loop = asyncio.get_running_loop()
    entered: asyncio.Future[T] = loop.create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        async with context as value:
            entered.set_result(value)
            await leave.wait()

    holder = loop.create_task(hold())
    await asyncio.wait((holder, entered), return_when=asyncio.FIRST_COMPLETED)
    if not entered.done():
        await holder
    try:
        yield entered.result()
    finally:
        leave.set()
        await holder
