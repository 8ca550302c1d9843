from PIL import Image, ImageDraw

from bot.providers.local.masks import around, narrowed, shifted, widened

SIZE = (240, 160)


def hole(*box: int) -> Image.Image:
    mask = Image.new("L", SIZE)
    mask.paste(255, (box[0], box[1], box[2], box[3]))
    return mask


def test_masks_widen_and_narrow_by_pixels() -> None:
    mask = hole(50, 50, 90, 80)
    assert widened(mask, 7).getbbox() == (43, 43, 97, 87)
    assert narrowed(mask, 7).getbbox() == (57, 57, 83, 73)
    assert narrowed(hole(0, 0, 90, 80), 3).getbbox() == (0, 0, 87, 77)
    speck = hole(50, 50, 51, 51)
    assert widened(speck, 12).getbbox() == (38, 38, 63, 63)
    dot = Image.new("L", SIZE)
    ImageDraw.Draw(dot).ellipse((40, 40, 80, 80), fill=255)
    assert set(widened(dot, 3).tobytes()) == {0, 255}


def test_a_box_grows_within_its_picture_and_moves() -> None:
    assert around((3, 50, 238, 60), SIZE, 10, 4) == (0, 46, 240, 64)
    assert shifted((1, 2, 3, 4), -1, 5) == (0, 7, 2, 9)
