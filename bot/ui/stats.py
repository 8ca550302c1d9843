"""What a server made and spent: the charts, and the same in words for who cannot see them."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence

import discord
import structlog
from discord import ui

from bot.domain.usage import Share, Usage
from bot.language import grouped, marked, tr, trn
from bot.media.charts import Charts, Theme
from bot.media.charts.page import SHOWN, lasting, span
from bot.media.errors import ChartFailed
from bot.services.usage import Stats
from bot.ui.text import counted, cut, inline, mention, plain

log = structlog.stdlib.get_logger(__name__)

_SHARES_SHOWN = 8
_MAX_NAME = 40
_MAX_ALT = 1024
_ACCENT = discord.Colour(0x5B6EE1)
_MONTHS = (
    marked("January"),
    marked("February"),
    marked("March"),
    marked("April"),
    marked("May"),
    marked("June"),
    marked("July"),
    marked("August"),
    marked("September"),
    marked("October"),
    marked("November"),
    marked("December"),
)


async def drawn(charts: Charts, usage: Usage, theme: Theme) -> list[discord.File]:
    """The charts as files to send, as many as `spoken` describes; none where they cannot be drawn."""
    try:
        pictures = await charts.usage(usage, theme=theme)
    except ChartFailed as failure:
        log.warning("chart not drawn", reason=str(failure))
        return []
    return [discord.File(io.BytesIO(png), filename=f"stats-{n}.png") for n, png in enumerate(pictures, 1)]


def stats_view(stats: Stats, pictures: Sequence[discord.File]) -> ui.LayoutView:
    """The card of `/stats`. A gallery each, so that Discord shows the charts under each other and whole."""
    view = ui.LayoutView(timeout=None)
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_ACCENT)
    text = stats_text(stats)
    if pictures:
        for picture, words in zip(pictures, spoken(stats.usage), strict=True):
            card.add_item(ui.MediaGallery(discord.MediaGalleryItem(picture, description=words)))
    else:
        text += f"\n-# {tr('The charts could not be drawn this time; these are their numbers.')}"
    card.add_item(ui.TextDisplay(text))
    view.add_item(card)
    return view


def stats_text(stats: Stats) -> str:
    """The numbers of the charts, and the asker's own part."""
    usage = stats.usage
    return "\n".join(
        [
            f"### {span(len(usage.days))}",
            *_summary(usage),
            *_section(tr("Models"), usage.models, _named),
            *_section(tr("Providers"), usage.providers, _named),
            *_section(tr("Members"), usage.members, _mentioned),
            *([f"**{tr('You')}** {_part(stats.own)}"] if stats.own else []),
        ]
    )


def spoken(usage: Usage) -> Iterator[str]:
    """Each chart in words, for screen readers; at most 1,024 characters."""
    days = span(len(usage.days))
    summary = " ".join(line.replace("**", "").removeprefix("-# ") for line in _summary(usage))
    yield cut(tr("Chart. {days}: {summary}", days=days, summary=summary), _MAX_ALT)
    groups = [
        (tr("Models"), [f"{plain(share.name)[:_MAX_NAME]} {_part(share)}" for share in usage.models]),
        (tr("Providers"), [f"{plain(share.name)[:_MAX_NAME]} {_part(share)}" for share in usage.providers]),
        (tr("Members"), [f"#{place} {_part(share)}" for place, share in enumerate(usage.members, 1)]),
    ]
    said = [f"{heading}: {'; '.join(lines[:SHOWN])}." for heading, lines in groups if lines]
    if said:
        yield cut(" ".join([tr("Chart. {days}, by share.", days=days), *said]), _MAX_ALT)


def _summary(usage: Usage) -> list[str]:
    if not usage.done and not usage.failed and not usage.cancelled:
        return [tr("Nothing was made yet. `/animate` makes the first clip.")]
    first = [f"**{counted(usage.done, 'clip')}**", counted(usage.credits, "credit")]
    if usage.success is not None:
        percent = 100 * usage.done // (usage.done + usage.failed)  # down: 100 % is when nothing failed
        first.append(tr("success rate {percent} %", percent=percent))
    if usage.median_wait_s is not None:
        first.append(tr("median wait {time}", time=lasting(usage.median_wait_s)))
    lines = [f"{' · '.join(first)}."]
    if usage.failed or usage.cancelled:
        lost = tr(
            "{failed} not made and {cancelled} cancelled, which cost nothing.",
            failed=grouped(usage.failed),
            cancelled=grouped(usage.cancelled),
        )
        lines.append(f"-# {lost}")
    busiest = max(usage.days, key=lambda day: (day.done, day.credits))
    if busiest.done and len(usage.days) > 1:
        most = tr(
            "Most on {day} {month}: {clips} for {credits}.",
            day=busiest.date.day,
            month=tr(_MONTHS[busiest.date.month - 1]),
            clips=counted(busiest.done, "clip"),
            credits=counted(busiest.credits, "credit"),
        )
        lines.append(f"-# {most}")
    return lines


def _section(heading: str, shares: Sequence[Share], line: Callable[[int, Share], str]) -> Iterable[str]:
    if not shares:
        return
    yield f"**{heading}**"
    for place, share in enumerate(shares[:_SHARES_SHOWN], 1):
        yield line(place, share)
    if rest := shares[_SHARES_SHOWN:]:
        others = Share("", sum(share.clips for share in rest), sum(share.credits for share in rest))
        words = trn(
            "and {number} other: {part}", "and {number} others: {part}", len(rest), part=_part(others)
        )
        yield f"-# {words}"


def _named(_: int, share: Share) -> str:
    return f"{inline(share.name, length=_MAX_NAME)} {_part(share)}"


def _mentioned(place: int, share: Share) -> str:
    return f"#{place} {mention(int(share.name))} {_part(share)}"


def _part(share: Share) -> str:
    return f"{counted(share.clips, 'clip')}, {counted(share.credits, 'credit')}"
