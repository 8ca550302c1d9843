"""Kinora as it accepts and carries jobs, with a provider that takes nothing and nobody to show cards to.

A request is accepted with every cap, the ledger and the lane; its work begins where the provider is asked for the
clip: by then it was admitted, and "about to send" is on disk as well.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.acknowledgement import picture
from benchmarks.flight import Nowhere
from benchmarks.queues.contestant import AT_ONCE, Handing
from benchmarks.queues.starts import began
from benchmarks.values import CHOICE, REQUEST, WIDE_CAPS, origin
from bot import logs
from bot.app import task_group
from bot.clock import SystemClock
from bot.db import jobs, lanes
from bot.db.transaction import Transaction
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Pending, Recovery, Refusal, Rejected, Submission
from bot.domain.requests import Picture, Task, VideoRequest
from bot.engine import build_engine
from bot.settings import Settings
from bot.stores import Stores, open_stores, open_wires

GUILDS = 50
MEMBERS = 20
"""A guild."""
_LARGEST_BYTES = 10_000_000


class Refusing:
    """A provider that says when it was asked, and no."""

    name = CHOICE.spec.provider
    recovery = Recovery.KEY_HONOURED
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
    settings = Settings(_env_file=None, data_dir=folder, providers=("local",), web_port=0)  # pyright: ignore[reportCallIssue]
    async with AsyncExitStack() as stack:
        stores = await open_stores(settings, stack)
        request = await _request(stores)
        await stores.db.write(lanes.open_pool(CHOICE.spec.provider))
        wires = await open_wires(settings, stack)
        clock = SystemClock()
        tasks = await stack.enter_async_context(task_group())
        engine = build_engine(settings, stores, wires, Nowhere(), clock=clock, tasks=tasks)
        engine.providers[Refusing.name] = Refusing()
        if is_carried:
            tasks.create_task(engine.admission.run())

        async def accept(number: int) -> None:
            await stores.db.write(accepted(request, number, clock.now_ms()))
            engine.admission.wake()

        yield Handing(by_coroutine=accept)


def accepted(request: VideoRequest, number: int, now_ms: int) -> Transaction[jobs.Accepted]:
    """Accept the request of this number, which no other process has."""
    guild_id = 1 + number % GUILDS
    where = origin(guild_id=guild_id, user_id=guild_id * 1000 + number // GUILDS % MEMBERS)
    where = replace(where, request_key=f"bench-{number}")
    numbered = request.model_copy(update={"prompt": f"{number} {request.prompt}"})
    return jobs.accept(where, numbered, CHOICE, defaults=WIDE_CAPS, now_ms=now_ms)


async def _request(stores: Stores) -> VideoRequest:
    """What is asked for, with a picture that is kept."""
    blob = await stores.blobs.put(picture(), max_bytes=_LARGEST_BYTES)
    kept = Picture(blob=blob.hash, media_type="image/jpeg", width=1024, height=576)
    return REQUEST.model_copy(update={"image": kept})
