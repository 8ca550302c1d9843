"""Zip files, written to disk in a thread: whatever goes in, memory stays bounded.

The same files give the same bytes: a zip has no date but those of what is in it.
"""

from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo
from zlib import compress

from bot.media.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_CHUNK_BYTES = 1 << 20
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
"""A zip knows no earlier date."""

_REGULAR_FILE = 0o100644 << 16


class Archive:
    """A zip that is being written."""

    def __init__(self, workers: Workers, zipped: ZipFile) -> None:
        self._workers = workers
        self._zip = zipped

    async def add(self, name: str, path: Path, *, at_ms: int) -> None:
        """Put a file in as it is: pictures and clips are compressed already."""
        await self._workers.run(lambda check: _copy(self._zip, _entry(name, at_ms, ZIP_STORED), path, check))

    async def say(self, name: str, text: str, *, at_ms: int) -> None:
        """Put a text in."""
        await self._workers.run(
            lambda _: self._zip.writestr(_entry(name, at_ms, ZIP_DEFLATED), text.encode())
        )


class Archives(Workers):
    """Writes them in a thread of its own, one at a time."""

    def __init__(self) -> None:
        super().__init__(1, "archives")

    @asynccontextmanager
    async def begun(self, path: Path) -> "AsyncGenerator[Archive]":
        """A new zip at a path; it is whole when the block ends.

        Raises:
            OSError: the disk is full, or gone.
        """
        zipped = await self.run(lambda _: ZipFile(path, "x"))
        try:
            yield Archive(self, zipped)
        finally:
            await self.run(lambda _: zipped.close())

    async def room_bytes(self, *texts: str) -> int:
        """About how much texts take in a zip."""
        return await self.run(lambda _: sum(len(compress(text.encode())) + 1024 for text in texts))


def _entry(name: str, at_ms: int, how: int) -> ZipInfo:
    at = max(_EARLIEST, datetime.fromtimestamp(at_ms / 1000, UTC))
    entry = ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    entry.compress_type, entry.external_attr = how, _REGULAR_FILE
    return entry


def _copy(zipped: ZipFile, entry: ZipInfo, path: Path, check: Callable[[], None]) -> None:
    entry.file_size = path.stat().st_size  # else zipfile does not know that it needs no 64-bit sizes
    with path.open("rb") as source, zipped.open(entry, "w") as target:
        while chunk := source.read(_CHUNK_BYTES):
            check()
            target.write(chunk)
