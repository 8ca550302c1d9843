"""The local renderer as one of several: whoever renders keeps hold of the task, and what is lost is made anew."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from bot.domain.provider import Accepted, Failed, Pending, Ready, TaskLost
from bot.providers.local import provider
from tests.held import held
from tests.patience import PATIENCE_S
from tests.providers.local.test_provider import Harness, harness_in


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncGenerator[Harness]:
    async with held(harness_in(tmp_path, shared_at_once=1)) as made:
        yield made


async def until_it_ends(worker: Harness, key: str) -> Ready | Failed:
    """Ask as a process does that takes step after step."""
    async with asyncio.timeout(PATIENCE_S):
        while isinstance(answer := await worker.provider.poll(key), Pending):
            assert answer.ask_again_s == 0, "somebody else might be the one to ask"
    return answer


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - of a process, and of a folder
            await asyncio.sleep(0.02)


async def test_it_is_asked_about_without_a_pause_until_it_is_done(worker: Harness) -> None:
    submission = worker.submission()
    assert await worker.provider.submit(submission) == Accepted(submission.key)
    assert await until_it_ends(worker, submission.key) == Ready(submission.key)
    assert b"ftyp" in (await worker.clip(submission.key))[:16]
    assert worker.news.empty()


async def test_a_render_that_fails_says_so(worker: Harness) -> None:
    spoilt = worker.submission(is_picture=False)
    await worker.provider.submit(spoilt)
    assert isinstance(await until_it_ends(worker, spoilt.key), Failed)


async def test_what_another_process_rendered_or_finished_is_lost(worker: Harness) -> None:
    with pytest.raises(TaskLost):
        await worker.provider.poll("kinora-x-9-9")
    with pytest.raises(TaskLost):
        await worker.clip("kinora-x-9-9")


async def test_what_is_more_than_its_share_is_lost_until_there_is_room(worker: Harness) -> None:
    first, second = worker.submission("kinora-x-1-1"), worker.submission("kinora-x-2-1")
    await worker.provider.submit(first)
    await worker.provider.submit(second)
    with pytest.raises(TaskLost):
        await worker.provider.poll(second.key)
    await until_it_ends(worker, first.key)
    await until(lambda: not worker.provider._renders)  # a clip is whole before its process has ended
    assert await until_it_ends(worker, second.key) == Ready(second.key)


async def test_a_render_that_nobody_asks_about_any_more_is_stopped(
    worker: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_FORGOTTEN_S", 0.0)
    submission = worker.submission()
    await worker.provider.submit(submission)
    await until(lambda: not (worker.folder / "local" / submission.key).exists())
    assert not worker.provider._renders


async def test_it_says_when_it_renders_as_much_as_it_may(worker: Harness) -> None:
    assert not worker.provider.is_full
    submission = worker.submission()
    await worker.provider.submit(submission)
    assert worker.provider.is_full
    await worker.provider.cancel(submission.key)
    assert not worker.provider.is_full


async def test_of_what_was_fetched_nothing_stays(worker: Harness) -> None:
    submission = worker.submission()
    await worker.provider.submit(submission)
    await until_it_ends(worker, submission.key)
    with pytest.raises(RuntimeError, match="not kept"):
        await worker.fails_to_fetch(submission.key)
    assert b"ftyp" in (await worker.clip(submission.key))[:16]
    assert not (worker.folder / "local" / submission.key).exists()


async def test_of_what_failed_nothing_stays(worker: Harness) -> None:
    spoilt = worker.submission(is_picture=False)
    await worker.provider.submit(spoilt)
    await until_it_ends(worker, spoilt.key)
    await until(lambda: not (worker.folder / "local" / spoilt.key).exists())


def left_behind(folder: Path, key: str) -> Path:
    """What nobody has fetched for an hour."""
    old = folder / "local" / key
    old.mkdir(parents=True)
    (old / "clip.mp4").write_bytes(b"clip")
    an_hour_ago_s = time.time() - 3600
    os.utime(old, (an_hour_ago_s, an_hour_ago_s))
    return old


async def test_what_was_left_behind_is_swept_although_nobody_asks_for_a_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_SWEPT_EVERY_S", 0.01)
    old = left_behind(tmp_path, "kinora-x-0-1")
    async with held(harness_in(tmp_path, shared_at_once=1)):
        await until(lambda: not old.exists())


async def test_what_somebody_still_tries_to_fetch_is_not_swept(worker: Harness) -> None:
    old = left_behind(worker.folder, "kinora-x-0-1")
    with pytest.raises(RuntimeError, match="not kept"):
        await worker.fails_to_fetch("kinora-x-0-1")
    await worker.provider.submit(worker.submission())
    assert old.exists()
