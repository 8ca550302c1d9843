"""The script that backs compose.cluster.yaml up, with what stands for Docker: it writes down what it has done."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY

DOCKER = """#!/bin/sh
shift 3
case "$*" in
    *"$BROKEN"*) echo half; exit 1 ;;
    *"$STRUCK"*) echo half; kill -s "$SIGNAL" 0 ;;  # as a terminal does: whoever it started gets it
    *pg_restore*) cat > /dev/null ;;
    *pg_dump*) echo dumped ;;
    *tar*) echo copied ;;
    "start bucket") [ "$STRUCK" = nothing ] || kill -s HUP 0 ;;  # a shell that is left hands it on once more
esac
echo "$*" >> "$CALLS"
"""
DAY_S = 86_400
Ended = tuple[int, dict[str, str], list[str]]
Run = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "deploy" / "backups"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def backup(folder: Path, tmp_path: Path) -> Run:
    script, calls = folder.with_name("backup-cluster.sh"), tmp_path / "calls"
    script.write_bytes((DEPLOY / "backup-cluster.sh").read_bytes())
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)

    def run(*, broken: str = "nothing", struck: str = "nothing", signal: str = "TERM") -> Ended:
        told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls)}
        told |= {"BROKEN": broken, "STRUCK": struck, "SIGNAL": signal}
        done = subprocess.run(
            ["sh", script], env=told, capture_output=True, text=True, check=False, start_new_session=True
        )
        made = sorted(path for path in folder.iterdir() if path.stat().st_mtime > time.time() - DAY_S)
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in made)
        found = {path.name.partition("Z.")[2]: path.read_text() for path in made}
        return done.returncode, found, calls.read_text().splitlines()

    return run


def test_a_backup_holds_the_database_and_the_bucket_which_stands_still_meanwhile(backup: Run) -> None:
    status, found, calls = backup()
    assert (status, found) == (0, {"dump": "dumped\n", "bucket.tar": "copied\n"})
    dumped, listed, *bucket = [call.split() for call in calls]
    assert "pg_dump" in dumped
    assert "pg_restore" in listed
    assert [call[0] for call in bucket] == ["stop", "run", "start"]


@pytest.mark.parametrize("broken", ["pg_dump", "pg_restore", "entrypoint tar"])
def test_one_that_fails_leaves_nothing_that_looks_like_one_and_a_bucket_that_runs(
    backup: Run, broken: str
) -> None:
    status, found, calls = backup(broken=broken)
    assert (status, found) == (1, {})
    assert calls[-1] == "start bucket"


@pytest.mark.parametrize("signal", ["HUP", "INT", "TERM"])
@pytest.mark.parametrize("struck", ["pg_dump", "stop bucket", "entrypoint tar"])
def test_one_that_is_cut_off_leaves_nothing_and_a_bucket_that_runs(
    backup: Run, struck: str, signal: str
) -> None:
    status, found, calls = backup(struck=struck, signal=signal)
    assert (status, found) == (1, {})
    assert calls[-1] == "start bucket"


@pytest.mark.parametrize(("broken", "left"), [("nothing", ["week"]), ("entrypoint tar", ["older", "week"])])
def test_old_ones_go_once_there_is_a_new_one(backup: Run, folder: Path, broken: str, left: list[str]) -> None:
    for name, days in (("week", 6.9), ("older", 8.1)):
        at = time.time() - days * DAY_S
        (folder / f"kinora-{name}.dump").touch()
        os.utime(folder / f"kinora-{name}.dump", (at, at))
    backup(broken=broken)
    assert [name for name in ("older", "week") if (folder / f"kinora-{name}.dump").exists()] == left
