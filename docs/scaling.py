"""Calculates `docs/scaling.md` anew from what was measured: `make docs`.

`python -m docs.scaling take` first takes over what `make bench ARGS="queues scaling"` has measured, into `scaling.json`
beside the page.
"""

# ruff: noqa: INP001, RUF001 - beside the page it writes, and part of no package; multiplication has a sign

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from docs import needs
from docs.needs import Figures, Need, Row

PAGE = Path(__file__).with_suffix(".md")
FIGURES = Path(__file__).with_suffix(".json")
RESULTS = PAGE.parents[1] / "benchmarks" / "results"
BEGIN = "<!-- {}: from here to the next comment, `make docs` calculates from docs/scaling.json. -->\n"
END = "<!-- The end of what `make docs` calculates. -->\n"


def page(text: str, figures: Figures) -> str:
    """The page with its tables as the figures say.

    Raises:
        ValueError: the page has lost the comments between which a table stands.
    """
    need = Need(figures)
    for name, rows in {
        "measured": needs.measured(need),
        "machines": needs.machines(need),
        "database": needs.database(need),
        "discord": needs.discord(need),
        "files": needs.files(need),
        "providers": needs.providers(need),
    }.items():
        text = _with(text, name, ("| what | how | comes to |\n| --- | --- | --- |\n", *map(_line, rows)))
    text = _with(text, "rush", _rush(figures))
    text = _with(text, "lock", _lock(figures))
    text = _with(text, "when", _when(figures))
    return _with(text, "queues", _queues(figures))


def _with(text: str, name: str, table: Iterable[str]) -> str:
    before, begin, rest = text.partition(BEGIN.format(name))
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page has lost the comments of its table {name!r}.")
    return "".join([before, begin, "\n", *table, "\n", end, after])


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |\n"


def _when(figures: Figures) -> list[str]:
    """How much the figures are worth."""
    scaling, queues = figures["scaling"], figures["queues"]
    clips = scaling["rush"][0]["jobs"], scaling["pace"]["jobs"]
    versions = ", ".join(f"{name} {version}" for name, version in queues["versions"].items())
    return [
        (
            f"Measured on {scaling['date']} on {scaling['machine']}, Python {scaling['python']}, when "
            f"{scaling['wanted_cores']:g} processes wanted its {scaling['cores']} cores (the queues on {queues['date']}, when "
            f"{queues['wanted_cores']:g} did); {clips[0]} clips at once, {clips[1]} at a pace. {versions}.\n"
        ),
    ]


def _rush(figures: Figures) -> list[str]:
    head = (
        "| | workers | clips/s | gateway | workers, together | database | Discord | lock held |\n| --- "
        + "| ---: " * 7
        + "|\n"
    )
    rows: list[str] = []
    for one in figures["scaling"]["rush"]:
        database: Figures = one["database"]
        is_apart = one["workers"] > 0
        cells = (
            one["name"],
            f"{one['workers']}" if is_apart else "–",
            f"{one['jobs_per_s']:.1f}",
            f"{one['gateway_ms']:.0f} ms",
            f"{one['worker_ms']:.0f} ms" if is_apart else "–",
            f"{database['cpu_s'] * 1000:.0f} ms" if is_apart else "–",
            f"{one['discord_ms']:.0f} ms",
            f"{database['lock_share']:.0%}" if is_apart else "–",
        )
        rows.append(f"| {' | '.join(cells)} |\n")
    return [head, *rows]


def _lock(figures: Figures) -> list[str]:
    head = (
        "| processes | callers in each | accepted a second | client | server | WAL | syncs | refused |\n"
        + "| ---: " * 8
        + "|\n"
    )
    return [
        head,
        *(
            f"| {one['processes']} | {one['callers']} | {one['per_s']:,.0f} | {one['client_us']:,.0f} µs | "
            f"{one['server_us']:,.0f} µs | {one['wal_bytes'] / 1000:.1f} KB | {one['syncs']:.2f} | {one['refused']:.1%} |\n"
            for one in figures["scaling"]["lock"]
        ),
    ]


def _queues(figures: Figures) -> list[str]:
    head = (
        "| | accepted/s, 1 caller | 32 callers | begun after, idle: p50 | p99 | 32 callers: p50 | p99 |\n| --- "
        + "| ---: " * 6
        + "|\n"
    )
    return [
        head,
        *(
            f"| {name} | {one['per_s_1']:,.0f} | {one['per_s_32']:,.0f} | {one['idle_p50_ms']:.1f} ms | "
            f"{one['idle_p99_ms']:.1f} ms | {one['busy_p50_ms']:.0f} ms | {one['busy_p99_ms']:.0f} ms |\n"
            for name, one in figures["queues"]["contestants"].items()
        ),
    ]


def taken() -> Figures:
    """What the benchmarks have measured last.

    Raises:
        FileNotFoundError: they have not been run.
        ValueError: they were only tried.
    """
    found: Figures = {}
    for name in ("queues", "scaling"):
        record: Figures = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        if record["quick"]:
            raise ValueError(f"{name} was only tried with --quick, whose figures mean little.")
        about = {key: record[key] for key in ("date", "cores", "wanted_cores", "machine", "python")}
        found[name] = about | record["figures"]
    return found


def main() -> None:
    """Write the page; first take the figures over if that is asked for."""
    if "take" in sys.argv[1:]:
        FIGURES.write_text(json.dumps(taken(), indent=1) + "\n", encoding="utf-8")
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
