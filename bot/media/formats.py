"""The four picture formats as bytes: telling them apart, and JPEG and PNG without their metadata."""

import re
import struct
from collections.abc import Iterator
from enum import StrEnum


class ImageFormat(StrEnum):
    """The formats that are read, by the name that Pillow has for them."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    GIF = "GIF"


_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def sniff(data: bytes) -> ImageFormat | None:
    """Which format the bytes begin like; what the file is called or declared as does not matter."""
    if data.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if data.startswith(_PNG_MAGIC):
        return ImageFormat.PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return ImageFormat.GIF
    return None


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in a WebP header; None where there is none to read.

    Pillow asks libwebp for two whole canvases when it opens a WebP, so the size is judged before.
    """
    header = data[12:30].ljust(18, b"\0")
    if header[:4] == b"VP8X":
        return int.from_bytes(header[12:15], "little") + 1, int.from_bytes(header[15:18], "little") + 1
    if header[:4] == b"VP8L":
        bits = int.from_bytes(header[9:13], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if header[:4] == b"VP8 ":
        width, height = struct.unpack_from("<HH", header, 14)
        return width & 0x3FFF, height & 0x3FFF
    return None


def is_lossless(data: bytes, kind: ImageFormat) -> bool:
    """Whether the pixels are exact, so that encoding them anew should keep them so."""
    return kind in (ImageFormat.PNG, ImageFormat.GIF) or (
        kind is ImageFormat.WEBP and b"VP8L" in data[12:64] and b"VP8 " not in data[12:64]
    )


# Kept: JFIF (how to read the colours) and Adobe's transform flag. Everything else among APPn and
# COM is metadata: EXIF and XMP with GPS, Photoshop, camera makers' previews, comments.
_JPEG_APP0, _JPEG_APP14, _JPEG_APP15, _JPEG_COM = 0xE0, 0xEE, 0xEF, 0xFE
_JPEG_SOS, _JPEG_EOI = 0xDA, 0xD9
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)


def bare_jpeg(data: bytes) -> bytes | None:
    """The same JPEG, bit for bit in what is shown, without metadata and without what follows it.

    None when its segments cannot be walked. What follows the end is often a second picture with
    an EXIF block of its own (phones append depth and gain maps).
    """
    kept = [data[:2]]
    position = 2
    while marker := _JPEG_MARKER.search(data, position):
        code = marker[1][0]
        if code == _JPEG_EOI:
            kept.append(b"\xff\xd9")
            return b"".join(kept)
        end = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
        if end > len(data):
            return None
        if code == _JPEG_SOS:
            end = scan.start() if (scan := _JPEG_MARKER.search(data, end)) else len(data)
        if not _is_jpeg_metadata(code):
            kept.append(data[marker.end() - 2 : end])
        position = end
    return None


def _is_jpeg_metadata(code: int) -> bool:
    return code == _JPEG_COM or (_JPEG_APP0 < code <= _JPEG_APP15 and code != _JPEG_APP14)


_PNG_SHOWN = (b"IHDR", b"PLTE", b"IDAT", b"IEND")


def bare_png(data: bytes) -> bytes | None:
    """The same PNG with only the chunks that make the picture; None when it has no end."""
    kept = [data[:8]]
    for name, chunk in _png_chunks(data):
        if name in _PNG_SHOWN:
            kept.append(chunk)
        if name == b"IEND":
            return b"".join(kept)
    return None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_PNG_MAGIC)
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4])
        yield data[position + 4 : position + 8], data[position:end]
        position = end


def is_eight_bit_png(data: bytes) -> bool:
    """Whether each channel of a PNG is a whole byte and there is no palette: what every provider reads."""
    return data[24:26] in (b"\x08\x00", b"\x08\x02")
