"""What Discord finds out about a file: its kind by its name, its size in pixels by its first bytes."""

import mimetypes
import re
import struct

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_TYPES = {"webp": "image/webp", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}


def safe_name(filename: str) -> str:
    """The name under which Discord stores the file."""
    return _UNSAFE.sub("", filename.strip().replace(" ", "_")) or "unknown"


def content_type(filename: str) -> str:
    """The type that Discord claims for a file of this name."""
    suffix = filename.rpartition(".")[2].lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(filename)[0] or "application/octet-stream"


def pixels(data: bytes) -> tuple[int, int] | None:
    """Width and height of a picture or an MP4; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:  # noqa: PLR2004 - signature, chunk head, two sizes
        return struct.unpack(">II", data[16:24])
    if data[:6] in {b"GIF87a", b"GIF89a"} and len(data) >= 10:  # noqa: PLR2004 - signature, two sizes
        return struct.unpack("<HH", data[6:10])
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return _mp4(data) if data[4:8] == b"ftyp" else None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at, low, high = 2, 0xC0, 0xCF  # frames begin with one of these markers
    while at + 9 < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - every JPEG marker starts with it
        marker = data[at + 1]
        if low <= marker <= high and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _mp4(data: bytes) -> tuple[int, int] | None:
    at = data.find(b"tkhd")
    while at >= 4:  # noqa: PLR2004 - the box's length stands in the four bytes before its name
        end = at - 4 + int.from_bytes(data[at - 4 : at])
        width, height = int.from_bytes(data[end - 8 : end - 6]), int.from_bytes(data[end - 4 : end - 2])
        if width and height:
            return width, height
        at = data.find(b"tkhd", at + 4)  # a sound track has none
    return None
