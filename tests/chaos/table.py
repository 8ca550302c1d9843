"""What came of all that was played: a table of points and providers, what was wrong, a count, and the same as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.chaos.run import Outcome
from tests.chaos.stories import PROVIDERS

_LEGEND = (
    "Each cell: charges at the vendor · clips posted · ledger (S settled, R refunded, K kept reserved). "
    "? the point was not met, ! wrong."
)
_LETTERS = {"reserve settle": "S", "reserve refund": "R", "reserve": "K"}


@dataclass(frozen=True)
class Cell:
    """One thing that was played."""

    row: str
    provider: str
    charges: int
    posts: int
    ledger: str
    """The entries of each job, one after the other."""
    problems: tuple[str, ...] = ()
    kills: int = 0
    is_met: bool = True
    """Whether what was to happen did."""

    @classmethod
    def of(cls, outcome: Outcome) -> "Cell":
        """A run."""
        plan = outcome.plan
        where = ", then ".join(map(str, plan.kills)) or "not at all"
        away = f", away {plan.away_s:g} s" if plan.away_s else ""
        return cls(
            f"{plan.story}: {where}{away}",
            plan.provider,
            outcome.charges,
            outcome.posts,
            outcome.ledger,
            outcome.problems,
            outcome.deaths,
            outcome.is_met,
        )

    def __str__(self) -> str:
        entries = "".join(_LETTERS.get(one, "-") for one in self.ledger.split("; "))
        mark = "!" if self.problems else "" if self.is_met else "?"
        return f"{self.charges}·{self.posts}·{entries}{mark}"


@dataclass(frozen=True)
class Part:
    """What one matrix has."""

    name: str
    cells: Sequence[Cell]

    def lines(self) -> Iterable[str]:
        """A row for each point, a column for each provider."""
        rows: dict[str, dict[str, str]] = {}
        for cell in self.cells:
            rows.setdefault(cell.row, {})[cell.provider] = str(cell)
        providers = [name for name in PROVIDERS if any(name in row for row in rows.values())]
        width = max(map(len, (self.name, *rows)))
        yield ""
        yield _line(self.name.capitalize().ljust(width), providers)
        for name, row in rows.items():
            yield _line(name.ljust(width), [row.get(one, "") for one in providers])


def _line(name: str, cells: Iterable[str]) -> str:
    return "  ".join([name, *(cell.ljust(8) for cell in cells)]).rstrip()


def told(parts: Sequence[Part], *, took_s: float) -> str:
    """All of it, the closing count last."""
    cells = [cell for part in parts for cell in part.cells]
    wrong = [cell for cell in cells if cell.problems]
    lines = [_LEGEND, *(line for part in parts if part.cells for line in part.lines()), ""]
    for cell in wrong:
        lines += [f"WRONG {cell.row}, {cell.provider}", *(f"    {problem}" for problem in cell.problems)]
    points = {(part.name, cell.row) for part in parts for cell in part.cells}
    missed = sum(not cell.is_met for cell in cells)
    kills = sum(cell.kills for cell in cells)
    lines.append(
        f"{len(cells)} runs, {len(points)} points, {kills} kills in {took_s:.0f} s: "
        f"{missed} not met, {len(wrong)} wrong"
    )
    return "\n".join(lines)


def write(path: Path, parts: Sequence[Part], *, took_s: float) -> None:
    """The same as JSON."""
    known = {part.name: [asdict(cell) for cell in part.cells] for part in parts}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"took_s": round(took_s), "matrices": known}, indent=1), encoding="utf-8")
