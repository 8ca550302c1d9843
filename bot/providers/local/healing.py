"""What was behind a thing that has moved away: holes in pictures, filled from around them.

A membrane is spanned across the hole, which carries the colours of its edge inwards without a seam. Alone it would be
a blur, so a like piece of the picture is laid into the hole first and the membrane spanned over the difference:
gradient-domain cloning (Perez et al., Poisson Image Editing, 2003).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageStat

Box = tuple[int, int, int, int]

# How often a membrane is smoothed at each of its sizes; a coarser one has done the rest.
SWEEPS = 8
# What is compared around a hole, in pixels.
RIM = 12
# A hole is looked at this large when a like piece is sought: first in steps of a part of it, so many holes away, then
# in these steps around the best.
SIGHTS = (40, 160)
STEPS = 5
REACH = 3
CLOSER = (4, 2, 1)
# How much what lies in the hole counts, where nothing is known but what is smooth, of 255 for its rim.
INSIDE = 20
# A long hole is filled in at most so many pieces.
MOST = 5
# The middle of the range, which stands for no difference.
LEVEL = 128


def healed(picture: Image.Image, holes: Sequence[Image.Image]) -> Image.Image:
    """The picture without what is white in each of the holes; where nothing is around them, it stays as it is."""
    barred = Image.new("L", picture.size)
    for hole in holes:
        barred = ImageChops.lighter(barred, hole)
    bounds = barred.getbbox()
    if bounds is None or barred.getextrema()[0]:
        return picture
    box = _around(bounds, picture.size)
    result = picture.copy()
    result.paste(spanned(picture.crop(box), ImageChops.invert(barred.crop(box))), box[:2])
    todo = barred
    for tile in (tile for hole in holes for tile in _tiles(ImageChops.darker(hole, todo))):
        _texture(result, tile, todo, barred)
        todo = ImageChops.subtract(todo, tile)
    return result


def _tiles(hole: Image.Image) -> Iterator[Image.Image]:
    """A long hole piece by piece, because it is rarely like anywhere as a whole; each has both its long sides."""
    left, top, right, bottom = hole.getbbox() or (0, 0, 0, 0)
    width, height = right - left, bottom - top
    count = min(max(round(max(width, height) / max(min(width, height), 1)), 1), MOST)
    across, down = (-(-width // count), height) if width > height else (width, -(-height // count))
    for part in range(count):
        x, y = (left + part * across, top) if width > height else (left, top + part * down)
        box = (x, y, min(x + across, right), min(y + down, bottom))
        tile = Image.new("L", hole.size)
        tile.paste(hole.crop(box), box[:2])
        yield tile


def _texture(picture: Image.Image, gap: Image.Image, todo: Image.Image, barred: Image.Image) -> None:
    """Lay a like piece into a gap that is smooth yet, none of it from what is barred."""
    bounds = gap.getbbox()
    if bounds is None:
        return
    box = _around(bounds, picture.size)
    piece, spot = picture.crop(box), gap.crop(box)
    shift = _like(picture, barred, box, todo.crop(box))
    if shift is not None:
        like = picture.crop(_shifted(box, shift))
        unlike = ImageChops.subtract(piece, like, 1, LEVEL)
        unlike = spanned(unlike, ImageChops.invert(todo.crop(box)))
        picture.paste(ImageChops.add(like, unlike, 1, -LEVEL), box[:2], spot)


def spanned(picture: Image.Image, known: Image.Image) -> Image.Image:
    """The picture where `known` is white, and elsewhere what is smooth between; as it is where nothing is known."""
    least, most = known.getextrema()
    if least or not most or picture.size == (1, 1):
        return picture
    layered = picture.copy()
    layered.putalpha(known)
    half = (-(-picture.width // 2), -(-picture.height // 2))
    small = layered.resize(half, Image.Resampling.BOX)  # weighed by what is known
    coarse = spanned(small.convert("RGB"), small.getchannel("A").point(ANY))
    smooth = coarse.resize(picture.size, Image.Resampling.BILINEAR)
    for _ in range(SWEEPS):
        smooth = Image.composite(picture, smooth, known).filter(ImageFilter.BoxBlur(1))
    return Image.composite(picture, smooth, known)


ANY = [0] + 255 * [255]
"""For `Image.point`: white where there is anything."""


def widened(mask: Image.Image, pixels: int) -> Image.Image:
    """A mask of black and white whose white reaches so much farther."""
    while pixels > 0:
        step = min(pixels, 5)  # a lone pixel must not round away
        mask = mask.filter(ImageFilter.BoxBlur(step)).point(ANY)
        pixels -= step
    return mask


def narrowed(mask: Image.Image, pixels: int) -> Image.Image:
    """A mask of black and white whose white ends so much earlier, though not at the picture's edges."""
    return ImageChops.invert(widened(ImageChops.invert(mask), pixels))


def _like(picture: Image.Image, barred: Image.Image, box: Box, todo: Image.Image) -> tuple[int, int] | None:
    """How far away the piece lies that looks most like what is in the box; None where all are barred.

    Sought far and wide where everything is small, then ever more closely where it is larger.
    """
    shift, known_at = None, 0.0
    for sight in SIGHTS:
        scale = min(1.0, sight / max(todo.size))
        if shift is None or scale > known_at:
            search = _Search.of(picture, barred, box, todo, scale)
            near = shift and (round(shift[0] * scale), round(shift[1] * scale))
            found = search.close_to(near or search.anywhere())
            shift, known_at = found and (round(found[0] / scale), round(found[1] / scale)), scale
        if shift is None:
            return None
    return shift and _kept_inside(shift, box, picture.size)


@dataclass(frozen=True)
class _Search:
    """A picture, what is barred in it, and what is sought for a place in it, all on one scale."""

    picture: Image.Image
    barred: Image.Image
    place: Box
    goal: Image.Image
    weights: Image.Image
    """How much each pixel counts."""

    @classmethod
    def of(
        cls, picture: Image.Image, barred: Image.Image, box: Box, todo: Image.Image, scale: float
    ) -> "_Search":
        size, whole = _small(todo.size, scale), _small(picture.size, scale)
        left = min(round(box[0] * scale), whole[0] - size[0])
        top = min(round(box[1] * scale), whole[1] - size[1])
        return cls(
            picture.resize(whole, Image.Resampling.BOX),
            barred.resize(whole, Image.Resampling.BOX).point(ANY),
            (left, top, left + size[0], top + size[1]),
            picture.crop(box).resize(size, Image.Resampling.BOX),
            todo.resize(size, Image.Resampling.BOX).point([255] + 255 * [INSIDE]),
        )

    def anywhere(self) -> tuple[int, int] | None:
        """The best of shifts to all around."""
        left, top, right, bottom = self.place
        across, down = (max(1, side // STEPS) for side in self.goal.size)
        shifts = [
            (x, y)
            for y in range(-REACH * (bottom - top), REACH * (bottom - top) + 1, down)
            for x in range(-REACH * (right - left), REACH * (right - left) + 1, across)
        ]
        best = min(shifts, key=self._unlike)
        return best if math.isfinite(self._unlike(best)) else None

    def close_to(self, shift: tuple[int, int] | None) -> tuple[int, int] | None:
        """The best that steps ever smaller lead to."""
        for step in CLOSER:
            if shift is not None:
                x, y = shift
                around = [(x + right, y + down) for down in (-step, 0, step) for right in (-step, 0, step)]
                shift = min(around, key=self._unlike)
        return shift

    def _unlike(self, shift: tuple[int, int]) -> float:
        """How much what is there differs from what is sought; infinite where it is not to be taken."""
        there = _shifted(self.place, shift)
        if min(there[:2]) < 0 or there[2] > self.picture.width or there[3] > self.picture.height:
            return math.inf
        if self.barred.crop(there).getbbox():
            return math.inf
        unlike = ImageChops.difference(self.picture.crop(there), self.goal).convert("L")
        return ImageStat.Stat(ImageChops.multiply(unlike, self.weights)).sum[0]


def _kept_inside(shift: tuple[int, int], box: Box, size: tuple[int, int]) -> tuple[int, int]:
    """The shift that leaves the box in the picture; what is small rounds."""
    return (
        min(max(shift[0], -box[0]), size[0] - box[2]),
        min(max(shift[1], -box[1]), size[1] - box[3]),
    )


def _small(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _shifted(box: Box, shift: tuple[int, int]) -> Box:
    return (box[0] + shift[0], box[1] + shift[1], box[2] + shift[0], box[3] + shift[1])


def _around(box: Box, size: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    return (max(left - RIM, 0), max(top - RIM, 0), min(right + RIM, size[0]), min(bottom + RIM, size[1]))
