"""What servers made and spent, as tables: columns for a terminal, CSV for a spreadsheet."""

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.spending import Overview, Spending
from bot.language import figures, tr
from bot.services.spreadsheets import harmless, row_of, usd

_FIGURES = (
    "clips",
    "credits",
    "catalogue credits",
    "reported",
    "of clips",
    "estimated",
    "margin",
    "maybe charged",
)
_FIELDS = (
    "server_id",
    "server",
    "provider",
    "clips",
    "credits",
    "catalogue_credits",
    "reported_usd",
    "reported_clips",
    "estimated_usd",
    "estimated_clips",
    "margin_usd",
    "maybe_charged",
)


def dollars(micro_usd: int) -> str:
    """`$1,234.50`, `-$0.07`: rounded to cents."""
    amount = tr("${amount}", amount=figures(abs(micro_usd) / 1_000_000, ",.2f"))
    return f"-{amount}" if micro_usd < 0 else amount


def table(overview: Overview) -> str:
    """Servers and providers under each other, for a terminal."""
    servers = [
        [str(guild_id), *_cells(spending), _ceiling(overview, guild_id)]
        for guild_id, spending in overview.by_guild.items()
    ]
    servers += [
        [str(guild_id), *_cells(Spending()), _ceiling(overview, guild_id)]
        for guild_id in overview.ceilings
        if guild_id not in overview.by_guild
    ]
    providers = [[name, *_cells(spending)] for name, spending in overview.by_provider.items()]
    everything = ["all", *_cells(overview.total)]
    return "\n".join(
        [
            f"{'Today' if overview.days == 1 else f'Last {overview.days} days'} (UTC)",
            "",
            *_columns(("server", *_FIGURES, "ceiling"), [*servers, [*everything, ""]]),
            "",
            *_columns(("provider", *_FIGURES), [*providers, everything]),
        ]
    )


def as_csv(overview: Overview, names: Mapping[int, str] | None = None) -> str:
    """A line for each server and provider; `names` are those of the servers, as far as they are known."""
    named = names or {}
    lines = [row_of(_FIELDS)]
    for account in overview.accounts:
        one = account.spending
        cells = [
            account.guild_id,
            harmless(named.get(account.guild_id, "")),
            account.provider,
            one.clips,
            one.credits,
            one.worth,
            usd(one.reported_micro_usd),
            one.reported_clips,
            usd(one.estimated_micro_usd),
            one.estimated_clips,
            usd(one.margin_micro_usd),
            one.maybe_charged,
        ]
        lines.append(row_of(cells))
    return "".join(lines)


def _cells(spending: Spending) -> list[str]:
    return [
        f"{spending.clips:,}",
        f"{spending.credits:,}",
        f"{spending.worth:,}",
        dollars(spending.reported_micro_usd),
        f"{spending.reported_clips:,}",
        dollars(spending.estimated_micro_usd),
        dollars(spending.margin_micro_usd),
        f"{spending.maybe_charged:,}",
    ]


def _ceiling(overview: Overview, guild_id: int) -> str:
    amount = overview.ceilings.get(guild_id)
    return "none" if amount is None else f"{amount:,}"


def _columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The first column to the left, figures to the right."""
    lines = [head, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
