import pytest
from PIL import Image, ImageDraw

from bot.providers.local.likeness import likest
from bot.providers.local.masks import Box

SIZE = (400, 300)
PLACE = (180, 120, 220, 160)


def marked(*corners: tuple[int, int]) -> Image.Image:
    """Rings on a slope of greys, each in a box of 40 pixels."""
    picture = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    for x, y in corners:
        ImageDraw.Draw(picture).ellipse((x + 1, y + 1, x + 39, y + 39), outline="red", width=8)
    return picture


def barred(*boxes: Box) -> Image.Image:
    mask = Image.new("L", SIZE)
    for box in boxes:
        mask.paste(255, box)
    return mask


def unknown(size: tuple[int, int] = (40, 40)) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, (15, 15, 25, 25))
    return mask


@pytest.mark.parametrize("corner", [(83, 121), (290, 127), (66, 118)])
def test_what_looks_alike_is_found_to_the_pixel(corner: tuple[int, int]) -> None:
    found = likest(marked((180, 120), corner), barred(PLACE), PLACE, unknown())
    assert found == (corner[0], corner[1], corner[0] + 40, corner[1] + 40)


def test_nothing_of_what_is_barred_is_taken() -> None:
    picture = marked((180, 120), (83, 121), (290, 127))
    found = likest(picture, barred(PLACE, (290, 127, 291, 128)), PLACE, unknown())
    assert found == (83, 121, 123, 161)
    assert likest(picture, barred((0, 0, *SIZE)), PLACE, unknown()) is None


@pytest.mark.parametrize("place", [(0, 0, 40, 40), (360, 260, 400, 300), (0, 0, 400, 40), (0, 0, 150, 300)])
def test_what_is_found_lies_in_the_picture_and_apart_from_the_place(place: Box) -> None:
    size = (place[2] - place[0], place[3] - place[1])
    found = likest(marked(), barred(place), place, unknown(size))
    assert found is not None
    assert (found[2] - found[0], found[3] - found[1]) == size
    assert 0 <= found[0] <= SIZE[0] - size[0]
    assert 0 <= found[1] <= SIZE[1] - size[1]
    assert barred(place).crop(found).getbbox() is None


def test_a_place_as_large_as_the_picture_is_like_none() -> None:
    whole = (0, 0, *SIZE)
    assert likest(marked(), barred(PLACE), whole, unknown(SIZE)) is None
