"""Clips made small enough to post: the last few stay, because a post that fails is tried again."""

import asyncio
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MAX_KEPT = 8
KEPT_S = 3600.0
"""After the last use; a delivery that cannot be made is tried again more often than that."""


@dataclass(slots=True)
class _Made:
    folder: Path
    users: int = 0
    until_s: float = 0.0
    """By the loop's clock."""

    @property
    def clip(self) -> Path:
        return self.folder / "clip.mp4"


class Fitter(Protocol):
    """Makes clips smaller."""

    async def fit(self, path: Path, max_bytes: int, out: Path) -> object:
        """Write a clip of at most so many bytes to `out`."""
        ...


class Fitted:
    """Makes clips fit, each once for a while."""

    def __init__(self, fitter: Fitter, room: Path | None) -> None:
        """`room` is a folder of its own, emptied now (a crash may have left files); None: the system's temporary one."""
        if room is not None:
            shutil.rmtree(room, ignore_errors=True)
            room.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fitter = fitter
        self._room = room
        self._made: OrderedDict[tuple[str, int], _Made] = OrderedDict()
        """Made of which blob, for how many bytes; what was used last is last."""
        self._waiting_line = asyncio.Lock()
        self._tidying: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def of(self, blob: str, path: Path, max_bytes: int, *, can_wait: bool) -> AsyncGenerator[Path]:
        """The clip at `path`, whose hash is `blob`, in at most `max_bytes`.

        Those that can wait are made one after the other, so that only one of them is ever before the rest.

        Raises:
            CannotFit, NotAVideo: it cannot be made to.
            OSError: there is no room on the disk.
        """
        key = blob, max_bytes
        if can_wait and key not in self._made:
            async with self._waiting_line:
                made = self._made.get(key) or await self._make(key, path)
        else:
            made = self._made.get(key) or await self._make(key, path)
        made.users += 1
        try:
            yield made.clip
        finally:
            made.users -= 1
            made.until_s = asyncio.get_running_loop().time() + KEPT_S
            if key in self._made:  # else closed meanwhile
                self._made.move_to_end(key)
                self._tidy()

    def close(self) -> None:
        """Remove what is kept."""
        if self._tidying is not None:
            self._tidying.cancel()
        for made in self._made.values():
            _remove(made.folder)
        self._made.clear()

    async def _make(self, key: tuple[str, int], path: Path) -> _Made:
        made = _Made(Path(tempfile.mkdtemp(prefix="kinora-fit-", dir=self._room)))
        try:
            await self._fitter.fit(path, key[1], made.clip)
        except BaseException:
            _remove(made.folder)
            raise
        if (first := self._made.setdefault(key, made)) is not made:  # the same was made meanwhile
            _remove(made.folder)
        return first

    def _tidy(self) -> None:
        """Remove what is too old or too much, and nothing that is in use."""
        if self._tidying is not None:
            self._tidying.cancel()
        loop = asyncio.get_running_loop()
        for key, made in list(self._made.items()):
            if not made.users and (made.until_s <= loop.time() or len(self._made) > MAX_KEPT):
                _remove(self._made.pop(key).folder)
        self._tidying = loop.call_later(KEPT_S, self._tidy) if self._made else None


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
