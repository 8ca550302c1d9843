"""The bot is asked to stop, at any moment of a job's life: it leaves, and the next one goes on."""

import asyncio
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot import settings as environment
from bot.db import asks, jobs, visit
from bot.domain.errors import NoSuchJob
from bot.domain.jobs import JobState
from bot.sandbox import Hold, Used
from bot.services.gate import Closure
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.test_crashes import (
    balance_and_state,
    started,
    until_accepted,
    until_acknowledged,
    until_after_posting,
    until_rendering,
)
from tests.patience import PATIENCE_S
from tests.vendors.kling import KlingVendor
from tests.vendors.opened import eventually

WAITS_FOR_S = 7.0
"""For which a bot waits for what is under way."""


async def leave(process: Process) -> float:
    """Ask the bot to stop; returns how many seconds that took."""
    asked_s = time.monotonic()
    process.terminate()
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    return time.monotonic() - asked_s


@pytest.mark.parametrize(
    "moment",
    [
        until_acknowledged,
        until_accepted,
        until_rendering,
        until_after_posting,
    ],
)
async def test_a_bot_that_is_asked_to_stop_leaves_and_the_next_one_goes_on(
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
        await leave(process)
    scene.sandbox.faults.clear()
    async with started(scene):
        clip = await scene.clip_of(await used.response())
    assert [message.id for message in scene.clips()] == [clip.id]
    assert await balance_and_state(scene.settings.database_path) == (price, 0, JobState.DONE)


class Slow(KlingVendor):
    """Takes tasks, and says so only when a test lets it."""

    def __init__(self) -> None:
        super().__init__(now_ms=int(time.time() * 1000), key="sk-kling-4f1d")
        self.struck, self.may_answer = asyncio.Event(), asyncio.Event()

    async def create(self, request: web.Request) -> web.StreamResponse:
        answer = await super().create(request)
        self.struck.set()
        await self.may_answer.wait()
        return answer

    def environment(self) -> dict[str, str]:
        return {"KLING_API_KEY": self.key, "KLING_BASE_URL": self.base_url, "PROVIDERS": "kling"}


@pytest.fixture
async def slow() -> AsyncGenerator[Slow]:
    vendor = Slow()
    async with vendor.serve():
        yield vendor


async def ask(scene: Scene) -> Used:
    return await scene.mia.slash("video", scene.channel, prompt="a paper boat", quality="pro")


async def test_an_order_that_is_on_its_way_is_given_the_time_to_be_answered(scene: Scene, slow: Slow) -> None:
    async with started(scene, slow.environment()) as process:
        used = await ask(scene)
        await asyncio.wait_for(slow.struck.wait(), PATIENCE_S)
        asyncio.get_running_loop().call_later(1, slow.may_answer.set)
        await leave(process)
    assert await state_of(scene) in (JobState.RENDERING, JobState.FETCHING)  # and not in doubt
    async with started(scene, slow.environment()):
        await scene.clip_of(await used.response())
    assert len(slow.bill) == len(scene.clips()) == 1


async def test_who_asks_of_a_bot_that_is_stopping_is_told_so_and_nothing_is_kept(
    scene: Scene, bot: Bot
) -> None:
    bot.app.gate.shut(Closure.STOPPING)
    answer = await (await ask(scene)).response()
    assert "stopped or restarted. Please ask again in a minute. Nothing was charged." in answer.text
    with pytest.raises(NoSuchJob):
        await bot.job()
    assert await bot.app.db.read(asks.left()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_second_signal_hurries_and_what_was_cut_off_is_found_again(
    scene: Scene, slow: Slow, number: signal.Signals
) -> None:
    async with started(scene, slow.environment()) as process:
        used = await ask(scene)
        await asyncio.wait_for(slow.struck.wait(), PATIENCE_S)
        process.send_signal(number)
        with suppress(TimeoutError):  # one that comes before the first was looked at is the same one
            await asyncio.wait_for(process.wait(), 1.5)
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    slow.may_answer.set()
    async with started(scene, slow.environment()):
        await scene.clip_of(await used.response())
    assert len(slow.bill) == len(scene.clips()) == 1


async def test_an_order_that_is_never_answered_does_not_keep_the_bot(scene: Scene, slow: Slow) -> None:
    async with started(scene, slow.environment()) as process:
        used = await ask(scene)
        await asyncio.wait_for(slow.struck.wait(), PATIENCE_S)
        assert await leave(process) >= WAITS_FOR_S
    slow.may_answer.set()
    async with started(scene, slow.environment()):
        await scene.clip_of(await used.response())
    assert len(slow.bill) == len(scene.clips()) == 1


async def test_a_bot_that_is_only_starting_leaves_as_well(scene: Scene) -> None:
    fault = scene.sandbox.faults.add("GET", "/users/@me", Hold())
    process = await spawned(scene)
    await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
    await leave(process)


async def test_the_renderers_own_processes_end_with_the_bot(scene: Scene) -> None:
    async with started(scene) as process:
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, duration=10, quality="pro")
        await until_rendering(scene, used)
        children = children_of(process.pid)
        renderers = [child for child in children if "local.worker" in command(child)]
        assert renderers
        await leave(process)

    async def are_gone() -> bool:
        return not any(command(child) for child in renderers)

    await eventually(are_gone)


async def test_systemd_hears_when_the_bot_is_up_and_when_it_stops(scene: Scene, tmp_path: Path) -> None:
    address = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(PATIENCE_S)
        async with started(scene, {"NOTIFY_SOCKET": str(address)}) as process:
            assert await asyncio.to_thread(manager.recv, 100) == b"READY=1"
            await leave(process)
        assert await asyncio.to_thread(manager.recv, 100) == b"STOPPING=1"


async def state_of(scene: Scene) -> JobState:
    return (await asyncio.to_thread(visit.read, scene.settings.database_path, jobs.get(1))).state


async def spawned(scene: Scene) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment.inherited(**scene.environment()),
        cwd=scene.folder,
    )


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def command(pid: str) -> str:
    """What a process runs; nothing for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
