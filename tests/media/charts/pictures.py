"""Looking at pictures."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Pillow leaves its pixels open.)

import io

from PIL import Image, ImageColor

from bot.media.charts import Theme
from bot.media.charts.sheet import PALETTES


def seen(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    assert "transparency" not in image.info
    return image.convert("RGB")


def rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def colours_of(image: Image.Image) -> set[object]:
    counted = image.getcolors(256)  # charts have a palette; room for every colour takes long
    assert counted is not None
    return {colour for _, colour in counted}


def ground_of(png: bytes) -> object:
    return seen(png).getpixel((0, 0))


def ground(theme: Theme) -> tuple[int, int, int]:
    return rgb(PALETTES[theme].ground)
