"""How rows are written for spreadsheets: CSV as of RFC 4180, with what Excel and its kin need to take it as it is meant.

A file begins with `BOM`, or Excel reads umlauts as Latin-1. Ids of members and channels stand as Discord's own mentions:
as bare numbers they would lose their last digits, of which a spreadsheet keeps 15, and pasted into Discord they say who
it is.
"""

import csv
import io
import re
from collections.abc import Iterable

BOM = "\ufeff"

# Excel parts cells where the machine's language does, whatever the file's own separator is.
_FORMULA = re.compile("(^|[;,|\t\r\n])(?=\\s*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")


def row_of(cells: Iterable[object]) -> str:
    """A line of a file; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def usd(micro_usd: int) -> str:
    """Dollars to the last millionth, so that sums come out."""
    return f"{'-' if micro_usd < 0 else ''}{abs(micro_usd) // 1_000_000}.{abs(micro_usd) % 1_000_000:06}"


def harmless(text: str) -> str:
    """Foreign words of which no spreadsheet takes any part for a formula (OWASP, CSV Injection)."""
    return _FORMULA.sub(r"\1'", text)
