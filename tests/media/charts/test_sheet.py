from itertools import combinations

import matplotlib as mpl
import pytest

from bot.media.charts import Theme
from bot.media.charts.sheet import INNER, PALETTES, SCALE, Sheet
from tests.media.charts.pictures import rgb, seen
from tests.media.charts.usages import HOSTILE


def luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance (WCAG 2.2)."""
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def linear(colour: tuple[float, float, float]) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (p / 255 for p in colour)]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    dark, light = sorted((luminance(rgb(one)), luminance(rgb(other))))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", Theme)
def test_text_and_shapes_stand_out_from_the_ground(theme: Theme) -> None:
    colours = PALETTES[theme]
    for text in (colours.ink, colours.quiet):
        assert contrast(text, colours.ground) >= 4.5
    for shape in (colours.done, colours.failed, colours.credits, colours.rest):
        assert contrast(shape, colours.ground) >= 3


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "protanopia": (
        0.152286,
        1.052583,
        -0.204868,
        0.114503,
        0.786281,
        0.099216,
        -0.003882,
        -0.048116,
        1.051998,
    ),
    "deuteranopia": (
        0.367322,
        0.860646,
        -0.227968,
        0.280085,
        0.672501,
        0.047413,
        -0.011820,
        0.042940,
        0.968881,
    ),
    "tritanopia": (
        1.255528,
        -0.076749,
        -0.178779,
        -0.078411,
        0.930809,
        0.147602,
        0.004733,
        0.691367,
        0.303900,
    ),
}


def lab(light: list[float]) -> tuple[float, float, float]:
    """Oklab (Björn Ottosson, A perceptual color space for image processing), of linear RGB."""
    r, g, b = (min(1.0, max(0.0, part)) for part in light)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", Theme)
def test_colours_are_told_apart_with_any_colour_vision(theme: Theme, deficiency: str) -> None:
    matrix = DEFICIENCIES[deficiency]

    def perceived(colour: str) -> tuple[float, float, float]:
        light = linear(rgb(colour))
        return lab([sum(matrix[3 * row + n] * light[n] for n in range(3)) for row in range(3)])

    colours = PALETTES[theme]
    for one, other in combinations((colours.done, colours.failed, colours.ground), 2):
        difference = sum((a - b) ** 2 for a, b in zip(perceived(one), perceived(other), strict=True)) ** 0.5
        assert difference > 0.1  # 0.02 is just noticeable


@pytest.mark.parametrize("width", [0.0, 40.0, INNER])
@pytest.mark.parametrize("words", [name[:60] for name in HOSTILE])
def test_a_line_is_as_wide_as_it_says_and_no_wider_than_it_may_be(words: str, width: float) -> None:
    sheet = Sheet(40, PALETTES[Theme.DARK])
    taken = sheet.text(0, 20, words, width=width)
    [line] = sheet._page.texts
    assert taken == pytest.approx(line.get_window_extent().width / SCALE)
    assert taken <= max(width, sheet.text_width("\N{HORIZONTAL ELLIPSIS}"))


def test_what_a_matplotlibrc_says_is_not_heeded() -> None:
    with mpl.rc_context({"figure.dpi": 10, "text.usetex": True, "axes.facecolor": "red"}):  # pyright: ignore[reportUnknownMemberType]  # a path of any kind
        sheet = Sheet(40, PALETTES[Theme.DARK])
        sheet.text(20, 20, "a_b")
        image = seen(sheet.png())
    assert image.size == (1080, 120)
    assert image.getpixel((0, 0)) == rgb(PALETTES[Theme.DARK].ground)
