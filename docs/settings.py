"""Writes the tables of `docs/settings.md` and of the README anew from the table of settings: `make docs`."""

# ruff: noqa: INP001 - beside the page it writes, and part of no package

from collections.abc import Iterable
from pathlib import Path

from bot.services.controls import Surroundings
from bot.services.preferences import SETTINGS, GuildSetting

PAGE = Path(__file__).with_suffix(".md")
README = PAGE.parents[1] / "README.md"
BEGIN = (
    "<!-- From here to the next comment, `make docs` writes this page from bot/services/preferences.py. -->\n"
)
END = "<!-- The end of what `make docs` writes. -->\n"

_HEAD = "| setting | what it decides | can be | usually |\n| --- | --- | --- | --- |\n"
_SHORT_HEAD = "| `/settings` | what it decides | usually |\n|---|---|---|\n"
_NOWHERE = Surroundings(guild_id=0, user_id=0)


def page(text: str, settings: Iterable[GuildSetting]) -> str:
    """The page `text` with its table as the rows say, in their order.

    Raises:
        ValueError: the page has lost the comments between which the table stands.
    """
    return _with_table(text, [_HEAD, *map(_row, settings)])


def readme(text: str, settings: Iterable[GuildSetting]) -> str:
    """The README `text` with its shorter table, likewise."""
    return _with_table(text, [_SHORT_HEAD, *map(_short_row, settings)])


def _with_table(text: str, table: Iterable[str]) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("A page has lost the comments between which its table stands.")
    return "".join([before, begin, "\n", *table, "\n", end, after])


def _short_row(setting: GuildSetting) -> str:
    usual = setting.control.state(setting.usual, _NOWHERE).name
    return f"| `{setting.name}` | {setting.words} | {usual} |\n"


def _row(setting: GuildSetting) -> str:
    can_be = "<br>".join(f"{what}: {words}" for what, words in setting.control.meanings)
    usual = setting.control.state(setting.usual, _NOWHERE).name
    who = " (takes Manage Server)" if setting.is_managers else ""
    return f"| `{setting.name}`{who} | {setting.words} | {can_be} | {usual} |\n"


def main() -> None:
    """Write the page and the README."""
    for path, made in ((PAGE, page), (README, readme)):
        path.write_text(made(path.read_text(encoding="utf-8"), SETTINGS), encoding="utf-8")


if __name__ == "__main__":
    main()
