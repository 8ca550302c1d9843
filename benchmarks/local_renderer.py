"""The local renderer against ffmpeg's zoompan: the same picture, size, length, encoder preset and quality.

Whole processes are timed, start-up to finished file, each pinned to one core, taking turns. Ours draws a true
perspective move with a cubic kernel at sub-pixel positions; zoompan crops to whole pixels and scales.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from bot.providers.local.encode import CRF, KEY_FRAMES_S, PRESET
from bot.providers.local.scene import Scene

PICTURE = (1600, 900)
ROUNDS = 5
CORE = 0


@dataclass(frozen=True)
class Measured:
    """One contender: medians over the rounds."""

    frames_per_s: float
    cpu_s: float
    clip_bytes: int


@dataclass(frozen=True)
class Result:
    """Both contenders and ours over theirs; `skipped` says why there is nothing to compare."""

    name: str = "local_renderer"
    frames: int = 0
    rounds: int = 0
    pinned: bool = False
    ours: Measured | None = None
    zoompan: Measured | None = None
    ratio: float | None = None
    skipped: str | None = None

    def __str__(self) -> str:
        if self.ours is None or self.zoompan is None or self.ratio is None:
            return f"{self.name}: skipped: {self.skipped}"
        return (
            f"{self.name}: {self.ours.frames_per_s:.1f} frames/s (CPU {self.ours.cpu_s:.2f} s), "
            f"ffmpeg zoompan {self.zoompan.frames_per_s:.1f} frames/s (CPU {self.zoompan.cpu_s:.2f} s): "
            f"ratio {self.ratio:.2f}"
        )


def run(rounds: int = ROUNDS) -> Result:
    """Measure both in turns."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return Result(skipped="ffmpeg is not installed")
    with tempfile.TemporaryDirectory() as folder:
        picture, clip = Path(folder, "picture.jpg"), Path(folder, "clip.mp4")
        draw(picture)
        scene = Scene(out=str(clip), width=1280, height=720, seconds=5, image=str(picture))
        commands = {"ours": _ours(scene, Path(folder)), "zoompan": _zoompan(ffmpeg, scene)}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        sizes: dict[str, int] = {}
        for name in [*commands] * (rounds + 1):  # the first turn only warms the caches
            times[name].append(_timed(commands[name]))
            sizes[name] = clip.stat().st_size
    ours, zoompan = (_summary(scene, times[name][1:], sizes[name]) for name in commands)
    return Result(
        frames=scene.frames,
        rounds=rounds,
        pinned=hasattr(os, "sched_setaffinity"),
        ours=ours,
        zoompan=zoompan,
        ratio=ours.frames_per_s / zoompan.frames_per_s,
    )


def _ours(scene: Scene, folder: Path) -> Sequence[str]:
    path = folder / "scene.json"
    path.write_text(scene.to_json())
    return (sys.executable, "-m", "bot.providers.local.worker", str(path))


def _zoompan(ffmpeg: str, scene: Scene) -> Sequence[str]:
    """The same push-in: the view shrinks to nine tenths."""
    zoom = f"zoompan=z='1/(1-0.1*on/{scene.frames})':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2'"
    shape = f"d={scene.frames}:s={scene.width}x{scene.height}:fps={scene.fps},format=yuv420p"
    encoder = (
        f"-c:v libx264 -preset {PRESET} -crf {CRF} -g {KEY_FRAMES_S * scene.fps} -threads {scene.threads}"
    )
    return (
        *(ffmpeg, "-v", "error", "-nostdin", "-y", "-i", str(scene.image), "-vf", f"{zoom}:{shape}"),
        *(*encoder.split(), "-movflags", "+faststart", scene.out),
    )


def _timed(command: Sequence[str]) -> tuple[float, float]:
    """Wall and processor seconds of one run."""
    before = os.times()
    start_s = time.perf_counter()
    subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, preexec_fn=_pin
    )  # no threads here
    wall_s = time.perf_counter() - start_s
    after = os.times()
    used_s = after.children_user - before.children_user + after.children_system - before.children_system
    return (wall_s, used_s)


def _pin() -> None:
    if sys.platform == "linux":
        os.sched_setaffinity(0, {CORE if CORE in os.sched_getaffinity(0) else min(os.sched_getaffinity(0))})


def _summary(scene: Scene, times: list[tuple[float, float]], size: int) -> Measured:
    walls, cpus = zip(*times, strict=True)
    return Measured(scene.frames / statistics.median(walls), statistics.median(cpus), size)


def draw(path: Path, size: tuple[int, int] = PICTURE) -> None:
    """A picture with the fine and the coarse of a photograph, the same every time."""
    random = Random(3)
    picture = Image.radial_gradient("L").resize(size).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for number in range(1400):
        x, y = random.randrange(size[0]), random.randrange(size[1])
        reach = int(random.expovariate(1 / 22)) + 2
        colour = (random.randrange(256), random.randrange(256), random.randrange(256))
        box = (x - reach, y - 0.7 * reach, x + reach, y + 0.7 * reach)
        (pen.ellipse, pen.rectangle, pen.line)[number % 3](box, fill=colour)
    noise = Image.frombytes("L", size, random.randbytes(size[0] * size[1])).convert("RGB")
    Image.blend(picture.filter(ImageFilter.GaussianBlur(0.8)), noise, 0.06).save(path, quality=92)


if __name__ == "__main__":
    result = run()
    print(json.dumps(asdict(result), indent=2) if "--json" in sys.argv else result)
