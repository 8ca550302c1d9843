"""`python -m tests.cluster`: 2 gateways, 3 workers and 500 jobs, and any of the processes is killed at any time.

`--seed 7` chooses the victims, `--bucket` keeps files in a bucket, `--jobs 100 --workers 2` makes it smaller.
"""

import argparse
import asyncio
import random
import sys

from bot.sandbox.actions import responding
from tests.cluster.plan import Plan
from tests.cluster.run import play

PATIENCE_S = 15.0
"""Discord gives an answer three seconds; many processes share two cores here, some of which are just starting."""


def main() -> int:
    """Play a plan; the exit status says whether all was well."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    for name in ("gateways", "workers", "jobs", "requests-per-s"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan, name.replace("-", "_")))
    parser.add_argument("--kills-every-s", type=float, default=Plan.kills_every_s)
    parser.add_argument("--bucket", action="store_true")
    given = parser.parse_args()
    responding.ACK_WINDOW_S = PATIENCE_S
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    report = asyncio.run(play(Plan(**vars(given))))
    print(report)  # noqa: T201
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
