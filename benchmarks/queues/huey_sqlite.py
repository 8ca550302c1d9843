"""huey on SQLite: threads hand in, and its consumer is a process of its own."""

import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.queues.contestant import PAYLOAD, POLLED_EVERY_S, Handing, child, python

DATABASE = "KINORA_BENCH_HUEY"
WORKERS = 4
_DELAY = str(POLLED_EVERY_S)


@asynccontextmanager
async def opened(folder: Path, is_carried: bool) -> AsyncGenerator[Handing]:  # noqa: FBT001
    """A queue in that folder."""
    os.environ[DATABASE] = str(folder / "huey.db")
    from benchmarks.queues.huey_tasks import render  # noqa: PLC0415 - finds its file as its consumer does

    async with AsyncExitStack() as stack:
        if is_carried:
            options = ("-w", str(WORKERS), "-k", "thread", "-d", _DELAY, "-m", _DELAY, "-q", "-n")
            program = python("huey.bin.huey_consumer", "benchmarks.queues.huey_tasks.queue", *options)
            await stack.enter_async_context(child(*program, folder=folder))
        yield Handing(by_thread=lambda number: render(number, PAYLOAD))
