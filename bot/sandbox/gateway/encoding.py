"""Frames as the client asked for them: plain, or in one compressed stream for each connection."""

import zlib
from collections.abc import Callable
from typing import TypeAlias

try:
    import zstandard
except ImportError:  # not needed by anybody who does not ask for it; discord.py asks only if it has it
    zstandard = None

Encode: TypeAlias = Callable[[str], str | bytes]

_ZLIB_LEVEL = 1
_ZSTD_LEVEL = 1


def encoder(compress: str | None) -> Encode:
    """An encoder for a new connection.

    Args:
        compress: What the client asked for; plain text for what is not known here, which clients accept.
    """
    if compress == "zlib-stream":
        return _zlib()
    if compress == "zstd-stream" and zstandard is not None:
        return _zstd()
    return str


def _zlib() -> Encode:
    stream = zlib.compressobj(_ZLIB_LEVEL)

    def encode(text: str) -> bytes:
        return stream.compress(text.encode()) + stream.flush(zlib.Z_SYNC_FLUSH)

    return encode


def _zstd() -> Encode:
    assert zstandard is not None
    stream = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
    block = zstandard.COMPRESSOBJ_FLUSH_BLOCK

    def encode(text: str) -> bytes:
        return stream.compress(text.encode()) + stream.flush(block)

    return encode
