"""The title card that opens a clip made from words alone: the prompt, set on a field of coloured light."""

import colorsys
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from bot.providers.local.typeface import Typeface, typeface_for

Colour = tuple[float, float, float]

# The field is worked out on this many columns and rows and enlarged: light has no edges.
FIELD = 72
GRAIN = 4  # levels of noise, against banding
GRAINS = bytes(level * (GRAIN + 1) >> 8 for level in range(256))
# Sizes of the letters, and distances, in short sides of what is seen.
LARGEST, SMALLEST = 0.135, 0.05
STEP = 0.94
LEADING = 1.3
MARGIN = 0.11
MOST_LINES = 9
SHADOW = 180  # of 255: how dark it is under a letter


@dataclass(frozen=True)
class Light:
    """A soft light on the field: where (0..1), how wide, what it adds."""

    x: float
    y: float
    reach: float
    colour: Colour


@dataclass(frozen=True)
class Palette:
    """The colours of a card, each 0..1."""

    top: Colour
    bottom: Colour
    lights: tuple[Light, ...]
    ink: Colour
    accent: Colour

    @classmethod
    def of(cls, prompt: str) -> "Palette":
        """The palette of a prompt, the same every time."""
        random = Random(hashlib.sha256(prompt.encode()).digest())  # noqa: S311  # colours, not secrets
        hue = random.uniform(
            0.5, 1.02
        )  # from teal through blue and violet to red: the kindest behind white letters
        side = random.choice((-1, 1))
        lights = tuple(
            Light(
                x=random.uniform(0.1, 0.9),
                y=random.choice((random.uniform(0, 0.25), random.uniform(0.75, 1))),
                reach=random.uniform(0.28, 0.5),
                colour=_as_bright(_hsl(hue + side * shift, 0.8, 0.4), brightness),
            )
            for shift, brightness in ((0.05, 0.22), (0.12, 0.17), (0.3, 0.08))
        )
        return cls(
            top=_as_bright(_hsl(hue, 0.6, 0.2), 0.075),
            bottom=_as_bright(_hsl(hue + side * 0.08, 0.65, 0.2), 0.035),
            lights=lights,
            ink=_hsl(hue + side * 0.17, 0.5, 0.965),
            accent=_hsl(hue + side * 0.17, 0.85, 0.7),
        )


def card(prompt: str, size: tuple[int, int], seen: tuple[float, float]) -> Image.Image:
    """Draw the card; the text stays in the middle part of it that `seen` names, in width and height."""
    palette = Palette.of(prompt)
    picture = _field(palette, size)
    face, text = typeface_for(" ".join(prompt.split()))
    if text.strip():
        _set_text(picture, palette, face, text.split(), (size[0] * seen[0], size[1] * seen[1]))
    return picture


def _field(palette: Palette, size: tuple[int, int]) -> Image.Image:
    ratio = size[0] / size[1]
    columns, rows = (round(FIELD * math.sqrt(ratio)), round(FIELD / math.sqrt(ratio)))
    spots = ((x / (columns - 1), y / (rows - 1)) for y, x in product(range(rows), range(columns)))
    lit = bytes(level for x, y in spots for level in _bytes(_lit(palette, x, y, ratio)))
    small = Image.frombytes("RGB", (columns, rows), lit)
    smooth = small.resize(size, Image.Resampling.BICUBIC)
    noise = Random(FIELD).randbytes(size[0] * size[1])  # noqa: S311  # grain
    grain = Image.frombytes("L", size, noise.translate(GRAINS))
    return ImageChops.add(smooth, Image.merge("RGB", [grain] * 3), offset=-GRAIN // 2)


def _lit(palette: Palette, x: float, y: float, ratio: float) -> Colour:
    """The colour of a spot: the gradient, the lights, darker towards the corners."""
    red, green, blue = (top + (low - top) * y for top, low in zip(palette.top, palette.bottom, strict=True))
    for light in palette.lights:
        away = math.hypot((x - light.x) * math.sqrt(ratio), (y - light.y) / math.sqrt(ratio)) / light.reach
        glow = math.exp(-away * away * 1.6)
        red, green, blue = (
            have + glow * add for have, add in zip((red, green, blue), light.colour, strict=True)
        )
    shade = 1 - 0.55 * min(1, (math.hypot(x - 0.5, y - 0.5) / 0.72)) ** 2.2
    return (red * shade, green * shade, blue * shade)


def _set_text(
    picture: Image.Image, palette: Palette, face: Typeface, words: Sequence[str], seen: tuple[float, float]
) -> None:
    short = min(seen)
    margin = MARGIN * short
    room = (seen[0] - 2 * margin, seen[1] - 2 * margin - 0.09 * short)
    size, lines = fitted(face, words, room, short)
    middle_x, middle_y = picture.width / 2, picture.height / 2 + 0.04 * short
    first = middle_y - LEADING * size * (len(lines) - 1) / 2
    font = face.at(size)
    shadow, ink = (Image.new("L", picture.size) for _ in range(2))
    for number, line in enumerate(lines):
        spot = (middle_x, first + number * LEADING * size)
        for layer, strength in ((shadow, SHADOW), (ink, 255)):
            ImageDraw.Draw(layer).text(spot, line, fill=strength, font=font, anchor="mm")
    soft = shadow.filter(ImageFilter.GaussianBlur(0.02 * short))
    picture.paste((0, 0, 0), mask=soft)
    picture.paste(_bytes(palette.ink), mask=ink)
    _rule(picture, palette, middle_x, first - size * 0.78 - 0.06 * short, short)


def _rule(picture: Image.Image, palette: Palette, x: float, y: float, short: float) -> None:
    """The short line above the words."""
    half, thick = 0.055 * short, max(2.0, 0.0065 * short)
    box = (round(x - half), round(y - thick / 2), round(x + half), round(y + thick / 2))
    ImageDraw.Draw(picture).rounded_rectangle(box, radius=thick / 2, fill=_bytes(palette.accent))


def fitted(
    face: Typeface, words: Sequence[str], room: tuple[float, float], short: float
) -> tuple[float, list[str]]:
    """The largest size at which the words fill no more than the room, and their lines, of even length."""
    widths = {word: face.width(word) for word in {*words, " ", "…"}}
    size = LARGEST * short
    while True:
        lines = wrapped(words, widths, room[0] / size)
        fits = min(MOST_LINES, int(room[1] / (LEADING * size)))
        if len(lines) <= fits and max(_width(line, widths) for line in lines) * size <= room[0]:
            return size, [" ".join(line) for line in _balanced(words, widths, lines, room[0] / size)]
        if size * STEP < SMALLEST * short:
            return size, _cut(face, lines, max(1, fits), room[0] / size)
        size *= STEP


def wrapped(words: Sequence[str], widths: dict[str, float], limit: float) -> list[list[str]]:
    """The words on lines no wider than the limit, in sizes; a wider word has a line of its own."""
    lines: list[list[str]] = []
    used = math.inf
    for word in words:
        used += widths[" "] + widths[word]
        if used > limit:
            lines.append([])
            used = widths[word]
        lines[-1].append(word)
    return lines


def _balanced(
    words: Sequence[str], widths: dict[str, float], lines: list[list[str]], limit: float
) -> list[list[str]]:
    """As many lines, but each as short as that allows."""
    best = lines
    for part in range(19, 9, -1):
        tighter = wrapped(words, widths, limit * part / 20)
        if len(tighter) > len(lines) or max(_width(line, widths) for line in tighter) > limit:
            break
        best = tighter
    return best


def _width(line: list[str], widths: dict[str, float]) -> float:
    return sum(widths[word] for word in line) + widths[" "] * (len(line) - 1)


def _cut(face: Typeface, lines: list[list[str]], most: int, limit: float) -> list[str]:
    """What fits of a long text, letter by letter, with dots for the rest; scripts without spaces break anywhere."""
    texts: list[str] = [""]
    for letter in " ".join(word for line in lines for word in line):
        if face.width(texts[-1] + letter + "…") <= limit:
            texts[-1] += letter
        elif len(texts) < most:
            head, _, tail = texts[-1].rpartition(" ")
            texts[-1:] = [head, tail + letter] if head else [tail, letter]
        else:
            return [*texts[:-1], texts[-1].rpartition(" ")[0] + "…" if " " in texts[-1] else texts[-1] + "…"]
    return texts


def _hsl(hue: float, saturation: float, lightness: float) -> Colour:
    return colorsys.hls_to_rgb(hue % 1, lightness, saturation)


def _as_bright(colour: Colour, brightness: float) -> Colour:
    """The colour, as bright to the eye as told: a green of the same lightness would outshine a blue."""
    red, green, blue = colour
    factor = brightness / (0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (red * factor, green * factor, blue * factor)


def _bytes(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (round(255 * min(1, max(0, part))) for part in colour)
    return (red, green, blue)
