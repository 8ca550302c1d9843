"""The engine on a real database and blob store, with a scripted provider and a recording publisher."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import pytest

from bot.app import task_group
from bot.db import audit, jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database
from bot.domain.jobs import Job, JobState
from bot.domain.money import Balance
from bot.domain.requests import VideoRequest
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.services.attempts import Attempts
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.gate import Gate
from bot.services.health import Health
from bot.services.notices import Notices
from bot.services.ordering import Ordering
from bot.services.stages import Stages
from bot.services.steps import Steps
from tests import books, builders
from tests.held import held
from tests.services import doubles
from tests.services.doubles import RecordingPublisher, ScriptedProvider, TurnedClock


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real clip, small and quick to make."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    container: Any
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame(320, 240, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([(number * 9 + row) % 256 for row in range(plane.buffer_size)]))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


class Build(Protocol):
    """What makes the steps of one process."""

    def __call__(self, *, sender_may_live: bool = False, is_one_of_several: bool = False) -> Stages: ...


@dataclass
class Engine:
    """Everything a job passes through."""

    db: Database
    clock: TurnedClock
    provider: ScriptedProvider
    spare: ScriptedProvider
    health: Health
    publisher: RecordingPublisher
    build: Build
    slots_freed: asyncio.Event
    gate: Gate
    stages: Stages
    delivery: Delivery
    elsewhere: set[str]
    """Providers that another process has."""

    def restart(self) -> None:
        """As another process would begin."""
        self.stages = self.build()

    async def admitted(self, price: int = 5, request: VideoRequest | None = None, **origin: object) -> Job:
        """A job that has just been given a slot; it fits nobody but `provider` unless more than 5 are reserved."""
        await self.db.write(
            jobs.accept(
                builders.origin(**{"card_id": 777} | origin),
                request or builders.request(),
                builders.choice(price, provider="scripted"),
                defaults=builders.NO_CAPS,
                now_ms=self.clock.now_ms(),
            )
        )
        job = await self.db.write(jobs.admit("scripted", slots=9, now_ms=self.clock.now_ms()))
        assert job
        return job

    async def step(self, job: Job) -> Job:
        """Let the clock reach the job's next moment and take one step."""
        current = await self.job(job)
        self.clock.turn(max(0, current.run_at_ms - self.clock.now_ms()) / 1000)
        await self.stages.advance(job.id)
        return await self.job(job)

    async def until(self, job: Job, *states: JobState, steps: int = 60) -> Job:
        """Take steps until the job is in one of the states."""
        for _ in range(steps):
            job = await self.step(job)
            if job.state in states:
                return job
        raise AssertionError(f"after {steps} steps the job is {job.state}")

    async def job(self, job: Job) -> Job:
        return await self.db.read(jobs.get(job.id))

    async def balance(self) -> Balance:
        return await self.db.read(books.balance(now_ms=self.clock.now_ms()))


@pytest.fixture
async def engine(tmp_path: Path, clip: bytes) -> AsyncGenerator[Engine]:
    async with held(_on_sqlite(tmp_path, clip)) as built:
        yield built


@asynccontextmanager
async def _on_sqlite(tmp_path: Path, clip: bytes) -> AsyncGenerator[Engine]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    async with engine_on(db, TurnedClock(), tmp_path, clip) as built:
        yield built
    await db.close()


@asynccontextmanager
async def engine_on(db: Database, clock: TurnedClock, tmp_path: Path, clip: bytes) -> AsyncGenerator[Engine]:
    provider, publisher = ScriptedProvider(), RecordingPublisher()
    provider.clip = clip
    spare = ScriptedProvider()
    spare.name, spare.clip = "spare", clip
    providers = {"scripted": provider, "spare": spare}
    freed = asyncio.Event()
    for pool in ("scripted", "spare"):
        await db.write(lanes.open_pool(pool))
    blobs = Blobs.open(tmp_path / "blobs")
    async with Clips() as clips, task_group() as tasks:
        health = Health(clock, changed=lambda: None)
        gate = Gate(changed=lambda: None, is_one_of_several=True)
        routes = doubles.routes(db, builders.SCRIPTED, builders.SPARE, health=health)
        cards = Cards(
            db=db,
            publisher=publisher,
            providers=providers,
            routes=routes,
            gate=gate,
            clock=clock,
            tasks=tasks,
        )
        notices = Notices(db=db, publisher=publisher, clock=clock)
        delivery = Delivery(
            db=db, publisher=publisher, blobs=blobs, clips=clips, clock=clock, notices=notices
        )

        elsewhere = set[str]()

        def stages(*, sender_may_live: bool = False, is_one_of_several: bool = False) -> Stages:
            steps = Steps(db=db, clock=clock, cards=cards, slot_freed=freed.set)
            attempts = Attempts(
                providers=providers,
                routes=routes,
                blobs=blobs,
                installation="abc123",
                callback_url=lambda _: None,
            )
            return Stages(
                steps=steps,
                ordering=Ordering(
                    steps=steps,
                    attempts=attempts,
                    routes=routes,
                    health=health,
                    has_left=lambda provider: provider not in elsewhere,
                    sender_may_live=sender_may_live,
                ),
                attempts=attempts,
                blobs=blobs,
                clips=clips,
                delivery=delivery,
                cards=cards,
                leaves_to_others=lambda: gate.leaves_to_others,
                is_one_of_several=is_one_of_several,
            )

        yield Engine(
            db, clock, provider, spare, health, publisher, stages, freed, gate, stages(), delivery, elsewhere
        )
    assert await db.read(audit.discrepancies()) == 0
