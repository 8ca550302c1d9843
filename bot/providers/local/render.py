"""From a scene to its clip, frame by frame."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import av
from PIL import Image

from bot.providers.local.camera import Matrix, Path, ends, product, scaling
from bot.providers.local.encode import Clip
from bot.providers.local.pictures import SITES, opened, scaled, split, wanted
from bot.providers.local.scene import Scene
from bot.providers.local.stage import Stage
from bot.providers.local.title import card
from bot.providers.local.warp import Canvas, Plane, Warper

# The end frame comes in over this part of the time; then it stays, alone.
FADE = (0.3, 0.9)
FULL = 256

Drawing = Callable[[av.VideoFrame], None]
"""What draws one frame."""


@dataclass(frozen=True)
class View:
    """A picture before the camera: its planes, and the way into it from the camera's plane."""

    planes: tuple[Plane, ...]
    placed: Matrix


class Studio:
    """The pictures of a scene, set up before the camera, and the canvases its frames are drawn on."""

    def __init__(self, scene: Scene) -> None:
        self.path = path_of(scene)
        self._warper = Warper(max_width=scene.width)
        self._views = [self._view(*picture) for picture in _pictures(scene, self.path)]
        frame = av.VideoFrame(scene.width, scene.height, "yuv420p")
        self._canvases = [self._matching(frame) for _ in self._views]
        long = max(self.path.width, self.path.height)
        centred = scaling(2 / long, 2 / long, -self.path.width / long, -self.path.height / long)
        self._sites = [product(centred, sites) for sites in SITES]

    def draw(self, sight: Matrix, part: int, frame: av.VideoFrame) -> None:
        """Draw what the camera sees, `part` of 256 of it the end frame."""
        if part in {0, FULL}:
            drawn = self._look(bool(part), sight)
        else:
            drawn, over = self._look(0, sight), self._look(1, sight)
            for below, above in zip(drawn, over, strict=True):
                self._warper.fade(below, above, part)
        for plane, canvas in zip(frame.planes, drawn, strict=True):
            self._warper.copy(canvas, plane)

    def _look(self, which: int, sight: Matrix) -> list[Canvas]:
        view, canvases = self._views[which], self._canvases[which]
        seen = product(view.placed, sight)
        for plane, canvas, sites in zip(view.planes, canvases, self._sites, strict=True):
            self._warper.draw(plane, canvas, product(seen, sites))
        return canvases

    def _view(self, picture: Image.Image, placed: Matrix) -> View:
        planes = [self._warper.plane(plane.tobytes(), *plane.size) for plane in split(picture)]
        return View(tuple(planes), placed)

    def _matching(self, frame: av.VideoFrame) -> list[Canvas]:
        return [self._warper.canvas(plane.width, plane.height, plane.line_size) for plane in frame.planes]


def render(scene: Scene, report: Callable[[int], None]) -> None:
    """Make the clip of a scene; `report` hears how many frames are done. Raises `RenderFailed`."""
    drawings = _painted(scene) if scene.is_painted else _filmed(scene)
    with Clip(scene) as clip:
        for done, fill in enumerate(drawings, 1):
            clip.add(fill)
            report(done)


def _filmed(scene: Scene) -> Iterable[Drawing]:
    studio = Studio(scene)
    sights = zip(studio.path.sights, fading(scene), strict=True)
    return (partial(studio.draw, sight, part) for sight, part in sights)


def _painted(scene: Scene) -> Iterable[Drawing]:
    stage = Stage(scene)
    return (partial(stage.draw, number) for number in range(scene.frames))


def path_of(scene: Scene) -> Path:
    """The camera's path in a scene."""
    long = max(scene.width, scene.height)
    start, end = ends(scene.camera, scene.amount, (scene.width / long, scene.height / long))
    return Path(start=start, end=end, width=scene.width, height=scene.height, frames=scene.frames)


def fading(scene: Scene) -> Iterable[int]:
    """How much of each frame is the end frame, of 256."""
    if scene.end_frame is None:
        return (0 for _ in range(scene.frames))
    begin, end = FADE
    last = max(scene.frames - 1, 1)
    times = (min(max((frame / last - begin) / (end - begin), 0), 1) for frame in range(scene.frames))
    return (round(FULL * time * time * (3 - 2 * time)) for time in times)


def _pictures(scene: Scene, path: Path) -> list[tuple[Image.Image, Matrix]]:
    """The pictures in RGB, and how the camera's plane maps onto each one's 0..1.

    An end frame shares the overscan of the start, so that both move alike.
    """
    sources = [opened(file) for file in (scene.image, scene.end_frame) if file]
    ratios = [source.width / source.height for source in sources] or [scene.width / scene.height]
    overscan = max(path.overscan(ratio) for ratio in ratios)
    sizes = [wanted(path, ratio, overscan) for ratio in ratios]
    if sources:
        drawn = [scaled(source, size) for source, size in zip(sources, sizes, strict=True)]
    else:
        drawn = [card(scene.prompt, sizes[0], path.always_seen(overscan))]
    return [(picture, _placed(path, ratio, overscan)) for picture, ratio in zip(drawn, ratios, strict=True)]


def _placed(path: Path, ratio: float, overscan: float) -> Matrix:
    half_x, half_y = path.covering(ratio)
    return scaling(0.5 / (overscan * half_x), 0.5 / (overscan * half_y), 0.5, 0.5)
