from pathlib import Path

import pytest
from PIL import Image

from bot.providers.local.camera import Path as CameraPath
from bot.providers.local.camera import ends
from bot.providers.local.pictures import DENSITY, opened, scaled, split, wanted
from bot.providers.local.scene import RenderFailed


def bt709(red: int, green: int, blue: int) -> tuple[float, float, float]:
    r, g, b = red / 255, green / 255, blue / 255
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    return (16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748)


@pytest.mark.parametrize("colour", [(200, 60, 30), (20, 180, 90), (10, 20, 240), (255, 255, 255), (0, 0, 0)])
def test_colours_become_bt709_in_limited_range(colour: tuple[int, int, int]) -> None:
    planes = split(Image.new("RGB", (33, 21), colour))
    assert [plane.size for plane in planes] == [(33, 21), (17, 11), (17, 11)]
    for plane, expected in zip(planes, bt709(*colour), strict=True):
        assert set(plane.tobytes()) <= {int(expected), int(expected) + 1}


def test_a_large_picture_shrinks_once_and_a_small_one_stays() -> None:
    assert scaled(Image.new("RGB", (800, 600)), (400, 300)).size == (400, 300)
    assert scaled(Image.new("RGB", (80, 60)), (400, 300)).size == (80, 60)
    assert scaled(Image.new("RGB", (440, 330)), (400, 300)).size == (440, 330)


def test_shrinking_averages_instead_of_skipping() -> None:
    fine = Image.new("L", (400, 300))
    fine.putdata([255 * ((x + y) % 2) for y in range(300) for x in range(400)])
    levels = scaled(fine, (100, 75)).tobytes()
    assert min(levels) > 100
    assert max(levels) < 155


def test_what_is_transparent_becomes_paper() -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert scaled(clear, (20, 20)).getpixel((5, 5)) == (255, 255, 255)


def test_a_zoom_asks_for_a_little_more_than_a_pixel_a_pixel() -> None:
    start, end = ends(None, None)
    path = CameraPath(start=start, end=end, width=1280, height=720, frames=10)
    width, height = wanted(path, 16 / 9, 1)
    assert width == pytest.approx(1280 * DENSITY, abs=2)
    assert height == pytest.approx(720 * DENSITY, abs=2)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.png"
    path.write_text("not a picture")
    with pytest.raises(RenderFailed, match="could not be read"):
        opened(str(path))
    with pytest.raises(RenderFailed, match="could not be read"):
        opened(str(tmp_path / "missing.png"))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_torn_picture_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"torn.{suffix}"
    Image.effect_noise((300, 300), 80).save(path)
    path.write_bytes(path.read_bytes()[:9000])
    with opened(str(path)) as picture, pytest.raises(RenderFailed, match="damaged"):
        scaled(picture, (300, 300))
