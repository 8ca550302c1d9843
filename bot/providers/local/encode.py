"""Frames into an H.264 MP4 that any browser plays, whole or not there at all."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from bot.providers.local.scene import RenderFailed, Scene

PRESET = "veryfast"
CRF = 21
# A key frame every two seconds: players can seek, and Discord's preview can scrub.
KEY_FRAMES_S = 2


def temporary(out: str) -> Path:
    """Where a clip grows until it is whole: beside its place, the same name each time, so a rest is overwritten."""
    return Path(out).with_name(f".{Path(out).name}.part")


class Clip:
    """An MP4 being written; on a clean exit it takes its name, on any other it is gone."""

    def __init__(self, scene: Scene) -> None:
        self._out = Path(scene.out)
        self._part = temporary(scene.out)
        self._container = av.open(self._part, "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream("libx264", scene.fps)  # pyright: ignore[reportUnknownMemberType]  # its **kwargs
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = scene.width, scene.height, "yuv420p"
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.gop_size = KEY_FRAMES_S * scene.fps  # x264 closes its groups by default
        context.thread_count = scene.threads
        context.options = {"preset": PRESET, "crf": str(CRF)}
        try:
            self._container.start_encoding()
        except OSError as error:
            self._part.unlink(missing_ok=True)
            raise RenderFailed(
                f"The clip could not be written to {self._out.parent}: {error.strerror}."
            ) from error

    def add(self, fill: Callable[[av.VideoFrame], None]) -> None:
        """Append a frame, whose planes `fill` writes."""
        context = self._stream.codec_context
        frame = av.VideoFrame(context.width, context.height, "yuv420p")
        fill(frame)
        self._write(frame)

    def _write(self, frame: av.VideoFrame | None) -> None:
        self._container.mux(self._stream.encode(frame))  # pyright: ignore[reportUnknownMemberType]  # of what stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write(None)
            self._container.close()
            if kind is None:
                _settle(self._part, self._out)
        finally:
            self._part.unlink(missing_ok=True)


def _settle(part: Path, out: Path) -> None:
    """Make the file durable, then give it its name, and make that durable too."""
    _sync(part)
    part.replace(out)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _sync(out.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
