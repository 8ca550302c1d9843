"""What came of all runs: a table of points and providers, what was wrong, a count, and the same as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.chaos.run import Outcome
from tests.chaos.stories import PROVIDERS

_LEGEND = "Each cell: charges at the vendor · clips posted · ledger (S settled, R refunded). ? the point was not met, ! wrong."
_LETTERS = {"reserve settle": "S", "reserve refund": "R"}


@dataclass(frozen=True)
class Part:
    """The runs of one matrix."""

    name: str
    outcomes: Sequence[Outcome]

    def lines(self) -> Iterable[str]:
        """A row for each point, a column for each provider."""
        rows: dict[str, dict[str, str]] = {}
        for outcome in self.outcomes:
            rows.setdefault(_row(outcome), {})[outcome.plan.provider] = _cell(outcome)
        providers = [name for name in PROVIDERS if any(name in row for row in rows.values())]
        width = max(map(len, rows), default=0)
        yield ""
        yield _line(self.name.capitalize().ljust(width), providers)
        for name, row in rows.items():
            yield _line(name.ljust(width), [row.get(one, "") for one in providers])


def _line(name: str, cells: Iterable[str]) -> str:
    return "  ".join([name, *(cell.ljust(8) for cell in cells)]).rstrip()


def _row(outcome: Outcome) -> str:
    plan = outcome.plan
    where = ", ".join(map(str, plan.kills))
    away = f", away {plan.away_s:g} s" if plan.away_s else ""
    return f"{plan.story}: {where}{away}"


def _cell(outcome: Outcome) -> str:
    entries = "".join(_LETTERS.get(one, "-") for one in outcome.ledger.split("; "))
    mark = "!" if outcome.problems else "" if outcome.is_reached else "?"
    return f"{outcome.charges}·{outcome.posts}·{entries}{mark}"


def told(parts: Sequence[Part], *, took_s: float) -> str:
    """All of it, the closing count last."""
    outcomes = [outcome for part in parts for outcome in part.outcomes]
    wrong = [outcome for outcome in outcomes if outcome.problems]
    missed = sum(not outcome.is_reached for outcome in outcomes)
    points = {(o.plan.story, kill) for o in outcomes for kill in o.plan.kills[:1]}
    lines = [_LEGEND, *(line for part in parts for line in part.lines()), ""]
    for outcome in wrong:
        lines += [f"WRONG {outcome.plan}", *(f"    {problem}" for problem in outcome.problems)]
    kills = sum(outcome.deaths for outcome in outcomes)
    lines.append(
        f"{len(outcomes)} runs, {len(points)} points, {kills} kills in {took_s:.0f} s: "
        f"{missed} not met, {len(wrong)} wrong"
    )
    return "\n".join(lines)


def write(path: Path, parts: Sequence[Part], *, took_s: float) -> None:
    """The same as JSON, without what was traced."""
    known = {
        part.name: [
            {**asdict(outcome), "plan": asdict(outcome.plan), "trace": None} for outcome in part.outcomes
        ]
        for part in parts
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"took_s": round(took_s), "matrices": known}, indent=1), encoding="utf-8")
