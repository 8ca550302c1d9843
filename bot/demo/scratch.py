"""The folder of one demo, gone with it. What a killed one has left behind goes when the next one begins."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from bot.db import visit
from bot.db.lock import FileLock

_PREFIX = "kinora-demo-"
_LOCK = "demo.lock"
"""Held for as long as the demo lives: the system lets go of it, however that ends."""


@contextmanager
def scratch() -> Generator[Path]:
    """A new folder, for as long as the block lasts."""
    _tidy(Path(gettempdir()))
    with TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as place:
        lock = FileLock.acquire(Path(place, _LOCK))
        try:
            yield Path(place)
        finally:
            lock.release()


def _tidy(place: Path) -> None:
    for lock in place.glob(f"{_PREFIX}*/{_LOCK}"):
        if not visit.is_owned(lock.with_suffix("")):
            shutil.rmtree(lock.parent, ignore_errors=True)
