"""What a benchmark answers: a small table, printed and kept as JSON."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WIDTH = 80
RESULTS = Path(__file__).with_name("results")
"""JSON, and the databases of a run: on the disk that holds the project, not in a /tmp that may be memory."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under columns; the first column is words, the others are figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What is kept beside the table, for those who calculate with it."""

    def __str__(self) -> str:
        lines = (self.columns, *self.rows)
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        drawn = [_line(line, widths) for line in lines]
        rule = "-" * max(map(len, drawn))
        notes = (
            textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="  ") for note in self.notes
        )
        return "\n".join((self.title, rule, drawn[0], rule, *drawn[1:], rule, *notes))


class CannotRun(Exception):
    """A benchmark lacks what it needs here; the message says what."""


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *others = cells
    figures = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
    return "  ".join((first.ljust(widths[0]), *figures))
