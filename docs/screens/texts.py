"""What can be read in the pictures, as it is kept beside them."""

# ruff: noqa: INP001 - beside the pictures, and part of no package

import hashlib
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
SHOWN = HERE / "shown.txt"
_HEAD = "What can be read in the pictures beside this; `make screens` writes it.\n"


_ROOT = HERE.parents[1]
_DRAWN_BY = ("bot/sandbox/page/static/*", "bot/web/painter/*.[chjs]*", "bot/media/charts/*.py")


def told(read: Mapping[str, str]) -> str:
    """The whole file."""
    return f"{_HEAD}{drawn_by()}" + "".join(f"\n== {name}\n{text}\n" for name, text in read.items())


def kept() -> dict[str, str]:
    """What stood in each picture when they were taken."""
    parts = SHOWN.read_text(encoding="utf-8").split("\n== ")[1:] if SHOWN.exists() else []
    return {name: text.rstrip("\n") for name, _, text in (part.partition("\n") for part in parts)}


def drawn_by() -> str:
    """A line that is another one when what draws the pages is: looks are no words."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _DRAWN_BY for path in _ROOT.glob(pattern)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"Drawn by {digest.hexdigest()}\n"
