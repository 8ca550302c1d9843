"""The ledger in words, page by page with buttons that outlive a restart, and as a file for a spreadsheet."""

import re
import tempfile
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import IO, Any, Self

import discord
from discord import ui
from discord.app_commands import Choice

from bot.db.ledger import Cursor, Line, Lookup
from bot.domain.errors import Unchanged
from bot.domain.money import Entry
from bot.language import grouped, marked, tr
from bot.services.allowances import MAX_REASON
from bot.services.ledger import MOST_EXPORTED, Ledger, Page
from bot.services.spreadsheets import BOM, harmless, row_of, usd
from bot.ui import checks, errors
from bot.ui.buttons import is_welcome
from bot.ui.text import counted, inline, mention

Interaction = discord.Interaction[Any]

ENTRY_WORDS = {
    Entry.RESERVE: "credits set aside for a clip",
    Entry.SETTLE: "what a clip was charged",
    Entry.REFUND: "credits given back for a clip",
    Entry.GRANT: "credits given on top",
    Entry.ADJUST: "use that was reset",
    Entry.LIMIT: "caps, prices and settings that were changed",
    Entry.BLOCK: "members who were blocked",
    Entry.UNBLOCK: "members who were unblocked",
}
KIND_CHOICES = [
    Choice(name=f"{kind.value} · {words}", value=kind.value) for kind, words in ENTRY_WORDS.items()
]

_KINDS = {
    Entry.RESERVE: marked("reserve"),
    Entry.SETTLE: marked("settle"),
    Entry.REFUND: marked("refund"),
    Entry.GRANT: marked("grant"),
    Entry.ADJUST: marked("adjust"),
    Entry.LIMIT: marked("limit"),
    Entry.BLOCK: marked("block"),
    Entry.UNBLOCK: marked("unblock"),
}
_WINDOWS = {
    "day": marked("day {period}"),
    "week": marked("week {period}"),
    "month": marked("month {period}"),
}
_MAX_ID = 2**63 - 1
_ANY = "any"
_COLUMNS = (
    "entry",
    "at_utc",
    "kind",
    "credits",
    "of_allowance",
    "of_budget",
    "catalogue_credits",
    "cost_usd",
    "for_user",
    "by_user",
    "channel",
    "day",
    "week",
    "month",
    "job",
    "grant",
    "provider",
    "reason",
)


class NoSuchKind(Unchanged):
    """There are no such entries; choose one of the kinds that are offered."""


def lookup(member: discord.Member | discord.User | None, kind: str | None) -> Lookup:
    """Which rows a moderator wants.

    Raises:
        NoSuchKind: there is no such kind.
    """
    try:
        return Lookup(member and member.id, Entry(kind) if kind else None)
    except ValueError as error:
        raise NoSuchKind from error


class LedgerButton(
    ui.DynamicItem[ui.Button[Any]],
    template=rf"ledger:(?P<member>[0-9]{{1,19}}):(?P<kind>{_ANY}|{'|'.join(Entry)}):"
    r"(?P<way>newer|older):(?P<at>[0-9]{1,19}):(?P<id>[0-9]{1,19})",
):
    """Turns a page. Its id says where to and what is looked for, and gives no rights.

    Whose ledger it is, and whether the person may see it, is taken from the click.
    """

    def __init__(self, wanted: Lookup, way: str, cursor: Cursor) -> None:
        kind = wanted.kind.value if wanted.kind else _ANY
        custom_id = f"ledger:{wanted.member_id or 0}:{kind}:{way}:{cursor.at_ms}:{cursor.id}"
        label = tr("Newer") if way == "newer" else tr("Older")
        super().__init__(ui.Button(label=label, custom_id=custom_id))
        self.wanted = wanted
        self.way = way
        self.cursor = cursor

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button that was clicked."""
        del interaction, item
        kind = None if match["kind"] == _ANY else Entry(match["kind"])
        at_ms, number, member_id = (min(int(match[name]), _MAX_ID) for name in ("at", "id", "member"))
        return cls(Lookup(member_id or None, kind), match["way"], Cursor(at_ms, number))

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Everybody may press it who is not too fast; from here on the moderator's language is spoken."""
        return await is_welcome(interaction)

    async def callback(self, interaction: Interaction) -> None:
        """Show the page, if the person moderates the server they click in."""
        async with errors.answered(interaction):
            assert interaction.guild_id is not None
            await checks.ensure_moderator(interaction)
            ledger: Ledger = interaction.client.services.ledger
            turn = ledger.older if self.way == "older" else ledger.newer
            page = await turn(interaction.guild_id, self.wanted, self.cursor)
            await interaction.response.edit_message(view=page_view(page))


def page_view(page: Page) -> ui.LayoutView:
    """A page with its buttons."""
    view = ui.LayoutView(timeout=None)
    view.stop()  # it is private: see `bot.ui.answers.shown`
    view.add_item(ui.TextDisplay(page_text(page)))
    if not page.lines or not (page.has_newer or page.has_older):
        return view
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    if page.has_newer:
        row.add_item(LedgerButton(page.wanted, "newer", Cursor.of(page.lines[0])))
    if page.has_older:
        row.add_item(LedgerButton(page.wanted, "older", Cursor.of(page.lines[-1])))
    view.add_item(row)
    return view


def page_text(page: Page) -> str:
    """The rows, two lines each, newest first."""
    filters = [
        *([f"<@{page.wanted.member_id}>"] if page.wanted.member_id else []),
        *([f"`{tr(_KINDS[page.wanted.kind])}`"] if page.wanted.kind else []),
    ]
    only = [f"-# {tr('only {what}', what=' · '.join(filters))}"] if filters else []
    lines = map(_entry, page.lines) if page.lines else [tr("Nothing yet.")]
    return "\n".join([f"### {tr('Ledger')}", *only, *lines])


async def send_csv(interaction: Interaction, ledger: Ledger, wanted: Lookup) -> None:
    """Answer a deferred interaction with the rows as a file, as many of the newest as may be uploaded there."""
    assert interaction.guild_id is not None
    handfuls = ledger.all(interaction.guild_id, wanted)
    with tempfile.TemporaryFile() as file:
        text = await _fill(file, handfuls, most_bytes=interaction.filesize_limit)
        file.seek(0)
        with closing(discord.File(file, filename="ledger.csv")) as attached:
            await interaction.edit_original_response(view=_file_view(text, attached), attachments=[attached])


async def _fill(file: IO[bytes], handfuls: AsyncIterator[list[Line]], *, most_bytes: int) -> str:
    """Write the rows; returns what is said about them."""
    rows = 0
    file.write(BOM.encode())
    await to_thread(_write, file, [_COLUMNS], most_bytes)
    async for lines in handfuls:
        written = await to_thread(_write, file, map(_cells, lines), most_bytes)
        rows += written
        if written < len(lines):
            return _file_text(rows, is_whole=False)
    return _file_text(rows, is_whole=rows < MOST_EXPORTED)


def _file_view(text: str, attached: discord.File) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(text))
    view.add_item(ui.File[ui.LayoutView](attached))
    return view


def _file_text(rows: int, *, is_whole: bool) -> str:
    text = tr("{entries}, newest first.", entries=counted(rows, "entry", "entries"))
    if not is_whole:
        text += f" {tr('There may be older ones; this is as much as goes into a file.')}"
    return f"### {tr('Ledger')}\n{text}"


def _write(file: IO[bytes], rows: Iterable[Iterable[object]], most_bytes: int) -> int:
    """Append rows for as long as the file stays within its bounds; returns how many."""
    written = 0
    for row in rows:
        line = row_of(row).encode()
        if file.tell() + len(line) > most_bytes:
            break
        file.write(line)
        written += 1
    return written


def _cells(line: Line) -> tuple[object, ...]:
    at = datetime.fromtimestamp(line.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return (
        line.id,
        at.replace("+00:00", "Z"),
        line.kind.value,
        line.credits,
        line.allowance,
        line.budget,
        line.worth,
        None if line.cost_micro_usd is None else usd(line.cost_micro_usd),
        _named(line.user_id) if line.user_id else "server",
        _named(line.by_id) if line.by_id else "Kinora",
        line.channel_id and f"<#{line.channel_id}>",
        line.day,
        line.week,
        line.month,
        line.job_id,
        line.grant_id,
        line.provider and harmless(line.provider),
        line.reason and harmless(line.reason),
    )


def _named(user_id: int) -> str:
    """A member in a file; those who were forgotten are told apart by their numbers."""
    return f"<@{user_id}>" if user_id > 0 else f"forgotten {-user_id}"


def _entry(line: Line) -> str:
    whom = mention(line.user_id) if line.user_id else tr("the server")
    moved = "" if line.kind in (Entry.LIMIT, Entry.BLOCK, Entry.UNBLOCK) else f" {_credits(line)}"
    about = f" · {tr('job `{id}`', id=line.job_id)}" if line.job_id is not None else ""
    if line.kind is Entry.ADJUST:
        about = f" · {_period(line)}"
        whom = f"<#{line.channel_id}>" if line.channel_id is not None else whom
    first = f"**{tr(_KINDS[line.kind])}**{moved} · {whom}{about} · <t:{line.at_ms // 1000}:R>"
    by = tr("by {whom}", whom=mention(line.by_id) if line.by_id else "Kinora")
    notes = [by] if line.by_id != line.user_id else []
    notes += [inline(line.reason, length=MAX_REASON)] if line.reason else []
    return f"{first}\n-# {' · '.join(notes)}" if notes else first


def _period(line: Line) -> str:
    """Of which day, week or month use was forgotten: each has an entry of its own."""
    held = {"day": line.day, "week": line.week, "month": line.month}
    return ", ".join(tr(_WINDOWS[window], period=period) for window, period in held.items() if period)


def _credits(line: Line) -> str:
    sign = {Entry.GRANT: "+", Entry.REFUND: "+"}.get(line.kind, "")
    return f"{sign}{grouped(line.credits)}"
