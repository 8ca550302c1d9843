"""Real pictures and clips, damaged in the ways that find bugs in decoders: as strategies for hypothesis."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st
from PIL import Image, ImageCms

Mangle = st.SearchStrategy[Callable[[bytes], bytes]]

EDGES = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    12,
    127,
    128,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)
"""Numbers at which sizes and counts go wrong."""


def png_chunk(name: bytes, data: bytes) -> bytes:
    """With the sum that its decoder wants."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    image = Image.effect_noise((40, 30), 60).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _moving(kind: str) -> bytes:
    frames = [Image.effect_noise((40, 30), 60) for _ in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def pictures() -> dict[str, bytes]:
    """One of each kind that decoders tell apart."""
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # untyped C
    return {
        "jpeg": _picture("JPEG", exif=exif, icc_profile=profile),
        "progressive": _picture("JPEG", progressive=True),
        "cmyk": _picture("JPEG", "CMYK"),
        "grey": _picture("JPEG", "L", exif=exif),
        "png": _picture("PNG", "RGBA", exif=exif, icc_profile=profile),
        "palette": _picture("PNG", "P", transparency=3),
        "bilevel": _picture("PNG", "1"),
        "deep": _picture("PNG", "I;16"),
        "gif": _picture("GIF", "P"),
        "moving gif": _moving("GIF"),
        "moving png": _moving("PNG"),
        "webp": _picture("WEBP", exif=exif, icc_profile=profile),
        "lossless webp": _picture("WEBP", "RGBA", lossless=True),
        "moving webp": _moving("WEBP"),
    }


def damaged(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of them after up to four accidents."""
    return st.builds(_after, st.sampled_from(samples), st.lists(_accidents(samples), min_size=1, max_size=4))


def _after(data: bytes, accidents: list[Callable[[bytes], bytes]]) -> bytes:
    for accident in accidents:
        data = accident(data)
    return data


def _accidents(samples: list[bytes]) -> Mangle:
    where = st.floats(0, 1, exclude_max=True)
    near = where.map(lambda part: part**4)  # headers come first
    place = where | near
    return st.one_of(
        st.builds(_flipped, place, st.integers(0, 7)),
        st.builds(_overwritten, place, st.sampled_from(EDGES), st.sampled_from([">I", "<I", ">H", "<H"])),
        st.builds(_cut, place),
        st.builds(_dropped, place, st.integers(1, 64)),
        st.builds(_inserted, place, st.binary(min_size=1, max_size=64)),
        st.builds(_repeated, place, place, st.integers(2, 8)),
        st.builds(_crossed, place, place, st.sampled_from(samples)),
    )


def _flipped(where: float, bit: int) -> Callable[[bytes], bytes]:
    def mangle(data: bytes) -> bytes:
        changed = bytearray(data or b"\0")
        changed[int(where * len(changed))] ^= 1 << bit
        return bytes(changed)

    return mangle


def _overwritten(where: float, number: int, form: str) -> Callable[[bytes], bytes]:
    size = struct.calcsize(form)
    word = struct.pack(form, number % (1 << 8 * size))

    def mangle(data: bytes) -> bytes:
        start = int(where * len(data))
        return data[:start] + word + data[start + size :]

    return mangle


def _cut(where: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(where * len(data))]


def _dropped(where: float, many: int) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(where * len(data))] + data[int(where * len(data)) + many :]


def _inserted(where: float, extra: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(where * len(data))] + extra + data[int(where * len(data)) :]


def _repeated(one: float, other: float, times: int) -> Callable[[bytes], bytes]:
    def mangle(data: bytes) -> bytes:
        start, end = sorted((int(one * len(data)), int(other * len(data))))
        return data[:start] + data[start:end][:2000] * times + data[end:]

    return mangle


def _crossed(one: float, other: float, stranger: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(one * len(data))] + stranger[int(other * len(stranger)) :]


# ---- Pictures whose parts are as they should be, and whose whole is not


def png_parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG."""
    position = 8
    while position < len(data):
        size = int.from_bytes(data[position : position + 4])
        yield data[position + 4 : position + 8], data[position + 8 : position + 8 + size]
        position += 12 + size


def pngs(sample: bytes) -> st.SearchStrategy[bytes]:
    """Whole chunks with valid sums: dropped, repeated, out of order, with headers and contents that lie."""
    parts = list(png_parts(sample))
    header = st.builds(
        struct.pack,
        st.just(">IIBBBBB"),
        *[st.sampled_from(EDGES) | st.integers(1, 200)] * 2,
        st.sampled_from([1, 2, 4, 8, 16, 3]),
        st.integers(0, 7),
        *[st.integers(0, 2)] * 3,
    )
    packed = st.binary(max_size=60).map(zlib.compress)
    names = [
        b"iCCP",
        b"eXIf",
        b"tRNS",
        b"PLTE",
        b"zTXt",
        b"iTXt",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"gAMA",
        b"cHRM",
        b"sBIT",
    ]
    strange = st.tuples(
        st.sampled_from(names),
        st.binary(max_size=60) | packed.map(lambda some: b"icc\0\0" + some) | packed,
    )
    some = st.sampled_from(parts) | strange | header.map(lambda lying: (b"IHDR", lying))
    inner = st.lists(some, max_size=8)
    heads = st.sampled_from([parts[:1]]) | header.map(lambda lying: [(b"IHDR", lying)])
    tails = st.sampled_from([parts[1:], parts[1:-1], parts[-1:], []])
    return st.tuples(heads, inner, tails).map(
        lambda lists: b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for one in lists for part in one)
    )


def jpegs(sample: bytes) -> st.SearchStrategy[bytes]:
    """Segments of any kind and content before those of a real picture."""
    tiff = st.builds(
        _tiff, st.sampled_from([b"II*\0", b"MM\0*"]), st.sampled_from(EDGES), st.binary(max_size=80)
    )
    contents = (
        st.binary(max_size=80)
        | tiff.map(lambda garbage: b"Exif\0\0" + garbage)
        | st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=200)).map(
            lambda icc: b"ICC_PROFILE\0" + bytes(icc[:2]) + icc[2]
        )
        | st.binary(max_size=20).map(lambda garbage: b"Adobe\0\x64" + garbage)
        | st.tuples(*[st.sampled_from(EDGES)] * 2).map(
            lambda size: (
                b"\x08"
                + bytes(struct.pack(">HH", *(side % 65536 for side in size)))
                + b"\x03\1\x22\0\2\x11\1\3\x11\1"
            )
        )
    )
    codes = st.sampled_from(
        [0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE, 0xCC, 0xDC]
    )
    segment = st.tuples(codes, contents, st.sampled_from([0, 0, 0, 1, -1, 9])).map(
        lambda one: bytes((0xFF, one[0])) + struct.pack(">H", max(0, len(one[1]) + 2 + one[2])) + one[1]
    )
    return st.lists(segment, min_size=1, max_size=5).map(
        lambda all_: sample[:2] + b"".join(all_) + sample[2:]
    )


def _tiff(order: bytes, offset: int, rest: bytes) -> bytes:
    return order + struct.pack("<I" if order[:1] == b"I" else ">I", offset) + rest


# ---- Clips

_PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta"})


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, bytes]]:
    """Where each box of an MP4 begins and ends, with its name; outer ones first."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size = int.from_bytes(data[start : start + 4])
        name = data[start + 4 : start + 8]
        if size < 8:
            return
        yield start, start + size, name
        if name in _PARENTS:
            yield from boxes(data, start + 8, start + size)
        start += size


def mp4s(sample: bytes) -> st.SearchStrategy[bytes]:
    """Boxes whose numbers lie, that are repeated, renamed, nested, emptied; the media itself stays."""
    known = [box for box in boxes(sample) if box[2] not in {b"mdat", b"moov", b"ftyp"}]
    box = st.sampled_from(known)
    names = sorted(
        {name for _, _, name in known} | {b"elst", b"co64", b"sidx", b"moof", b"meta", b"uuid", b"free"}
    )
    lie = st.one_of(
        st.builds(_lying, box, st.integers(0, 40), st.sampled_from(EDGES)),
        st.builds(_lying, box, st.just(-2), st.sampled_from(EDGES)),  # the size
        st.builds(_renamed, box, st.sampled_from(names)),
        st.builds(_doubled, box, st.integers(1, 5)),
        st.builds(_emptied, box),
        st.builds(_nested, box, st.sampled_from([1, 5, 300])),
    )
    return st.builds(_after, st.just(sample), st.lists(lie, min_size=1, max_size=3))


Box = tuple[int, int, bytes]


def _lying(box: Box, word: int, number: int) -> Callable[[bytes], bytes]:
    def mangle(data: bytes) -> bytes:
        place = box[0] + 8 + word * 4
        return data[:place] + struct.pack(">I", number) + data[place + 4 :]

    return mangle


def _renamed(box: Box, name: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[: box[0] + 4] + name + data[box[0] + 8 :]


def _doubled(box: Box, times: int) -> Callable[[bytes], bytes]:
    return lambda data: data[: box[1]] + data[box[0] : box[1]] * times + data[box[1] :]


def _emptied(box: Box) -> Callable[[bytes], bytes]:
    return lambda data: data[: box[0]] + bytes(box[1] - box[0]) + data[box[1] :]


def _nested(box: Box, deep: int) -> Callable[[bytes], bytes]:
    def mangle(data: bytes) -> bytes:
        inner = data[box[0] : box[1]]
        for _ in range(deep):
            inner = struct.pack(">I4s", len(inner) + 8, box[2]) + inner
        return data[: box[0]] + inner + data[box[1] :]

    return mangle
