from collections.abc import Callable

import pytest
from PIL import Image, ImageChops, ImageStat

from bot.providers.local.healing import healed, spanned
from bot.providers.local.masks import narrowed, widened

SIZE = (240, 160)
Box = tuple[int, int, int, int]


def hole(*box: int, size: tuple[int, int] = SIZE) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, (box[0], box[1], box[2], box[3]))
    return mask


def drawn(colour: Callable[[int, int], tuple[int, int, int]]) -> Image.Image:
    picture = Image.new("RGB", SIZE)
    picture.putdata([colour(x, y) for y in range(SIZE[1]) for x in range(SIZE[0])])
    return picture


def farthest(one: Image.Image, other: Image.Image) -> int:
    return max(most for _, most in ImageStat.Stat(ImageChops.difference(one, other)).extrema)


SLOPE = drawn(lambda x, y: (40 + x // 2, 60 + y, 200 - x // 3))


@pytest.mark.parametrize(
    "box", [(90, 60, 130, 100), (0, 60, 50, 100), (200, 120, 240, 160), (0, 0, 240, 30), (100, 70, 101, 71)]
)
def test_a_hole_takes_the_colours_around_it_without_a_seam(box: Box) -> None:
    gap = hole(*box)
    spoilt = SLOPE.copy()
    spoilt.paste((255, 0, 255), None, gap)
    result = healed(spoilt, [gap])
    assert farthest(result, SLOPE) <= 16
    edge = widened(gap, 2)
    assert farthest(Image.composite(result, SLOPE, ImageChops.subtract(edge, gap)), SLOPE) == 0
    assert farthest(Image.composite(result, SLOPE, ImageChops.subtract(gap, narrowed(gap, 1))), SLOPE) <= 4


def test_what_lies_around_it_goes_on_inside() -> None:
    stripes = drawn(lambda x, _: (200, 200, 200) if x % 16 < 8 else (90, 90, 90))
    gap = hole(100, 60, 132, 92)
    spoilt = stripes.copy()
    spoilt.paste((255, 0, 0), None, gap)
    inside = ImageChops.difference(healed(spoilt, [gap]), stripes).crop((100, 60, 132, 92))
    assert ImageStat.Stat(inside.convert("L")).mean[0] < 12


def test_nothing_of_another_hole_gets_in() -> None:
    plain = Image.new("RGB", SIZE, (90, 120, 90))
    gaps = [hole(60, 60, 100, 100), hole(98, 50, 150, 90), hole(170, 60, 200, 90)]
    for gap, colour in zip(gaps, ("red", "blue", "white"), strict=True):
        plain.paste(colour, None, gap)
    assert farthest(healed(plain, gaps), Image.new("RGB", SIZE, (90, 120, 90))) <= 2


def test_where_nothing_is_around_the_picture_stays() -> None:
    assert farthest(healed(SLOPE, [hole(0, 0, *SIZE)]), SLOPE) == 0
    assert farthest(healed(SLOPE, [hole(0, 0, 0, 0)]), SLOPE) == 0
    assert farthest(healed(SLOPE, []), SLOPE) == 0


def test_almost_nothing_around_is_enough() -> None:
    picture = Image.new("RGB", SIZE, "red")
    picture.putpixel((239, 159), (10, 200, 30))
    gap = hole(0, 0, *SIZE)
    gap.putpixel((239, 159), 0)
    assert farthest(healed(picture, [gap]), Image.new("RGB", SIZE, (10, 200, 30))) <= 2


def test_a_membrane_keeps_what_is_known() -> None:
    known = hole(20, 20, 60, 60)
    kept = Image.composite(spanned(SLOPE, known), SLOPE, known)
    assert farthest(kept, SLOPE) == 0
    low, high = SLOPE.getpixel((20, 20)), SLOPE.getpixel((59, 59))
    assert isinstance(low, tuple)
    assert isinstance(high, tuple)
    for band, *ends in zip(spanned(SLOPE, known).split(), low, high, strict=True):
        assert min(ends) <= min(band.tobytes()) <= max(band.tobytes()) <= max(ends)
