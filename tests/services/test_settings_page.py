"""`docs/settings.md`: its table is what the table of settings says."""

import pytest

from bot.services.preferences import SETTINGS, GuildSetting
from docs.settings import BEGIN, END, PAGE, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_table_says() -> None:
    assert page(TEXT, SETTINGS) == TEXT, "run `make docs`"


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_is_on_the_page_with_all_that_it_can_be(row: GuildSetting) -> None:
    [line] = [line for line in TEXT.splitlines() if line.startswith(f"| `{row.name}`")]
    assert line.count("|") == 5
    assert row.words in line
    for what, words in row.control.meanings:
        assert f"{what}: {words}" in line
    assert ("takes Manage Server" in line) is row.is_managers


def test_what_is_written_by_hand_stays() -> None:
    assert page(f"before\n{BEGIN}old\n{END}after\n", SETTINGS).startswith(f"before\n{BEGIN}\n| setting |")
    assert page(f"before\n{BEGIN}old\n{END}after\n", SETTINGS).endswith(f"{END}after\n")


@pytest.mark.parametrize("broken", ["", BEGIN, END, END + BEGIN])
def test_a_page_without_its_marks_is_not_overwritten(broken: str) -> None:
    with pytest.raises(ValueError, match="has lost the comments"):
        page(broken, SETTINGS)
