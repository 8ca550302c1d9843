"""One of several processes that accept requests in one database, for `benchmarks.scaling`; prints a line of JSON.

    python -m benchmarks.scaling.writing URL CALLERS SECONDS NUMBER

It begins when a line comes on its standard input.
"""

import asyncio
import json
import logging
import sys
import time
from itertools import count

from benchmarks.queues.kinora import accepted
from benchmarks.values import CHOICE, REQUEST
from bot.db import lanes
from bot.db.errors import DatabaseUnavailable
from bot.db.postgres.database import PostgresDatabase

_NUMBERS = 10**7
"""Of each process, so that no two ask with the same key."""


async def write(url: str, callers: int, lasts_s: float, place: int) -> dict[str, float]:
    """Accept for so long, by so many coroutines."""
    logging.disable(logging.WARNING)
    db = await PostgresDatabase.open(url)
    await db.write(lanes.open_pool(CHOICE.spec.provider))
    numbers = count(1 + place * _NUMBERS)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    ends_s = begun_s + lasts_s

    async def caller() -> tuple[int, int]:
        written = refused = 0
        while time.perf_counter() < ends_s:
            try:
                await db.write(accepted(REQUEST, next(numbers), int(time.time() * 1000)))
                written += 1
            except DatabaseUnavailable:  # others held the lock for too long
                refused += 1
        return written, refused

    of_each = await asyncio.gather(*(caller() for _ in range(callers)))
    written, refused = (sum(counts) for counts in zip(*of_each, strict=True))
    taken_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    await db.close()
    return {
        "written": written,
        "refused": refused,
        "per_s": written / taken_s,
        "cpu_us": cpu_s / max(written, 1) * 1e6,
    }


if __name__ == "__main__":
    import uvloop

    given_url, given_callers, given_s, given_place = sys.argv[1:]
    print(json.dumps(uvloop.run(write(given_url, int(given_callers), float(given_s), int(given_place)))))
