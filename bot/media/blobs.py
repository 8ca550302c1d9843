"""Inputs and clips by content hash: a folder by default, a bucket by the same interface.

Bytes are written to a spool file while they are hashed, because their name is known only at the
end. In a folder the spool file then becomes the blob by renaming; to a bucket it is uploaded. So a
half-written blob is never seen, and memory stays bounded whatever the size.

What a disk has done to a blob since is seen when it is read: its bytes no longer have its hash. Then
it is set aside in `damaged`, for the operator to look at, and is as good as gone.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, Self, TypeVar

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from bot.media import buckets
from bot.media.errors import NoSuchBlob, StoreUnavailable, TooLarge
from bot.media.moves import Moves, Unshared
from bot.media.spool import CHUNK_BYTES, append, chunked, rename, sweep, sync

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)

_HASH = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}")
_LEFTOVER_AGE_S = 24 * 60 * 60
_FRESH_S = 600
_PAGE = 200
_PART_BYTES = 8 << 20
"""S3 takes parts of 5 MB and more, and what is not larger in one piece; either becomes an object only once it is whole."""
_PARTS_AT_ONCE = 3
_MAX_GET_BYTES = 64_000_000
_DAMAGED = "damaged"
_READ_BYTES = 1 << 18
_MARK = (
    b"Kinora knows its place for pictures and clips by this file: let it lie here, and copy it with them.\n"
)
_KNOWN_WHOLE = 10_000


@dataclass(frozen=True)
class Blob:
    """Bytes that are kept: SHA-256 in hex, and how many."""

    hash: str
    size_bytes: int


@dataclass(frozen=True)
class Found:
    """What a listing says of a blob: its hash, when it was written last (seconds since 1970), and its size."""

    hash: str
    written_s: float
    size_bytes: int


class Blobs:
    """Keeps bytes under their SHA-256. Open with `Blobs.open`."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        folder: Path | None,
        spool: Path,
        moves: Moves | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._moves = moves or Unshared()
        self._folder = folder
        """Where the store's files are; None when it is not on this machine."""
        self._spool = spool
        self._now = now
        self._came_s: dict[str, float] = {}
        """What was put within minutes, the oldest first: nobody may have said yet that it is needed."""
        self._going: dict[str, asyncio.Event] = {}
        """What is being put, discarded or set aside."""
        self._whole: dict[str, tuple[int, int, int]] = {}
        """Files that were read and had their hash, as they looked then; the oldest first."""

    @classmethod
    def open(
        cls,
        place: str | Path,
        *,
        spool: Path | None = None,
        access: buckets.Access = buckets.Access(),  # noqa: B008 - it is frozen
        moves: Moves | None = None,
        now: Callable[[], float] = time.time,
    ) -> Self:
        """Open a folder, or a URL such as `s3://bucket/prefix` by what gives access to it; a missing folder is made.

        Files that a crash left half-written more than a day ago are removed. `spool` is where
        bytes are gathered on their way to a bucket; None means the system's temporary folder.
        `moves` is for a store that other processes use, too.
        """
        if isinstance(place, str) and "://" in place:
            folder, spool = None, spool or Path(tempfile.gettempdir(), "kinora-spool")
            store = buckets.opened(place, access)
        else:
            folder = Path(place).absolute()
            folder.mkdir(parents=True, exist_ok=True)
            spool = folder / "spool"  # on the same file system, so that a rename publishes
            store = LocalStore(folder)
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(spool, older_than_s=now() - _LEFTOVER_AGE_S)
        return cls(store, folder=folder, spool=spool, moves=moves, now=now)

    async def put(self, data: bytes | AsyncIterable[bytes], *, max_bytes: int) -> Blob:
        """Keep bytes; the same bytes twice are kept once. What the iterable raises passes through.

        Raises:
            TooLarge: as soon as more than `max_bytes` have come.
            StoreUnavailable: when they cannot be stored.
        """
        digest, size_bytes = hashlib.sha256(), 0
        with self._temporary() as path:
            with _created(path) as file:
                async for chunk in chunked(data, max_bytes):
                    size_bytes += len(chunk)
                    with _translated():
                        await asyncio.to_thread(append, file, digest.update, chunk)
                with _translated():
                    await asyncio.to_thread(sync, file)
            blob = Blob(digest.hexdigest(), size_bytes)
            await self._publish(path, blob)
        return blob

    async def get(self, blob: str, *, max_bytes: int = _MAX_GET_BYTES) -> bytes:
        """The bytes under a hash.

        Raises:
            NoSuchBlob, StoreUnavailable: when they are not to be had.
            TooLarge: when there are more than `max_bytes`; use `path` then.
        """

        async def read() -> bytes | None:
            async with self._asking(blob):
                result = await obstore.get_async(self._store, _key(blob))
                if result.meta["size"] > max_bytes:
                    raise TooLarge(max_bytes=max_bytes)
                data = bytes(await result.bytes_async())
            return data if await asyncio.to_thread(_hash_of, data) == blob else None

        return await self._undamaged(blob, read)

    async def stream(self, blob: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes from `start` to before `end` (None: all that follow), which there are, in pieces.

        Raises:
            NoSuchBlob, StoreUnavailable: when they are not to be had.
        """
        end = await self.size(blob) if end is None else end
        if start >= end:
            return
        await self._ensure_whole(blob)
        async with self._asking(blob):
            options: obstore.GetOptions = {"range": (start, end)}
            result = await obstore.get_async(self._store, _key(blob), options=options)
            async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    async def listed(self) -> AsyncGenerator[Sequence[Found]]:
        """Everything that is kept, page by page.

        Raises:
            StoreUnavailable: the listing ends early.
        """
        with _translated():
            async for page in obstore.list(self._store, chunk_size=_PAGE):  # pyright: ignore[reportUnknownMemberType]  # arrow's kind is not installed
                yield [
                    Found(entry["path"].replace("/", ""), entry["last_modified"].timestamp(), entry["size"])
                    for entry in page
                    if _KEY.fullmatch(entry["path"])
                ]

    @contextlib.asynccontextmanager
    async def path(self, blob: str) -> AsyncGenerator[Path]:
        """A local file with the bytes, to read within the block: the blob itself, or a copy of it.

        Raises:
            NoSuchBlob, StoreUnavailable: when they are not to be had.
        """
        if self._folder:
            await self._ensure_whole(blob)
            yield self._folder / _key(blob)
            return
        with self._temporary() as path:
            yield await self._undamaged(blob, lambda: self._copied(blob, path))

    async def exists(self, blob: str) -> bool:
        """Whether anything is kept under the hash."""
        try:
            await self.size(blob)
        except NoSuchBlob:
            return False
        return True

    async def size(self, blob: str) -> int:
        """How many bytes are kept under the hash.

        Raises:
            NoSuchBlob, StoreUnavailable: when that is not to be had.
        """
        async with self._asking(blob):
            return (await obstore.head_async(self._store, _key(blob)))["size"]

    async def delete(self, blob: str) -> None:
        """Forget the bytes under a hash, if any are kept.

        Raises:
            StoreUnavailable: when they may still be there.
        """
        with contextlib.suppress(NoSuchBlob):
            async with self._asking(blob):
                await obstore.delete_async(self._store, _key(blob))

    async def discard(self, blob: str, *, unless: Callable[[], Awaitable[bool]]) -> bool:
        """Forget bytes for good; returns whether there are none left.

        They stay if they were put within minutes, so that who put them has the time to say what for, or if `unless`
        says at the last moment that somebody needs them. A `put` of the same bytes waits meanwhile, and keeps them.

        Raises:
            StoreUnavailable: when they may still be there.
        """
        if self._came_s.get(blob, 0) > self._now() - _FRESH_S or blob in self._going:
            return False
        async with self._alone_with(blob), self._moves.leaving(blob) as may_leave:
            if not may_leave or await unless():
                return False
            await self.delete(blob)
            return True

    async def mark(self, name: str) -> None:
        """Put a file beside the blobs that tells this place from any other.

        Raises:
            StoreUnavailable: it may not be there.
        """
        with _translated():
            await obstore.put_async(self._store, name, _MARK)

    async def has_mark(self, name: str) -> bool:
        """Whether that file is there.

        Raises:
            StoreUnavailable: it cannot be known.
        """
        try:
            with _translated(name):
                await obstore.head_async(self._store, name)
        except NoSuchBlob:
            with _translated():
                await buckets.listed(self._store, name)  # a bucket that is gone is no other place
            return False
        return True

    async def take_mark_off(self, name: str) -> None:
        """Take the file away again.

        Raises:
            StoreUnavailable: it may still be there.
        """
        with _translated():
            await obstore.delete_async(self._store, name)

    async def _ensure_whole(self, blob: str) -> None:
        """Read a file that was not read as it is now, if it is on this machine.

        Raises:
            NoSuchBlob: it is not there, or its bytes have not its hash.
            StoreUnavailable: it cannot be read.
        """
        if self._folder is None:
            return
        path = self._folder / _key(blob)

        async def read() -> Path | None:
            async with self._asking(blob):
                return path if await asyncio.to_thread(self._is_whole, path, blob) else None

        await self._undamaged(blob, read)

    @contextlib.asynccontextmanager
    async def _asking(self, blob: str) -> AsyncGenerator[None]:
        """Translate what the store says of a blob; one is gone only if the store itself is there.

        Raises:
            NoSuchBlob, StoreUnavailable: instead of the store's errors.
        """
        try:
            with _translated(blob):
                yield
        except NoSuchBlob:
            await self._ensure_there(blob)
            raise

    async def _ensure_there(self, blob: str) -> None:
        """A bucket that was deleted, and a folder that is not mounted, lack every blob; none of them is lost by it.

        Raises:
            StoreUnavailable: so it is.
        """
        if self._folder is None:
            with _translated():
                await buckets.listed(self._store, _key(blob))
        elif not await asyncio.to_thread(self._spool.is_dir):
            raise StoreUnavailable

    async def _copied(self, blob: str, path: Path) -> Path | None:
        """The path, with the bytes; None where they have not its hash."""
        digest = hashlib.sha256()
        with _created(path) as file:
            async with self._asking(blob):
                result = await obstore.get_async(self._store, _key(blob))
                async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
                    await asyncio.to_thread(append, file, digest.update, bytes(chunk))
        return path if digest.hexdigest() == blob else None

    async def _undamaged(self, blob: str, read: Callable[[], Awaitable[T | None]]) -> T:
        """What `read` returns; where it returns None twice, the blob is set aside.

        The second time nobody puts the same bytes anew in between, or has done so since the first.
        """
        found = await read()
        if found is not None:
            return found
        async with self._alone_with(blob), self._moves.leaving(blob, is_damaged=True) as may_leave:
            found = await read()
            if found is None and may_leave:
                await self._set_aside(blob)
        if found is None:
            raise NoSuchBlob(blob)
        return found

    @contextlib.asynccontextmanager
    async def _alone_with(self, blob: str) -> AsyncGenerator[None]:
        while (going := self._going.get(blob)) is not None:
            await going.wait()
        done = self._going[blob] = asyncio.Event()
        try:
            yield
        finally:
            del self._going[blob]
            done.set()

    def _is_whole(self, path: Path, blob: str) -> bool:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            looks = (found.st_ino, found.st_size, found.st_mtime_ns)
            if self._whole.get(blob) == looks:
                return True
            digest = hashlib.sha256()
            while chunk := file.read(_READ_BYTES):
                digest.update(chunk)
        if digest.hexdigest() != blob:
            return False
        while len(self._whole) >= _KNOWN_WHOLE:
            self._whole.pop(next(iter(self._whole)), None)
        self._whole[blob] = looks
        return True

    async def _set_aside(self, blob: str) -> NoReturn:
        """Keep what a disk has made of a blob out of everybody's way, so that the same bytes can be put anew.

        Raises:
            NoSuchBlob: always.
            StoreUnavailable: it is still there.
        """
        log.error("blob damaged", blob=blob, kept_as=f"{_DAMAGED}/{blob}")
        with _translated(blob):
            await obstore.rename_async(self._store, _key(blob), f"{_DAMAGED}/{blob}")
        raise NoSuchBlob(blob)

    @contextlib.contextmanager
    def _temporary(self) -> Generator[Path]:
        """A path in the spool that is gone after the block, unless it was renamed."""
        path = self._spool / f"{uuid.uuid4().hex}.tmp"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def _publish(self, path: Path, blob: Blob) -> None:
        key = _key(blob.hash)
        self._has_come(blob.hash)
        async with self._alone_with(blob.hash):
            await self._moves.coming(blob.hash)
            with _translated():
                if self._folder:
                    await asyncio.to_thread(rename, path, self._folder / key)
                elif not await self.exists(blob.hash):
                    await obstore.put_async(
                        self._store, key, path, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE
                    )

    def _has_come(self, blob: str) -> None:
        now_s = self._now()
        self._came_s.pop(blob, None)
        self._came_s[blob] = now_s  # at the end
        while (oldest := next(iter(self._came_s))) != blob and self._came_s[oldest] <= now_s - _FRESH_S:
            del self._came_s[oldest]


def file_of(folder: Path, blob: str) -> Path:
    """Where a blob lies in a folder that `Blobs.open` was given, for whoever looks at it from outside.

    Raises:
        ValueError: it is no blob's hash.
    """
    return folder / _key(blob)


def _key(blob: str) -> str:
    """Two hex digits are a folder, so that none holds too many files."""
    if not _HASH.fullmatch(blob):
        raise ValueError(f"{blob!r} is not a SHA-256 in hex.")
    return f"{blob[:2]}/{blob[2:]}"


@contextlib.contextmanager
def _translated(blob: str | None = None) -> Generator[None]:
    """Turn the store's errors, and the disk's, into ours. Without a hash, a missing file is a fault."""
    try:
        yield
    except (OSError, BaseError) as fault:
        if blob is not None and isinstance(fault, FileNotFoundError):
            raise NoSuchBlob(blob) from fault
        raise StoreUnavailable from fault


def _created(path: Path) -> BinaryIO:
    with _translated():
        return path.open("wb")


def _hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
