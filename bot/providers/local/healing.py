"""What was behind a thing that has moved away: holes in pictures, filled from around them.

A membrane is spanned across the hole, which carries the colours of its edge inwards without a seam. Alone it would be
a blur, so a like piece of the picture is laid into the hole first and the membrane spanned over the difference:
gradient-domain cloning (Perez et al., Poisson Image Editing, 2003).
"""

import math
from collections.abc import Iterator, Sequence

from PIL import Image, ImageChops, ImageFilter, ImageStat

Box = tuple[int, int, int, int]

# How often a membrane is smoothed at each of its sizes; a coarser one has done the rest.
SWEEPS = 8
# What is compared around a hole, in pixels.
RIM = 12
# A hole is looked at this large when a like piece is sought, in steps of a part of it, so many holes away.
SIGHT = 40
STEPS = 4
REACH = 3
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
    for hole in holes:
        _texture(result, ImageChops.darker(hole, todo), todo, barred)
        todo = ImageChops.subtract(todo, hole)
    return result


def _texture(picture: Image.Image, gap: Image.Image, todo: Image.Image, barred: Image.Image) -> None:
    """Lay a like piece into a gap that is smooth yet, none of it from what is barred."""
    bounds = gap.getbbox()
    if bounds is None:
        return
    box = _around(bounds, picture.size)
    piece, spot = picture.crop(box), gap.crop(box)
    shift = _like(picture, barred, box, spot)
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


def _like(picture: Image.Image, barred: Image.Image, box: Box, spot: Image.Image) -> tuple[int, int] | None:
    """How far away the piece lies that looks most like what is in the box; None where all are barred."""
    scale = min(1.0, SIGHT / max(spot.size))
    size, whole = _small(spot.size, scale), _small(picture.size, scale)
    seen, bars = (one.resize(whole, Image.Resampling.BOX) for one in (picture, barred))
    bars, place = bars.point(ANY), (round(box[0] * scale), round(box[1] * scale))
    goal = picture.crop(box).resize(size, Image.Resampling.BOX)
    spot = widened(spot.resize(size, Image.Resampling.BOX).point(ANY), 2)
    best, shift = math.inf, None
    for across, down in _shifts(size, place, whole):
        there = _shifted((*place, place[0] + size[0], place[1] + size[1]), (across, down))
        if ImageChops.darker(bars.crop(there), spot).getbbox():
            continue
        unlike = sum(ImageStat.Stat(ImageChops.difference(seen.crop(there), goal), spot).sum)
        if unlike < best:
            best, shift = unlike, (round(across / scale), round(down / scale))
    return shift and _kept_inside(shift, box, picture.size)


def _shifts(
    size: tuple[int, int], place: tuple[int, int], whole: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Steps to other places in the whole."""
    steps = [max(1, side // STEPS) for side in size]
    for down in range(-REACH * size[1], REACH * size[1] + 1, steps[1]):
        for across in range(-REACH * size[0], REACH * size[0] + 1, steps[0]):
            left, top = place[0] + across, place[1] + down
            if 0 <= left <= whole[0] - size[0] and 0 <= top <= whole[1] - size[1]:
                yield across, down


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
