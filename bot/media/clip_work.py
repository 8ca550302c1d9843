"""What is done to clips, in processes of their own (`bot.media.clips` starts them)."""

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from av.error import FFmpegError
from av.video.frame import VideoFrame
from PIL import Image

from bot.media import encoding
from bot.media.confined import Answer, Beat, serve
from bot.media.demux import describe, first_frame, frames, opened, source_colorspace
from bot.media.errors import NotAVideo
from bot.media.pixels import encode

_QUARTER_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def poster(path: Path, at: str) -> bytes:
    """The first or last frame as a JPEG; raises `NotAVideo`."""
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


def _probe_order(facts: Mapping[str, Any], _: bytes, __: Beat) -> Answer:
    return asdict(describe(Path(facts["path"]))), b""


def _poster_order(facts: Mapping[str, Any], _: bytes, __: Beat) -> Answer:
    return {}, poster(Path(facts["path"]), facts["at"])


def _fit_order(facts: Mapping[str, Any], _: bytes, beat: Beat) -> Answer:
    fitted = encoding.fit(Path(facts["path"]), facts["max_bytes"], Path(facts["out"]), beat)
    return asdict(fitted), b""


if __name__ == "__main__":
    serve({"probe": _probe_order, "poster": _poster_order, "fit": _fit_order})
