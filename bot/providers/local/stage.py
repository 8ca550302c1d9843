"""Painted parts that move over what lies behind them, drawn frame by frame without a camera."""

import math
from dataclasses import dataclass

import av
from PIL import Image

from bot.providers.local.camera import Matrix, product, scaling
from bot.providers.local.cutouts import SHORT_SIDE, Cutout, taken_apart
from bot.providers.local.masks import Box
from bot.providers.local.pictures import SITES, split
from bot.providers.local.scene import Scene
from bot.providers.local.travel import Spot
from bot.providers.local.warp import Canvas, Plane, Warper

# Where everything has moved less than this, in pixels of a frame whose short side is 720, the cut can still be seen through
# the picture as it was given. So a clip begins with that, and ends with it where all paths lead back.
LEAVING = 2
FULL = 256

_GROUP = 16
"""Pixels that are mixed at a time."""


@dataclass(frozen=True)
class Layer:
    """A cutout in the machine's memory."""

    planes: tuple[Plane, ...]
    alpha: Plane
    cutout: Cutout


class Stage:
    """The parts of a scene's picture, and the canvases its frames are drawn on."""

    def __init__(self, scene: Scene) -> None:
        parts = taken_apart(scene)
        self._frame = av.VideoFrame(scene.width, scene.height, "yuv420p")
        self._warper = Warper(max_width=max(plane.line_size for plane in self._frame.planes))
        self._canvases = self._blank()
        self._scratch = [self._warper.canvas(*self._room()) for _ in range(2)]
        self._picture, self._backdrop = self._drawn(parts.picture), self._drawn(parts.backdrop)
        self._layers = [self._layer(cutout) for cutout in reversed(parts.cutouts)]
        self._still = None if parts.still is None else self._spread(parts.still)
        self._leaving = LEAVING * min(scene.width, scene.height) / SHORT_SIDE

    def draw(self, number: int, frame: av.VideoFrame) -> None:
        """Draw the frame of this number, from 0."""
        for canvas, clean in zip(self._canvases, self._backdrop, strict=True):
            self._warper.restore(canvas, clean)
        for layer in self._layers:
            self._lay(layer, layer.cutout.offsets[number])
        whole = self._whole(number)
        for canvas, picture in zip(self._canvases, self._picture, strict=True):
            if whole:
                self._warper.fade(canvas, picture, whole)
        for canvas, picture, alpha in zip(self._canvases, self._picture, self._still or (), strict=False):
            self._warper.blend(canvas, picture, alpha)
        for plane, canvas in zip(frame.planes, self._canvases, strict=True):
            self._warper.copy(canvas, plane)

    def _whole(self, number: int) -> int:
        """How much of a frame is still the picture as it was given, of 256."""
        ways = (math.hypot(*layer.cutout.offsets[number]) for layer in self._layers)
        gone = min(max(ways, default=0) / self._leaving, 1)
        return round(FULL * (1 - gone * gone * (3 - 2 * gone)))

    def _lay(self, layer: Layer, offset: Spot) -> None:
        width, height = layer.cutout.picture.size
        left, top = layer.cutout.left + offset[0], layer.cutout.top + offset[1]
        placed = scaling(1 / width, 1 / height, -left / width, -top / height)
        for canvas, plane, sites in zip(self._canvases, layer.planes, SITES, strict=True):
            spot = _spot(canvas, sites, (left, top, left + width, top + height))
            if spot is None:
                return
            view = product(product(placed, sites), scaling(1, 1, *spot[:2]))
            colours, alpha = (room.shaped(*spot[2:]) for room in self._scratch)
            self._warper.draw(plane, colours, view)
            self._warper.draw(layer.alpha, alpha, view)
            self._warper.blend(canvas.part(*spot), colours, alpha)

    def _layer(self, cutout: Cutout) -> Layer:
        planes = tuple(self._plane(plane) for plane in split(cutout.picture))
        return Layer(planes, self._plane(cutout.alpha), cutout)

    def _drawn(self, picture: Image.Image) -> list[Canvas]:
        """A picture of the frame's size, on canvases of its own."""
        return self._shown([self._plane(plane) for plane in split(picture)])

    def _spread(self, alpha: Image.Image) -> list[Canvas]:
        """The same for how much of each pixel counts."""
        return self._shown([self._plane(alpha)] * len(SITES))

    def _shown(self, planes: list[Plane]) -> list[Canvas]:
        canvases, whole = self._blank(), scaling(1 / self._frame.width, 1 / self._frame.height)
        for plane, canvas, sites in zip(planes, canvases, SITES, strict=True):
            self._warper.draw(plane, canvas, product(whole, sites))
        return canvases

    def _blank(self) -> list[Canvas]:
        planes = self._frame.planes
        return [self._warper.canvas(plane.width, plane.height, plane.line_size) for plane in planes]

    def _room(self) -> tuple[int, int, int]:
        luma = self._frame.planes[0]
        return (luma.line_size, luma.height, luma.line_size)

    def _plane(self, pixels: Image.Image) -> Plane:
        return self._warper.plane(pixels.tobytes(), *pixels.size)


def _spot(canvas: Canvas, sites: Matrix, box: tuple[float, float, float, float]) -> Box | None:
    """The part of a canvas below a box of the frame, from the left and from the top, to whole groups of pixels."""
    step = sites[0]
    left, top = (max(math.floor(edge / step), 0) for edge in box[:2])
    right, bottom = (math.ceil(edge / step) + 1 for edge in box[2:])
    left, right, bottom = left // _GROUP * _GROUP, min(right, canvas.width), min(bottom, canvas.height)
    if left >= right or top >= bottom:
        return None
    return (left, top, -(-(right - left) // _GROUP) * _GROUP, bottom - top)
