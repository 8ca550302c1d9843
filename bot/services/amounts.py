"""Amounts and spans of time as people type them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bot.domain.errors import Unchanged
from bot.language import grouped, marked, tr

MOST_CREDITS = 1_000_000_000
MOST_PER_SECOND = 1_000_000
LONGEST_MS = 10 * 366 * 86_400_000

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_MS = {"m": 60_000, "h": _HOUR_MS, "s": _HOUR_MS, "d": _DAY_MS, "t": _DAY_MS, "w": 7 * _DAY_MS}
"""By the first letter of a unit: minutes, hours or Stunden, days or Tage, weeks."""
_DIGITS = re.compile(r"[0-9]{1,12}")
_GROUPS = re.compile(r"[0-9]{1,3}(?:[.,_' ][0-9]{3}){1,3}")
_SPAN = re.compile(
    r"([0-9]{1,5}) ?(minute[ns]?|mins?|m|hours?|h|stunden?|std|days?|d|tag(?:en?)?|weeks?|wochen?|w)"
)


class NoSuchAmount(Unchanged):
    """This is not an amount."""


class NoSuchSpan(Unchanged):
    """How long it lasts is written like `12h`, `7d` or `2w`: minutes, hours, days or weeks, up to ten years."""


class Special(Enum):
    """What can be typed in place of a number."""

    NONE = "none"  # no cap, whatever else would count
    DEFAULT = "default"  # whatever counts without a cap of its own


Amount: TypeAlias = int | Special


@dataclass(frozen=True, slots=True)
class AmountOf:
    """What an amount is for, and so what it can be."""

    words: str
    """A sentence that says what it can be, up to `{most}`."""
    least: int = 0
    most: int = MOST_CREDITS
    specials: tuple[Special, ...] = ()

    def check(self, amount: Amount) -> Amount:
        """The amount, if it can be that.

        Raises:
            NoSuchAmount: it cannot.
        """
        fits = amount in self.specials if isinstance(amount, Special) else self.least <= amount <= self.most
        if not fits:
            raise self.refusal
        return amount

    @property
    def refusal(self) -> NoSuchAmount:
        """What is said of an amount that it cannot be."""
        return NoSuchAmount(tr(self.words, most=grouped(self.most)))


CAP = AmountOf(
    marked("A cap is a whole number from 0 to {most}, `none` (no cap) or `default` (the usual one)."),
    specials=(Special.NONE, Special.DEFAULT),
)
PRICE = AmountOf(
    marked(
        "A price is a whole number of credits for a second, from 0 (free) to {most}, "
        "or `default` (the catalogue's)."
    ),
    most=MOST_PER_SECOND,
    specials=(Special.DEFAULT,),
)
GIFT = AmountOf(marked("A grant is a whole number of credits from 1 to {most}."), least=1)
CEILING = AmountOf(
    marked("A ceiling is a whole number of credits a month from 0 to {most}, or `none`."),
    specials=(Special.NONE,),
)


def read_amount(typed: str, of: AmountOf) -> Amount:
    """The amount that was typed, with or without its unit and separators of thousands.

    Raises:
        NoSuchAmount: it is none, or cannot be that.
    """
    meant = typed.strip().casefold()
    amount = next((special for special in Special if special.value == meant), None)
    amount = amount or read_number(meant, units=("credits", "credit"))
    if amount is None:
        raise of.refusal
    return of.check(amount)


def read_number(typed: str, *, units: Iterable[str]) -> int | None:
    """A whole number with or without one of its units and separators of thousands; None if it is none.

    What separates thousands where one language is spoken separates decimals in another.
    """
    meant = typed.strip().casefold()
    unit = next((unit for unit in units if meant.endswith(unit)), "")
    digits = meant.removesuffix(unit).rstrip()
    decimal = tr(".")
    is_number = _DIGITS.fullmatch(digits) or (_GROUPS.fullmatch(digits) and decimal not in digits)
    return int(re.sub(r"[^0-9]", "", digits)) if is_number else None


def read_span_ms(typed: str) -> int:
    """Milliseconds of a span such as `90m`, `12h`, `7d`, `2w`, `1d 12h`, `3 days`, `2 Wochen`, whoever types it.

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
