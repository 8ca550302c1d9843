"""What a server made and spent: the chart, and the same in words for who cannot see it."""

import io
from collections.abc import Callable, Iterable, Sequence

import discord
import structlog
from discord import ui

from bot.domain.usage import Share, Usage
from bot.media.charts import Charts, Theme
from bot.media.errors import ChartFailed
from bot.services.usage import Stats
from bot.ui.text import counted, cut, inline, plain

log = structlog.stdlib.get_logger(__name__)

_SHARES_SHOWN = 8
_SHARES_SPOKEN = 5
"""As many as the chart has bars for."""
_MAX_NAME = 40
_MAX_ALT = 1024
_ACCENT = discord.Colour(0x5B6EE1)
_UNDRAWN = "-# The chart could not be drawn this time; these are its numbers."


async def drawn(charts: Charts, usage: Usage, theme: Theme) -> discord.File | None:
    """The chart as a file to send; None where it cannot be drawn."""
    try:
        picture = await charts.usage(usage, theme=theme)
    except ChartFailed as failure:
        log.warning("chart not drawn", reason=str(failure))
        return None
    return discord.File(io.BytesIO(picture), filename="stats.png")


def stats_view(stats: Stats, chart: discord.File | None) -> ui.LayoutView:
    """The card of `/stats`."""
    view = ui.LayoutView(timeout=None)
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_ACCENT)
    text = stats_text(stats)
    if chart is None:
        text += f"\n{_UNDRAWN}"
    else:
        item = discord.MediaGalleryItem(chart, description=spoken(stats.usage))
        card.add_item(ui.MediaGallery(item))
    card.add_item(ui.TextDisplay(text))
    view.add_item(card)
    return view


def stats_text(stats: Stats) -> str:
    """The numbers of the chart, and the asker's own part."""
    usage = stats.usage
    return "\n".join(
        [
            f"### {span(len(usage.days))}",
            *_summary(usage),
            *_section("Models", usage.models, _named),
            *_section("Providers", usage.providers, _named),
            *_section("Members", usage.members, _mentioned),
            *([f"**You** {_part(stats.own)}"] if stats.own else []),
        ]
    )


def spoken(usage: Usage) -> str:
    """The chart in words, for screen readers; at most 1,024 characters."""
    parts = [
        ("Models", [f"{plain(share.name)[:_MAX_NAME]} {_part(share)}" for share in usage.models]),
        ("Providers", [f"{plain(share.name)[:_MAX_NAME]} {_part(share)}" for share in usage.providers]),
        ("Members", [f"#{place} {_part(share)}" for place, share in enumerate(usage.members, 1)]),
    ]
    said = [f"{heading}: {'; '.join(lines[:_SHARES_SPOKEN])}." for heading, lines in parts if lines]
    summary = " ".join(line.replace("**", "").removeprefix("-# ") for line in _summary(usage))
    return cut(" ".join([f"Chart. {span(len(usage.days))}: {summary}", *said]), _MAX_ALT)


def span(days: int) -> str:
    """`Today`, `Last 30 days`."""
    return "Today" if days == 1 else f"Last {days} days"


def lasting(seconds: float) -> str:
    """The two largest units: `42 s`, `4 min 10 s`, `2 h 5 min`, `1 d 3 h`."""
    whole = round(seconds)
    for size, unit, part, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def _summary(usage: Usage) -> list[str]:
    if not usage.done and not usage.failed and not usage.cancelled:
        return ["Nothing was made yet. `/animate` makes the first clip."]
    first = [f"**{counted(usage.done, 'clip')}**", counted(usage.credits, "credit")]
    if usage.success is not None:
        percent = 100 * usage.done // (usage.done + usage.failed)  # down: 100 % is when nothing failed
        first.append(f"success rate {percent} %")
    if usage.median_wait_s is not None:
        first.append(f"median wait {lasting(usage.median_wait_s)}")
    lines = [f"{' · '.join(first)}."]
    if usage.failed or usage.cancelled:
        lines.append(f"-# {usage.failed:,} not made and {usage.cancelled:,} cancelled, which cost nothing.")
    busiest = max(usage.days, key=lambda day: (day.done, day.credits))
    if busiest.done and len(usage.days) > 1:
        most = f"{counted(busiest.done, 'clip')} for {counted(busiest.credits, 'credit')}"
        lines.append(f"-# Most on {busiest.date.day} {busiest.date:%B}: {most}.")
    return lines


def _section(heading: str, shares: Sequence[Share], line: Callable[[int, Share], str]) -> Iterable[str]:
    if not shares:
        return
    yield f"**{heading}**"
    for place, share in enumerate(shares[:_SHARES_SHOWN], 1):
        yield line(place, share)
    if rest := shares[_SHARES_SHOWN:]:
        others = Share("", sum(share.clips for share in rest), sum(share.credits for share in rest))
        yield f"-# and {counted(len(rest), 'other')}: {_part(others)}"


def _named(_: int, share: Share) -> str:
    return f"{inline(share.name, length=_MAX_NAME)} {_part(share)}"


def _mentioned(place: int, share: Share) -> str:
    return f"#{place} <@{share.name}> {_part(share)}"


def _part(share: Share) -> str:
    return f"{counted(share.clips, 'clip')}, {counted(share.credits, 'credit')}"
