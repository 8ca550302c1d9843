"""`make soak`: 20 servers, 300 people, 2,000 actions. `--seed 7` plays a run again, `--actions 500` a shorter one."""

import argparse
import asyncio
import ctypes
import random
import sys
import tempfile
import warnings
from pathlib import Path

from tests.soak.run import Plan, soak

_ARENA_MAX = -8
"""Of glibc's mallopt."""


def main() -> int:
    """Play a plan; the exit status says whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--actions", type=int, default=2000)
    given = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).mallopt(
            _ARENA_MAX, 2
        )  # else each of the threads has a heap of its own, full of holes
    warnings.simplefilter("error", RuntimeWarning)  # a coroutine that nobody awaited
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="kinora-soak-") as folder:
        report = asyncio.run(soak(Plan(given.seed, given.actions), Path(folder)))
    print(report)  # noqa: T201
    return 1 if report.problems else 0


sys.exit(main())
