"""What was behind a thing that has moved away: holes in pictures, filled from around them.

A membrane is spanned across the hole, which carries the colours of its edge inwards without a seam. Alone it would be
a blur, so a like piece of the picture is laid into the hole first and the membrane spanned over the difference:
gradient-domain cloning (Perez et al., Poisson Image Editing, 2003).
"""

from collections.abc import Iterator, Sequence

from PIL import Image, ImageChops, ImageFilter

from bot.providers.local.likeness import likest
from bot.providers.local.masks import ANY, around

# How often a membrane is smoothed at each of its sizes; a coarser one has done the rest.
SWEEPS = 8
# What is compared around a hole, in pixels.
RIM = 12
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
    box = around(bounds, picture.size, RIM, RIM)
    result = picture.copy()
    result.paste(spanned(picture.crop(box), ImageChops.invert(barred.crop(box))), box[:2])
    todo = barred
    for hole in holes:
        for tile in _tiles(ImageChops.darker(hole, todo)):
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
    box = around(bounds, picture.size, RIM, RIM)
    unknown = todo.crop(box)
    there = likest(picture, barred, box, unknown)
    if there is not None:
        like = picture.crop(there)
        unlike = ImageChops.subtract(picture.crop(box), like, 1, LEVEL)
        joined = ImageChops.add(like, spanned(unlike, ImageChops.invert(unknown)), 1, -LEVEL)
        picture.paste(joined, box[:2], gap.crop(box))


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
