"""A provider that is done at once, or when a test says so, with a real clip."""

import asyncio
import io
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from functools import cache
from typing import Any

import av
import pytest
from PIL import Image

from bot.db import asks
from bot.domain.jobs import JobState
from bot.domain.models import ModelSpec
from bot.domain.provider import Accepted, Pending, Ready, Recovery, Submission
from bot.domain.requests import Task
from bot.providers import registry
from bot.sandbox.waiting import Bell
from tests.e2e.scenes import Bot, Scene
from tests.patience import PATIENCE_S

_FPS = 24


class Studio:
    """Stands in for the local renderer, where what is made does not matter and when it is made does."""

    name = "local"
    recovery = Recovery.KEY_HONOURED
    concurrency = 100
    is_full = False

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.cancelled: list[str] = []
        self.changed: registry.Changed = lambda _name, _task: None
        self._open = asyncio.Event()
        self._open.set()
        self._bell = Bell()
        self.answers = asyncio.Event()
        """Cleared by a test, orders stay without an answer until it is set."""
        self.answers.set()

    def hold(self) -> None:
        """From now on clips take until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Every clip is ready."""
        self._open.set()
        for task_id in self.submitted:
            self.changed(self.name, task_id)

    async def has_taken(self, count: int) -> None:
        """Wait until so many clips were ordered."""
        await self._bell.until(lambda: len(self.submitted) >= count or None, awaited=f"{count} orders")

    async def submit(self, submission: Submission) -> Accepted:
        self.submitted.append(submission.key)
        self._bell.ring()
        await self.answers.wait()
        return Accepted(submission.key)

    def preview(self, submission: Submission) -> str:
        return f"curl --data @- http://studio <<JSON\n{submission.spec.id}\nJSON"

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted:
        return Accepted(key)

    async def poll(self, task_id: str) -> Pending | Ready:
        return Ready(task_id) if self._open.is_set() else Pending(None, 60)

    @asynccontextmanager
    async def open(self, result: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            yield film()

        yield chunks()

    async def cancel(self, task_id: str) -> bool:
        self.cancelled.append(task_id)
        return True

    async def close(self) -> None:
        pass


def opened(monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A studio in the place of the local renderer, for bots that start from now on."""
    studio = Studio()

    def build(_settings: object, shared: registry.Shared) -> Studio:
        studio.changed = shared.changed
        return studio

    monkeypatch.setattr(registry, "PROVIDERS", {"local": build})
    return studio


async def ends(bot: Bot, state: JobState) -> None:
    """Wait for the end of the first job, where no card shows it."""
    async with asyncio.timeout(PATIENCE_S):
        while (await bot.job()).state is not state:  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)


async def everybody_is_answered(bot: Bot, scene: Scene) -> None:
    """Fail if an interaction is left without its answer, or the bot does not take another."""
    scene.sandbox.faults.clear()
    if scene.application.user.id in scene.guild.members:
        somebody = scene.guild.add_member("somebody")  # who cannot have been too fast
        answer = await (await somebody.slash("queue", scene.guild.add_channel("afterwards"))).response()
        assert "being made" in answer.text or "nothing waits" in answer.text
    for interaction in scene.sandbox.world.interactions.values():
        assert interaction.acknowledgement is not None, interaction
        if interaction.choices is not None or interaction.modal is not None:  # which are the whole answer
            continue
        assert interaction.original is not None
        assert interaction.is_answered, interaction
        if interaction.original.is_loading:  # taken back, and answered to one person alone
            assert interaction.follow_ups, interaction
    await nothing_noted(bot)
    assert not bot.app.connection.done()


@cache
def film() -> bytes:
    """A second of noise, about a third of a megabyte: it can be made smaller, though not at will."""
    noise = random.Random(0)
    buffer = io.BytesIO()
    result: Any
    frames: Any = av.VideoFrame
    with av.open(buffer, "w", format="mp4") as result:
        video = result.add_stream("libx264", rate=_FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = 320, 180, "yuv420p", 3_000_000
        for number in range(_FPS):
            image = Image.frombytes("L", (320, 180), noise.randbytes(320 * 180)).convert("RGB")
            frame: Any = frames.from_image(image)
            frame.pts, frame.time_base = number, Fraction(1, _FPS)
            result.mux(video.encode(frame))
        result.mux(video.encode(None))
    return buffer.getvalue()


async def nothing_noted(bot: Bot) -> None:
    """Wait until every request that was answered is forgotten, which is just after the answer."""
    async with asyncio.timeout(PATIENCE_S):
        while await bot.app.db.read(asks.left()):  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)
