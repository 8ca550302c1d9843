"""What lies in deploy/, and the programs that judge it."""

import shlex
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def program(name: str) -> str:
    """A program of the development dependencies, or of this machine.

    Raises:
        pytest.skip.Exception: it is neither.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def pairs(text: str) -> dict[str, str]:
    """What stands as NAME=VALUE, with blanks between and quotes where need be."""
    found: dict[str, str] = {}
    for word in shlex.split(text):
        name, _, value = word.partition("=")
        found[name] = value
    return found
