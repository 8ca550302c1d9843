"""Bytes on their way to the store of blobs: gathered in pieces, written down, made durable, given their name."""

import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from pathlib import Path
from typing import BinaryIO

from bot.media.errors import TooLarge

CHUNK_BYTES = 1 << 20


async def chunked(data: bytes | AsyncIterable[bytes], max_bytes: int) -> AsyncGenerator[bytes]:
    """The bytes in pieces worth a trip to a thread; TooLarge once there are more than `max_bytes`."""
    if isinstance(data, bytes):
        if len(data) > max_bytes:
            raise TooLarge(max_bytes=max_bytes)
        yield data
        return
    seen_bytes, gathered = 0, bytearray()
    async for piece in data:
        seen_bytes += len(piece)
        if seen_bytes > max_bytes:
            raise TooLarge(max_bytes=max_bytes)
        gathered += piece
        if len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


def append(file: BinaryIO, hash_further: Callable[[bytes], None], chunk: bytes) -> None:
    """Write a piece down, and hash it."""
    file.write(chunk)
    hash_further(chunk)


def sync(file: BinaryIO) -> None:
    """Have the disk hold it, whatever happens."""
    file.flush()
    os.fsync(file.fileno())


def rename(path: Path, blob: Path) -> None:
    """Give the synced file its name, durably: a name is on disk once its folder is synced."""
    blob.parent.mkdir(exist_ok=True)
    path.replace(blob)
    for folder in (blob.parent, blob.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(spool: Path, *, older_than_s: float) -> None:
    """Remove what a crash left half-written."""
    for leftover in spool.glob("*.tmp"):
        with contextlib.suppress(FileNotFoundError):  # another process sweeps too
            if leftover.stat().st_mtime < older_than_s:
                leftover.unlink()
