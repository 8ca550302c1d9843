"""What lies in deploy/, and the programs that judge it."""

import shlex
import shutil
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
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


@contextmanager
def kept_port() -> Generator[int]:
    """A port that nobody is given meanwhile but who asks for it by its number, as servers do, with SO_REUSEADDR."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]


def pairs(text: str) -> dict[str, str]:
    """What stands as NAME=VALUE, with blanks between and quotes where need be."""
    found: dict[str, str] = {}
    for word in shlex.split(text):
        name, _, value = word.partition("=")
        found[name] = value
    return found
