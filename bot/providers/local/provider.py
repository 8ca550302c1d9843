"""The `local` provider: renders on this machine, in child processes that can be stopped.

A task is a folder named after the attempt key: the pictures, `scene.json`, and `clip.mp4` once it is whole.
The folder outlives the process, so a task that a crash interrupted starts again when it is next asked about.

Where other processes go on with this one's tasks they have no such folder. So the process that renders keeps hold of
the job meanwhile: `poll` waits, and asks to be asked again at once. Whoever comes after one that died finds the task
lost, and it is made anew.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

import bot
from bot.domain.models import ModelSpec
from bot.domain.provider import (
    Accepted,
    Failed,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Rejected,
    Submission,
    TaskLost,
    Unknown,
)
from bot.domain.requests import Picture, Task
from bot.media.children import environment
from bot.providers.local.scene import INTERRUPTED, NO_ROOM, scene_for

log = structlog.stdlib.get_logger(__name__)

WIRE: Mapping[str, frozenset[str] | None] = {}
"""What a catalogue row may say in `wire`: nothing."""

_ROOT = Path(bot.__file__).resolve().parents[1]
_CHUNK_BYTES = 1 << 18
_KEPT_S = 7 * 24 * 3600
_KEPT_SHARED_S = 900
"""Where others go on, what was not fetched or is another's by now: what is gone is made anew, and disks are small."""
_SWEPT_EVERY_S = 60.0
"""Where others go on: a disk that is full would keep everybody from asking for the clip that sweeps it."""
_FORGOTTEN_S = 60.0
"""Where others go on: a render that nobody has asked about for so long is another process's by now, or was stopped there."""
_ASK_AGAIN_S = 1.0
_WATCHED_S = 2.0
"""Where others go on: each look is a commit of the whole cluster, and as long a request to stop is not seen."""
_ROOM_AGAIN_S = 30.0
"""A disk that is full is tried again after so long."""
_INTERRUPTED = (INTERRUPTED, -signal.SIGTERM, -signal.SIGINT)
"""Signals that the bot gets as well, or that somebody sent by hand: the work is begun anew when it is asked about."""


@dataclass(slots=True)
class _Render:
    process: Process
    asked_s: float
    """When it was asked about last, by the loop's clock."""
    progress: float = 0.0
    follower: asyncio.Task[None] | None = None


class LocalProvider:
    """Turns pictures into clips with camera moves or painted motion. Costs nothing but time."""

    name = "local"
    recovery = Recovery.KEY_HONOURED

    def __init__(
        self,
        folder: Path,
        *,
        concurrency: int,
        threads: int,
        tasks: asyncio.TaskGroup,
        changed: Callable[[str], None],
        shared_at_once: int | None = None,
    ) -> None:
        """`changed` is called with a task's id when it has ended, unless `poll` waits for that; `threads` is per clip.

        `shared_at_once`: of the `concurrency` of all processes, so many clips render in this one; None: it is alone.
        """
        self.concurrency = concurrency
        self._folder = folder.resolve()
        self._threads = threads
        self._tasks = tasks
        self._changed = changed
        self._shared_at_once = shared_at_once
        self._renders: dict[str, _Render] = {}
        self._failures: dict[str, str] = {}
        self._rests: dict[str, float] = {}
        """Tasks that found the disk full, and when (monotonic) they are tried again."""
        self._starting = asyncio.Lock()
        if shared_at_once is not None:
            tasks.create_task(self._keep_swept(), name="sweep-local")

    @property
    def is_full(self) -> bool:
        """Whether as many render as this process may at once."""
        return self._shared_at_once is not None and len(self._renders) >= self._shared_at_once

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """Write the task down and start it; the same key again is the same task.

        One that is more than this process's share is lost when it is asked about, so that another process begins it.
        """
        await asyncio.to_thread(self._write_down, submission)
        if not self._clip(submission.key).exists():
            await self._start(submission.key)
        return Accepted(submission.key)

    def preview(self, submission: Submission) -> str:
        """No request is made."""
        return f"# {submission.spec.name} needs no request: it renders on this machine."

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted | Unknown:
        """Not needed: the key is honoured."""
        del spec, task
        return Accepted(key)

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """How far a task is; one that an earlier process left unfinished is started again.

        Raises:
            TaskLost: it was another process's, or it is to be.
        """
        if self._clip(task_id).exists():
            return Ready(task_id)
        if task_id in self._failures:
            return Failed(self._failures.pop(task_id))
        if self._rests.get(task_id, 0) > time.monotonic():
            return Pending(None, _ROOM_AGAIN_S)
        if task_id not in self._renders and (self._folder / task_id / "scene.json").exists():
            await self._start(task_id)
        render = self._renders.get(task_id)
        if self._shared_at_once is None:
            if render is None:
                return Failed("The unfinished clip is no longer on this machine.")
            return Pending(render.progress, _ASK_AGAIN_S)
        if render is None:
            raise TaskLost("it is not rendered here")
        return await self._watched(render)

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the clip from its folder; where others go on, that goes with the block, and disks are small."""
        return self._open(result)

    async def cancel(self, task_id: str) -> bool:
        """Stop a task and forget it."""
        render = self._renders.pop(task_id, None)
        self._rests.pop(task_id, None)
        if render is not None:
            await _stop(render)
        await self._drop(task_id)
        return True

    async def close(self) -> None:
        """Stop what is running; it starts again when it is next asked about."""
        renders, self._renders = self._renders, {}
        await asyncio.gather(*(_stop(render) for render in renders.values()))

    @asynccontextmanager
    async def _open(self, task_id: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        try:
            file = await asyncio.to_thread(self._opened, task_id)
        except OSError as error:
            if self._shared_at_once is not None and isinstance(error, FileNotFoundError):
                raise TaskLost("the finished clip is not here") from error
            raise ProviderFault(f"the finished clip cannot be read: {error.strerror}") from error

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk

        with file:
            yield chunks()
        if self._shared_at_once is not None:
            await self._drop(task_id)

    def _opened(self, task_id: str) -> BinaryIO:
        with contextlib.suppress(OSError):
            os.utime(
                self._folder / task_id
            )  # not swept while somebody tries to fetch it, however long that takes
        return self._clip(task_id).open("rb")

    async def _drop(self, task_id: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder / task_id, ignore_errors=True)

    def _clip(self, task_id: str) -> Path:
        return self._folder / task_id / "clip.mp4"

    def _write_down(self, submission: Submission) -> None:
        self._sweep()
        folder = self._folder / submission.key
        folder.mkdir(parents=True, exist_ok=True)
        request = submission.request
        scene = scene_for(
            request,
            image=_copy(request.image, submission, folder),
            end_frame=_copy(request.end_frame, submission, folder),
            masks=[_copied(mask, submission, folder) for mask in request.motion.masks]
            if request.motion
            else (),
            out=self._clip(submission.key),
            threads=self._threads,
        )
        unfinished = folder / "scene.tmp"
        unfinished.write_text(scene.to_json())
        unfinished.replace(folder / "scene.json")

    def _sweep(self) -> None:
        """Drop old tasks: their clips are in the blob store or were given up."""
        kept_s = _KEPT_S if self._shared_at_once is None else _KEPT_SHARED_S
        for folder in self._folder.glob("*/"):
            with contextlib.suppress(FileNotFoundError):  # another sweep was quicker
                is_old = folder.stat().st_mtime < time.time() - kept_s
                if is_old and folder.name not in self._renders:
                    shutil.rmtree(folder, ignore_errors=True)

    async def _keep_swept(self) -> None:
        while True:
            await asyncio.sleep(_SWEPT_EVERY_S)
            await asyncio.to_thread(self._sweep)

    async def _start(self, task_id: str) -> None:
        async with self._starting:
            if task_id not in self._renders and not self.is_full:
                process = await self._spawn(task_id)
                render = self._renders[task_id] = _Render(process, asyncio.get_running_loop().time())
                render.follower = self._tasks.create_task(self._follow(task_id, render))
                if self._shared_at_once is not None:
                    self._tasks.create_task(self._stop_forgotten(task_id, render, render.follower))

    async def _watched(self, render: _Render) -> Pending:
        """A moment later; at once when it ends."""
        assert render.follower is not None
        render.asked_s = asyncio.get_running_loop().time()
        await asyncio.wait({render.follower}, timeout=_WATCHED_S)
        return Pending(render.progress, 0)

    async def _stop_forgotten(self, task_id: str, render: _Render, follower: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        while not follower.done():
            left_s = render.asked_s + _FORGOTTEN_S - loop.time()
            if left_s <= 0:
                log.warning("render forgotten", task=task_id)
                await self.cancel(task_id)
                return
            await asyncio.wait({follower}, timeout=left_s)

    async def _spawn(self, task_id: str) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.providers.local.worker",
            str(self._folder / task_id / "scene.json"),
            cwd=_ROOT,
            env=environment(),
            stdin=PIPE,  # closed when this process ends, however it ends: the worker then ends too
            stdout=PIPE,
            stderr=PIPE,
        )

    async def _follow(self, task_id: str, render: _Render) -> None:
        assert render.process.stderr is not None
        _, complaint = await asyncio.gather(_read_progress(render), render.process.stderr.read())
        status = await render.process.wait()
        if self._renders.get(task_id) is not render:
            return  # cancelled or closing
        del self._renders[task_id]
        self._rests.pop(task_id, None)
        if status in _INTERRUPTED:
            log.warning("render interrupted", task=task_id, status=status)
        elif status == NO_ROOM:
            log.warning("render found no room", task=task_id)
            self._rests[task_id] = time.monotonic() + _ROOM_AGAIN_S
        elif status != 0:
            log.error(
                "render failed",
                task=task_id,
                status=status,
                complaint=complaint[-2000:].decode(errors="replace"),
            )
            self._failures[task_id] = "The local renderer could not make this clip."
            if self._shared_at_once is not None:
                await self._drop(task_id)
        if self._shared_at_once is None:
            self._changed(task_id)


async def _read_progress(render: _Render) -> None:
    assert render.process.stdout is not None
    async for line in render.process.stdout:
        try:
            progress = json.loads(line)
            render.progress = progress["done"] / max(1, progress["total"])
        except (ValueError, TypeError, KeyError):  # stopped in the middle of a word, or not about progress
            log.debug("render said", line=line[:200].decode(errors="replace"))


async def _stop(render: _Render) -> None:
    if render.process.returncode is None:
        render.process.kill()
    if render.follower is not None:
        await asyncio.wait({render.follower})
    await render.process.communicate()  # what is left in the pipes, so that they close


def _copy(picture: Picture | None, submission: Submission, folder: Path) -> Path | None:
    return _copied(picture, submission, folder) if picture else None


def _copied(picture: Picture, submission: Submission, folder: Path) -> Path:
    target = folder / f"{picture.blob}.{picture.media_type.removeprefix('image/')}"
    if not target.exists():
        unfinished = target.with_suffix(".tmp")
        shutil.copyfile(submission.inputs[picture.blob], unfinished)
        unfinished.replace(target)
    return target
