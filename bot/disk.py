"""Whether a folder can be used, found out by using it."""

import tempfile
from pathlib import Path


def ensure_writable(folder: Path) -> None:
    """Write a byte there, into a file that has no name or loses it at once.

    Raises:
        OSError: as the system says it.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(b"\0")


def nearest(path: Path) -> Path:
    """The path itself, or the nearest above it that there is.

    Raises:
        OSError: a folder above it may not be looked into.
    """
    return next((one for one in (path, *path.parents) if one.exists()), path)
