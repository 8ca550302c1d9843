"""Masks of black and white, and boxes of pixels: left, top, right, bottom."""

from PIL import Image, ImageChops, ImageFilter

Box = tuple[int, int, int, int]

ANY = [0] + 255 * [255]
"""For `Image.point`: white where there is anything."""


def widened(mask: Image.Image, pixels: int) -> Image.Image:
    """A mask whose white reaches so much farther."""
    while pixels > 0:
        step = min(pixels, 5)  # a lone pixel must not round away
        mask = mask.filter(ImageFilter.BoxBlur(step)).point(ANY)
        pixels -= step
    return mask


def narrowed(mask: Image.Image, pixels: int) -> Image.Image:
    """A mask whose white ends so much earlier, though not at the picture's edges."""
    return ImageChops.invert(widened(ImageChops.invert(mask), pixels))


def around(box: Box, size: tuple[int, int], across: int, down: int) -> Box:
    """The box with so much more at every side, within a picture of this size."""
    left, top, right, bottom = box
    return (
        max(left - across, 0),
        max(top - down, 0),
        min(right + across, size[0]),
        min(bottom + down, size[1]),
    )


def shifted(box: Box, across: int, down: int) -> Box:
    """The box, moved."""
    return (box[0] + across, box[1] + down, box[2] + across, box[3] + down)
