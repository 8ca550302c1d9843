"""Whatever bytes come, the answer is a picture or a refusal."""

import contextlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.media import picture_work
from bot.media.errors import Fit, PictureRefused, Unreadable
from bot.media.shape import DEFAULT, Limits, Size

MAGICS = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"RIFF\x40\0\0\0WEBPVP8X",
]


def _sample(kind: str) -> bytes:
    image = Image.effect_noise((32, 24), 60).convert("RGB" if kind != "PNG" else "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"exif": exif} if kind != "GIF" else {}))
    return buffer.getvalue()


ALL_SIZES = Limits(min_side_px=8)  # so that small samples are decoded and not refused by size
SAMPLES = [_sample(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP")]


def swallow(data: bytes) -> None:
    with contextlib.suppress(PictureRefused):
        picture_work.normalise(data, Fit.PAD, ALL_SIZES)
    with contextlib.suppress(PictureRefused):
        picture_work.thumbnail(data, 64, DEFAULT)
    for shape in (Size(32, 24), Size(24, 32)):
        with contextlib.suppress(PictureRefused):
            mask = picture_work.mask(data, Size(40, 30), shape, DEFAULT)
            assert (mask.width, mask.height) == (40, 30)


@pytest.mark.parametrize("data", SAMPLES, ids=["JPEG", "PNG", "GIF", "WEBP"])
def test_the_samples_are_good(data: bytes) -> None:
    assert picture_work.thumbnail(data, 64, DEFAULT)
    assert picture_work.normalise(data, Fit.REFUSE, ALL_SIZES)


def test_a_jpeg_of_endless_scans_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((400, 400), 60).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    assert picture_work.normalise(data[:-2] + last_scan * 50 + data[-2:], Fit.REFUSE, DEFAULT).width == 400
    monkeypatch.setattr(picture_work.pixels, "decode", None)
    with pytest.raises(Unreadable):
        picture_work.normalise(data[:-2] + last_scan * 500 + data[-2:], Fit.REFUSE, DEFAULT)


@given(magic=st.sampled_from([b"", *MAGICS]), rest=st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_refused(magic: bytes, rest: bytes) -> None:
    swallow(magic + rest)


@given(
    data=st.sampled_from(SAMPLES),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    reach=st.sampled_from([80, 100_000]),  # the header alone, or all of it
)
@settings(max_examples=300, deadline=None)
def test_damaged_pictures_are_read_or_refused(
    data: bytes, changes: list[tuple[float, int]], reach: int
) -> None:
    damaged = bytearray(data)
    for where, value in changes:
        damaged[int(where * (min(reach, len(data)) - 1))] = value
    swallow(bytes(damaged))


@given(
    data=st.sampled_from(SAMPLES),
    start=st.floats(0, 1),
    length=st.integers(1, 40),
    extra=st.binary(max_size=40),
)
@settings(max_examples=200, deadline=None)
def test_spliced_pictures_are_read_or_refused(data: bytes, start: float, length: int, extra: bytes) -> None:
    cut = int(start * len(data))
    swallow(data[:cut] + extra + data[cut + length :])
