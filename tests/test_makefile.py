"""What the Makefile sets up, with what stands for Python: it writes down what it is asked to do."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
echo "$*" >> calls
[ "$2" != venv ] || { mkdir -p .venv/bin && cp "$0" .venv/bin/python && [ ! -e broken ]; }
"""
Make = Callable[..., list[str]]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    for name in ("Makefile", "requirements.lock", "requirements-cluster.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)

    def run(target: str, status: int = 0) -> list[str]:
        """The locks that were installed."""
        (tmp_path / "calls").write_text("")
        told = {"PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["make", target, f"PYTHON={tmp_path / 'python'}"],
            cwd=tmp_path, env=told, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        calls = (tmp_path / "calls").read_text().splitlines()
        return [call.split()[-1] for call in calls if "pip install" in call]

    return run


def test_packages_are_installed_once_and_again_when_the_lock_changed(make: Make, tmp_path: Path) -> None:
    assert make("run") == ["requirements.lock"]
    assert make("run") == []
    (tmp_path / "requirements.lock").write_text("# newer")
    assert make("run") == ["requirements.lock"]


def test_what_a_cluster_needs_is_brought_up_to_date_as_well(make: Make, tmp_path: Path) -> None:
    make("run")
    assert make("cluster") == ["requirements-cluster.lock"]
    assert make("run") == []
    (tmp_path / "requirements-cluster.lock").write_text("# newer")
    assert make("run") == ["requirements-cluster.lock"]


def test_an_environment_that_could_not_be_made_is_made_anew(make: Make, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    make("run", status=2)
    assert not (tmp_path / ".venv").exists()
    (tmp_path / "broken").unlink()
    assert make("run") == ["requirements.lock"]
