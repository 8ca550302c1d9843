import csv
import io

import pytest

from bot.domain.spending import Account, Overview, Spending
from bot.services.sheets import as_csv, dollars, table

MADE = Spending(
    clips=1200,
    credits=12_000,
    worth=13_000,
    reported_micro_usd=99_999_999,
    reported_clips=1000,
    estimated_micro_usd=30_000_001,
    estimated_clips=200,
    maybe_charged=3,
)
OVERVIEW = Overview(
    30,
    (
        Account(11, "kling", MADE),
        Account(11, "local", Spending(clips=1, credits=1)),
        Account(2**63 - 1, "kling", MADE),
    ),
    {11: 50_000, 13: 0},
)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("micro_usd", "words"),
    [(0, "$0.00"), (1_234_567_890, "$1,234.57"), (-70_000, "-$0.07"), (10_000, "$0.01")],
)
def test_money_is_said_in_dollars(micro_usd: int, words: str) -> None:
    assert dollars(micro_usd) == words


def test_every_line_of_the_csv_is_one_server_at_one_provider_and_the_lines_add_up() -> None:
    lines = read(as_csv(OVERVIEW, {11: "Film club"}))
    assert [(line["server_id"], line["server"], line["provider"]) for line in lines] == [
        ("11", "Film club", "kling"),
        ("11", "Film club", "local"),
        (str(2**63 - 1), "", "kling"),
    ]
    assert lines[0] == {
        "server_id": "11",
        "server": "Film club",
        "provider": "kling",
        "clips": "1200",
        "credits": "12000",
        "catalogue_credits": "13000",
        "reported_usd": "99.999999",
        "reported_clips": "1000",
        "estimated_usd": "30.000001",
        "estimated_clips": "200",
        "margin_usd": "-10.000000",
        "maybe_charged": "3",
    }
    assert sum(int(line["credits"]) for line in lines) == OVERVIEW.total.credits


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'a "b", c', "a\nb", ""])
def test_a_servers_name_is_no_formula_and_stays_in_its_cell(name: str) -> None:
    line = read(as_csv(OVERVIEW, {11: name}))[0]
    assert line["server"].lstrip("'") == name
    assert not line["server"].startswith(("=", "+", "-", "@", "\t"))
    assert line["provider"] == "kling"


def test_the_table_has_servers_then_providers_and_a_total_of_each() -> None:
    lines = table(OVERVIEW).splitlines()
    assert lines[0] == "Last 30 days (UTC)"
    firsts = [line.split("  ")[0].strip() for line in lines]
    assert firsts[2:] == [
        "server",
        "11",
        str(2**63 - 1),
        "13",
        "all",
        "",
        "provider",
        "kling",
        "local",
        "all",
    ]
    server = next(line.split() for line in lines if line.startswith("11 "))
    assert server == [
        "11", "1,201", "12,001", "13,000", "$100.00", "1,000", "$30.00", "-$9.99", "3", "50,000",
    ]  # fmt: skip
    assert lines[5].split()[-1] == "0"
    assert lines[4].split()[-1] == "none"


def test_nothing_is_a_table_all_the_same() -> None:
    lines = table(Overview(1, (), {})).splitlines()
    assert lines[0] == "Today (UTC)"
    assert [line.split()[:2] for line in lines if line.startswith("all")] == [["all", "0"], ["all", "0"]]
