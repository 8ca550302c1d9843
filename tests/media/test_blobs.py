import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import HTTPStore

from bot.media.blobs import Blob, Blobs
from bot.media.errors import NoSuchBlob, StoreUnavailable, TooLarge

NOTHING = "0" * 64


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return Blobs.open(tmp_path / "blobs")
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
