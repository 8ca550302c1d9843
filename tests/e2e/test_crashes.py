"""The bot as a process of its own, killed without warning and started again."""

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import pytest

from bot import settings as environment
from bot.db import audit, guilds, jobs
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.jobs import JobState
from bot.domain.places import ThreadStyle
from bot.sandbox import Drop, Hold, Used, shows
from tests.e2e.scenes import CLIP_TIMEOUT_S, PICTURE, Scene, decoded

MESSAGES = "/channels/{channel_id}/messages"


@asynccontextmanager
async def started(
    scene: Scene, more: Mapping[str, str] = MappingProxyType({}), *, may_complain: bool = False
) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment.inherited(**scene.environment(), **more),
        cwd=scene.folder,
        stderr=PIPE,
        limit=1 << 20,
    )
    said: list[bytes] = []

    async def listen() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            said.append(line)  # noqa: PERF401 - who fails meanwhile shows what was said so far

    listener = asyncio.ensure_future(listen())
    try:
        await scene.application.ready()
        yield process
    except Exception as error:
        raise AssertionError(b"".join(said[-40:]).decode()) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
        await listener
    for line in said:
        assert may_complain or json.loads(line)["level"] not in ("error", "critical"), line.decode()


async def kill(process: Process) -> None:
    process.kill()
    await process.wait()


async def until_acknowledged(_scene: Scene, used: Used) -> None:
    await used.acknowledged()


async def until_accepted(_scene: Scene, used: Used) -> None:
    await used.response(until=lambda card: "Job 1" in card.text)


async def until_rendering(_scene: Scene, used: Used) -> None:
    card = await used.response(until=lambda card: "Job 1" in card.text)
    await shows(card, lambda message: "Rendering" in message.text)


async def until_before_posting(scene: Scene, _used: Used) -> None:
    fault = scene.sandbox.faults.add("POST", MESSAGES, Hold())
    await asyncio.wait_for(fault.struck.wait(), CLIP_TIMEOUT_S)


async def until_after_posting(scene: Scene, _used: Used) -> None:
    fault = scene.sandbox.faults.add("POST", MESSAGES, Hold(after_effect=True))
    await asyncio.wait_for(fault.struck.wait(), CLIP_TIMEOUT_S)


async def until_the_thread_is_there(scene: Scene, _used: Used) -> None:
    route = "/channels/{channel_id}/messages/{message_id}/threads"
    fault = scene.sandbox.faults.add("POST", route, Hold(after_effect=True))
    await asyncio.wait_for(fault.struck.wait(), CLIP_TIMEOUT_S)


async def test_a_clip_arrives_once_although_the_bot_was_killed_while_it_was_rendered(scene: Scene) -> None:
    """At every other moment: tests/chaos."""
    wanted = {"image": PICTURE, "prompt": "the boat drifts", "duration": 10, "quality": "pro"}
    async with started(scene) as process:
        used = await scene.mia.slash("animate", scene.channel, **wanted)
        await until_rendering(scene, used)
        await kill(process)
    async with started(scene):
        card = await used.response()
        clip = await scene.clip_of(card)
    assert [message.id for message in scene.clips()] == [clip.id]
    assert round(decoded(clip.files[0].data).seconds, 1) == 10
    assert await balance_and_state(scene.settings.database_path) == (20, 0, JobState.DONE)


@pytest.mark.parametrize(
    ("style", "moment"),
    [
        (ThreadStyle.MEMBER, until_the_thread_is_there),
        (ThreadStyle.MEMBER, until_after_posting),
        (ThreadStyle.NONE, until_after_posting),
        (ThreadStyle.GALLERY, until_after_posting),
    ],
)
async def test_a_clip_arrives_once_where_the_server_wants_it_although_the_bot_was_killed(
    scene: Scene, style: ThreadStyle, moment: Callable[[Scene, Used], Awaitable[None]]
) -> None:
    gallery = scene.guild.add_channel("gallery")
    await prefer(scene, thread_style=int(style), gallery_channel_id=gallery.id)
    async with started(scene) as process:
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, draft=True)
        await moment(scene, used)
        await kill(process)
    scene.sandbox.faults.clear()
    async with started(scene):
        clip = await scene.clip_of(await used.response())
    assert [message.id for message in scene.clips()] == [clip.id]
    threads = [thread.id for thread in scene.guild.threads]
    wanted = {ThreadStyle.NONE: scene.channel.id, ThreadStyle.GALLERY: gallery.id}
    assert threads == ([] if style in wanted else [clip.channel_id])
    assert clip.channel_id == wanted.get(style, clip.channel_id)


async def prefer(scene: Scene, **known: object) -> None:
    scene.settings.data_dir.mkdir(parents=True)
    db = await SqliteDatabase.open(scene.settings.database_path)
    await db.write(guilds.prefer(scene.guild.id, known, defaults=scene.settings.default_limits))
    await db.close()


async def test_a_connection_that_breaks_after_the_post_does_not_double_it(scene: Scene) -> None:
    async with started(scene):
        scene.sandbox.faults.add("POST", MESSAGES, Drop(after_effect=True))
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await scene.clip_of(await used.response())
    assert len(scene.clips()) == 1


async def test_a_button_works_after_a_restart_and_after_other_cards_lost_theirs(scene: Scene) -> None:
    async with started(scene):
        for _ in range(3):
            await scene.mia.slash("animate", scene.channel, image=PICTURE, duration=10, quality="pro")
        cards = [
            await scene.channel.next_message(lambda m, n=n: f"Job {n}" in m.text, since=0) for n in (1, 2, 3)
        ]
        await scene.mia.click(cards[0], "Cancel")
        await shows(cards[0], lambda card: "Cancelled" in card.text)
    async with started(scene):
        for card in cards[1:]:
            answer = await (await scene.mia.click(card, "Cancel")).response()
            assert "cancelled" in answer.text or "being stopped" in answer.text
            await shows(card, lambda shown: "Cancelled" in shown.text)
    assert scene.clips() == []


async def test_a_second_bot_on_the_same_folder_is_told_so(scene: Scene) -> None:
    async with started(scene):
        second = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            env=environment.inherited(**scene.environment()),
            cwd=scene.folder,
            stderr=PIPE,
        )
        _, said = await second.communicate()
    assert second.returncode == 1
    assert said.decode().count("\n") == 1
    assert "Another Kinora is running" in said.decode()


async def balance_and_state(path: Path) -> tuple[int, int, JobState]:
    db = await SqliteDatabase.open(path)
    try:
        job = await db.read(jobs.get(1))
        assert await db.read(audit.discrepancies()) == 0
        used, reserved = await db.read(_used(job.origin.user_id))
        return used, reserved, job.state
    finally:
        await db.close()


def _used(user_id: int) -> Transaction[tuple[int, int]]:
    """Of the month; a job may have been asked for just before midnight."""
    rows = yield _OF_A_MONTH, {"user_id": user_id}
    [row] = rows
    return row["used"], row["reserved"]


_OF_A_MONTH = "SELECT used, reserved FROM balances WHERE subject_id = :user_id AND period LIKE '____-__'"
