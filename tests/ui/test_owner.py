from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.spending import Account, Overview, Spending
from bot.services.usage import NoSuchServer
from bot.ui.errors import describe
from bot.ui.owner import (
    NoOperator,
    OperatorsOnly,
    ceiling_text,
    ensure_operator,
    overview_text,
    overview_view,
    server_choices,
    server_id,
    servers,
)
from tests.ui.conftest import everything_said, refusals

HOSTILE = "@everyone `<@1>` **x** \u202e [a](http://b) " * 3


def asked_by(user_id: int, *owner_ids: int) -> Any:
    return SimpleNamespace(
        user=SimpleNamespace(id=user_id),
        client=SimpleNamespace(owner_ids=set(owner_ids), guilds=[guild(1, "Film club")]),
    )


def guild(guild_id: int, name: str) -> Any:
    return SimpleNamespace(id=guild_id, name=name)


def overview(servers: int, figure: int = 10**12) -> Overview:
    spending = Spending(*[figure] * 8)
    names = [f"provider-{number}" for number in range(20)]
    accounts = (Account(2**63 - place, names[place % 20], spending) for place in range(1, servers + 1))
    return Overview(90, tuple(accounts), {2**63 - 1: 10**9, 5: 7})


def test_totals_providers_and_servers_are_told() -> None:
    shown = Overview(
        7,
        (
            Account(1, "kling", Spending(6, 60, 70, 500_000, 5, 100_000, 1, 2)),
            Account(2, "local", Spending(clips=1, credits=5, worth=5)),
        ),
        {2: 900, 3: 1},
    )
    assert overview_text(shown, {1: "Film club"}).splitlines() == [
        "### All servers · last 7 days (UTC)",
        "**7 clips · 65 credits charged (75 by the catalogue)**",
        "-# $0.50 reported for 5 clips · $0.10 estimated for 1 · margin $0.05 · 2 given up, maybe charged",
        "-# Where a provider does not tell what a clip cost, its price in the catalogue is taken for it.",
        "**Providers**",
        "`kling` 6 clips · 60 credits charged (70 by the catalogue)",
        "-# $0.50 reported for 5 clips · $0.10 estimated for 1 · margin $0.00 · 2 given up, maybe charged",
        "`local` 1 clip · 5 credits charged (5 by the catalogue)",
        "-# $0.00 reported for 0 clips · $0.00 estimated for 0 · margin $0.05",
        "**Servers**",
        "`Film club` 6 clips · 60 credits charged (70 by the catalogue)",
        "`2` 1 clip · 5 credits charged (5 by the catalogue) · ceiling 900 a month",
        "-# 1 server with a ceiling made nothing.",
    ]


@pytest.mark.parametrize("servers", [0, 1, 10, 11, 300])
async def test_discord_takes_it_however_many_servers_there_are(servers: int) -> None:
    names = {2**63 - place: HOSTILE for place in range(1, servers + 1)}
    view, files = await overview_view(overview(servers), names)
    assert refusals(view, *(file.filename for file in files)) == []
    assert len(everything_said(view)) <= 4000
    assert bool(files) is (servers > 6)


async def test_what_a_message_cannot_hold_is_in_the_file() -> None:
    _, [file] = await overview_view(overview(13), {2**63 - 1: "=Film\nclub"})
    text = file.fp.read().decode("utf-8-sig")
    assert len(text.splitlines()) == 14
    assert "'=Film club" in text
    file.close()


def test_a_servers_name_mentions_nobody() -> None:
    text = overview_text(overview(1), {2**63 - 1: HOSTILE}) + ceiling_text(1, 5, {1: HOSTILE})
    assert "\u202e" not in text
    assert all(line.count("`") % 2 == 0 for line in text.splitlines())


def test_only_whom_the_settings_name_may() -> None:
    ensure_operator(asked_by(7, 7, 8))
    with pytest.raises(OperatorsOnly) as others:
        ensure_operator(asked_by(9, 7, 8))
    assert describe(others.value).text == (
        "Only the operator of this bot may do this, whom OWNER_IDS in its settings names."
    )


def test_where_they_name_nobody_it_is_told_how_to() -> None:
    with pytest.raises(NoOperator) as nobody:
        ensure_operator(asked_by(9))
    assert describe(nobody.value).text.endswith("start it again: `OWNER_IDS=9`")


async def test_servers_are_suggested_to_the_operator_alone() -> None:
    assert [choice.value for choice in await servers(asked_by(7, 7), "film")] == ["1"]
    assert await servers(asked_by(9, 7), "film") == []
    assert await servers(asked_by(9), "") == []


def test_servers_are_found_by_name_or_id_and_shown_as_discord_takes_it() -> None:
    known = [guild(number, f"{'x' * 200} {number}") for number in range(100, 140)]
    assert len(server_choices(known, "")) == 25
    assert [choice.value for choice in server_choices([*known, guild(7, "Zoo\u202e")], "zoo")] == ["7"]
    assert [choice.value for choice in server_choices(known, "139")] == ["139"]
    assert all(len(choice.name) <= 100 for choice in server_choices(known, ""))


@pytest.mark.parametrize("typed", ["", "Film club", "-1", "1.0", str(2**63), "9" * 90, "١٢"])
def test_what_is_no_id_is_no_server(typed: str) -> None:
    with pytest.raises(NoSuchServer) as error:
        server_id(typed)
    assert describe(error.value).text.endswith("Nothing was changed.")


def test_an_id_is_taken_as_it_is_typed() -> None:
    assert server_id(f" {2**63 - 1} ") == 2**63 - 1
