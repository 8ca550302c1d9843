"""How far the one lock of all writes carries: requests accepted a second by 1, 2 and 4 processes in one PostgreSQL.

What statements an accepted request takes under the lock is counted in a run of its own, in which they are written down.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.servers import Postgres
from benchmarks.table import CannotRun

CALLERS = (1, 32)
PROCESSES = (1, 2, 4)
_ROOT = Path(__file__).parents[2]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Writes:
    """What so many processes accepted together."""

    processes: int
    callers: int
    """In each."""
    per_s: float
    client_us: float
    """Processor time of the processes, for each request."""
    server_us: float
    """PostgreSQL's."""
    wal_bytes: float
    """For each request."""
    syncs: float
    refused: float
    """The share of those that waited longer than a person is to."""


async def carried(server: Postgres, processes: int, callers: int, lasts_s: float) -> Writes:
    """Let so many processes write at once."""
    before, found = await _written(server, processes, callers, lasts_s, server.use)
    spent = server.use().since(before)
    total, refused = (sum(one[name] for one in found) for name in ("written", "refused"))
    return Writes(
        processes=processes,
        callers=callers,
        per_s=sum(one["per_s"] for one in found),
        client_us=sum(one["cpu_us"] * one["written"] for one in found) / total,
        server_us=spent.cpu_s / total * 1e6,
        wal_bytes=spent.wal_bytes / total,
        syncs=spent.wal_syncs / total,
        refused=refused / (total + refused),
    )


async def spoken(server: Postgres, callers: int, lasts_s: float) -> float:
    """How many statements each request of one process takes under the lock; what is written together shares some."""
    server.note_statements()
    before, (found,) = await _written(server, 1, callers, lasts_s, server.statements)
    return server.statements().since(before).locked / found["written"]


async def _written(
    server: Postgres, processes: int, callers: int, lasts_s: float, look: Callable[[], T]
) -> tuple[T, list[dict[str, float]]]:
    """What `look` saw when all were there and none had begun, and what each did."""
    children = [await _child(server.url, callers, lasts_s, place) for place in range(processes)]
    for child in children:
        assert child.stdout is not None
        if not await child.stdout.readline():
            raise CannotRun("a writing process ended before it began; its words are above.")
    before = look()
    answers = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
    return before, [json.loads(words) for words, _ in answers]


async def _child(url: str, callers: int, lasts_s: float, place: int) -> Process:
    arguments = (url, str(callers), str(lasts_s), str(place))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.scaling.writing", *arguments, cwd=_ROOT, stdin=PIPE, stdout=PIPE
    )
