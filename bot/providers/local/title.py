"""The title card."""

from PIL import Image, ImageDraw, ImageFont


def card(prompt: str, size: tuple[int, int], seen: tuple[float, float]) -> Image.Image:
    im = Image.new("RGB", size, (20, 24, 60))
    ImageDraw.Draw(im).text((size[0] / 2, size[1] / 2), prompt, font=ImageFont.load_default(60), anchor="mm")
    return im
