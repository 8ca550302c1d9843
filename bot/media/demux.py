"""Opening foreign video with PyAV, and what its header says."""

# pyright: reportUnknownMemberType=false
# (PyAV's packets are generic in their stream and it leaves that open.)

import contextlib
import os
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from bot.media.errors import NotAVideo
from bot.media.facts import Clip

if TYPE_CHECKING:
    from av.packet import Packet  # generic only for the type checker


# FFmpeg guesses by content, and some of what it guesses are lists of other files and addresses.
# Only containers that carry the video themselves, read from this one file, are let in.
_OPTIONS = {
    "format_whitelist": "mov,mp4,matroska,webm",
    "protocol_whitelist": "file",
    "probesize": "5000000",
    "analyzeduration": "5000000",
}
THREADS = min(8, os.cpu_count() or 1)
"""Of a decoder or an encoder; each keeps pictures of its own."""

_BT709, _UNSPECIFIED = 1, 2
_HD_HEIGHT_PX = 720


@contextlib.contextmanager
def opened(path: Path) -> Generator[tuple[InputContainer, VideoStream]]:
    """The file and its video stream.

    Raises:
        NotAVideo: when it is no video.
        FileNotFoundError: when there is no file.
    """
    path.stat()
    try:
        container = av.open(f"file:{path}", options=_OPTIONS)
    except FFmpegError as fault:
        raise NotAVideo from fault
    with container:
        if not container.streams.video:
            raise NotAVideo
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.thread_count = THREADS
        yield container, stream


def decoded(container: InputContainer, *streams: Stream) -> Iterator[VideoFrame | AudioFrame]:
    """Every frame that decodes; damaged packets are passed over, as a player does."""
    for packet in _packets(container, *streams):
        with contextlib.suppress(FFmpegError):
            for frame in packet.decode():
                if isinstance(frame, VideoFrame | AudioFrame):
                    yield frame


def _packets(container: InputContainer, *streams: Stream) -> "Iterator[Packet[Stream]]":
    """Every packet; where the file is cut off or damaged for good, it ends."""
    with contextlib.suppress(FFmpegError):
        yield from container.demux(*streams)


def frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every picture that decodes."""
    for frame in decoded(container, stream):
        if isinstance(frame, VideoFrame):
            yield frame


def describe(path: Path) -> Clip:
    """Read the header and decode one frame.

    Raises:
        NotAVideo: when there is none.
    """
    with opened(path) as (container, stream):
        frame = first_frame(container, stream)
        width, height = frame.width, frame.height
        if frame.rotation % 180:
            width, height = height, width
        fps = stream.average_rate or stream.guessed_rate or Fraction(24)
        codec, has_audio = stream.codec_context.name, bool(container.streams.audio)
        duration_s = _header_duration_s(container, stream)
    duration_s = duration_s or _counted_duration_s(path)
    return Clip(width, height, duration_s, float(fps), codec, has_audio, path.stat().st_size)


def first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """The first frame that decodes, from wherever the container stands.

    Raises:
        NotAVideo: when none does.
    """
    frame = next(frames(container, stream), None)
    if frame is None:
        raise NotAVideo
    return frame


def _header_duration_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _counted_duration_s(path: Path) -> float:
    """The end of the last packet: a stream that was cut off or recorded live has no length in its header."""
    end = Fraction(0)
    with opened(path) as (container, stream):
        for packet in _packets(container, stream):
            if packet.pts is not None and packet.time_base:
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    return float(end)


def source_colorspace(frame: VideoFrame) -> int:
    """The frame's YUV matrix; where it is not said, HD is taken for BT.709 and the rest for BT.601."""
    if frame.colorspace != _UNSPECIFIED:
        return frame.colorspace
    return _BT709 if frame.height >= _HD_HEIGHT_PX else 5
