"""Re-encoding a clip to a number of bytes: H.264 and AAC in MP4, two passes.

Two passes, because a clip of five seconds is too short for one-pass rate control to settle: it
misses by a tenth or more, and a second try would cost what the second pass does.
"""

# pyright: reportUnknownMemberType=false
# (PyAV's packets are generic in their stream and it leaves that open.)

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from bot.media.demux import decoded, describe, first_frame, opened, source_colorspace
from bot.media.errors import CannotFit
from bot.media.facts import Clip

Check = Callable[[], None]

_FILL = 0.95  # of the limit: the container and the rate control's error are in the rest
_FLOOR_BITS_PER_PIXEL = 0.04  # below, H.264 looks better scaled down than starved
_MIN_SHORT_PX = 144
_MIN_VIDEO_BPS = 16_000
_MAX_AUDIO_BPS, _MIN_AUDIO_BPS = 128_000, 24_000
_AUDIO_SHARE = 0.15
_BT709, _LIMITED_RANGE = 1, 1

_PRESET = "veryfast"
"""Somebody waits, and so do other clips. `medium` takes twice as long here, for a hundredth of SSIM at most."""

_FIRST_PASS = {"x264-params": "subme=1"}
"""It only measures how hard frames are: whole pixels will do, a fifth faster (x264's own fast first pass has 2)."""


@dataclass(frozen=True)
class Target:
    """What to encode to; the size is in pixels as they are shown."""

    width: int
    height: int
    video_bps: int
    audio_bps: int


def target(clip: Clip, goal_bytes: int) -> Target:
    """The best picture and sound that make about `goal_bytes`, never more than the source has."""
    duration_s = max(clip.duration_s, 1 / clip.fps)
    total_bps = int(min(goal_bytes, clip.size_bytes) * 8 / duration_s)
    wanted_bps = min(_MAX_AUDIO_BPS, int(total_bps * _AUDIO_SHARE))
    audio_bps = max(_MIN_AUDIO_BPS, wanted_bps) if clip.has_audio else 0
    video_bps = max(_MIN_VIDEO_BPS, total_bps - audio_bps)
    wanted_pixels = video_bps / (_FLOOR_BITS_PER_PIXEL * clip.fps)
    factor = math.sqrt(wanted_pixels / (clip.width * clip.height))
    factor = min(1.0, max(factor, _MIN_SHORT_PX / min(clip.width, clip.height)))
    return Target(_even(clip.width * factor), _even(clip.height * factor), video_bps, audio_bps)


def _even(side_px: float) -> int:
    """4:2:0 has one colour for two pixels, so sides are even."""
    return max(2, round(side_px / 2) * 2)


def fit(path: Path, max_bytes: int, out: Path, check: Check) -> Clip:
    """Write a clip of at most `max_bytes` to `out`, in a folder of its own. A small enough one is copied.

    `check` is called before each frame, and may raise.

    Raises:
        CannotFit: with the smallest size that was reached.
        NotAVideo: when it cannot be read.
    """
    clip = describe(path)
    if clip.size_bytes <= max_bytes:
        shutil.copyfile(path, out)
    else:
        _shrink(path, clip, max_bytes, out, check)
    return describe(out)


def _shrink(path: Path, clip: Clip, max_bytes: int, out: Path, check: Check) -> None:
    goal_bytes = int(max_bytes * _FILL)
    sizes: list[int] = []
    for _ in range(2):
        goal = target(clip, goal_bytes)
        _first_pass(path, goal, out.with_name("stats"), check)
        _second_pass(path, goal, out, check)
        sizes.append(out.stat().st_size)
        if sizes[-1] <= max_bytes:
            return
        goal_bytes = int(goal_bytes * _FILL * max_bytes / sizes[-1])
    raise CannotFit(smallest_bytes=min(sizes), max_bytes=max_bytes)


def _first_pass(path: Path, goal: Target, stats: Path, check: Check) -> None:
    """Only measures; the encoder completes `stats` when it is freed, which is on return."""
    with opened(path) as (source, stream):
        shaper = _Shaper(source, stream, goal)
        encoder = av.CodecContext.create("libx264", "w")
        encoder.options = _options(stats) | _FIRST_PASS
        _set_up(encoder, stream, shaper, Flags.pass1)
        for frame in decoded(source, stream):
            check()
            if isinstance(frame, VideoFrame) and (shaped := shaper.shaped(frame)):
                encoder.encode(shaped)
        encoder.encode(None)


def _second_pass(path: Path, goal: Target, out: Path, check: Check) -> None:
    with (
        opened(path) as (source, stream),
        av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}) as result,
    ):
        shaper = _Shaper(source, stream, goal)
        video = result.add_stream("libx264", options=_options(out.with_name("stats")))
        _set_up(video.codec_context, stream, shaper, Flags.pass2)
        video.set_display_rotation(shaper.rotation)
        sound = _sound(source, result, goal)
        for frame in decoded(source, stream, *source.streams.audio[:1]):
            check()
            if isinstance(frame, AudioFrame):
                result.mux(sound.encode(frame) if sound else [])
            elif shaped := shaper.shaped(frame):
                result.mux(video.encode(shaped))
        for output in filter(None, (video, sound)):
            result.mux(output.encode(None))


class _Shaper:
    """Makes decoded pictures what the encoder takes: 8-bit 4:2:0 in BT.709, of one size, in rising order."""

    def __init__(self, source: InputContainer, stream: VideoStream, goal: Target) -> None:
        self.goal = goal
        self.rotation = first_frame(source, stream).rotation
        source.seek(0)
        self.width, self.height = goal.width, goal.height
        if self.rotation % 180:  # the file keeps its pictures lying on their side
            self.width, self.height = self.height, self.width
        self._last_pts = -math.inf

    def shaped(self, frame: VideoFrame) -> VideoFrame | None:
        """The picture to encode; None for one that is not after the last."""
        if frame.pts is None or frame.pts <= self._last_pts:
            return None
        self._last_pts = frame.pts
        shaped = frame.reformat(
            self.width,
            self.height,
            "yuv420p",
            src_colorspace=source_colorspace(frame),
            dst_colorspace=_BT709,
            dst_color_range=_LIMITED_RANGE,
            interpolation="LANCZOS",
        )
        shaped.pict_type = 0  # the encoder places key frames itself
        return shaped


def _options(stats: Path) -> dict[str, str]:
    return {"preset": _PRESET, "stats": str(stats)}


def _set_up(encoder: VideoCodecContext, stream: VideoStream, shaper: _Shaper, number: Flags) -> None:
    encoder.width, encoder.height = shaper.width, shaper.height
    encoder.pix_fmt = "yuv420p"
    encoder.bit_rate = shaper.goal.video_bps
    encoder.framerate = stream.average_rate or Fraction(24)
    encoder.time_base = stream.time_base or 1 / encoder.framerate  # uneven frame times stay as they are
    encoder.sample_aspect_ratio = stream.sample_aspect_ratio or Fraction(1)
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = _BT709
    encoder.color_range = _LIMITED_RANGE
    encoder.flags |= number


def _sound(source: InputContainer, result: OutputContainer, goal: Target) -> AudioStream | None:
    if not source.streams.audio:
        return None
    original = source.streams.audio[0]
    layout = "stereo" if original.channels > 1 else "mono"
    sound = result.add_stream("aac", rate=min(original.rate, 48_000), layout=layout)
    sound.bit_rate = min(goal.audio_bps, original.bit_rate or goal.audio_bps)
    return sound
