"""What a server made and spent, as one picture for a phone held upright.

matplotlib holds the GIL for as long as it draws and takes some 100 MB, so it lives in a process of its own
(`python -m bot.media.charts`): started when the first chart is wanted, dismissed when none was for some minutes. A line
of JSON goes in, and four bytes of length and a PNG come out. It ends when its standard input is closed, and sowith its parent.
"""

# ruff: noqa: PLC0415  # matplotlib is imported where it draws: the bot itself never needs it
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (matplotlib leaves its keyword arguments untyped.)

import asyncio
import gc
import io
import json
import signal
import sys
import unicodedata
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypedDict

import structlog
from PIL import Image

from bot.domain.usage import Day, Share, Usage
from bot.media.errors import ChartFailed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.font_manager import FontProperties

log = structlog.get_logger()

_ROOT = Path(__file__).resolve().parents[2]
_MAX_PNG_BYTES = 2_000_000
_FAREWELL_S = 3
_NAME_CHARS = 60
_SHOWN = 5
_SEVERAL = 100_000  # from here on, numbers are rounded


class Theme(StrEnum):
    """What the picture is looked at on."""

    DARK = "dark"
    LIGHT = "light"


class Charts:
    """Draws in a process of its own, one chart at a time; callers wait their turn.

    The first chart takes about a second, because the process starts; later ones half of that.
    """

    def __init__(self, *, limit_s: float = 60, idle_s: float = 300) -> None:
        self._limit_s = limit_s
        self._idle_s = idle_s
        self._turn = asyncio.Lock()
        self._child: Process | None = None
        self._leave: asyncio.TimerHandle | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def usage(self, usage: Usage, *, theme: Theme) -> bytes:
        """A PNG, 1080 pixels wide; its height follows from what there is to show. Members are numbered.

        Raises:
            ChartFailed: the drawing process died or took longer than `limit_s`, or this was closed.
        """
        order = json.dumps(page_of(usage, theme)).encode() + b"\n"
        async with self._turn:
            if self._leave:
                self._leave.cancel()
            png = await self._drawn_here_or_anew(order)
            self._leave = asyncio.get_running_loop().call_later(self._idle_s, self._dismiss)
            return png

    async def close(self) -> None:
        """End the process; whoever waits for a chart gets ChartFailed."""
        self._closed = True
        if self._child and self._turn.locked():
            _end(self._child)
        async with self._turn:
            if self._leave:
                self._leave.cancel()
            self._dismiss()
            if self._child:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._child.wait(), _FAREWELL_S)
            await self._discard()

    async def _drawn_here_or_anew(self, order: bytes) -> bytes:
        if self._child and self._child.returncode is None:
            try:
                return await self._drawn(order)
            except EOFError:
                log.info("chart process was gone")  # just dismissed, or killed: another one is started
        try:
            return await self._drawn(order)
        except EOFError as error:
            raise ChartFailed from error

    async def _drawn(self, order: bytes) -> bytes:
        """Raises EOFError when the process died, else ChartFailed; whatever is raised, the process is gone."""
        png = b""
        try:
            async with asyncio.timeout(self._limit_s):
                png = await self._exchange(await self._running(), order)
        except OSError as error:  # too slow, or there is no room for another process
            raise ChartFailed from error
        finally:
            if not png:  # cancelled, perhaps: what it still says would be taken for the next answer
                await self._discard()
        return png

    async def _exchange(self, child: Process, order: bytes) -> bytes:
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(ConnectionError):  # it has died, and what it answers says so too
            child.stdin.write(order)
            await child.stdin.drain()
        size_bytes = int.from_bytes(await child.stdout.readexactly(4), "big")
        if size_bytes > _MAX_PNG_BYTES:
            raise ChartFailed
        return await child.stdout.readexactly(size_bytes)

    async def _running(self) -> Process:
        if self._child and self._child.returncode is not None:
            await self._discard()
        if self._closed:
            raise ChartFailed
        if self._child is None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot.media.charts",
                cwd=_ROOT,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
            )
        if self._closed:  # meanwhile
            raise ChartFailed
        return self._child

    def _dismiss(self) -> None:
        """Let the process end of its own accord: where it cannot have a cache, it clears up a temporary one."""
        if self._child and self._child.stdin:
            self._child.stdin.close()

    async def _discard(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        _end(child)
        _, complaint = await child.communicate()
        if complaint:
            said = complaint[-2000:].decode(errors="replace")
            log.warning("chart process complained", status=child.returncode, complaint=said)


def _end(child: Process) -> None:
    """Kill it unless it is dead: asyncio may lose the status of a dead process that is signalled."""
    assert child.stdout is not None
    if child.returncode is None and not child.stdout.at_eof():
        child.kill()


Row = tuple[str, int]
"""A name and its amount."""


class Page(TypedDict):
    """What is drawn, in plain JSON: words and numbers as they stand in the picture."""

    theme: str
    heading: str
    span: str
    tiles: list[tuple[str, str]]
    """A number and what it counts; none where nothing has happened yet."""
    days: list[str]
    done: list[int]
    failed: list[int]
    credits: list[int]
    unit: Literal["credits", "clips"]
    """What the bars of the groups count."""
    groups: dict[str, list[Row]]
    """By heading; a group may be empty."""


def page_of(usage: Usage, theme: Theme) -> Page:
    """What is worth showing. Foreign names are made printable and bounded; members go by their rank."""
    unit = "credits" if usage.credits else "clips"
    numbered = [Share(f"#{n}", who.clips, who.credits) for n, who in enumerate(usage.members, 1)]
    groups = {"Models": usage.models, "Providers": usage.providers, "Members": numbered}
    return Page(
        theme=theme,
        heading="Today" if len(usage.days) == 1 else f"Last {len(usage.days)} days",
        span=_span(usage.days),
        tiles=_tiles(usage) if usage.done or usage.failed else [],
        days=[_day(day.date) for day in usage.days],
        done=[day.done for day in usage.days],
        failed=[day.failed for day in usage.days],
        credits=[day.credits for day in usage.days],
        unit=unit,
        groups={name: _largest(shares, unit) for name, shares in groups.items()},
    )


def _tiles(usage: Usage) -> list[tuple[str, str]]:
    percent = 100 * usage.done // (usage.done + usage.failed)  # down: 100 % is when nothing failed
    wait = "\N{EN DASH}" if usage.median_wait_s is None else _duration(usage.median_wait_s)
    return [
        (_count(usage.done), "clip" if usage.done == 1 else "clips"),
        (_count(usage.credits), "credit" if usage.credits == 1 else "credits"),
        (f"{percent} %", "success rate"),
        (wait, "median wait"),
    ]


def _largest(shares: Sequence[Share], unit: Literal["credits", "clips"]) -> list[Row]:
    amounts = [(_printable(share.name), getattr(share, unit)) for share in shares]
    rest = amounts[_SHOWN:]
    if not rest:
        return amounts
    others = f"{len(rest):,} other{'s' if len(rest) > 1 else ''}"
    return [*amounts[:_SHOWN], (others, sum(amount for _, amount in rest))]


def _printable(name: str) -> str:
    """Foreign text on one line, without what steers or stacks characters."""
    composed = unicodedata.normalize("NFC", name[: 4 * _NAME_CHARS])
    kept = "".join(
        one for one in composed if one.isspace() or (one.isprintable() and not unicodedata.combining(one))
    )
    return " ".join(kept.split())[:_NAME_CHARS] or "?"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _span(days: Sequence[Day]) -> str:
    if not days:
        return ""
    return " \N{EN DASH} ".join(dict.fromkeys((_day(days[0].date), _day(days[-1].date))))


def _duration(seconds: float) -> str:
    """The two largest units: `42 s`, `4 min 10 s`, `2 h 5 min`, `1 d 3 h`."""
    whole = round(seconds)
    for size, unit, part, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def _count(number: int) -> str:
    return f"{number:,}" if number < _SEVERAL else _rounded(number)


def _rounded(number: int) -> str:
    """Three digits at most: `950`, `1.5k`, `12.3M`."""
    value, unit = float(number), ""
    for larger in "kMBTPE":
        if value < 999.5:  # noqa: PLR2004  # which would be rounded to 1000
            break
        value, unit = value / 1000, larger
    return f"{value:.3g}{unit}"


# ---- From here on, in the process of its own -------------------------------------------------------------------


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


PALETTES = {
    Theme.DARK: Palette(
        ground="#2B2D31",
        ink="#F2F3F5",
        quiet="#B5BAC1",
        line="#43464D",
        done="#56B4E9",
        failed="#E69F00",
        credits="#2BB58C",
    ),
    Theme.LIGHT: Palette(
        ground="#F4F6F8",
        ink="#1E1F22",
        quiet="#52565E",
        line="#D5D9DF",
        done="#005FA3",
        failed="#D55E00",
        credits="#00805F",
    ),
}

# A unit is a point of type and three pixels. Discord shows the 1080 pixels some 350 wide: a unit is about one there.
_SCALE = 3
_WIDTH = 360.0
_MARGIN = 16.0
_INNER = _WIDTH - 2 * _MARGIN
_LEFT = _MARGIN + 34.0  # of the columns; their scale stands before them
_COLUMNS = _WIDTH - _MARGIN - _LEFT
_GAP = 18.0
_HEAD = 26.0
_TILE = 56.0
_TITLE = 30.0
_BARS = 92.0
_AREA = 64.0
_DATES = 22.0
_ROW = 29.0
_SMALL = 12.5
_LARGE = 14.0
_UNIT = 15.0
_HUGE = 27.0
_BAR = 4.5


class Sheet:
    """Paper of a fixed width, in units from the upper left corner."""

    def __init__(self, height: float, colours: Palette) -> None:
        from matplotlib import get_data_path, rcdefaults
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        rcdefaults()  # whatever a matplotlibrc in the working or home directory says
        self._fonts = Path(get_data_path(), "fonts", "ttf")
        self.colours = colours
        self._height = height
        figure = Figure((_WIDTH / 72, height / 72), dpi=72 * _SCALE, facecolor=colours.ground)
        self._canvas = FigureCanvasAgg(figure)
        self._figure = figure
        self._page = self.axes(0, 0, _WIDTH, height)
        self._page.axis((0, _WIDTH, height, 0))
        self._page.set_zorder(1)

    def axes(self, x: float, y: float, width: float, height: float) -> "Axes":
        """Bare axes in a rectangle whose upper left corner is at `x`, `y`."""
        below = self._height - y - height
        share = (x / _WIDTH, below / self._height, width / _WIDTH, height / self._height)
        axes = self._figure.add_axes(share)
        axes.set_axis_off()
        return axes

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = _SMALL,
        bold: bool = False,
        quiet: bool = False,
        align: Literal["left", "center", "right"] = "left",
        width: float = _INNER,
    ) -> float:
        """One line, `y` its base line, cut to `width` and kept off the right margin; answers how wide it became."""
        text = self._page.text(
            x,
            y,
            self._known(words, bold=bold),
            fontproperties=self._font(size, bold=bold),
            color=self.colours.quiet if quiet else self.colours.ink,
            ha=align,
            va="baseline",
            parse_math=False,
        )
        shown = text.get_text()
        while (taken := text.get_window_extent().width / _SCALE) > width and shown:
            shown = shown[:-1].rstrip()
            text.set_text(f"{shown}\N{HORIZONTAL ELLIPSIS}")
        over = text.get_window_extent().x1 / _SCALE - (_WIDTH - _MARGIN)
        text.set_x(x - max(0.0, over))
        return taken

    def number(self, x: float, y: float, words: str) -> None:
        """A large number, or several, with small units: `4 min 10 s`."""
        for word in words.split():
            is_unit = word.isalpha() or word == "%"
            x += self.text(x, y, word, size=_UNIT if is_unit else _HUGE, bold=True) + (8 if is_unit else 4)

    def play(self, x: float, y: float) -> None:
        """The button of a player around `x`, `y`."""
        self._page.plot([x], [y], "o", ms=56, mew=0, color=self.colours.done)
        corners = ([x - 8, x - 8, x + 15], [y - 13, y + 13, y])
        self._page.fill(*corners, color=self.colours.ground, lw=0, zorder=3)

    def box(self, x: float, y: float, width: float, height: float, colour: str, *, radius: float = 4) -> None:
        """A filled rectangle with round corners."""
        from matplotlib.patches import FancyBboxPatch

        style = f"round,pad=0,rounding_size={min(radius, width / 2, height / 2)}"
        self._page.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, fc=colour, lw=0))

    def png(self) -> bytes:
        """What was drawn, opaque."""
        self._canvas.draw()
        size = self._canvas.get_width_height()
        image = Image.frombytes("RGBA", size, self._canvas.buffer_rgba().tobytes()).convert("RGB")
        # With a palette the file is a third as large; most mixed colours at the edges of letters are not missed.
        few = image.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(file := io.BytesIO(), "PNG", optimize=True)
        return file.getvalue()

    def _font(self, size: float, *, bold: bool) -> "FontProperties":
        from matplotlib.font_manager import FontProperties

        return FontProperties(fname=str(self._file(bold=bold)), size=size)

    def _known(self, words: str, *, bold: bool) -> str:
        """The words without characters that the font lacks; matplotlib warns of each."""
        from matplotlib.font_manager import get_font

        glyphs = get_font(self._file(bold=bold)).get_charmap()
        return "".join(one if ord(one) in glyphs else "\N{WHITE SQUARE}" for one in words)

    def _file(self, *, bold: bool) -> Path:
        return self._fonts / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")


Block = tuple[float, Callable[[Sheet, float], None]]


def draw(page: Page) -> bytes:
    """The page as a PNG. Imports matplotlib: not for the process that the bot runs in."""
    blocks = list(_blocks(page))
    sheet = Sheet(sum(height for height, _ in blocks) + 1.7 * _MARGIN, PALETTES[Theme(page["theme"])])
    y = _MARGIN
    for height, put in blocks:
        put(sheet, y)
        y += height
    return sheet.png()


def _blocks(page: Page) -> Iterator[Block]:
    """What stands under each other: how high it is, and how it is drawn."""
    yield _HEAD, partial(_head, page)
    if not page["tiles"]:
        yield 178, _nothing
        return
    yield 2 * _TILE + _GAP / 2, partial(_put_tiles, page["tiles"])
    yield _TITLE + _BARS, partial(_clips, page)
    if any(page["credits"]):
        yield _GAP, _space
        yield _TITLE + _AREA, partial(_credits, page)
    yield _DATES, partial(_dates, page["days"])
    groups = [(title, rows) for title, rows in page["groups"].items() if rows]
    for beside in filter(None, (groups[:1], groups[1:])):  # models have the longest names
        yield _GAP, _space
        yield _TITLE + max(len(rows) for _, rows in beside) * _ROW, partial(_groups, beside, page["unit"])


def _space(_sheet: Sheet, _y: float) -> None:
    """Nothing."""


def _head(page: Page, sheet: Sheet, y: float) -> None:
    sheet.text(_MARGIN, y + 12, page["heading"], size=_LARGE, bold=True)
    sheet.text(_WIDTH - _MARGIN, y + 12, page["span"], quiet=True, align="right")


def _nothing(sheet: Sheet, y: float) -> None:
    heights = (22, 34, 28, 50, 40, 62, 54, 82, 70, 100)
    step = _INNER / len(heights)
    for n, height in enumerate(heights):
        sheet.box(_MARGIN + n * step + 3, y + 108 - height, step - 6, height, sheet.colours.line)
    sheet.play(_WIDTH / 2, y + 62)
    sheet.text(_WIDTH / 2, y + 144, "Nothing here yet", size=20, bold=True, align="center")
    advice = "Ask for a clip, and it will show up here."
    sheet.text(_WIDTH / 2, y + 168, advice, size=_LARGE, quiet=True, align="center")


def _put_tiles(tiles: Sequence[tuple[str, str]], sheet: Sheet, y: float) -> None:
    for n, (number, what) in enumerate(tiles):
        x, top = _MARGIN + n % 2 * _INNER / 2, y + n // 2 * _TILE
        sheet.number(x, top + 26, number)
        sheet.text(x, top + 43, what, quiet=True)


def _clips(page: Page, sheet: Sheet, y: float) -> None:
    colours = sheet.colours
    sheet.text(_MARGIN, y + 12, "Clips per day", size=_LARGE, bold=True)
    if any(page["failed"]):
        x = _legend(sheet, _WIDTH - _MARGIN, y, "failed", colours.failed)
        _legend(sheet, x, y, "done", colours.done)
    tops = [done + failed for done, failed in zip(page["done"], page["failed"], strict=True)]
    axes = _panel(sheet, y + _TITLE, _BARS, page["days"], max(tops))
    axes.bar(range(len(tops)), page["done"], 0.8, color=colours.done)
    axes.bar(range(len(tops)), page["failed"], 0.8, page["done"], color=colours.failed)


def _legend(sheet: Sheet, right: float, y: float, words: str, colour: str) -> float:
    """A coloured square and what it means, ending at `right`; answers where the next one may end."""
    left = right - sheet.text(right, y + 12, words, quiet=True, align="right") - 15
    sheet.box(left, y + 2, 10, 10, colour, radius=2)
    return left - 12


def _credits(page: Page, sheet: Sheet, y: float) -> None:
    sheet.text(_MARGIN, y + 12, "Credits per day", size=_LARGE, bold=True)
    amounts = [float(amount) for amount in page["credits"]]
    axes = _panel(sheet, y + _TITLE, _AREA, page["days"], max(page["credits"]))
    edges = [n - 0.5 for n in range(len(amounts) + 1)]
    axes.stairs(amounts, edges, fill=True, color=sheet.colours.credits, alpha=0.3, lw=0)
    axes.stairs(amounts, edges, color=sheet.colours.credits, lw=1.4, clip_on=False)


def _panel(sheet: Sheet, y: float, height: float, days: Sequence[str], most: int) -> "Axes":
    """Axes with a column for each day and a line at the top, the half and the bottom."""
    top, slack = _ceiling(most), _slack(days)
    axes = sheet.axes(_LEFT, y, _COLUMNS, height)
    axes.axis((-0.5 - slack, len(days) - 0.5 + slack, 0, float(top)))
    for level in (0, top // 2, top) if top % 2 == 0 else (0, top):
        axes.axhline(level, color=sheet.colours.line, lw=0.8, zorder=0, clip_on=False)
        line_y = y + height * (1 - level / top)
        sheet.text(_LEFT - 6, line_y + 4.5, _rounded(level), quiet=True, align="right")
    return axes


def _dates(days: Sequence[str], sheet: Sheet, y: float) -> None:
    """Up to four dates below their columns, and none of them over the edge."""
    many = min(len(days), 4)
    for n in range(many):
        index = n * (len(days) - 1) // max(1, many - 1)
        x = _LEFT + (_slack(days) + index + 0.5) / (len(days) + 2 * _slack(days)) * _COLUMNS
        sheet.text(max(x, _LEFT + 14), y + 16, days[index], quiet=True, align="center")


def _slack(days: Sequence[str]) -> float:
    """So many columns stay free on either side, or a single day would be as wide as the phone."""
    return max(0.0, (7 - len(days)) / 2)


def _ceiling(most: int) -> int:
    """The next number, from `most` on, that looks well at the top of a scale."""
    size = 10 ** (len(str(most)) - 1)
    tops = (10, 12, 15, 20, 30, 40, 50, 60, 80, 100)
    return next(top * size // 10 for top in tops if top * size >= most * 10)


def _group(
    sheet: Sheet, y: float, *, title: str, rows: Sequence[Row], unit: str, x: float, width: float
) -> None:
    """Names and amounts, each with a bar under it."""
    colours = sheet.colours
    sheet.text(x, y + 12, title, size=_LARGE, bold=True)
    sheet.text(x + width, y + 12, unit, quiet=True, align="right")
    most = max(amount for _, amount in rows) or 1
    for n, (name, amount) in enumerate(rows):
        top = y + _TITLE + n * _ROW
        taken = sheet.text(x + width, top + 8, _count(amount), align="right")
        sheet.text(x, top + 8, name, width=width - taken - 10, quiet=n == _SHOWN)
        sheet.box(x, top + 14, width, _BAR, colours.line, radius=_BAR)
        if amount:
            colour = colours.quiet if n == _SHOWN else colours.done
            sheet.box(x, top + 14, max(_BAR, width * amount / most), _BAR, colour, radius=_BAR)


def _groups(groups: Sequence[tuple[str, Sequence[Row]]], unit: str, sheet: Sheet, y: float) -> None:
    """Side by side."""
    width = (_INNER - (len(groups) - 1) * _GAP) / len(groups)
    for n, (title, rows) in enumerate(groups):
        _group(sheet, y, title=title, rows=rows, unit=unit, x=_MARGIN + n * (width + _GAP), width=width)


def main() -> None:
    """Draw what standard input asks for, line by line, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    for order in sys.stdin.buffer:
        png = draw(json.loads(order))
        gc.collect()  # a figure is full of cycles
        sys.stdout.buffer.write(len(png).to_bytes(4, "big") + png)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
