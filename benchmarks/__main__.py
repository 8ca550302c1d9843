"""Runs benchmarks one after another: tables on the screen, JSON in `results`."""

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Awaitable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Protocol

from benchmarks import (
    acknowledgement,
    admission,
    fitting,
    load,
    memory,
    page,
    polling,
    queues,
    rendering,
    scaling,
    start,
)
from benchmarks.table import RESULTS, CannotRun, Table


class Benchmark(Protocol):
    """A module that measures one thing."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """What it is called on the command line."""
        ...

    def run(self, *, quick: bool) -> Table | Awaitable[Table]:
        """Measure; `quick` only shows that it works."""
        ...


BENCHMARKS: tuple[Benchmark, ...] = (
    queues,
    admission,
    acknowledgement,
    memory,
    start,
    rendering,
    fitting,
    polling,
    load,
    page,
    scaling,
)


def main() -> None:
    """The command line."""
    known = [benchmark.NAME for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(known)}; all if none")
    parser.add_argument("--quick", action="store_true", help="see that they work; the figures mean little")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    RESULTS.mkdir(exist_ok=True)
    for benchmark in BENCHMARKS:
        if not given.names or benchmark.NAME in given.names:
            _measure(benchmark, quick=given.quick)


def _measure(benchmark: Benchmark, *, quick: bool) -> None:
    start_s = time.perf_counter()
    try:
        table = _finish(benchmark, quick=quick)
    except CannotRun as reason:
        print(f"{benchmark.NAME} cannot run: {reason}\n", flush=True)
        return
    took_s = time.perf_counter() - start_s
    print(f"{table}\n", flush=True)
    record = _machine() | {"quick": quick, "took_s": round(took_s, 1)} | asdict(table)
    (RESULTS / f"{benchmark.NAME}.json").write_text(json.dumps(record, indent=2), encoding="utf-8")


def _finish(benchmark: Benchmark, *, quick: bool) -> Table:
    answer = benchmark.run(quick=quick)
    if isinstance(answer, Table):
        return answer

    async def wait() -> Table:
        return await answer

    if sys.platform == "win32":
        return asyncio.run(wait())
    import uvloop  # noqa: PLC0415 - as the bot is run, where it exists

    return uvloop.run(wait())


def _machine() -> dict[str, object]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "wanted_cores": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "machine": platform.platform(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
