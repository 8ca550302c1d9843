"""Whatever bytes come as a picture: it is read or refused in words, within bounds, and the next one is read."""

import io
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from PIL import Image

from bot.media.children import Patience
from bot.media.confined import Bounds
from bot.media.errors import Fit, PictureRefused
from bot.media.facts import NormalisedPicture
from bot.media.formats import ImageFormat, sniff
from bot.media.images import BOUNDS, Images, Limits
from bot.media.shape import Size
from tests.fuzzed import fuzzed, tried
from tests.media.mangled import damaged, jpegs, pictures, png_chunk, pngs

SAMPLES = pictures()
ANY_SIZE = Limits(min_side_px=8)  # so that small samples are decoded and not refused by size
PICTURES = "pictures"

T = TypeVar("T")


@pytest.fixture
async def images() -> AsyncIterator[Images]:
    bounds = Bounds(memory_bytes=BOUNDS.memory_bytes, cpu_s=BOUNDS.cpu_s, file_bytes=0)
    async with Images(1, bounds=bounds, patience=Patience(silent_s=100, whole_s=100)) as opened:
        yield opened


async def swallowed(images: Images, data: bytes) -> None:
    """All that is done to pictures, done to this."""
    picture = await answered(images.normalise(data, fit=Fit.PAD, limits=ANY_SIZE))
    if picture is not None:
        assert f"image/{(sniff(picture.data) or '').lower()}" == picture.media_type
        assert Image.open(io.BytesIO(picture.data)).size == (picture.width, picture.height)
    small = await answered(images.thumbnail(data))
    assert small is None or sniff(small) is ImageFormat.JPEG
    whole = NormalisedPicture(b"", "image/png", 40, 30, sent=Size(40, 30))
    mask = await answered(images.mask(data, whole))
    assert mask is None or Image.open(io.BytesIO(mask.data)).size == (40, 30)


async def answered(asked: Awaitable[T]) -> T | None:
    try:
        return await asked
    except PictureRefused:
        return None


@pytest.mark.parametrize("name", SAMPLES)
async def test_the_samples_are_good(name: str, images: Images) -> None:
    assert (await images.normalise(SAMPLES[name], fit=Fit.PAD, limits=ANY_SIZE)).data


@fuzzed(PICTURES, examples=250, data=damaged(list(SAMPLES.values())))
async def test_damaged_files(images: Images, data: bytes) -> None:
    await swallowed(images, data)


@fuzzed(
    PICTURES, examples=100, data=pngs(SAMPLES["png"]) | pngs(SAMPLES["palette"]) | pngs(SAMPLES["moving png"])
)
async def test_pngs_of_valid_chunks(images: Images, data: bytes) -> None:
    await swallowed(images, data)


@fuzzed(
    PICTURES,
    examples=100,
    data=jpegs(SAMPLES["jpeg"]) | jpegs(SAMPLES["progressive"]) | jpegs(SAMPLES["cmyk"]),
)
async def test_jpegs_with_strange_segments(images: Images, data: bytes) -> None:
    await swallowed(images, data)


@fuzzed(
    PICTURES,
    examples=100,
    magic=st.sampled_from([b"", *(data[:30] for data in SAMPLES.values())]),
    rest=st.binary(),
)
async def test_random_bytes(images: Images, magic: bytes, rest: bytes) -> None:
    await swallowed(images, magic + rest)


# ---- Bombs: what is small and pretends to be, or becomes, enormous


def _png(width: int, height: int, packed: bytes, *chunks: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(chunks)
        + png_chunk(b"IDAT", packed)
        + png_chunk(b"IEND", b"")
    )


def _packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([packer.compress(bytes(1_000_000)) for _ in range(megabytes)] + [packer.flush()])


def _endless_gif(frames: int) -> bytes:
    gif = SAMPLES["moving gif"]
    start = gif.index(b"\x21\xf9", gif.index(b"\x21\xf9") + 1)  # from the second frame on
    return gif[:start] + gif[start:-1] * frames + b";"


def _scans(count: int, size: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + data[-2:]


def _exif(ifd: bytes) -> bytes:
    segment = b"Exif\0\0" + ifd
    jpeg = SAMPLES["jpeg"]
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def _icc(tag: bytes) -> bytes:
    """A profile of one tag, whose content lies."""
    body = bytes(128)[:36] + b"acsp" + bytes(88) + struct.pack(">I4sII", 1, b"A2B0", 144, len(tag)) + tag
    body = struct.pack(">I", len(body)) + b"lcms\4\x20\0\0mntrRGB Lab " + body[20:]
    return png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(body))


def _webp(canvas: int, frames: int) -> bytes:
    webp = SAMPLES["moving webp"]
    side = (canvas - 1).to_bytes(3, "little")
    start = webp.index(b"ANMF")
    size = 8 + int.from_bytes(webp[start + 4 : start + 8], "little")
    frame = webp[start : start + size + size % 2]
    body = b"WEBP" + webp[12:24] + side + side + webp[30:start] + frame * frames
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_ROW = bytes(3 * 640 + 1)
_GOOD = zlib.compress(_ROW * 480)
_LOOP = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"  # an Exif IFD that is its own child and next

BOMBS: dict[str, Callable[[], bytes]] = {
    "pixels in a PNG that unpack to 300 MB": lambda: _png(640, 480, _packed_zeros(300)),
    "a PNG of as many pixels as are let in, of which there are none": lambda: _png(8000, 6000, b""),
    "a profile that unpacks to 300 MB": lambda: _png(
        640, 480, _GOOD, png_chunk(b"iCCP", b"x\0\0" + _packed_zeros(300))
    ),
    "texts that unpack to 300 MB": lambda: _png(
        640, 480, _GOOD, *[png_chunk(b"zTXt", b"x\0\0" + _packed_zeros(30))] * 10
    ),
    "a profile with an enormous table": lambda: _png(
        640, 480, _GOOD, _icc(b"mft2" + bytes(4) + b"\x0f\x0f\xff\0" + bytes(36) + b"\xff\xff\xff\xff")
    ),
    "a hundred thousand chunks": lambda: _png(640, 480, _GOOD, png_chunk(b"tEXt", b"a\0b") * 100_000),
    "a GIF of twenty thousand pictures": lambda: _endless_gif(10_000),
    "a GIF on an enormous canvas": lambda: SAMPLES["gif"][:6] + b"\xff\xff\xff\xff" + SAMPLES["gif"][10:],
    "a large JPEG of as many scans as are let in": lambda: _scans(85, 2000),
    "a JPEG of endless scans": lambda: _scans(5000, 400),
    "a WebP on an enormous canvas": lambda: _webp(16_384, 3),
    "a WebP of ten thousand pictures": lambda: _webp(40, 10_000),
    "EXIF in a circle": lambda: _exif(_LOOP),
    "EXIF of sixty thousand entries": lambda: _exif(
        b"II*\0\x08\0\0\0\xff\xff" + b"\x12\1\3\0\1\0\0\0\6\0\0\0" * 5000
    ),
    "EXIF of an enormous value": lambda: _exif(
        b"II*\0\x08\0\0\0\1\0\x12\1\x0a\0\xff\xff\xff\xff\x08\0\0\0\0\0\0\0"
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_bombs(bomb: str, images: Images) -> None:
    data = BOMBS[bomb]()
    assert len(data) < 25_000_000
    tried(PICTURES)
    await swallowed(images, data)
    assert await images.thumbnail(SAMPLES["png"])
