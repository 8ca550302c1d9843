"""The queue that SAQ's worker imports."""

import os
from typing import Any

from saq import Queue

from benchmarks.queues.contestant import AT_ONCE
from benchmarks.queues.starts import began

queue: Any = Queue.from_url(os.environ["KINORA_BENCH_REDIS"])


async def render(_context: Any, *, number: int, request: str) -> None:
    """The work."""
    del request
    began(number)


settings: dict[str, Any] = {"queue": queue, "functions": [render], "concurrency": AT_ONCE}
