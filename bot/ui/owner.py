"""What the operator sees across servers, and may do: everything asks first who it is."""

import io
from asyncio import to_thread
from collections.abc import Iterable, Mapping
from typing import Any

import discord
from discord import ui
from discord.app_commands import Choice

from bot.domain.errors import Refused
from bot.domain.spending import Overview, Spending
from bot.language import grouped, tr, trn
from bot.services.sheets import as_csv, dollars
from bot.services.spreadsheets import BOM
from bot.services.usage import NoSuchServer
from bot.ui.answers import Answer
from bot.ui.errors import describe
from bot.ui.suggestions import MAX_CHOICES
from bot.ui.text import counted, cut, inline, plain

_PROVIDERS_SHOWN = 6
SERVERS_SHOWN = 10
_MAX_NAME = 40
_MAX_LABEL = 100
_MAX_ID_DIGITS = 20


class OperatorsOnly(Refused):
    """Only the operator of this bot may do this, whom OWNER_IDS in its settings names."""


class NoOperator(Refused):
    """Nobody may do this yet."""

    def __init__(self, user_id: int) -> None:
        super().__init__(
            tr(
                "The settings of this bot name no operator. If you run it, put your id into .env and start it "
                "again: `OWNER_IDS={id}`",
                id=user_id,
            )
        )


@describe.register
def _not_theirs(error: OperatorsOnly | NoOperator) -> Answer:
    return Answer(f"{error}")


def is_operator(interaction: discord.Interaction[Any]) -> bool:
    """Whether the settings name the person."""
    return interaction.user.id in (interaction.client.owner_ids or ())


def ensure_operator(interaction: discord.Interaction[Any]) -> None:
    """Refuse whom the settings do not name.

    Raises:
        NoOperator: they name nobody.
        OperatorsOnly: they name others.
    """
    if not interaction.client.owner_ids:
        raise NoOperator(interaction.user.id)
    if not is_operator(interaction):
        raise OperatorsOnly


async def servers(interaction: discord.Interaction[Any], typed: str) -> list[Choice[str]]:
    """Servers that the bot is in, of those that this process hears; for nobody but the operator."""
    return server_choices(interaction.client.guilds, str(typed)) if is_operator(interaction) else []


def server_choices(guilds: Iterable[discord.Guild], typed: str) -> list[Choice[str]]:
    """Those whose name or id contains what was typed."""
    meant = typed.strip().casefold()
    found = [guild for guild in guilds if meant in f"{guild.name} {guild.id}".casefold()]
    found.sort(key=lambda guild: guild.name.casefold())
    return [
        Choice(name=cut(f"{plain(guild.name)} · {guild.id}", _MAX_LABEL), value=str(guild.id))
        for guild in found[:MAX_CHOICES]
    ]


def server_id(text: str) -> int:
    """The id that was chosen or typed.

    Raises:
        NoSuchServer: it is none.
    """
    digits = text.strip()
    if not digits.isascii() or not digits.isdecimal() or len(digits) > _MAX_ID_DIGITS or int(digits) >= 2**63:
        raise NoSuchServer(tr("No server has such an id; choose one that is suggested."))
    return int(digits)


def ceiling_text(guild_id: int, credits_: int | None, names: Mapping[int, str]) -> str:
    """What is answered when a ceiling was changed."""
    whose = f"**{_server(guild_id, names)}**"
    if credits_ is None:
        return tr("{server} has no ceiling any more.", server=whose)
    return tr(
        "{server} may now cost {credits} in a calendar month at the catalogue's prices, "
        "whatever its moderators allow.",
        server=whose,
        credits=counted(credits_, "credit"),
    )


async def overview_view(
    overview: Overview, names: Mapping[int, str]
) -> tuple[ui.LayoutView, list[discord.File]]:
    """The answer of `/owner usage`, with every figure as CSV where a message cannot hold them; `names` are servers'."""
    text, data = await to_thread(_written, overview, names)  # a tenth of a second for thousands of servers
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(text))
    if data is None:
        return view, []
    file = discord.File(io.BytesIO(data), filename=f"usage-{overview.days}-days.csv")
    view.add_item(ui.File(file))
    return view, [file]


def _written(overview: Overview, names: Mapping[int, str]) -> tuple[str, bytes | None]:
    """The message, and the file where it is needed."""
    text = overview_text(overview, names)
    if len(overview.by_guild) <= SERVERS_SHOWN and len(overview.by_provider) <= _PROVIDERS_SHOWN:
        return text, None
    data = as_csv(overview, {guild_id: plain(name) for guild_id, name in names.items()})
    return text, f"{BOM}{data}".encode()


def overview_text(overview: Overview, names: Mapping[int, str]) -> str:
    """Totals, each provider's account, and the servers that were charged most."""
    by_guild = list(overview.by_guild.items())
    hidden = len(by_guild) - SERVERS_SHOWN
    idle = sorted(overview.ceilings.keys() - overview.by_guild.keys())
    return "\n".join(
        [
            f"### {tr('All servers')} · {_span(overview.days)} (UTC)",
            *_money(overview.total),
            *([f"**{tr('Providers')}**"] if overview.accounts else []),
            *(
                line
                for name, spending in list(overview.by_provider.items())[:_PROVIDERS_SHOWN]
                for line in (
                    f"{inline(name, length=_MAX_NAME)} {_charged(spending)}",
                    f"-# {_cost(spending)}",
                )
            ),
            *([f"**{tr('Servers')}**"] if by_guild else []),
            *(
                f"{_server(guild_id, names)} {_charged(spending)}{_ceiling(overview, guild_id)}"
                for guild_id, spending in by_guild[:SERVERS_SHOWN]
            ),
            *([f"-# {tr('and {number} more in the file', number=grouped(hidden))}"] if hidden > 0 else []),
            *([f"-# {_idle(len(idle))}"] if idle else []),
        ]
    )


def _span(days: int) -> str:
    return tr("today") if days == 1 else tr("last {days} days", days=days)


def _idle(servers: int) -> str:
    return trn(
        "{number} server with a ceiling made nothing.",
        "{number} servers with a ceiling made nothing.",
        servers,
    )


def _money(total: Spending) -> list[str]:
    lines = [f"**{_charged(total)}**", f"-# {_cost(total)}"]
    if total.estimated_clips:
        how = tr(
            "Where a provider does not tell what a clip cost, its price in the catalogue is taken for it."
        )
        lines.append(f"-# {how}")
    return lines


def _charged(spending: Spending) -> str:
    charged = tr(
        "{credits} charged ({worth} by the catalogue)",
        credits=counted(spending.credits, "credit"),
        worth=grouped(spending.worth),
    )
    return f"{counted(spending.clips, 'clip')} · {charged}"


def _cost(spending: Spending) -> str:
    parts = [
        tr(
            "{dollars} reported for {clips}",
            dollars=dollars(spending.reported_micro_usd),
            clips=counted(spending.reported_clips, "clip"),
        ),
        tr(
            "{dollars} estimated for {number}",
            dollars=dollars(spending.estimated_micro_usd),
            number=grouped(spending.estimated_clips),
        ),
        tr("margin {dollars}", dollars=dollars(spending.margin_micro_usd)),
    ]
    if spending.maybe_charged:
        parts.append(tr("{number} given up, maybe charged", number=grouped(spending.maybe_charged)))
    return " · ".join(parts)


def _ceiling(overview: Overview, guild_id: int) -> str:
    amount = overview.ceilings.get(guild_id)
    return "" if amount is None else f" · {tr('ceiling {amount} a month', amount=grouped(amount))}"


def _server(guild_id: int, names: Mapping[int, str]) -> str:
    name = names.get(guild_id)
    return f"`{guild_id}`" if name is None else inline(name, length=_MAX_NAME)
