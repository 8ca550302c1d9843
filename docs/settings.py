"""Writes the table of `docs/settings.md` anew from the table of settings: `make docs`."""

# ruff: noqa: INP001 - beside the page it writes, and part of no package

from collections.abc import Iterable
from pathlib import Path

from bot.services.controls import Surroundings
from bot.services.guilds import SETTINGS, GuildSetting

PAGE = Path(__file__).with_suffix(".md")
BEGIN = "<!-- From here to the next comment, `make docs` writes this page from bot/services/guilds.py. -->\n"
END = "<!-- The end of what `make docs` writes. -->\n"

_HEAD = "| setting | what it decides | can be | usually |\n| --- | --- | --- | --- |\n"
_NOWHERE = Surroundings(guild_id=0, user_id=0)


def page(text: str, settings: Iterable[GuildSetting]) -> str:
    """The page `text` with its table as the rows say, in their order.

    Raises:
        ValueError: the page has lost the comments between which the table stands.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has lost the comments between which its table stands.")
    return "".join([before, begin, "\n", _HEAD, *map(_row, settings), "\n", end, after])


def _row(setting: GuildSetting) -> str:
    can_be = "<br>".join(f"{what}: {words}" for what, words in setting.control.meanings)
    usual = setting.control.state(setting.usual, _NOWHERE).name
    who = " (takes Manage Server)" if setting.is_managers else ""
    return f"| `{setting.name}`{who} | {setting.words} | {can_be} | {usual} |\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), SETTINGS), encoding="utf-8")


if __name__ == "__main__":
    main()
