"""Many jobs that a provider renders at once, carried by the bot's own engine. For `benchmarks.memory`.

Everything between the database and Discord is real; the provider only ever says "not yet", and cards go nowhere.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path

from benchmarks.parts import parts
from benchmarks.resident import resident_mb
from benchmarks.values import CHOICE, NO_CAPS, REQUEST, origin
from bot.app import task_group
from bot.clock import SystemClock
from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Pending, Recovery, Submission
from bot.domain.requests import Task
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.services.runner.embedded import EmbeddedRunner

TEXT_ONLY = REQUEST.model_copy(update={"image": None})
POLLS = 3
"""A job counts as in flight once it was asked for this often."""


class Patience:
    """A provider that is never done."""

    name = CHOICE.spec.provider
    recovery = Recovery.KEY_HONOURED
    is_full = False

    def __init__(self, jobs: int) -> None:
        self.concurrency = jobs
        self.everything_polled = asyncio.Event()
        self._left = jobs * POLLS
        self._numbers = count(1)

    async def submit(self, submission: Submission) -> Accepted:
        """Take it."""
        return Accepted(f"task-{next(self._numbers)}-{submission.key}")

    def preview(self, submission: Submission) -> str:
        """Nothing would be sent."""
        return f"# {submission.key}"

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted:
        """Never needed: keys are honoured."""
        raise NotImplementedError(key)

    async def poll(self, task_id: str) -> Pending:
        """Not yet."""
        assert task_id
        self._left -= 1
        if not self._left:
            self.everything_polled.set()
        return Pending(progress=0.5, ask_again_s=1)

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Never reached."""
        raise NotImplementedError(result)

    async def cancel(self, task_id: str) -> bool:
        """Never asked."""
        raise NotImplementedError(task_id)

    async def close(self) -> None:
        """Nothing is held."""


async def fly(number: int, folder: Path) -> dict[str, float]:
    """Accept `number` jobs and carry them until each was polled some times; returns MB before and then."""
    clock, provider = SystemClock(), Patience(number)
    db = await SqliteDatabase.open(folder / "kinora.db")
    await db.write(lanes.open_pool(provider.name))
    before_mb = resident_mb().now
    blobs = Blobs.open(str(folder / "blobs"))
    async with Clips() as clips, task_group() as tasks:
        carrying = parts(
            db=db,
            provider=provider,
            blobs=blobs,
            clips=clips,
            clock=clock,
            tasks=tasks,
            wake=lambda job_id: runner.wake(job_id),  # noqa: PLW0108 - made below
        )
        stages, admission = carrying.stages, carrying.admission
        runner = EmbeddedRunner(advance=stages.advance, give_up=stages.give_up, clock=clock, tasks=tasks)
        for place in range(number):
            where = origin(guild_id=1 + place % 50, user_id=1 + place)
            await db.write(jobs.accept(where, TEXT_ONLY, CHOICE, defaults=NO_CAPS, now_ms=clock.now_ms()))
        tasks.create_task(admission.run())
        await provider.everything_polled.wait()
        found = resident_mb()
    await db.close()
    return {"before": before_mb, "now": found.now, "peak": found.peak}


if __name__ == "__main__":
    import uvloop

    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(uvloop.run(fly(int(sys.argv[1]), Path(made)))))
