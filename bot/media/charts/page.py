"""The words and numbers of a chart, as they stand in its pictures."""

import unicodedata
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Literal, TypedDict

from bot.domain.usage import Day, Share, Usage
from bot.language import figures, grouped, marked, spoken, tr, trn

SHOWN = 4
"""So many of a group have a row of their own; the rest share one."""
_NAME_CHARS = 60
_SEVERAL = 100_000  # from here on, numbers are rounded


class Theme(StrEnum):
    """What the picture is looked at on."""

    DARK = "dark"
    LIGHT = "light"


Row = tuple[str, int]
"""A name and its amount."""


MONTHS = (
    marked("Jan"),
    marked("Feb"),
    marked("Mar"),
    marked("Apr"),
    marked("May"),
    marked("Jun"),
    marked("Jul"),
    marked("Aug"),
    marked("Sep"),
    marked("Oct"),
    marked("Nov"),
    marked("Dec"),
)


class Page(TypedDict):
    """What is drawn, in plain JSON."""

    theme: str
    language: str
    """Of all its words."""
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
    groups = {tr("Models"): usage.models, tr("Providers"): usage.providers, tr("Members"): numbered}
    return Page(
        theme=theme,
        language=spoken(),
        heading=span(len(usage.days)),
        span=_span(usage.days),
        tiles=_tiles(usage) if usage.done or usage.failed else [],
        days=[_day(day.date) for day in usage.days],
        done=[day.done for day in usage.days],
        failed=[day.failed for day in usage.days],
        credits=[day.credits for day in usage.days],
        unit=unit,
        groups={name: _largest(shares, unit) for name, shares in groups.items()},
    )


def span(days: int) -> str:
    """`Today`, `Last 30 days`."""
    return tr("Today") if days == 1 else tr("Last {days} days", days=days)


def _tiles(usage: Usage) -> list[tuple[str, str]]:
    percent = 100 * usage.done // (usage.done + usage.failed)  # down: 100 % is when nothing failed
    wait = "\N{EN DASH}" if usage.median_wait_s is None else lasting(usage.median_wait_s)
    return [
        (amount(usage.done), tr("clip") if usage.done == 1 else tr("clips")),
        (amount(usage.credits), tr("credit") if usage.credits == 1 else tr("credits")),
        (f"{percent} %", tr("success")),
        (wait, tr("median wait")),
    ]


def _largest(shares: Sequence[Share], unit: Literal["credits", "clips"]) -> list[Row]:
    amounts = [(_printable(share.name), getattr(share, unit)) for share in shares]
    rest = amounts[SHOWN:]
    if not rest:
        return amounts
    others = trn("{number} other", "{number} others", len(rest))
    return [*amounts[:SHOWN], (others, sum(number for _, number in rest))]


def _printable(name: str) -> str:
    """Foreign text on one line, without what steers or stacks characters."""
    composed = unicodedata.normalize("NFC", name[: 4 * _NAME_CHARS])
    kept = "".join(
        one for one in composed if one.isspace() or (one.isprintable() and not unicodedata.combining(one))
    )
    return " ".join(kept.split())[:_NAME_CHARS] or "?"


def _day(day: date) -> str:
    return tr("{day} {month}", day=day.day, month=tr(MONTHS[day.month - 1]))


def _span(days: Sequence[Day]) -> str:
    if not days:
        return ""
    return " \N{EN DASH} ".join(dict.fromkeys((_day(days[0].date), _day(days[-1].date))))


def lasting(seconds: float) -> str:
    """The two largest units: `42 s`, `4 min 10 s`, `2 h 5 min`, `1 d 3 h`."""
    whole = round(seconds)
    for size, unit, part, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def amount(number: int) -> str:
    """As it is: `12,345`; rounded from 100,000 on."""
    return grouped(number) if number < _SEVERAL else rounded(number)


def rounded(number: int) -> str:
    """Three digits at most: `950`, `1.5k`, `12.3M`."""
    value, unit = float(number), ""
    for larger in "kMBTPE":
        if value < 999.5:  # noqa: PLR2004  # which would be rounded to 1000
            break
        value, unit = value / 1000, larger
    return figures(value, ".3g") + unit
