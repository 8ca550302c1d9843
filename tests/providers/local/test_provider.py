"""The asynchronous side: tasks as folders, renders as processes that can be stopped."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.app import task_group
from bot.domain.provider import Accepted, Failed, Pending, ProviderFault, Ready, Submission
from bot.domain.requests import MotionBrush, Picture, Point, Stroke, VideoRequest
from bot.providers.local import provider
from bot.providers.local.provider import LocalProvider
from bot.providers.local.scene import Scene
from tests import builders
from tests.held import held

BLOB = "b" * 64
WAIT_S = 60


class Harness:
    """A provider, and the news it gives."""

    def __init__(self, folder: Path, tasks: asyncio.TaskGroup, shared_at_once: int | None = None) -> None:
        self.folder = folder
        self.news: asyncio.Queue[str] = asyncio.Queue()
        self.provider = LocalProvider(
            folder / "local",
            concurrency=2,
            threads=1,
            tasks=tasks,
            changed=self.news.put_nowait,
            shared_at_once=shared_at_once,
        )

    def submission(self, key: str = "kinora-x-1-1", *, is_picture: bool = True) -> Submission:
        path = self.folder / "input"
        if is_picture:
            Image.new("RGB", (320, 320), (20, 90, 160)).save(path, "PNG")
        else:
            path.write_bytes(b"nothing to see")
        image = Picture(blob=BLOB, media_type="image/png", width=320, height=320)
        request = VideoRequest(image=image, prompt="x")
        return Submission(key=key, spec=builders.LOCAL, request=request, inputs={BLOB: path})

    async def clip(self, result: str) -> bytes:
        async with self.provider.open(result) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def fails_to_fetch(self, result: str) -> None:
        async with self.provider.open(result) as chunks:
            [_ async for _ in chunks]
            raise RuntimeError("not kept")

    async def until_rendering(self, key: str) -> None:
        """Wait for the first true progress."""
        async with asyncio.timeout(WAIT_S):
            while True:
                answer = await self.provider.poll(key)
                if isinstance(answer, Pending) and answer.progress:
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def harness_in(folder: Path, shared_at_once: int | None = None) -> AsyncGenerator[Harness]:
    harness: Harness | None = None
    try:
        async with task_group() as tasks:
            harness = Harness(folder, tasks, shared_at_once)
            yield harness
    finally:
        if harness is not None:
            await harness.provider.close()


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncGenerator[Harness]:
    async with held(harness_in(tmp_path)) as made:
        yield made


async def test_a_task_renders_tells_when_it_is_done_and_can_be_fetched(harness: Harness) -> None:
    submission = harness.submission()
    assert await harness.provider.submit(submission) == Accepted(submission.key)
    assert await asyncio.wait_for(harness.news.get(), WAIT_S) == submission.key
    assert await harness.provider.poll(submission.key) == Ready(submission.key)
    assert b"ftyp" in (await harness.clip(submission.key))[:16]


async def test_the_same_key_twice_is_one_task(harness: Harness) -> None:
    submission = harness.submission()
    for _ in range(2):
        await harness.provider.submit(submission)
    await asyncio.wait_for(harness.news.get(), WAIT_S)
    assert harness.news.empty()
    await harness.provider.submit(submission)
    assert await harness.provider.poll(submission.key) == Ready(submission.key)


async def test_masks_and_paths_come_along_and_are_rendered(harness: Harness) -> None:
    plain = harness.submission()
    image = plain.request.image
    assert image is not None
    mask = image.model_copy(update={"blob": "c" * 64})
    Image.linear_gradient("L").resize((320, 320)).save(harness.folder / "mask", "PNG")
    stroke = Stroke(mask=mask, path=(Point(x=0, y=319), Point(x=9, y=0)))
    submission = replace(
        plain,
        request=plain.request.model_copy(update={"motion": MotionBrush(still=mask, moving=(stroke,))}),
        inputs={**plain.inputs, mask.blob: harness.folder / "mask"},
    )
    await harness.provider.submit(submission)
    folder = harness.folder / "local" / submission.key
    scene = Scene.from_json((folder / "scene.json").read_text())
    assert scene.strokes[0].path == ((0, 319), (9, 0))
    assert Path(scene.strokes[0].mask) == Path(scene.still or "") == folder / f"{mask.blob}.png"
    await harness.until_rendering(submission.key)


async def test_progress_is_true_and_grows(harness: Harness) -> None:
    submission = harness.submission()
    await harness.provider.submit(submission)
    await harness.until_rendering(submission.key)
    answer = await harness.provider.poll(submission.key)
    assert isinstance(answer, Pending | Ready)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of processes")
async def test_a_render_is_told_no_setting_of_the_bot(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    submission = harness.submission()
    await harness.provider.submit(submission)
    await harness.until_rendering(submission.key)
    pid = harness.provider._renders[submission.key].process.pid
    assert b"secret" not in await asyncio.to_thread(Path("/proc", str(pid), "environ").read_bytes)


async def test_a_cancelled_task_stops_and_leaves_nothing(harness: Harness) -> None:
    for number in range(3):
        submission = harness.submission(f"kinora-x-{number}-1")
        await harness.provider.submit(submission)
        await harness.until_rendering(submission.key)
        assert await harness.provider.cancel(submission.key)
        assert not (harness.folder / "local" / submission.key).exists()
        assert isinstance(await harness.provider.poll(submission.key), Failed)
    assert harness.news.empty()


async def test_a_task_can_be_cancelled_before_it_has_begun_to_draw(harness: Harness) -> None:
    submission = harness.submission()
    await harness.provider.submit(submission)
    assert await harness.provider.cancel(submission.key)
    assert harness.news.empty()


async def test_a_render_that_fails_says_so_once_in_a_sentence(harness: Harness) -> None:
    submission = harness.submission(is_picture=False)
    await harness.provider.submit(submission)
    await asyncio.wait_for(harness.news.get(), WAIT_S)
    assert await harness.provider.poll(submission.key) == Failed(
        "The local renderer could not make this clip."
    )


async def test_a_task_that_a_restart_interrupted_starts_again_when_asked_about(tmp_path: Path) -> None:
    async with held(harness_in(tmp_path)) as first:
        submission = first.submission()
        await first.provider.submit(submission)
        await first.until_rendering(submission.key)
    async with held(harness_in(tmp_path)) as second:
        assert isinstance(await second.provider.poll(submission.key), Pending)
        await asyncio.wait_for(second.news.get(), WAIT_S)
        assert await second.provider.poll(submission.key) == Ready(submission.key)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_render_that_a_signal_ends_begins_anew_when_asked_about(
    harness: Harness, number: signal.Signals
) -> None:
    """As where systemd or Ctrl-C ask every process of the bot to stop."""
    submission = harness.submission()
    await harness.provider.submit(submission)
    await harness.until_rendering(submission.key)
    harness.provider._renders[submission.key].process.send_signal(number)
    await asyncio.wait_for(harness.news.get(), WAIT_S)
    answer = await harness.provider.poll(submission.key)
    if isinstance(answer, Pending):  # else it was done before the signal came
        await asyncio.wait_for(harness.news.get(), WAIT_S)
    assert await harness.provider.poll(submission.key) == Ready(submission.key)


async def test_a_render_that_finds_no_room_is_tried_again_later(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = harness.submission()
    monkeypatch.setattr(provider, "NO_ROOM", 1)  # what a picture that is none ends with
    spoilt = harness.submission(is_picture=False)
    await harness.provider.submit(spoilt)
    await asyncio.wait_for(harness.news.get(), WAIT_S)
    assert await harness.provider.poll(submission.key) == Pending(None, 30.0)
    assert submission.key not in harness.provider._renders


async def test_a_task_nobody_knows_has_failed(harness: Harness) -> None:
    assert isinstance(await harness.provider.poll("kinora-x-9-9"), Failed)


async def test_a_clip_that_is_gone_can_be_asked_for_later(harness: Harness) -> None:
    with pytest.raises(ProviderFault):
        await harness.clip("kinora-x-9-9")


async def test_tasks_of_last_week_are_swept(harness: Harness) -> None:
    old = harness.folder / "local" / "kinora-x-0-1"
    old.mkdir(parents=True)
    (old / "scene.json").write_text(json.dumps({}))
    long_ago_s = time.time() - 1_000_000
    os.utime(old, (long_ago_s, long_ago_s))
    await harness.provider.submit(harness.submission())
    assert not old.exists()
