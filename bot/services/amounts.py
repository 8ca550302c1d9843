"""Amounts and spans of time as people type them."""

import re
from enum import Enum
from typing import TypeAlias

from bot.domain.errors import Unchanged

MOST_CREDITS = 1_000_000_000
LONGEST_MS = 10 * 366 * 86_400_000

_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_NUMBER = re.compile(r"([0-9]{1,10}|[0-9]{1,3}(?:[,_' ][0-9]{3}){1,3})(?: ?credits?)?")
_SPAN = re.compile(r"([0-9]{1,5}) ?(minutes?|mins?|m|hours?|h|days?|d|weeks?|w)")


class NoSuchAmount(Unchanged):
    """An amount is a whole number from 0 to 1,000,000,000, `none` (no cap) or `default` (no cap of its own)."""


class NoSuchSpan(Unchanged):
    """How long it lasts is written like `12h`, `7d` or `2w`: minutes, hours, days or weeks, up to ten years."""


class Special(Enum):
    """What can be typed in place of a number."""

    NONE = "none"  # no cap, whatever else would count
    DEFAULT = "default"  # whatever counts without a cap of its own


Amount: TypeAlias = int | Special


def read_amount(typed: str, *, most: int = MOST_CREDITS) -> Amount:
    """The amount that was typed, with or without its unit and separators of thousands.

    Raises:
        NoSuchAmount: it is none.
    """
    meant = typed.strip().casefold()
    for special in Special:
        if meant == special.value:
            return special
    found = _NUMBER.fullmatch(meant)
    number = int(re.sub(r"[,_' ]", "", found[1])) if found else most + 1
    if number > most:
        raise NoSuchAmount
    return number


def read_span_ms(typed: str) -> int:
    """Milliseconds of a span such as `90m`, `12h`, `7d`, `2w`, `1d 12h`.

    Raises:
        NoSuchSpan: it is none, it is nothing, or it is longer than ten years.
    """
    meant = typed.strip().casefold()
    parts = _SPAN.findall(meant)
    is_whole = not _SPAN.sub("", meant).strip()
    span_ms = sum(int(number) * _MS[unit[0]] for number, unit in parts)
    if not is_whole or not 0 < span_ms <= LONGEST_MS:
        raise NoSuchSpan
    return span_ms
