"""The pictures, and the process that draws them. Imports matplotlib, as nothing in the bot's own process may."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves its keyword arguments untyped.)

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from matplotlib.axes import Axes

from bot.language import speaking, tr
from bot.media.charts.page import SHOWN, Page, Row, Theme, amount, rounded
from bot.media.charts.sheet import INNER, LARGE, MARGIN, PALETTES, WIDTH, Sheet
from bot.media.confined import Answer, Beat, serve

_LEFT = MARGIN + 34.0  # of the columns; their scale stands before them
_COLUMNS = WIDTH - MARGIN - _LEFT
_GAP = 18.0
_HEAD = 24.0
_NUMBERS = (27.0, 24.0, 21.0, 18.0)  # as large as leaves room between them
_TILES = 67.0
_TITLE = 30.0
_BARS = 98.0
_AREA = 64.0
_DATES = 22.0
_ROW = 28.0
_BAR = 4.5

Block = tuple[float, Callable[[Sheet, float], None]]


def draw(page: Page) -> list[bytes]:
    """The page as PNGs: always what happened over time; who had which share of it where there is anything to share."""
    pictures = [over_time(page)]
    if any(page["groups"].values()):
        pictures.append(shares(page))
    return pictures


def over_time(page: Page) -> bytes:
    """The numbers of all days together, and of each."""
    return _png(page, _over_time(page))


def shares(page: Page) -> bytes:
    """Models across, providers and members side by side."""
    return _png(page, _shares(page))


def _png(page: Page, parts: Iterable[Block]) -> bytes:
    with speaking(page["language"]):
        blocks = list(parts)
        sheet = Sheet(sum(height for height, _ in blocks) + 1.7 * MARGIN, PALETTES[Theme(page["theme"])])
        y = MARGIN
        for height, put in blocks:
            put(sheet, y)
            y += height
        return sheet.png()


def _over_time(page: Page) -> Iterator[Block]:
    """What stands under each other: how high it is, and how it is drawn."""
    yield _HEAD, partial(_head, page)
    if not page["tiles"]:
        yield 178, _nothing
        return
    yield _TILES, partial(_tiles, page["tiles"])
    yield _TITLE + _BARS, partial(_clips, page)
    if any(page["credits"]):
        yield _GAP, _space
        yield _TITLE + _AREA, partial(_credits, page)
    yield _DATES, partial(_dates, page["days"])


def _shares(page: Page) -> Iterator[Block]:
    groups = [(title, rows) for title, rows in page["groups"].items() if rows]
    for beside in filter(None, (groups[:1], groups[1:])):  # models have the longest names
        if beside[0] is not groups[0]:
            yield _GAP, _space
        yield _TITLE + max(len(rows) for _, rows in beside) * _ROW, partial(_groups, beside, page["unit"])


def _space(_sheet: Sheet, _y: float) -> None:
    """Nothing."""


def _head(page: Page, sheet: Sheet, y: float) -> None:
    sheet.text(MARGIN, y + 12, page["heading"], size=LARGE, bold=True)
    sheet.text(WIDTH - MARGIN, y + 12, page["span"], quiet=True, align="right")


def _nothing(sheet: Sheet, y: float) -> None:
    heights = (22, 34, 28, 50, 40, 62, 54, 82, 70, 100)
    step = INNER / len(heights)
    for n, height in enumerate(heights):
        sheet.box(MARGIN + n * step + 3, y + 108 - height, step - 6, height, sheet.colours.line)
    sheet.play(WIDTH / 2, y + 62)
    sheet.text(WIDTH / 2, y + 144, tr("Nothing here yet"), size=20, bold=True, align="center")
    advice = tr("Ask for a clip, and it will show up here.")
    sheet.text(WIDTH / 2, y + 168, advice, size=LARGE, quiet=True, align="center")


def _tiles(tiles: Sequence[tuple[str, str]], sheet: Sheet, y: float) -> None:
    """In one row, equally far from each other."""
    room = INNER - (len(tiles) - 1) * _GAP
    size = next((one for one in _NUMBERS if sum(_tile_widths(sheet, tiles, one)) <= room), _NUMBERS[-1])
    widths = _tile_widths(sheet, tiles, size)
    gap = (INNER - sum(widths)) / (len(tiles) - 1)
    x = MARGIN
    for (number, what), width in zip(tiles, widths, strict=True):
        sheet.number(x, y + 27, number, size=size)
        sheet.text(x, y + 45, what, quiet=True)
        x += width + gap


def _tile_widths(sheet: Sheet, tiles: Sequence[tuple[str, str]], size: float) -> list[float]:
    return [max(sheet.number_width(number, size=size), sheet.text_width(what)) for number, what in tiles]


def _clips(page: Page, sheet: Sheet, y: float) -> None:
    colours = sheet.colours
    sheet.text(MARGIN, y + 12, tr("Clips per day"), size=LARGE, bold=True)
    if any(page["failed"]):
        x = _legend(sheet, WIDTH - MARGIN, y, tr("failed"), colours.failed)
        _legend(sheet, x, y, tr("done"), colours.done)
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
    sheet.text(MARGIN, y + 12, tr("Credits per day"), size=LARGE, bold=True)
    amounts = [float(charged) for charged in page["credits"]]
    axes = _panel(sheet, y + _TITLE, _AREA, page["days"], max(page["credits"]))
    edges = [n - 0.5 for n in range(len(amounts) + 1)]
    axes.stairs(amounts, edges, fill=True, color=sheet.colours.credits, alpha=0.3, lw=0)
    axes.stairs(amounts, edges, baseline=None, color=sheet.colours.credits, lw=1.4, clip_on=False)


def _panel(sheet: Sheet, y: float, height: float, days: Sequence[str], most: int) -> Axes:
    """Axes with a column for each day and a line at the top, the half and the bottom."""
    top, slack = _ceiling(most), _slack(days)
    axes = sheet.axes(_LEFT, y, _COLUMNS, height)
    axes.axis((-0.5 - slack, len(days) - 0.5 + slack, 0, float(top)))
    for level in (0, top // 2, top) if top % 2 == 0 else (0, top):
        axes.axhline(level, color=sheet.colours.line, lw=0.8, zorder=0, clip_on=False)
        line_y = y + height * (1 - level / top)
        sheet.text(_LEFT - 6, line_y + 4.5, rounded(level), quiet=True, align="right")
    return axes


def _dates(days: Sequence[str], sheet: Sheet, y: float) -> None:
    """Up to four dates below their columns, and none of them over the edge."""
    many = min(len(days), 4)
    for n in range(many):
        index = n * (len(days) - 1) // max(1, many - 1)
        x = _LEFT + (_slack(days) + index + 0.5) / (len(days) + 2 * _slack(days)) * _COLUMNS
        x = max(x, _LEFT + sheet.text_width(days[index]) / 2)
        sheet.text(x, y + 16, days[index], quiet=True, align="center")


def _slack(days: Sequence[str]) -> float:
    """So many columns stay free on either side, or a single day would be as wide as the phone."""
    return max(0.0, (7 - len(days)) / 2)


def _ceiling(most: int) -> int:
    """The next number, from `most` on, that looks well at the top of a scale."""
    size = 10 ** (len(str(most)) - 1)
    tops = (10, 12, 15, 20, 30, 40, 50, 60, 80, 100)
    return next(top * size // 10 for top in tops if top * size >= most * 10)


def _groups(groups: Sequence[tuple[str, Sequence[Row]]], unit: str, sheet: Sheet, y: float) -> None:
    """Side by side."""
    width = (INNER - (len(groups) - 1) * _GAP) / len(groups)
    for n, (title, rows) in enumerate(groups):
        _group(sheet, y, title=title, rows=rows, unit=unit, x=MARGIN + n * (width + _GAP), width=width)


def _group(
    sheet: Sheet, y: float, *, title: str, rows: Sequence[Row], unit: str, x: float, width: float
) -> None:
    """Names and amounts, each with a bar under it."""
    colours = sheet.colours
    sheet.text(x, y + 12, title, size=LARGE, bold=True)
    sheet.text(x + width, y + 12, tr(unit), quiet=True, align="right")
    most = max(number for _, number in rows) or 1
    for n, (name, number) in enumerate(rows):
        top = y + _TITLE + n * _ROW
        taken = sheet.text(x + width, top + 8, amount(number), align="right")
        sheet.text(x, top + 8, name, width=width - taken - 10, quiet=n == SHOWN)
        sheet.box(x, top + 14, width, _BAR, colours.line, radius=_BAR)
        if number:
            colour = colours.rest if n == SHOWN else colours.done
            sheet.box(x, top + 14, max(_BAR, width * number / most), _BAR, colour, radius=_BAR)


def _draw_order(facts: Mapping[str, Any], _: bytes, __: Beat) -> Answer:
    pictures = draw(cast("Page", facts["page"]))
    gc.collect()  # a figure is full of cycles
    return {"sizes": [len(png) for png in pictures]}, b"".join(pictures)


if __name__ == "__main__":
    serve({"draw": _draw_order})
