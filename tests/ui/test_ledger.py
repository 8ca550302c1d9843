"""The ledger in words, its buttons, and its file."""

import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.db import entries
from bot.db.ledger import Cursor, Line, Lookup
from bot.db.sqlite import SqliteDatabase
from bot.domain.limits import Limits
from bot.domain.money import Entry
from bot.services.guilds import GuildSettings
from bot.services.ledger import PAGE, Ledger, Page
from bot.ui import ledger as words
from bot.ui.ledger import KIND_CHOICES, LedgerButton, NoSuchKind, lookup, page_text, page_view, send_csv
from tests.services.doubles import TurnedClock
from tests.ui.conftest import buttons, everything_said, refusals

AT_MS = 1_790_000_000_000


def line(**known: Any) -> Line:
    usual: dict[str, Any] = {
        "id": 7,
        "kind": Entry.GRANT,
        "user_id": 100,
        "by_id": 900,
        "credits": 50,
        "allowance": 0,
        "budget": 0,
        "worth": 0,
        "day": "",
        "week": "",
        "month": "",
        "at_ms": AT_MS,
    }
    unknown: dict[str, Any] = dict.fromkeys(set(Line.__slots__) - set(usual))
    return Line(**{**unknown, **usual, **known})


def said(**known: Any) -> list[str]:
    return page_text(Page(Lookup(), (line(**known),))).splitlines()[1:]


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        (
            {"reason": "won the contest"},
            ["**grant** +50 · <@100> · <t:1790000000:R>", "-# by <@900> · `won the contest`"],
        ),
        (
            {"user_id": -4, "by_id": -5},
            ["**grant** +50 · a forgotten member · <t:1790000000:R>", "-# by a forgotten member"],
        ),
        (
            {"kind": Entry.RESERVE, "by_id": 100, "job_id": 3},
            ["**reserve** 50 · <@100> · job `3` · <t:1790000000:R>"],
        ),
        (
            {"kind": Entry.SETTLE, "by_id": 0, "job_id": 3, "credits": 1_234},
            ["**settle** 1,234 · <@100> · job `3` · <t:1790000000:R>", "-# by Kinora"],
        ),
        (
            {"kind": Entry.ADJUST, "user_id": 0, "credits": -80, "channel_id": 10, "week": "2026-W39"},
            ["**adjust** -80 · <#10> · week 2026-W39 · <t:1790000000:R>", "-# by <@900>"],
        ),
        (
            {"kind": Entry.ADJUST, "credits": -50, "month": "2026-09"},
            ["**adjust** -50 · <@100> · month 2026-09 · <t:1790000000:R>", "-# by <@900>"],
        ),
        (
            {"kind": Entry.BLOCK, "reason": "x" * 200},
            ["**block** · <@100> · <t:1790000000:R>", f"-# by <@900> · `{'x' * 200}`"],
        ),
        (
            {"kind": Entry.LIMIT, "user_id": 0, "credits": 0, "reason": "day 500 -> 100 · everybody"},
            ["**limit** · the server · <t:1790000000:R>", "-# by <@900> · `day 500 -> 100 · everybody`"],
        ),
    ],
)
def test_an_entry_says_what_was_done_for_whom_by_whom_and_why(known: Any, shown: list[str]) -> None:
    assert said(**known) == shown


@pytest.mark.parametrize("kind", Entry)
def test_every_kind_of_entry_has_words_and_can_be_chosen(kind: Entry) -> None:
    assert said(kind=kind)[0].startswith(f"**{kind.value}**")
    assert kind.value in [choice.value for choice in KIND_CHOICES]
    assert lookup(None, kind.value) == Lookup(kind=kind)


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(NoSuchKind):
        lookup(None, "settle' OR 1")


def test_what_moderators_wrote_is_shown_without_effect() -> None:
    text = "\n".join(said(reason="`@everyone` <@1> **loud**\n# big [link](https://x.example)"))
    assert text.endswith("· `\u02cb@everyone\u02cb <@1> **loud** # big [link](https://x.example)`")


def test_a_page_says_what_it_is_limited_to() -> None:
    page = Page(Lookup(100, Entry.GRANT), ())
    assert page_text(page).splitlines() == ["### Ledger", "-# only <@100> · `grant`", "Nothing yet."]


def test_a_full_page_of_the_longest_entries_fits_a_message() -> None:
    longest = line(
        id=2**62,
        user_id=2**62,
        by_id=2**62,
        credits=-1_000_000_000,
        job_id=2**53,
        week="2026-W39",
        reason="*_[" * 100,
        at_ms=9_999_999_999_999,
    )
    page = Page(Lookup(2**62, Entry.RESERVE), (longest,) * PAGE, has_newer=True, has_older=True)
    assert refusals(page_view(page)) == []
    assert len(page_text(page)) < 4_000


@pytest.mark.parametrize(
    ("newer", "older", "labels"),
    [
        (False, False, []),
        (True, False, ["Newer"]),
        (False, True, ["Older"]),
        (True, True, ["Newer", "Older"]),
    ],
)
def test_a_page_has_buttons_where_there_is_more(*, newer: bool, older: bool, labels: list[str]) -> None:
    assert buttons(page_view(Page(Lookup(), (line(),), has_newer=newer, has_older=older))) == labels


async def rebuilt(custom_id: str) -> LedgerButton:
    match = re.fullmatch(LedgerButton.__discord_ui_compiled_template__, custom_id)
    assert match
    nothing: Any = None
    return await LedgerButton.from_custom_id(nothing, nothing, match)


@pytest.mark.parametrize("wanted", [Lookup(), Lookup(2**63 - 1, Entry.UNBLOCK), Lookup(kind=Entry.GRANT)])
async def test_a_button_is_rebuilt_from_its_id(wanted: Lookup) -> None:
    button = LedgerButton(wanted, "older", Cursor(AT_MS, 12))
    custom_id = button.item.custom_id
    assert custom_id
    assert len(custom_id) <= 100
    again = await rebuilt(custom_id)
    assert (again.wanted, again.way, again.cursor) == (button.wanted, button.way, button.cursor)


async def test_numbers_that_no_database_holds_are_brought_within_bounds() -> None:
    again = await rebuilt(f"ledger:{'9' * 19}:any:older:{'9' * 19}:{'9' * 19}")
    assert again.cursor == Cursor(2**63 - 1, 2**63 - 1)
    assert again.wanted == Lookup(2**63 - 1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield opened
    await opened.close()


async def test_a_forged_click_shows_the_ledger_of_the_server_it_comes_from(database: SqliteDatabase) -> None:
    """The id is another server's; discord.py itself only takes ids that are on the message that was clicked."""
    for guild_id, reason in ((1, "a secret"), (2, "their own")):
        await database.write(entries.note(guild_id, 100, Entry.BLOCK, by_id=900, reason=reason, now_ms=AT_MS))
    [foreign] = (await Ledger(db=database).newest(1, Lookup())).lines
    button = LedgerButton(Lookup(100), "newer", Cursor(foreign.at_ms, foreign.id - 1))
    click = Click(
        GuildSettings(db=database, clock=TurnedClock(), defaults=Limits(), changed=lambda: None),
        Ledger(db=database),
        guild_id=2,
    )
    interaction: Any = click
    await button.callback(interaction)
    assert "their own" in click.text
    assert "a secret" not in click.text


class Click:
    """A moderator's click in a server, with its answer."""

    permissions = discord.Permissions(manage_guild=True)
    user = None

    def __init__(self, guilds: GuildSettings, ledger: Ledger, *, guild_id: int) -> None:
        self.client = SimpleNamespace(services=SimpleNamespace(guilds=guilds, ledger=ledger))
        self.response = self
        self.guild_id = guild_id
        self.text = ""

    async def edit_message(self, *, view: discord.ui.LayoutView) -> None:
        self.text = everything_said(view)


# ---- The file


class Asked:
    """An interaction that keeps its answer."""

    guild_id = 1

    def __init__(self, filesize_limit: int = 10_000_000) -> None:
        self.filesize_limit = filesize_limit
        self.data = b""
        self.text = ""

    async def edit_original_response(
        self, *, view: discord.ui.LayoutView, attachments: list[discord.File]
    ) -> None:
        [file] = attachments
        self.data = file.fp.read()
        self.text = everything_said(view)
        assert file.filename == "ledger.csv"

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.data.decode("utf-8-sig"), newline="")))


class Lines:
    """A ledger that holds these."""

    def __init__(self, *handfuls: list[Line]) -> None:
        self.handfuls = handfuls
        self.read = 0

    async def all(self, guild_id: int, wanted: Lookup) -> AsyncIterator[list[Line]]:
        del guild_id, wanted
        for lines in self.handfuls:
            self.read += 1
            yield lines


async def sent(asked: Asked, lines: Lines) -> Asked:
    interaction: Any = asked
    ledger: Any = lines
    await send_csv(interaction, ledger, Lookup())
    return asked


async def test_a_file_has_named_columns_utc_times_and_plain_numbers() -> None:
    grant = line(reason="won, twice\n“so”", grant_id=4)
    settle = line(
        id=6,
        kind=Entry.SETTLE,
        by_id=0,
        credits=5,
        allowance=3,
        budget=5,
        worth=4,
        cost_micro_usd=40_100,
        job_id=3,
        channel_id=10,
        provider="kling",
        day="2026-09-21",
        week="2026-W39",
        month="2026-09",
    )
    asked = await sent(Asked(), Lines([grant], [settle]))
    assert asked.rows[0] | {"reason": ""} == {
        "entry": "7",
        "at_utc": "2026-09-21T14:13:20.000Z",
        "kind": "grant",
        "credits": "50",
        "of_allowance": "0",
        "of_budget": "0",
        "catalogue_credits": "0",
        "cost_usd": "",
        "for_user": "<@100>",
        "by_user": "<@900>",
        "channel": "",
        "day": "",
        "week": "",
        "month": "",
        "job": "",
        "grant": "4",
        "provider": "",
        "reason": "",
    }
    assert asked.rows[0]["reason"] == "won, twice\n“so”"
    named = ("cost_usd", "by_user", "provider", "channel", "day", "week", "month")
    assert [asked.rows[1][name] for name in named] == [
        *("0.040100", "Kinora", "kling", "<#10>"),
        *("2026-09-21", "2026-W39", "2026-09"),
    ]
    assert asked.text == "### Ledger\n2 entries, newest first."


@pytest.mark.parametrize(
    "reason",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =HYPERLINK(1)",
        "\uff1d1",
        '=cmd|" /C calc"!A0',
    ],
)
async def test_no_cell_is_a_formula(reason: str) -> None:
    asked = await sent(Asked(), Lines([line(reason=reason)]))
    kept = asked.rows[0]["reason"]
    assert kept.startswith("'")
    assert kept.replace("'", "") == reason


@pytest.mark.parametrize("reason", ["1+1", "it's = that", "a-b", "", None])
async def test_harmless_words_stay_as_they_are(reason: str | None) -> None:
    asked = await sent(Asked(), Lines([line(reason=reason)]))
    assert asked.rows[0]["reason"] == (reason or "")


async def test_a_file_is_no_larger_than_may_be_uploaded_and_says_so() -> None:
    lines = Lines([line(reason="é" * 200)] * 3, [line()])
    asked = await sent(Asked(filesize_limit=1_200), lines)
    assert len(asked.data) <= 1_200
    assert len(asked.rows) == 2
    assert "2 entries, newest first. There may be older ones" in asked.text
    assert lines.read == 1


async def test_a_file_that_ends_at_its_bound_says_that_there_may_be_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(words, "MOST_EXPORTED", 2)
    assert "There may be older ones" in (await sent(Asked(), Lines([line(), line(id=6)]))).text


async def test_an_empty_ledger_is_a_file_with_its_columns() -> None:
    asked = await sent(Asked(), Lines())
    assert asked.data.startswith(b"\xef\xbb\xbf"), "Excel takes umlauts for Latin-1 without it"
    assert asked.data.decode("utf-8-sig").strip().split(",")[:3] == ["entry", "at_utc", "kind"]
    assert asked.text == "### Ledger\n0 entries, newest first."
