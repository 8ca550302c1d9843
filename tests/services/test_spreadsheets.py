import csv
import io

import pytest

from bot.services.spreadsheets import harmless, row_of, usd


@pytest.mark.parametrize(
    ("micro_usd", "written"),
    [(0, "0.000000"), (40_100, "0.040100"), (-1, "-0.000001"), (10**13, "10000000.000000")],
)
def test_dollars_are_written_to_the_last_millionth(micro_usd: int, written: str) -> None:
    assert usd(micro_usd) == written


@pytest.mark.parametrize("cell", ["a boat", 'a "b", c', "a\nb", "a\rb", "a\r\nb", "Größe", ""])
def test_whatever_is_written_is_read_back(cell: str) -> None:
    text = row_of([cell, None, 7]) + row_of(["next"])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[cell, "", "7"], ["next"]]
    assert text.endswith("\r\n")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a boat", "a boat"),
        ("a - b; c, d", "a - b; c, d"),
        ("=1+1", "'=1+1"),
        (" =1+1", "' =1+1"),
        ("-1", "'-1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("x;=HYPERLINK(0)", "x;'=HYPERLINK(0)"),
        ("x, +1|@y", "x,' +1|'@y"),
        ("x\n=1", "x\n'=1"),
        ("", ""),
    ],
)
def test_no_part_of_foreign_words_is_a_formula(text: str, kept: str) -> None:
    assert harmless(text) == kept
