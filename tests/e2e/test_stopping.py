"""The bot is asked to stop, at any moment of a job's life: it leaves in time, and the next one goes on."""

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.domain.jobs import JobState
from bot.sandbox import Used
from tests.e2e.scenes import PICTURE, Scene
from tests.e2e.test_crashes import (
    balance_and_state,
    started,
    until_accepted,
    until_acknowledged,
    until_after_posting,
    until_before_posting,
    until_rendering,
    until_the_thread_is_there,
)

LEAVES_WITHIN_S = 10.0


async def leave(process: Process, number: signal.Signals = signal.SIGTERM) -> float:
    """Ask the bot to stop; returns how many seconds that took."""
    asked_s = time.monotonic()
    process.send_signal(number)
    async with asyncio.timeout(LEAVES_WITHIN_S + 5):
        assert await process.wait() == 0
    return time.monotonic() - asked_s


@pytest.mark.parametrize(
    "moment",
    [
        until_acknowledged,
        until_accepted,
        until_rendering,
        until_the_thread_is_there,
        until_before_posting,
        until_after_posting,
    ],
)
async def test_a_bot_that_is_asked_to_stop_leaves_in_time_and_the_next_one_goes_on(
    scene: Scene, moment: Callable[[Scene, Used], Awaitable[None]]
) -> None:
    # A short clip may be done before its card is edited for the first time.
    seconds, quality, price = (10, "pro", 20) if moment is until_rendering else (5, "std", 5)
    wanted: dict[str, Any] = {
        "image": PICTURE,
        "prompt": "it drifts",
        "duration": seconds,
        "quality": quality,
    }
    async with started(scene) as process:
        used = await scene.mia.slash("animate", scene.channel, **wanted)
        await moment(scene, used)
        assert await leave(process) < LEAVES_WITHIN_S
    scene.sandbox.faults.clear()
    async with started(scene):
        clip = await scene.clip_of(await used.response(timeout_s=30))
    assert [message.id for message in scene.clips()] == [clip.id]
    assert await balance_and_state(scene.settings.database_path) == (price, 0, JobState.DONE)
