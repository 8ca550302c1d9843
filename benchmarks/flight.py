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

from benchmarks.resident import resident_mb
from benchmarks.values import CATALOGUE, CHOICE, NO_CAPS, REQUEST, origin
from bot.app import task_group
from bot.clock import SystemClock
from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import Job
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Pending, Recovery, Submission
from bot.domain.requests import Task
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.services.admission import Admission
from bot.services.attempts import Attempts
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.gate import Gate
from bot.services.health import Health
from bot.services.notices import Notices
from bot.services.ordering import Ordering
from bot.services.ports import Card, Place, Sent
from bot.services.routing import Routes
from bot.services.runner.embedded import EmbeddedRunner
from bot.services.stages import Stages
from bot.services.steps import Steps

TEXT_ONLY = REQUEST.model_copy(update={"image": None})
POLLS = 3
"""A job counts as in flight once it was asked for this often."""


class Patience:
    """A provider that is never done."""

    name = CHOICE.spec.provider
    recovery = Recovery.KEY_HONOURED

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


class Nowhere:
    """A publisher that shows cards to nobody; nothing is ever delivered here."""

    async def show(self, card: Card) -> None:
        """Forget it."""

    async def open_thread(self, job: Job, place: Place) -> None:
        """Never reached."""
        raise NotImplementedError(job, place)

    async def open_direct(self, user_id: int) -> int:
        """Never reached."""
        raise NotImplementedError(user_id)

    async def suits(self, job: Job, gallery_id: int) -> bool:
        """Never reached."""
        raise NotImplementedError(job, gallery_id)

    async def upload_limit(self, job: Job, place: Place) -> int:
        """Never reached."""
        raise NotImplementedError(job, place)

    async def post(self, job: Job, clip: Path, place: Place) -> Sent:
        """Never reached."""
        raise NotImplementedError(job, clip, place)

    async def find(self, job: Job, place: Place, *, after_ms: int) -> Sent | None:
        """Never reached."""
        raise NotImplementedError(job, place, after_ms)

    async def holds(self, job: Job, channel_id: int, message_id: int) -> Sent | None:
        """Never reached."""
        raise NotImplementedError(job, channel_id, message_id)

    async def tell(
        self, guild_id: int, channel_id: int, text: str, *, key: str, is_silent: bool = False
    ) -> None:
        """Never reached."""
        raise NotImplementedError(guild_id, channel_id, text, key, is_silent)

    async def archive(self, job: Job, *, only_if_quiet: bool) -> None:
        """Never reached."""
        raise NotImplementedError(job, only_if_quiet)


async def fly(number: int, folder: Path) -> dict[str, float]:
    """Accept `number` jobs and carry them until each was polled some times; returns MB before and then."""
    clock, publisher, provider = SystemClock(), Nowhere(), Patience(number)
    providers = {provider.name: provider}
    db = await SqliteDatabase.open(folder / "kinora.db")
    await db.write(lanes.open_pool(provider.name))
    before_mb = resident_mb().now
    blobs = Blobs.open(str(folder / "blobs"))
    async with Clips() as clips, task_group() as tasks:
        health = Health(clock, changed=lambda: None)
        routes = Routes(db=db, catalogue=CATALOGUE, health=health)
        gate = Gate(changed=lambda: None)
        cards = Cards(
            db=db,
            publisher=publisher,
            providers=providers,
            routes=routes,
            gate=gate,
            clock=clock,
            tasks=tasks,
        )

        def admitted(job: Job) -> None:
            cards.changed(job)
            runner.wake(job.id)

        admission = Admission(
            db=db,
            providers=providers,
            clock=clock,
            gate=gate,
            health=health,
            routes=routes,
            admitted=admitted,
            moved_up=cards.changed,
        )
        attempts = Attempts(
            providers=providers,
            routes=routes,
            blobs=blobs,
            installation="bench",
            callback_url=lambda _: None,
        )
        steps = Steps(db=db, clock=clock, cards=cards, slot_freed=admission.wake)
        stages = Stages(
            steps=steps,
            ordering=Ordering(steps=steps, attempts=attempts, routes=routes, health=health),
            attempts=attempts,
            blobs=blobs,
            clips=clips,
            delivery=Delivery(
                db=db,
                publisher=publisher,
                blobs=blobs,
                clips=clips,
                clock=clock,
                notices=Notices(db=db, publisher=publisher, clock=clock),
            ),
            cards=cards,
        )
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
