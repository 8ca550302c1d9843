"""Making a clip small enough to post: `bot.media.encoding.fit` against ffmpeg's x264 in two passes, to the same size.

The clip is made here: ten seconds of a camera that moves over a picture with fine and coarse detail, under grain, 1080p at
24 frames/s in 60 MB. ffmpeg gets the bit rate that makes a file as large as ours, and is run as people run it (preset
veryfast). Whole passes are timed, reading and writing included; the likeness is the mean SSIM of the luma of every few
frames (Wang et al. 2004, in windows of 8x8), by the same code for both.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from benchmarks.local_renderer import draw
from benchmarks.rounds import median, spread
from benchmarks.table import RESULTS, CannotRun, Table
from bot.media import demux, encoding

NAME = "fitting"
ROUNDS = 3
MAX_BYTES = 10 * 1024 * 1024
SIZE, FPS, SECONDS, BIT_RATE = (1920, 1080), 24, 10, 48_000_000
_EVERY = 8
_WINDOW = 8


@dataclass(frozen=True, slots=True)
class Run:
    """One fitting."""

    wall_s: float
    cpu_s: float
    """Of this process and its children, all threads."""


def run(*, quick: bool) -> Table:
    """Let both take turns."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise CannotRun("ffmpeg is not installed.")
    rounds, seconds = (1, 2) if quick else (ROUNDS, SECONDS)
    max_bytes = MAX_BYTES * seconds // SECONDS
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        clip, ours, theirs = (Path(folder, name) for name in ("clip.mp4", "ours.mp4", "theirs.mp4"))
        film(clip, seconds)
        found: dict[str, list[Run]] = {"Kinora": [], "ffmpeg, veryfast": []}
        _ours(clip, max_bytes, ours)
        wanted_bytes = ours.stat().st_size
        _theirs(ffmpeg, clip, wanted_bytes, theirs)
        asked_bytes = wanted_bytes * wanted_bytes // theirs.stat().st_size  # it misses, by as much every time
        for _ in range(rounds):
            found["Kinora"].append(_timed(lambda: _ours(clip, max_bytes, ours)))
            found["ffmpeg, veryfast"].append(_timed(lambda: _theirs(ffmpeg, clip, asked_bytes, theirs)))
        likeness = {"Kinora": ssim(clip, ours), "ffmpeg, veryfast": ssim(clip, theirs)}
        sizes = {"Kinora": ours.stat().st_size, "ffmpeg, veryfast": theirs.stat().st_size}
        source_bytes = clip.stat().st_size
    walls = {name: [one.wall_s for one in found[name]] for name in found}
    ratio = median(walls["Kinora"]) / median(walls["ffmpeg, veryfast"])
    return Table(
        title=f"A clip of {source_bytes / 1e6:.0f} MB and {seconds} s, 1920x1080, made to fit {max_bytes / 2**20:.0f} MiB",
        columns=("", "seconds", "spread", "CPU s", "MB", "SSIM"),
        rows=tuple(
            (
                name,
                f"{median(walls[name]):.1f}",
                spread(walls[name]),
                f"{median([one.cpu_s for one in found[name]]):.1f}",
                f"{sizes[name] / 1e6:.2f}",
                f"{likeness[name]:.4f}",
            )
            for name in found
        ),
        notes=(
            f"Kinora takes {ratio:.2f} times as long as ffmpeg -c:v libx264 -preset veryfast in two passes.",
            f"Medians of {rounds} rounds in turns. SSIM of the luma of every {_EVERY}th frame.",
        ),
    )


def film(path: Path, seconds: int) -> None:
    """A camera moves over a detailed picture, under grain; the same every time."""
    picture = path.with_name("picture.png")
    draw(picture, (2880, 1620))
    scene = Image.open(picture).convert("RGB")
    grain = _grain((SIZE[0] + 256, SIZE[1] + 256))
    result: Any
    frames: Any = av.VideoFrame
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as result:
        video = result.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height = SIZE
        video.pix_fmt, video.bit_rate = "yuv420p", BIT_RATE
        for number in range(FPS * seconds):
            seen = _seen(scene, number / (FPS * SECONDS))
            offset = number * 7919 % 256, number * 104_729 % 256
            cut = grain.crop((*offset, offset[0] + SIZE[0], offset[1] + SIZE[1]))
            frame: Any = frames.from_image(ImageChops.add(seen, cut, offset=-128))
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            result.mux(video.encode(frame))
        result.mux(video.encode(None))


def _grain(size: tuple[int, int]) -> Image.Image:
    noise = np.random.default_rng(3).normal(128, 4, (size[1], size[0])).clip(0, 255).astype(np.uint8)
    return Image.fromarray(noise).convert("RGB")


def _seen(scene: Image.Image, part: float) -> Image.Image:
    """What the camera sees when that part of its way lies behind it: it pushes in and drifts to the right."""
    zoom = 1 - 0.35 * part
    width, height = scene.width * zoom * 0.9, scene.height * zoom * 0.9
    left, top = (scene.width - width) * (0.2 + 0.5 * part), (scene.height - height) * 0.4
    return scene.resize(SIZE, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))


def ssim(one: Path, other: Path) -> float:
    """How alike two clips are, 1 for the same: the mean over windows and frames."""
    found = [_likeness(*pair) for pair in zip(_lumas(one), _lumas(other), strict=True)]
    return float(np.mean(found))


def _lumas(path: Path) -> Iterator[NDArray[np.float32]]:
    with demux.opened(path) as (container, stream):
        for frame in islice(demux.frames(container, stream), 0, None, _EVERY):
            grey: Any = frame.reformat(*SIZE, "gray", interpolation="BICUBIC")
            yield grey.to_ndarray().astype(np.float32)


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_1, mean_2 = _windowed(one), _windowed(other)
    var_1 = _windowed(one * one) - mean_1 * mean_1
    var_2 = _windowed(other * other) - mean_2 * mean_2
    covar = _windowed(one * other) - mean_1 * mean_2
    numerator = (2 * mean_1 * mean_2 + c1) * (2 * covar + c2)
    denominator = (mean_1 * mean_1 + mean_2 * mean_2 + c1) * (var_1 + var_2 + c2)
    return float(np.mean(numerator / denominator))


def _windowed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means over windows of 8x8 that begin every 4 pixels, as x264 and ffmpeg have them."""
    half = _WINDOW // 2
    height, width = (side // half for side in values.shape)
    blocks = values[: height * half, : width * half].reshape(height, half, width, half).mean(axis=(1, 3))
    return (blocks[:-1, :-1] + blocks[1:, :-1] + blocks[:-1, 1:] + blocks[1:, 1:]) / 4


def _ours(clip: Path, max_bytes: int, out: Path) -> None:
    encoding.fit(clip, max_bytes, out, lambda: None)


def _theirs(ffmpeg: str, clip: Path, size_bytes: int, out: Path) -> None:
    bit_rate = round(size_bytes * 8 / demux.describe(clip).duration_s)
    usual = (ffmpeg, "-v", "error", "-nostdin", "-y", "-i", str(clip))
    encoder = ("-c:v", "libx264", "-preset", "veryfast", "-b:v", str(bit_rate))
    log = ("-passlogfile", str(out.with_suffix("")))
    for number, end in ((1, ("-an", "-f", "null", os.devnull)), (2, ("-movflags", "+faststart", str(out)))):
        subprocess.run((*usual, *encoder, "-pass", str(number), *log, *end), check=True)


def _timed(fit: Callable[[], None]) -> Run:
    before, start_s = os.times(), time.perf_counter()
    fit()
    wall_s, after = time.perf_counter() - start_s, os.times()
    return Run(wall_s, sum(after[:4]) - sum(before[:4]))
