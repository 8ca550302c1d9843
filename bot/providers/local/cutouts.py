"""A picture taken apart along painted masks: what moves, what stands still before it, and what lies behind.

What is painted still stays before what moves, because only so does none of its pixels ever change. Of things that
cross, the one that was painted first passes before the later ones: what people think of first is mostly what is
nearest. Where masks overlap the pixels belong to that one too, and the later thing is filled in beneath.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageOps

from bot.providers.local.healing import healed, spanned
from bot.providers.local.masks import Box, narrowed, widened
from bot.providers.local.pictures import opened, scaled
from bot.providers.local.scene import Scene, Stroke
from bot.providers.local.travel import Spot, offsets

# Brighter than this is painted (of 255).
PAINTED = [0] * 128 + [255] * 128
# How wide an edge fades: a part of the side of a square as large as what is painted, within bounds that are pixels of a
# frame whose short side is 720.
FEATHER = 0.02
FEATHER_PX = (2, 6)
SHORT_SIDE = 720


@dataclass(frozen=True)
class Cutout:
    """A part that moves: its colours, how much of each pixel is it, and its corner in pixels of the frame.

    Its sides and its corner are even, so that its chroma lies as the frame's does; nothing of it is at its edges.
    """

    picture: Image.Image
    alpha: Image.Image
    left: int
    top: int
    offsets: tuple[Spot, ...]
    """How far it has moved in each frame, in pixels."""


@dataclass(frozen=True)
class Parts:
    """Everything as large as the frame but for the cutouts, of which the first lies on top."""

    picture: Image.Image
    backdrop: Image.Image
    """What is there without what moves."""
    cutouts: tuple[Cutout, ...]
    still: Image.Image | None
    """How much of each pixel stands still; None where nothing is painted so."""


def taken_apart(scene: Scene) -> Parts:
    """The parts of the scene's picture, which must have one; raises `RenderFailed`.

    A mask of another size is scaled to the picture's, and one without anything white moves nothing.
    """
    assert scene.image is not None
    source = opened(scene.image)
    scale = max(scene.width / source.width, scene.height / source.height)
    size = (max(scene.width, round(source.width * scale)), max(scene.height, round(source.height * scale)))
    picture = _sized(source, size)
    left, top = ((size[0] - scene.width) // 4 * 2, (size[1] - scene.height) // 4 * 2)
    frame = (left, top, left + scene.width, top + scene.height)
    still = painted(scene.still, size) if scene.still else Image.new("L", size)
    moving = [_Moving.of(stroke, scene, size, scale) for stroke in scene.strokes]
    moving = [one for one in moving if one.mask.getbbox()]
    backdrop = healed(picture, [widened(one.mask, round(one.feather) + 2) for one in moving])
    return Parts(
        picture.crop(frame),
        backdrop.crop(frame),
        tuple(_cutouts(picture, moving, still, frame)),
        _before(still).crop(frame) if still.getbbox() else None,
    )


def painted(path: str, size: tuple[int, int]) -> Image.Image:
    """What is painted in a mask, white on black at this size; raises `RenderFailed`."""
    mask = scaled(opened(path), size).convert("L")
    return mask.resize(size, Image.Resampling.BILINEAR).point(PAINTED)


@dataclass(frozen=True)
class _Moving:
    """What is painted, how wide its edge fades in pixels, and how far it has moved in each frame."""

    mask: Image.Image
    feather: float
    offsets: tuple[Spot, ...]

    @classmethod
    def of(cls, stroke: Stroke, scene: Scene, size: tuple[int, int], scale: float) -> "_Moving":
        mask = painted(stroke.mask, size)
        unit = min(scene.width, scene.height) / SHORT_SIDE
        side = math.sqrt(mask.histogram()[255])
        feather = min(max(FEATHER * side, FEATHER_PX[0] * unit), FEATHER_PX[1] * unit)
        path = [(x * scale, y * scale) for x, y in stroke.path]
        return cls(mask, feather, offsets(path, scene.frames))


def _cutouts(picture: Image.Image, moving: Sequence[_Moving], still: Image.Image, frame: Box) -> list[Cutout]:
    taken, cut = still, list[Cutout]()
    for one in moving:
        cut.append(_cutout(picture, one, ImageChops.subtract(one.mask, taken), frame))
        taken = ImageChops.lighter(taken, one.mask)
    return cut


def _cutout(picture: Image.Image, one: _Moving, own: Image.Image, frame: Box) -> Cutout:
    """What is painted, with the colours of the pixels that are its own continued beyond them.

    What lies around it in the picture is left behind, or it would shine through the edge wherever that goes.
    """
    alpha, box = _feathered(one)
    own = own.crop(box)
    choices = (narrowed(own, 1), own, one.mask.crop(box))
    core = next(choice for choice in choices if choice.getbbox())
    colours = spanned(picture.crop(box), core)
    return Cutout(colours, alpha, box[0] - frame[0], box[1] - frame[1], one.offsets)


def _feathered(one: _Moving) -> tuple[Image.Image, Box]:
    """How much of each pixel of a box of the picture is painted, and that box.

    What touches the picture's edge goes on a little beyond it, and fades only there.
    """
    blur = one.feather / 2
    reach = math.ceil(3 * blur) + 3  # of a blur, with room for the kernel that moves it
    wide = ImageOps.expand(_continued(one.mask, reach), reach)
    bounds = wide.getbbox()
    assert bounds is not None
    left, top = ((edge - reach) // 2 * 2 for edge in bounds[:2])
    right, bottom = (-(-(edge + reach) // 2) * 2 for edge in bounds[2:])
    alpha = wide.crop((left, top, right, bottom)).filter(ImageFilter.GaussianBlur(blur))
    margin = 2 * reach
    return alpha, (left - margin, top - margin, right - margin, bottom - margin)


def _continued(mask: Image.Image, pixels: int) -> Image.Image:
    """The mask with its edges repeated around it."""
    wide = ImageOps.expand(mask, pixels)
    width, height = mask.size
    for y, row in ((0, 0), (height + pixels, height - 1)):
        wide.paste(mask.crop((0, row, width, row + 1)).resize((width, pixels)), (pixels, y))
    for x, column in ((0, pixels), (width + pixels, width + pixels - 1)):
        wide.paste(wide.crop((column, 0, column + 1, wide.height)).resize((pixels, wide.height)), (x, 0))
    return wide


def _before(still: Image.Image) -> Image.Image:
    """All of what stands still, and a little of what is just beside it, so that its edge has no steps."""
    soft = still.filter(ImageFilter.GaussianBlur(1))
    return ImageChops.lighter(still, soft)


def _sized(source: Image.Image, size: tuple[int, int]) -> Image.Image:
    flat = scaled(source, size)
    return flat if flat.size == size else flat.resize(size, Image.Resampling.LANCZOS)
