"""Zips that are written piece by piece."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from bot.domain.exports import Entry
from bot.media.archives import Archives

NOW_MS = 1_790_000_000_000


@pytest.fixture
async def archives() -> AsyncIterator[Archives]:
    async with Archives() as made:
        yield made


async def written(archives: Archives, path: Path, *files: Path, text: str = "words") -> None:
    async with archives.begun(path) as archive:
        await archive.say("README.txt", text, at_ms=NOW_MS)
        for file in files:
            await archive.add(f"clips/{file.name}", file, at_ms=NOW_MS)


async def test_texts_are_compressed_and_files_are_kept_as_they_are(
    archives: Archives, tmp_path: Path
) -> None:
    clip = tmp_path / "1.mp4"
    clip.write_bytes(os.urandom(3_000_000))
    await written(archives, tmp_path / "a.zip", clip, text="so " * 1000)
    with ZipFile(tmp_path / "a.zip") as zipped:
        assert zipped.testzip() is None
        assert zipped.read("clips/1.mp4") == clip.read_bytes()
        assert zipped.getinfo("clips/1.mp4").compress_type == ZIP_STORED
        assert zipped.getinfo("README.txt").compress_type == ZIP_DEFLATED
        assert zipped.getinfo("README.txt").date_time == (2026, 9, 21, 14, 13, 20)


async def test_the_same_files_give_the_same_bytes(archives: Archives, tmp_path: Path) -> None:
    clip = tmp_path / "1.mp4"
    clip.write_bytes(b"clip")
    for name in ("a.zip", "b.zip"):
        await written(archives, tmp_path / name, clip)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


async def test_a_zip_takes_no_more_room_than_is_planned_for_it(archives: Archives, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.mp4" for number in range(20)]
    for file in files:
        file.write_bytes(os.urandom(100))
    await written(archives, tmp_path / "a.zip", *files)
    planned = sum(Entry(f"clips/{file.name}", "", 100, 0).room_bytes for file in files)
    assert (tmp_path / "a.zip").stat().st_size <= planned + await archives.room_bytes("words")


async def test_what_was_before_1980_is_dated_then(archives: Archives, tmp_path: Path) -> None:
    async with archives.begun(tmp_path / "a.zip") as archive:
        await archive.say("README.txt", "words", at_ms=0)
    with ZipFile(tmp_path / "a.zip") as zipped:
        assert zipped.getinfo("README.txt").date_time == (1980, 1, 1, 0, 0, 0)


async def test_who_is_cancelled_leaves_a_file_that_can_be_removed(archives: Archives, tmp_path: Path) -> None:
    clip = tmp_path / "1.mp4"
    clip.write_bytes(bytes(50_000_000))
    writing = asyncio.ensure_future(written(archives, tmp_path / "a.zip", clip))
    while not (tmp_path / "a.zip").exists():  # noqa: ASYNC110 - a file rings no bell
        await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    (tmp_path / "a.zip").unlink()


async def test_a_file_that_is_there_already_is_not_written_over(archives: Archives, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"")
    with pytest.raises(FileExistsError):
        await written(archives, tmp_path / "a.zip")
