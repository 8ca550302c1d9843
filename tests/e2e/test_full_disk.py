"""A disk without room: nothing is begun, nothing half-written is taken for whole, and it heals by itself."""

import asyncio
import resource
import shutil
from asyncio.subprocess import Process
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.domain.errors import NoSuchJob
from bot.domain.jobs import JobState
from bot.sandbox import Hold, Message, shows
from bot.services import room
from bot.services.gate import Closure
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, everybody_is_answered, opened
from tests.e2e.test_crashes import balance_and_state, started
from tests.patience import PATIENCE_S

PAUSED = "Paused: the bot's disk is full."


class Disk:
    """Has as much room as a test says."""

    free = 10_000_000_000

    def usage(self, _folder: Path) -> SimpleNamespace:
        return SimpleNamespace(total=self.free, used=0, free=self.free)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Of bots that start from now on; they look at it all the time."""
    disk = Disk()
    monkeypatch.setattr(room, "LOOKS_EVERY_MS", 50)
    monkeypatch.setattr(shutil, "disk_usage", disk.usage)
    return disk


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


async def ask(scene: Scene, number: int) -> Message:
    used = await scene.mia.slash("video", scene.channel, prompt="a paper boat")
    return await used.response(lambda card: f"Job {number}" in card.text)


async def test_what_runs_ends_what_waits_is_told_and_nothing_is_taken_until_there_is_room(
    scene: Scene, studio: Studio, disk: Disk, bot: Bot
) -> None:
    studio.hold()
    runs = await ask(scene, 1)
    await studio.has_taken(1)
    bot.app.gate.shut(Closure.DRAINING)
    waits = await ask(scene, 2)
    disk.free = 499_000_000
    await shows(waits, lambda card: PAUSED in card.text)
    refused = await (await scene.mia.slash("video", scene.channel, prompt="a paper boat")).response()
    assert "The bot's disk is full" in refused.text
    assert "Nothing was charged." in refused.text
    assert PAUSED in (await (await scene.mia.slash("queue", scene.channel)).response()).text
    studio.release()
    bot.app.gate.open(Closure.DRAINING)
    await scene.clip_of(runs)
    assert (await bot.job(2)).state is JobState.QUEUED
    disk.free = 600_000_000
    await scene.clip_of(waits)
    with pytest.raises(NoSuchJob):
        await bot.job(3)
    await everybody_is_answered(bot, scene)


def full(process: Process) -> None:
    """From now on not one byte can be written to a file."""
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, hard))


def roomy(process: Process) -> None:
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def test_a_clip_that_finds_no_room_waits_for_it(scene: Scene) -> None:
    async with started(scene, may_complain=True) as process:
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
        fault = scene.sandbox.faults.add(
            "POST", "/channels/{channel_id}/messages/{message_id}/threads", Hold()
        )
        card = await used.response(lambda shown: "Job 1" in shown.text)
        await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
        full(process)
        fault.release()
        answer = await (await scene.mia.slash("video", scene.channel, prompt="a paper boat")).response()
        assert "cannot reach its database, so it accepts nothing" in answer.text
        assert "Nothing was charged." in answer.text
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 3)
        assert process.returncode is None
        roomy(process)
        await scene.clip_of(card)
    assert len(scene.clips()) == 1
    assert await balance_and_state(scene.settings.database_path) == (5, 0, JobState.DONE)
