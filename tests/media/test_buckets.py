"""Blobs in a bucket, where it differs from a folder: who lets us in, what is away, what a page is, and how much memory it takes."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import obstore
import pytest

from bot.media.blobs import Blob, Blobs
from bot.media.buckets import Access, trouble
from bot.media.errors import NoSuchBlob, StoreUnavailable
from tests.bucket import PAGE, S3, SECRET, Bucket, leading, serving
from tests.patience import PATIENCE_S

NOTHING = "0" * 64
_UPLOADS = """
import asyncio, sys
from bot.media.blobs import Blobs
from bot.media.buckets import Access, trouble
from pathlib import Path
url, endpoint, spool, key, secret = sys.argv[1:]
blobs = Blobs.open(url, spool=Path(spool), access=Access(endpoint, "us-east-1", key, secret))
asyncio.run(blobs.put(bytes(24_000_000), max_bytes=24_000_000))
"""


async def by_get(blobs: Blobs, blob: str) -> None:
    await blobs.get(blob)


async def by_path(blobs: Blobs, blob: str) -> None:
    async with blobs.path(blob):
        pass


async def by_stream(blobs: Blobs, blob: str) -> None:
    _ = [chunk async for chunk in blobs.stream(blob)]


async def by_range(blobs: Blobs, blob: str) -> None:
    _ = [chunk async for chunk in blobs.stream(blob, start=0, end=1)]


async def by_exists(blobs: Blobs, blob: str) -> None:
    await blobs.exists(blob)


async def by_delete(blobs: Blobs, blob: str) -> None:
    await blobs.delete(blob)


async def by_put(blobs: Blobs, _blob: str) -> None:
    await blobs.put(b"something", max_bytes=10)


async def by_listed(blobs: Blobs, _blob: str) -> None:
    _ = [page async for page in blobs.listed()]


Ask = Callable[[Blobs, str], Awaitable[None]]
EVERY_WAY: tuple[Ask, ...] = (
    by_get,
    by_path,
    by_stream,
    by_range,
    by_exists,
    by_delete,
    by_put,
    by_listed,
)


async def all_say_that_the_store_is_unavailable(blobs: Blobs) -> None:
    for ask in EVERY_WAY:
        with pytest.raises(StoreUnavailable):
            await ask(blobs, NOTHING)


async def test_a_bucket_that_is_not_there_is_no_sign_that_blobs_are_gone(s3: S3, tmp_path: Path) -> None:
    access = s3.made().access
    blobs = Blobs.open("s3://kinora-nowhere/prefix", spool=tmp_path, access=access)
    await all_say_that_the_store_is_unavailable(blobs)
    with pytest.raises(StoreUnavailable):
        await blobs.has_mark("kinora-1")
    assert await trouble(blobs._store) == "cannot be listed (NoSuchBucket)"


async def test_a_key_that_is_refused_is_no_sign_that_blobs_are_gone(tmp_path: Path) -> None:
    with serving() as s3:
        bucket = s3.made()
        blob = (await bucket.blobs(tmp_path / "spool").put(b"kept", max_bytes=10)).hash
        s3.admit_nobody()
        blobs = bucket.blobs(tmp_path / "spool")
        await all_say_that_the_store_is_unavailable(blobs)
        assert await trouble(blobs._store) == "cannot be listed (InvalidAccessKeyId)"
        s3.admit_anybody()
        assert await blobs.get(blob) == b"kept"


async def test_a_store_that_is_away_is_asked_again_when_it_is_back(
    s3: S3, bucket: Bucket, tmp_path: Path
) -> None:
    async with leading(s3) as way:
        blobs = bucket.at(way.endpoint).blobs(tmp_path / "spool")
        blob = (await blobs.put(b"kept", max_bytes=10)).hash
        await way.cut()
        with pytest.raises(StoreUnavailable):
            await blobs.get(blob)
        await way.mend()
        assert await blobs.get(blob) == b"kept"


async def test_a_bucket_that_does_all_that_is_needed_is_left_as_it_was(
    bucket: Bucket, tmp_path: Path
) -> None:
    blobs = bucket.blobs(tmp_path / "spool")
    assert await trouble(blobs._store) is None
    assert await obstore.list(blobs._store).collect_async() == []  # pyright: ignore[reportUnknownMemberType]  # arrow's kind is not installed


async def test_everything_is_listed_over_several_pages(bucket: Bucket, tmp_path: Path) -> None:
    blobs = bucket.blobs(tmp_path / "spool")
    kept = {(await blobs.put(f"{number}".encode(), max_bytes=10)).hash for number in range(2 * PAGE + 5)}
    await obstore.put_async(blobs._store, "notes.txt", b"of the operator's")
    assert {found.hash async for page in blobs.listed() for found in page} == kept


async def test_two_installations_in_one_bucket_do_not_see_each_other(bucket: Bucket, tmp_path: Path) -> None:
    name = bucket.url.removeprefix("s3://").partition("/")[0]
    one, other = (
        Blobs.open(f"s3://{name}/{prefix}", spool=tmp_path, access=bucket.access) for prefix in "ab"
    )
    blob = (await one.put(b"kept", max_bytes=10)).hash
    assert not await other.exists(blob)
    assert [page async for page in other.listed() if page] == []


async def hundred_megabytes() -> AsyncIterator[bytes]:
    for _ in range(400):
        await asyncio.sleep(0)
        yield os.urandom(250_000)


def reset_peak() -> float:
    """Forget how much memory was ever used; what is used now, in megabytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()


def peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what memory was used at most")
async def test_memory_stays_bounded_whatever_the_size(bucket: Bucket, tmp_path: Path) -> None:
    blobs = bucket.blobs(tmp_path / "spool")
    before_mb = reset_peak()
    blob = await blobs.put(hundred_megabytes(), max_bytes=100_000_000)
    put_mb = peak_mb() - before_mb
    before_mb = reset_peak()
    async with blobs.path(blob.hash) as path:
        assert path.stat().st_size == blob.size_bytes == 100_000_000
    async for chunk in blobs.stream(blob.hash):
        assert len(chunk) < 20_000_000
    assert put_mb < 70
    assert peak_mb() - before_mb < 70
    assert list((tmp_path / "spool").iterdir()) == []


async def test_what_dies_while_it_uploads_leaves_nothing_that_is_taken_for_a_blob(
    s3: S3, bucket: Bucket, tmp_path: Path
) -> None:
    async with leading(s3) as way:
        way.holds_after_bytes = 12_000_000
        arguments = (bucket.url, way.endpoint, str(tmp_path / "theirs"), "a-key", SECRET)
        dying = await asyncio.create_subprocess_exec(sys.executable, "-c", _UPLOADS, *arguments)
        async with asyncio.timeout(PATIENCE_S):
            await way.held.wait()
        dying.kill()
        await dying.wait()
    blobs = bucket.blobs(tmp_path / "spool")
    assert [page async for page in blobs.listed() if page] == []
    blob = await blobs.put(bytes(24_000_000), max_bytes=24_000_000)
    assert await blobs.get(blob.hash) == bytes(24_000_000)


async def test_bytes_that_a_bucket_gives_back_otherwise_are_set_aside(bucket: Bucket, tmp_path: Path) -> None:
    blobs = bucket.blobs(tmp_path / "spool")
    blob: Blob = await blobs.put(b"a clip", max_bytes=10)
    await obstore.put_async(blobs._store, f"{blob.hash[:2]}/{blob.hash[2:]}", b"a clop")
    with pytest.raises(NoSuchBlob):
        await blobs.get(blob.hash)
    assert (
        bytes(await (await obstore.get_async(blobs._store, f"damaged/{blob.hash}")).bytes_async())
        == b"a clop"
    )
    await blobs.put(b"a clip", max_bytes=10)
    assert await blobs.get(blob.hash) == b"a clip"


def test_secrets_do_not_show() -> None:
    shown = repr(Access("http://127.0.0.1:9", "us-east-1", "AKIA-OF-TESTS", SECRET, "a-token"))
    assert SECRET not in shown
    assert "a-token" not in shown
