"""DBOS on SQLite: a library, so that threads hand in and workflows run in one process, as one is meant to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from dbos import DBOS, Queue

from benchmarks.queues.contestant import PAYLOAD, Handing
from benchmarks.queues.starts import began

POLLED_EVERY_S = 0.05
"""Twenty times as often as it comes with; each look costs it some milliseconds."""
_QUEUE = "renders"


@DBOS.workflow()
def _render(number: int, _request: str) -> None:
    began(number)


@asynccontextmanager
async def opened(folder: Path, is_carried: bool) -> AsyncGenerator[Handing]:  # noqa: FBT001
    """A system database in that folder."""
    DBOS(
        config={
            "name": "kinora-bench",
            "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
            "log_level": "ERROR",
        }
    )
    DBOS.listen_queues([_QUEUE] if is_carried else ["nobody's"])
    queue = await asyncio.to_thread(_launched)
    try:
        yield Handing(by_thread=lambda number: queue.enqueue(_render, number, PAYLOAD))
    finally:
        await asyncio.to_thread(DBOS.destroy)


def _launched() -> Queue:
    DBOS.launch()
    return DBOS.register_queue(_QUEUE, polling_interval_sec=POLLED_EVERY_S)
