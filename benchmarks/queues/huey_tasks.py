"""The queue that huey's consumer imports."""

import os
from typing import Any

from huey import SqliteHuey  # pyright: ignore[reportMissingTypeStubs]

from benchmarks.queues.starts import began

queue: Any = SqliteHuey(filename=os.environ["KINORA_BENCH_HUEY"], fsync=True, timeout=30, results=False)


def _render(number: int, _request: str) -> None:
    began(number)


render = queue.task(name="render")(_render)
