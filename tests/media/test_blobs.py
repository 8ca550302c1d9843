import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import obstore
import pytest
from obstore.store import HTTPStore
from structlog.testing import capture_logs

from bot.media import blobs as blobs_module
from bot.media.blobs import Blob, Blobs
from bot.media.errors import NoSuchBlob, StoreUnavailable, TooLarge

NOTHING = "0" * 64


@pytest.fixture(params=["folder", "memory", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return Blobs.open(tmp_path / "blobs")
    if request.param == "bucket":
        return request.getfixturevalue("bucket").blobs(tmp_path / "spool")
    return Blobs.open("memory:///", spool=tmp_path / "spool")


def spooled(tmp_path: Path) -> list[Path]:
    return list(tmp_path.rglob("*.tmp"))


async def pieces(data: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[start : start + size]


async def test_what_is_put_is_got(blobs: Blobs, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    blob = await blobs.put(data, max_bytes=3_000_000)
    assert blob == Blob(hashlib.sha256(data).hexdigest(), 3_000_000)
    assert await blobs.put(pieces(data), max_bytes=3_000_000) == blob
    assert await blobs.get(blob.hash) == data
    assert (await blobs.exists(blob.hash), await blobs.size(blob.hash)) == (True, 3_000_000)
    async with blobs.path(blob.hash) as path:
        assert path.read_bytes() == data
    assert not spooled(tmp_path)


async def test_nothing_is_kept_as_nothing(blobs: Blobs) -> None:
    blob = await blobs.put(b"", max_bytes=0)
    assert await blobs.get(blob.hash) == b""
    assert await blobs.put(pieces(b""), max_bytes=0) == blob


async def test_deleting_forgets_and_may_be_repeated(blobs: Blobs) -> None:
    blob = await blobs.put(b"once", max_bytes=10)
    await blobs.delete(blob.hash)
    await blobs.delete(blob.hash)
    assert not await blobs.exists(blob.hash)


async def test_a_mark_lies_beside_the_blobs_until_it_is_taken_off(blobs: Blobs) -> None:
    assert not await blobs.has_mark("kinora-1")
    await blobs.mark("kinora-1")
    assert await blobs.has_mark("kinora-1")
    assert not await blobs.has_mark("kinora-2")
    assert [page async for page in blobs.listed() if page] == []
    await blobs.take_mark_off("kinora-1")
    assert not await blobs.has_mark("kinora-1")


async def test_an_unknown_hash_is_told(blobs: Blobs) -> None:
    for ask in (blobs.get, blobs.size):
        with pytest.raises(NoSuchBlob, match="no longer kept"):
            await ask(NOTHING)
    with pytest.raises(NoSuchBlob):
        async with blobs.path(NOTHING):
            pass
    assert not await blobs.exists(NOTHING)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
async def test_only_a_hash_names_a_blob(name: str, blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        await blobs.get(name)


async def test_too_many_bytes_are_refused_and_none_are_kept(blobs: Blobs, tmp_path: Path) -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield bytes(100_000)

    with pytest.raises(TooLarge, match="larger than 3 MB"):
        await blobs.put(endless(), max_bytes=3_000_000)
    assert asked == 31
    with pytest.raises(TooLarge):
        await blobs.put(bytes(11), max_bytes=10)
    assert not spooled(tmp_path)


async def test_getting_is_bounded(blobs: Blobs) -> None:
    blob = await blobs.put(bytes(1000), max_bytes=1000)
    with pytest.raises(TooLarge):
        await blobs.get(blob.hash, max_bytes=999)


async def test_what_the_source_raises_passes_through(blobs: Blobs, tmp_path: Path) -> None:
    async def torn() -> AsyncIterator[bytes]:
        yield bytes(2_000_000)
        raise ConnectionResetError("torn")

    with pytest.raises(ConnectionResetError, match="torn"):
        await blobs.put(torn(), max_bytes=3_000_000)
    assert not spooled(tmp_path)


async def test_a_cancelled_put_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(2_000_000)
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(blobs.put(stalled(), max_bytes=3_000_000))
    await begun.wait()
    assert len(spooled(tmp_path)) == 1
    assert not await blobs.exists(hashlib.sha256(bytes(2_000_000)).hexdigest())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not spooled(tmp_path)


async def test_many_may_put_the_same_at_once(blobs: Blobs) -> None:
    data = os.urandom(100_000)
    kept = await asyncio.gather(*(blobs.put(pieces(data), max_bytes=100_000) for _ in range(8)))
    assert len(set(kept)) == 1
    assert await blobs.get(kept[0].hash) == data


async def test_a_folder_keeps_blobs_by_their_first_two_digits(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path / "deep" / "blobs")
    blob = await blobs.put(b"kept", max_bytes=10)
    kept = tmp_path / "deep" / "blobs" / blob.hash[:2] / blob.hash[2:]
    assert kept.read_bytes() == b"kept"
    async with blobs.path(blob.hash) as path:
        assert path == kept


async def test_a_folder_opened_again_has_what_was_kept(tmp_path: Path) -> None:
    blob = await Blobs.open(tmp_path).put(b"kept", max_bytes=10)
    assert await Blobs.open(str(tmp_path)).get(blob.hash) == b"kept"


async def test_the_copy_of_a_remote_blob_is_gone_after_use(tmp_path: Path) -> None:
    blobs = Blobs.open("memory:///", spool=tmp_path)
    blob = await blobs.put(b"kept", max_bytes=10)
    async with blobs.path(blob.hash) as path:
        assert path.parent == tmp_path
    assert not path.exists()


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 1), (5, 9), (999_999, None), (2_999_990, 3_000_000)]
)
async def test_a_range_is_streamed_to_the_byte(start: int, end: int | None, blobs: Blobs) -> None:
    data = os.urandom(3_000_000)
    blob = await blobs.put(data, max_bytes=3_000_000)
    assert (
        b"".join([chunk async for chunk in blobs.stream(blob.hash, start=start, end=end)]) == data[start:end]
    )


async def test_an_empty_range_and_an_unknown_hash_are_streamed_as_such(blobs: Blobs) -> None:
    blob = await blobs.put(b"", max_bytes=0)
    assert [chunk async for chunk in blobs.stream(blob.hash)] == []
    with pytest.raises(NoSuchBlob):
        _ = [chunk async for chunk in blobs.stream(NOTHING, start=0, end=1)]


async def test_everything_that_is_kept_is_listed_page_by_page_and_nothing_else(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    (tmp_path / "spool" / "half.tmp").write_bytes(b"half")
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "notes.txt").write_text("of the operator's")
    kept = {(await blobs.put(f"{number}".encode(), max_bytes=10)).hash for number in range(450)}
    pages = [page async for page in blobs.listed()]
    assert {found.hash for page in pages for found in page} == kept
    assert max(map(len, pages)) <= 200
    assert all(abs(found.written_s - time.time()) < 60 for page in pages for found in page)


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


async def never() -> bool:
    return False


@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_bytes_that_came_within_minutes_are_not_discarded(kind: str, tmp_path: Path) -> None:
    place, watch = (tmp_path if kind == "folder" else "memory:///"), Watch()
    blobs = Blobs.open(place, spool=tmp_path / "spool", now=watch)
    blob = await blobs.put(b"once", max_bytes=10)
    assert not await blobs.discard(blob.hash, unless=never)
    watch.now_s += 500
    await blobs.put(b"once", max_bytes=10)
    await blobs.put(b"other", max_bytes=10)
    watch.now_s += 500
    assert not await blobs.discard(blob.hash, unless=never)
    watch.now_s += 101
    assert await blobs.discard(blob.hash, unless=never)
    assert not await blobs.exists(blob.hash)
    assert await blobs.discard(blob.hash, unless=never)


async def test_bytes_that_are_needed_after_all_stay(blobs: Blobs) -> None:
    async def needed() -> bool:
        return True

    blob = await blobs.put(b"once", max_bytes=10)
    blobs._came_s.clear()
    assert not await blobs.discard(blob.hash, unless=needed)
    assert await blobs.get(blob.hash) == b"once"


async def test_what_is_put_while_the_same_bytes_are_discarded_is_there_afterwards(blobs: Blobs) -> None:
    blob = await blobs.put(b"once", max_bytes=10)
    blobs._came_s.clear()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly() -> bool:
        asked.set()
        await answer.wait()
        return False

    discarding = asyncio.ensure_future(blobs.discard(blob.hash, unless=slowly))
    await asked.wait()
    assert not await blobs.discard(blob.hash, unless=never)  # somebody is at it
    putting = asyncio.ensure_future(blobs.put(b"once", max_bytes=10))
    while not blobs._came_s:  # noqa: ASYNC110 - until it stands before the door
        await asyncio.sleep(0)
    answer.set()
    assert await discarding
    await putting
    assert await blobs.get(blob.hash) == b"once"


async def test_what_came_long_ago_is_not_remembered_for_ever(tmp_path: Path) -> None:
    watch = Watch()
    blobs = Blobs.open(tmp_path, now=watch)
    for number in range(20):
        await blobs.put(f"{number}".encode(), max_bytes=10)
        watch.now_s += 100
    assert len(blobs._came_s) <= 7


def test_leftovers_of_a_crash_are_swept_after_a_day(tmp_path: Path) -> None:
    Blobs.open(tmp_path)
    old, fresh, other = (tmp_path / "spool" / name for name in ("old.tmp", "fresh.tmp", "old.txt"))
    for path, age_s in ((old, 90_000), (fresh, 80_000), (other, 90_000)):
        path.write_bytes(b"half")
        os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))
    Blobs.open(tmp_path, now=lambda: 1_000_000.0)
    assert [path.exists() for path in (old, fresh, other)] == [False, True, True]


async def test_a_store_that_fails_says_so(tmp_path: Path, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    store = HTTPStore(url, client_options={"allow_http": True}, retry_config={"max_retries": 0})
    blobs = Blobs(store, folder=None, spool=tmp_path)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await blobs.put(b"kept", max_bytes=10)
    with pytest.raises(StoreUnavailable):
        await blobs.exists(NOTHING)


async def test_a_spool_that_fails_says_so(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    (tmp_path / "spool").rmdir()
    with pytest.raises(StoreUnavailable):
        await blobs.put(b"kept", max_bytes=10)


def cut_short(data: bytes) -> bytes:
    return data[:-1]


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


async def by_get(blobs: Blobs, blob: str) -> bytes:
    return await blobs.get(blob)


async def by_path(blobs: Blobs, blob: str) -> bytes:
    async with blobs.path(blob) as path:
        return path.read_bytes()


async def by_stream(blobs: Blobs, blob: str) -> bytes:
    return b"".join([chunk async for chunk in blobs.stream(blob, end=1000)])


@pytest.mark.parametrize("damage", [cut_short, flipped])
@pytest.mark.parametrize("read", [by_get, by_path, by_stream])
async def test_what_a_disk_has_damaged_is_not_read_but_set_aside_and_can_be_put_anew(
    tmp_path: Path,
    read: Callable[[Blobs, str], Awaitable[bytes]],
    damage: Callable[[bytes], bytes],
) -> None:
    data = os.urandom(1000)
    folder = tmp_path / "blobs"
    blob = (await Blobs.open(folder).put(data, max_bytes=1000)).hash
    blobs = Blobs.open(folder)
    assert await read(blobs, blob) == data
    (folder / blob[:2] / blob[2:]).write_bytes(damage(data))
    with capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(NoSuchBlob):
                await read(blobs, blob)
    assert [entry["event"] for entry in logs] == ["blob damaged"]
    assert (folder / "damaged" / blob).read_bytes() == damage(data)
    assert not await blobs.exists(blob)
    assert [found async for page in blobs.listed() for found in page] == []
    await blobs.put(data, max_bytes=1000)
    assert await read(blobs, blob) == data


@pytest.mark.parametrize("read", [by_get, by_path, by_stream])
async def test_what_is_put_anew_while_a_damaged_one_is_read_is_not_set_aside(
    tmp_path: Path, read: Callable[[Blobs, str], Awaitable[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs.open(tmp_path / "blobs")
    blob = (await blobs.put(b"a clip", max_bytes=10)).hash
    path, fresh = tmp_path / "blobs" / blob[:2] / blob[2:], tmp_path / "fresh"
    path.write_bytes(b"damaged")
    is_whole, hash_of = blobs._is_whole, blobs_module._hash_of

    def put_anew() -> None:
        fresh.write_bytes(b"a clip")
        fresh.replace(path)

    def looked_at(path: Path, blob: str) -> bool:
        found = is_whole(path, blob)
        put_anew()
        return found

    def hashed(data: bytes) -> str:
        found = hash_of(data)
        put_anew()
        return found

    monkeypatch.setattr(blobs, "_is_whole", looked_at)
    monkeypatch.setattr(blobs_module, "_hash_of", hashed)
    assert await read(blobs, blob) == b"a clip"
    assert await blobs.exists(blob)


@pytest.mark.parametrize("read", [by_get, by_path])
async def test_what_a_bucket_has_damaged_is_not_read(
    tmp_path: Path, read: Callable[[Blobs, str], Awaitable[bytes]]
) -> None:
    blobs = Blobs.open("memory:///", spool=tmp_path / "spool")
    blob = (await blobs.put(b"a clip", max_bytes=10)).hash
    await obstore.put_async(blobs._store, f"{blob[:2]}/{blob[2:]}", b"a clop")
    with pytest.raises(NoSuchBlob):
        await read(blobs, blob)
    assert not await blobs.exists(blob)


async def test_a_file_that_is_whole_is_read_through_once(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path / "blobs")
    blob = (await blobs.put(b"a clip", max_bytes=10)).hash
    for _ in range(3):
        await by_path(blobs, blob)
    assert list(blobs._whole) == [blob]
