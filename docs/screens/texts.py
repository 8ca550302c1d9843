"""What can be read in the pictures, as it is kept beside them."""

# ruff: noqa: INP001 - beside the pictures, and part of no package

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
SHOWN = HERE / "shown.txt"
_HEAD = "What can be read in the pictures beside this; `make screens` writes it.\n"


def told(read: Mapping[str, str]) -> str:
    """The whole file."""
    return _HEAD + "".join(f"\n== {name}\n{text}\n" for name, text in read.items())
