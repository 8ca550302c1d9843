"""The script that backs compose.cluster.yaml up, with what stands for Docker: it writes down what it is asked."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY

DOCKER = """#!/bin/sh
shift 3
echo "$*" >> "$CALLS"
case "$*" in
    *"$BROKEN"*) echo half; exit 1 ;;
    *pg_restore*) cat > /dev/null ;;
    *pg_dump*) echo dumped ;;
    *tar*) echo copied ;;
esac
"""
Ended = tuple[int, dict[str, str], list[str]]


@pytest.fixture
def backup(tmp_path: Path) -> Callable[[str], Ended]:
    script, calls = tmp_path / "deploy" / "backup-cluster.sh", tmp_path / "calls"
    script.parent.mkdir()
    script.write_bytes((DEPLOY / "backup-cluster.sh").read_bytes())
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)

    def run(broken: str) -> Ended:
        told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), "BROKEN": broken}
        done = subprocess.run(["sh", script], env=told, capture_output=True, text=True, check=False)
        made = sorted((script.parent / "backups").iterdir())
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in made)
        found = {path.name.partition("Z.")[2]: path.read_text() for path in made}
        return done.returncode, found, calls.read_text().splitlines()

    return run


def test_a_backup_holds_the_database_and_the_bucket_which_stands_still_meanwhile(
    backup: Callable[[str], Ended],
) -> None:
    status, found, calls = backup("nothing")
    assert (status, found) == (0, {"dump": "dumped\n", "bucket.tar": "copied\n"})
    dumped, listed, *bucket = [call.split() for call in calls]
    assert "pg_dump" in dumped
    assert "pg_restore" in listed
    assert [call[0] for call in bucket] == ["stop", "run", "start"]


@pytest.mark.parametrize("broken", ["pg_dump", "pg_restore", "tar"])
def test_one_that_fails_leaves_nothing_that_looks_like_one_and_a_bucket_that_runs(
    backup: Callable[[str], Ended], broken: str
) -> None:
    status, found, calls = backup(broken)
    assert (status, found) == (1, {})
    assert calls[-1] == "start bucket"
