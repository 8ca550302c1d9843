"""Looks at the locks, at what is installed, at advisories and for secrets that were committed; says what it looked at.

What cannot be looked at (no network, a shallow clone) is said, and is no failure unless `--online` asks for it.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from audit import secrets
from audit.advisories import OSV, Unreachable, advisories
from audit.locks import Locked, differences, installed, unlocked

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Print everything that is wrong; 0 if nothing is."""
    parser = argparse.ArgumentParser(prog="python -m audit", description=__doc__)
    parser.add_argument("--online", action="store_true", help="fail where advisories cannot be asked for")
    parser.add_argument("--advisories", default=OSV, metavar="URL", help="who is asked for advisories")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    problems = _of_packages(chosen.root, chosen.advisories, must_reach=chosen.online)
    problems += _of_secrets(chosen.root)
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    print(f"{len(problems)} problems" if problems else "nothing found")
    return 1 if problems else 0


def _of_packages(root: Path, base_url: str, *, must_reach: bool) -> list[str]:
    run, dev = Locked(root / "requirements.lock"), Locked(root / "requirements-dev.lock")
    problems = [*run.problems, *dev.problems]
    problems += unlocked(root / "pyproject.toml", run.versions, dev.versions)
    problems += differences(dev.versions, installed(), project="kinora")
    print(f"packages: {len(run.versions)} locked for the bot, {len(dev.versions)} with its tests")
    try:
        known = advisories(dev.versions, base_url=base_url)
    except Unreachable as reason:
        print(f"advisories: NOT LOOKED AT, {reason}")
        return [*problems, str(reason)] if must_reach else problems
    print(f"advisories: {len(known)} for {len(dev.versions)} packages")
    return problems + known


def _of_secrets(root: Path) -> list[str]:
    try:
        now, ever = secrets.in_tree(root), secrets.in_history(root)
        is_whole = secrets.is_whole(root)
    except (OSError, subprocess.CalledProcessError):
        return [f"git knows nothing of {root}, so that no secrets could be looked for"]
    history = "all commits" if is_whole else "the commits that are here, WHICH ARE NOT ALL"
    print(f"secrets: looked for in the tree and in {history}")
    return sorted({str(found) for found in (*now, *ever)})


if __name__ == "__main__":
    sys.exit(main())
