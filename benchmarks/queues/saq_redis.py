"""SAQ on Redis: coroutines hand in, its worker and the Redis server are processes of their own."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from benchmarks.processes import free_port
from benchmarks.queues.contestant import PAYLOAD, Handing, child, python
from benchmarks.table import CannotRun

URL = "KINORA_BENCH_REDIS"
_UP_WITHIN_S = 10.0


def ensure_there() -> str:
    """The server's program.

    Raises:
        CannotRun: it is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise CannotRun("redis-server is not installed (Debian's package redis-server).")
    return program


@asynccontextmanager
async def _opened(folder: Path, is_carried: bool, *, synced: str) -> AsyncGenerator[Handing]:  # noqa: FBT001
    port = free_port()
    os.environ[URL] = f"redis://127.0.0.1:{port}"
    durable = ("--appendonly", "yes", "--appendfsync", synced, "--save", "")
    where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(child(ensure_there(), *where, *durable, folder=folder))
        from benchmarks.queues.saq_tasks import queue  # noqa: PLC0415 - finds its server as its worker does

        await _answers(port)
        await queue.connect()
        stack.push_async_callback(queue.disconnect)
        if is_carried:
            program = python("saq", "benchmarks.queues.saq_tasks.settings", "--quiet")
            await stack.enter_async_context(child(*program, folder=folder))
        yield Handing(by_coroutine=lambda number: queue.enqueue("render", number=number, request=PAYLOAD))


synced_each_second = partial(_opened, synced="everysec")
synced_always = partial(_opened, synced="always")


async def _answers(port: int) -> None:
    async with asyncio.timeout(_UP_WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
