"""Paper and ink: what the pictures are put together from. Imports matplotlib, as nothing in the bot's process may."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (matplotlib leaves its keyword arguments untyped.)

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matplotlib import get_data_path, rcdefaults
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from bot.media.charts.page import Theme

# A unit is a point of type and three pixels. Phones show the 1080 pixels some 350 wide: a unit is about one there.
SCALE = 3
WIDTH = 360.0
MARGIN = 16.0
INNER = WIDTH - 2 * MARGIN

SMALL = 12.5
LARGE = 14.0


@dataclass(frozen=True)
class Palette:
    """Colours of one theme. Blue, orange and green, so that all eyes tell them apart (Okabe and Ito, 2008)."""

    ground: str
    ink: str
    quiet: str
    line: str
    done: str
    failed: str
    credits: str
    rest: str
    """Several together, who shall not draw the eye."""


PALETTES = {
    Theme.DARK: Palette(
        ground="#2B2D31",
        ink="#F2F3F5",
        quiet="#B5BAC1",
        line="#43464D",
        done="#56B4E9",
        failed="#E69F00",
        credits="#2BB58C",
        rest="#80848E",
    ),
    Theme.LIGHT: Palette(
        ground="#F4F6F8",
        ink="#1E1F22",
        quiet="#52565E",
        line="#D5D9DF",
        done="#005FA3",
        failed="#D55E00",
        credits="#00805F",
        rest="#80848E",
    ),
}


class Sheet:
    """Paper of a fixed width, in units from the upper left corner."""

    def __init__(self, height: float, colours: Palette) -> None:
        rcdefaults()  # whatever a matplotlibrc in the working or home directory says
        self.colours = colours
        self._height = height
        self._figure = Figure((WIDTH / 72, height / 72), dpi=72 * SCALE, facecolor=colours.ground)
        self._canvas = FigureCanvasAgg(self._figure)
        self._page = self.axes(0, 0, WIDTH, height)
        self._page.axis((0, WIDTH, height, 0))
        self._page.set_zorder(1)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Bare axes in a rectangle whose upper left corner is at `x`, `y`."""
        below = self._height - y - height
        share = (x / WIDTH, below / self._height, width / WIDTH, height / self._height)
        axes = self._figure.add_axes(share)
        axes.set_axis_off()
        return axes

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = SMALL,
        bold: bool = False,
        quiet: bool = False,
        align: Literal["left", "center", "right"] = "left",
        width: float = INNER,
    ) -> float:
        """One line, `y` its base line, cut to `width` and kept off the right margin; answers how wide it became."""
        shown, taken = self._fitting(words, width, size=size, bold=bold)
        right = x + taken * {"left": 1, "center": 0.5, "right": 0}[align]
        self._page.text(
            x - max(0.0, right - (WIDTH - MARGIN)),
            y,
            shown,
            fontproperties=_font(size, bold=bold),
            color=self.colours.quiet if quiet else self.colours.ink,
            ha=align,
            va="baseline",
            parse_math=False,
        )
        return taken

    def number(self, x: float, y: float, words: str, *, size: float) -> None:
        """A large number, or several, with small units: `4 min 10 s`."""
        for word, offset, word_size in self._parts(words, size):
            self.text(x + offset, y, word, size=word_size, bold=True)

    def number_width(self, words: str, *, size: float) -> float:
        """How wide `number` makes it."""
        *_, (word, offset, word_size) = self._parts(words, size)
        return offset + self.text_width(word, size=word_size, bold=True)

    def text_width(self, words: str, *, size: float = SMALL, bold: bool = False) -> float:
        """How wide the ink of a line is that has no character the font lacks."""
        ink, _, _ = self._canvas.get_renderer().get_text_width_height_descent(
            words, _font(size, bold=bold), ismath=False
        )
        return ink / SCALE

    def box(self, x: float, y: float, width: float, height: float, colour: str, *, radius: float = 4) -> None:
        """A filled rectangle with round corners."""
        style = f"round,pad=0,rounding_size={min(radius, width / 2, height / 2)}"
        self._page.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, fc=colour, lw=0))

    def play(self, x: float, y: float) -> None:
        """The button of a player around `x`, `y`."""
        self._page.plot([x], [y], "o", ms=56, mew=0, color=self.colours.done)
        corners = ([x - 8, x - 8, x + 15], [y - 13, y + 13, y])
        self._page.fill(*corners, color=self.colours.ground, lw=0, zorder=3)

    def png(self) -> bytes:
        """What was drawn, opaque."""
        self._canvas.draw()
        size = self._canvas.get_width_height()
        image = Image.frombytes("RGBA", size, self._canvas.buffer_rgba().tobytes()).convert("RGB")
        # With a palette the file is a third as large; most mixed colours at the edges of letters are not missed.
        few = image.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(file := io.BytesIO(), "PNG")
        return file.getvalue()

    def _parts(self, words: str, size: float) -> Iterator[tuple[str, float, float]]:
        """The words of a number, how far from the left they stand and how large they are."""
        offset = 0.0
        for word in words.split():
            is_unit = word.isalpha() or word == "%"
            word_size = size * 0.56 if is_unit else size
            yield word, offset, word_size
            offset += self.text_width(word, size=word_size, bold=True) + size * (0.3 if is_unit else 0.15)

    def _fitting(self, words: str, width: float, *, size: float, bold: bool) -> tuple[str, float]:
        """The words or so much of them as fits, and how wide they are."""
        kept = shown = _known(words, bold=bold)
        while (taken := self.text_width(shown, size=size, bold=bold)) > width and kept:
            kept = kept[:-1].rstrip()
            shown = f"{kept}\N{HORIZONTAL ELLIPSIS}"
        return shown, taken


def _known(words: str, *, bold: bool) -> str:
    """The words without characters that the font lacks; matplotlib warns of each."""
    glyphs = get_font(_file(bold=bold)).get_charmap()
    return "".join(one if ord(one) in glyphs else "\N{WHITE SQUARE}" for one in words)


def _font(size: float, *, bold: bool) -> FontProperties:
    return FontProperties(fname=str(_file(bold=bold)), size=size)


def _file(*, bold: bool) -> Path:
    return Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
