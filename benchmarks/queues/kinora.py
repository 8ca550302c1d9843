"""Kinora as it accepts and carries jobs, with a provider that takes nothing and nobody to show cards to.

A request is accepted with every cap, the ledger and the lane; its work begins where the provider is asked for the
clip: by then it was admitted, and "about to send" is on disk as well.
"""

import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.acknowledgement import picture
from benchmarks.parts import parts
from benchmarks.queues.contestant import AT_ONCE, Handing, child, python
from benchmarks.queues.starts import began
from benchmarks.servers import postgres
from benchmarks.values import CHOICE, REQUEST, WIDE_CAPS, origin
from bot import logs
from bot.app import task_group
from bot.clock import SystemClock
from bot.db import jobs, lanes
from bot.db.postgres.database import PostgresDatabase
from bot.db.postgres.queue import Carrier
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Pending, Recovery, Refusal, Rejected, Submission
from bot.domain.requests import Picture, Task, VideoRequest
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.services.runner.cluster import ClusterRunner
from bot.services.runner.embedded import EmbeddedRunner

GUILDS = 50
MEMBERS = 20
"""A guild."""
_LARGEST_BYTES = 10_000_000


class Refusing:
    """A provider that says when it was asked, and no."""

    name = CHOICE.spec.provider
    recovery = Recovery.KEY_HONOURED
    is_full = False
    concurrency = AT_ONCE

    async def submit(self, submission: Submission) -> Rejected:
        """Say so first of all."""
        began(int(submission.request.prompt.partition(" ")[0]))
        return Rejected("It was only a benchmark.", Refusal.MODERATION)

    def preview(self, submission: Submission) -> str:
        """Nothing would be sent."""
        return f"# {submission.key}"

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted:
        """Never needed: keys are honoured."""
        raise NotImplementedError(key)

    async def poll(self, task_id: str) -> Pending:
        """Never reached."""
        raise NotImplementedError(task_id)

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Never reached."""
        raise NotImplementedError(result)

    async def cancel(self, task_id: str) -> bool:
        """Never asked."""
        raise NotImplementedError(task_id)

    async def close(self) -> None:
        """Nothing is held."""


@asynccontextmanager
async def on_sqlite(folder: Path, is_carried: bool) -> AsyncGenerator[Handing]:  # noqa: FBT001
    """One process accepts and carries, as the bot does where there is only one."""
    logs.configure(level="error", layout="json")  # the others say nothing either
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        db = await SqliteDatabase.open(folder / "kinora.db")
        stack.push_async_callback(db.close)
        await db.write(lanes.open_pool(Refusing.name))
        blobs = Blobs.open(str(folder / "blobs"))
        request = await _request(blobs)
        clips = await stack.enter_async_context(Clips())
        tasks = await stack.enter_async_context(task_group())
        carrying = parts(
            db=db,
            provider=Refusing(),
            blobs=blobs,
            clips=clips,
            clock=clock,
            tasks=tasks,
            wake=lambda job_id: runner.wake(job_id),  # noqa: PLW0108 - made below
        )
        stages, admission = carrying.stages, carrying.admission
        runner = EmbeddedRunner(advance=stages.advance, give_up=stages.give_up, clock=clock, tasks=tasks)
        if is_carried:
            tasks.create_task(admission.run())

        async def accept(number: int) -> None:
            await db.write(accepted(request, number, clock.now_ms()))
            admission.wake()

        yield Handing(by_coroutine=accept)


@asynccontextmanager
async def on_postgres(folder: Path, is_carried: bool) -> AsyncGenerator[Handing]:  # noqa: FBT001
    """One process accepts, as a gateway does; a worker and the server are processes of their own."""
    logs.configure(level="error", layout="json")
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        url = stack.enter_context(postgres()).url
        carrier = await Carrier.open(url, now_ms=clock.now_ms)
        stack.push_async_callback(carrier.close)
        db = await PostgresDatabase.open(url, defer=carrier.defer)
        stack.push_async_callback(db.close)
        await db.write(lanes.open_pool(Refusing.name))
        request = await _request(Blobs.open(str(folder / "blobs")))
        if is_carried:
            worker = python("benchmarks.queues.kinora", url, str(folder / "blobs"))
            await stack.enter_async_context(child(*worker, folder=folder))
        yield Handing(by_coroutine=lambda number: db.write(accepted(request, number, clock.now_ms())))


async def work(url: str, blobs: str) -> None:
    """Be a worker, until killed."""
    logs.configure(level="error", layout="json")
    clock = SystemClock()
    carrier = await Carrier.open(url, now_ms=clock.now_ms)
    db = await PostgresDatabase.open(url, defer=carrier.defer)
    async with Clips() as clips, task_group() as tasks:
        carrying = parts(
            db=db,
            provider=Refusing(),
            blobs=Blobs.open(blobs),
            clips=clips,
            clock=clock,
            tasks=tasks,
            wake=lambda _: None,  # whoever is free hears of it from the queue
        )
        runner = ClusterRunner(
            carrier=carrier,
            advance=carrying.stages.advance,
            give_up=carrying.stages.give_up,
            fill=carrying.admission.fill,
            clock=clock,
            tasks=tasks,
        )
        await runner.run()


def accepted(request: VideoRequest, number: int, now_ms: int) -> Transaction[jobs.Accepted]:
    """Accept the request of this number, which no other process has."""
    guild_id = 1 + number % GUILDS
    where = origin(guild_id=guild_id, user_id=guild_id * 1000 + number // GUILDS % MEMBERS)
    where = replace(where, request_key=f"bench-{number}")
    numbered = request.model_copy(update={"prompt": f"{number} {request.prompt}"})
    return jobs.accept(where, numbered, CHOICE, defaults=WIDE_CAPS, now_ms=now_ms)


async def _request(blobs: Blobs) -> VideoRequest:
    """What is asked for, with a picture that is kept."""
    blob = await blobs.put(picture(), max_bytes=_LARGEST_BYTES)
    kept = Picture(blob=blob.hash, media_type="image/jpeg", width=1024, height=576)
    return REQUEST.model_copy(update={"image": kept})


if __name__ == "__main__":
    import uvloop

    uvloop.run(work(*sys.argv[1:]))
