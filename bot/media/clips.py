"""Finished clips: what they are, a frame of them as a picture, and making them small enough to post."""

import contextlib
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Literal, Self

from av.error import FFmpegError
from av.video.frame import VideoFrame
from PIL import Image

from bot.media import encoding
from bot.media.demux import Clip, describe, first_frame, frames, opened, source_colorspace
from bot.media.errors import NotAVideo
from bot.media.fitted import Fitted
from bot.media.pixels import encode
from bot.media.workers import Workers

__all__ = ["Clip", "Clips"]

_QUARTER_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


class Clips:
    """Reads and encodes video in threads of its own; an encoding never keeps a quick look waiting."""

    def __init__(self, *, encodings: int = 1, looks: int = 2, room: Path | None = None) -> None:
        """`room` is a folder for the last few clips that were made to fit; None: in the system's temporary one."""
        self._encodings = Workers(encodings, "clips-encode")
        self._looks = Workers(looks, "clips-look")
        self._fitted = Fitted(self, room)

    async def probe(self, path: Path) -> Clip:
        """What the clip is, from its header and one decoded frame.

        Raises:
            NotAVideo: when no picture can be decoded.
        """
        return await self._looks.run(lambda _: describe(path))

    async def poster(self, path: Path, *, at: Literal["first", "last"] = "first") -> bytes:
        """A frame as a JPEG fine enough to go on from.

        Raises:
            NotAVideo: when no picture can be decoded.
        """
        return await self._looks.run(lambda _: _poster(path, at))

    async def fit(self, path: Path, max_bytes: int, out: Path) -> Clip:
        """Re-encode to at most `max_bytes`; `out` appears whole or not at all, also when cancelled.

        A clip that is small enough is copied as it is.

        Raises:
            CannotFit: with the smallest size that was reached.
            NotAVideo: when it cannot be read.
        """
        return await self._encodings.run(partial(encoding.fit, path, max_bytes, out))

    def fitted(
        self, blob: str, path: Path, max_bytes: int, *, can_wait: bool
    ) -> AbstractAsyncContextManager[Path]:
        """What `fit` makes of the clip under a hash, kept for a while; those that can wait leave others the way.

        Raises:
            CannotFit, NotAVideo, OSError: on entering.
        """
        return self._fitted.of(blob, path, max_bytes, can_wait=can_wait)

    async def close(self) -> None:
        """Stop what runs, see the threads end and remove what was kept."""
        await self._encodings.close()
        await self._looks.close()
        self._fitted.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _poster(path: Path, at: Literal["first", "last"]) -> bytes:
    with opened(path) as (container, stream):
        frame = first_frame(container, stream) if at == "first" else None
    return _jpeg(frame or _last_frame(path))


def _last_frame(path: Path) -> VideoFrame:
    """The last frame that decodes: from the last key frame on, or from the start if that gives none.

    Raises:
        NotAVideo: when there is none.
    """
    with opened(path) as (container, stream):
        with contextlib.suppress(FFmpegError):  # without an index it is read from the start
            container.seek(stream.duration or 0, stream=stream)
        last = _last(frames(container, stream))
    if last is None:
        with opened(path) as (container, stream):
            last = _last(frames(container, stream))
    if last is None:
        raise NotAVideo
    return last


def _last(decoded: Iterator[VideoFrame]) -> VideoFrame | None:
    last = deque(decoded, maxlen=1)
    return last[0] if last else None


def _jpeg(frame: VideoFrame) -> bytes:
    image = frame.to_image(src_colorspace=source_colorspace(frame))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # untyped
    assert isinstance(image, Image.Image)
    turn = _QUARTER_TURNS.get(frame.rotation % 360)
    return encode(image.transpose(turn) if turn is not None else image, "JPEG")
