"""Whatever bytes come as a clip: it is read or refused in words, within bounds, and the next one is read."""

import io
import math
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st
from PIL import Image

from bot.media.children import Patience
from bot.media.clips import Clips
from bot.media.confined import Bounds
from bot.media.errors import CannotFit, NotAVideo
from tests.fuzzed import fuzzed, tried
from tests.media.conftest import write_film
from tests.media.mangled import boxes, damaged, mp4s

CLIPS = "clips"
BOUNDS = Bounds(memory_bytes=1_000_000_000, cpu_s=20, file_bytes=100_000_000)
PATIENCE = Patience(silent_s=60, whole_s=100)


def _film(folder: Path, name: str, **options: object) -> bytes:
    return write_film(folder / name, size=(64, 36), frames=12, **options).read_bytes()  # pyright: ignore[reportArgumentType]  # passed on as they are


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("films")
    return {
        "mp4": _film(folder, "film.mp4", rotation=90, gop=4),
        "mov": _film(folder, "film.mov", sound=False),
        "webm": _film(folder, "film.webm", codec="libvpx", sound=False),
        "mkv": _film(folder, "film.mkv", codec="mpeg4"),
    }


@pytest.fixture
async def clips() -> AsyncIterator[Clips]:
    async with Clips(looks=1, looking=(BOUNDS, PATIENCE), encoding=(BOUNDS, PATIENCE)) as opened:
        yield opened


async def swallowed(clips: Clips, data: bytes, folder: Path) -> None:
    """All that is done to clips before they are posted, done to this."""
    path = folder / "clip"
    path.write_bytes(data)
    try:
        clip = await clips.probe(path)
    except NotAVideo:
        return
    assert min(clip.width, clip.height) > 0
    assert math.isfinite(clip.duration_s)
    assert 0 < clip.fps < math.inf
    assert clip.size_bytes == len(data)
    try:
        frame = await clips.poster(path, at="last")
    except NotAVideo:
        return
    Image.open(io.BytesIO(frame)).load()


async def fitted(clips: Clips, data: bytes, folder: Path) -> None:
    """Made smaller, if that can be."""
    path, out = folder / "clip", folder / "out.mp4"
    path.write_bytes(data)
    try:
        clip = await clips.fit(path, 26_000, out)
    except (NotAVideo, CannotFit):
        assert not out.exists()
    else:
        assert clip.size_bytes == out.stat().st_size <= 26_000
        out.unlink()
    assert [left.name for left in folder.iterdir()] == ["clip"]  # noqa: ASYNC240


@pytest.mark.parametrize("name", ["mp4", "mov", "webm", "mkv"])
async def test_the_samples_are_good(name: str, films: dict[str, bytes], clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(films[name])
    assert (await clips.probe(path)).duration_s == pytest.approx(0.5, abs=0.05)
    assert await clips.poster(path, at="last")
    await clips.fit(path, 26_000, tmp_path / "out.mp4")


@fuzzed(CLIPS, examples=80, choice=st.data())
async def test_damaged_files(
    films: dict[str, bytes], clips: Clips, tmp_path: Path, choice: st.DataObject
) -> None:
    await swallowed(clips, choice.draw(damaged(list(films.values()))), tmp_path)


@fuzzed(CLIPS, examples=80, choice=st.data())
async def test_boxes_that_lie(
    films: dict[str, bytes], clips: Clips, tmp_path: Path, choice: st.DataObject
) -> None:
    await swallowed(clips, choice.draw(mp4s(films["mp4"])), tmp_path)


@fuzzed(CLIPS, examples=25, choice=st.data())
async def test_fitting_what_is_damaged(
    films: dict[str, bytes], clips: Clips, tmp_path: Path, choice: st.DataObject
) -> None:
    await fitted(clips, choice.draw(damaged([films["mp4"], films["mkv"]]) | mp4s(films["mp4"])), tmp_path)


# ---- Headers that promise enormous things


def _told(film: bytes, name: bytes, *words: tuple[int, int]) -> bytes:
    """The film, in whose first box of a name these words (by their place) are others."""
    start = next(start for start, _, known in boxes(film) if known == name)
    changed = bytearray(film)
    for place, number in words:
        changed[start + 8 + 4 * place : start + 12 + 4 * place] = struct.pack(">I", number)
    return bytes(changed)


def _edits(film: bytes, count: int) -> bytes:
    """The film with an edit list of so many edits, in room taken from the media's own place."""
    start, end, _ = next(box for box in boxes(film) if box[2] == b"elst")
    edit = film[start + 16 : start + 28]
    grown = (end - start) + 12 * (count - 1)
    box = struct.pack(">I4sII", grown, b"elst", 0, count) + edit * count
    extra = grown - (end - start)
    changed = film[:start] + box + film[end:]
    for outer, stop, name in list(boxes(film)):
        if name in {b"moov", b"trak", b"edts"} and outer < start < stop:
            changed = changed[:outer] + struct.pack(">I", stop - outer + extra) + changed[outer + 4 :]
    return changed


TALL_TALES: dict[str, Callable[[bytes], bytes]] = {
    "a billion samples": lambda film: _told(film, b"stsz", (1, 1), (2, 10**9)),
    "samples of four gigabytes": lambda film: _told(film, b"stsz", (1, 0xFFFFFFFF)),
    "a billion frames": lambda film: _told(film, b"stts", (2, 10**9)),
    "frames of no length": lambda film: _told(film, b"stts", (3, 0)),
    "frames of a century": lambda film: _told(film, b"stts", (3, 0x7FFFFFFF)),
    "four billion entries": lambda film: _told(film, b"stts", (1, 0xFFFFFFFF)),
    "four billion chunks": lambda film: _told(film, b"stco", (1, 0xFFFFFFFF)),
    "chunks beyond the end": lambda film: _told(film, b"stco", (2, 0xFFFFFFF0)),
    "no time at all in a second": lambda film: _told(film, b"mdhd", (3, 0)),
    "one tick a second": lambda film: _told(film, b"mdhd", (3, 1)),
    "four billion ticks a second": lambda film: _told(film, b"mdhd", (3, 0xFFFFFFFF)),
    "a length of a century": lambda film: _told(film, b"mdhd", (4, 0xFFFFFFFF)),
    "thousands of edits": lambda film: _edits(film, 3000),
    "an edit before the beginning": lambda film: _told(film, b"elst", (3, 0x80000000)),
    "an edit of no length": lambda film: _told(film, b"elst", (2, 0), (3, 0xFFFFFFFF)),
    "a matrix of ones": lambda film: _told(film, b"tkhd", *[(place, 0xFFFFFFFF) for place in range(10, 19)]),
    "a picture of 65,535 pixels each way": lambda film: _told(film, b"stsd", (10, 0xFFFFFFFF)),
}


@pytest.mark.parametrize("tale", TALL_TALES)
async def test_headers_that_promise_too_much(
    tale: str, films: dict[str, bytes], clips: Clips, tmp_path: Path
) -> None:
    tried(CLIPS)
    data = TALL_TALES[tale](films["mp4"])
    assert data != films["mp4"]
    await swallowed(clips, data, tmp_path)
    await fitted(clips, data, tmp_path)
