"""`python -m bot backup`: a copy of everything that is needed to begin anew elsewhere, taken while the bot runs."""

import os
import sys
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.db import backups, opening
from bot.db.backups import Copied
from bot.domain.errors import KinoraError
from bot.domain.findings import number_of
from bot.settings import Settings

_NAME = "kinora.db"
"""As in DATA_DIR, where nobody says otherwise."""


class NotRestored(KinoraError):
    """There is nothing to be done with this database."""


class NotBackedUp(KinoraError):
    """There is something in the way of a backup."""


def make(settings: Settings, target: Path, *, with_files: bool, now_ms: int) -> list[str]:
    """Make a backup at `target`, and say what is in it and what is not, a line each.

    Nobody but the owner may read it: it holds what makes links and callbacks valid, and what people wrote.

    Args:
        settings: Where the database and the files are.
        target: A file that does not exist yet; nothing is there until all of it is.
        with_files: Whether it is a tar with pictures and clips, too.
        now_ms: Milliseconds since 1970.

    Raises:
        NotBackedUp: `target` exists, cannot be written, or the files cannot be read or lie in a bucket.
        DatabaseFault: the database cannot be copied.
    """
    if not isinstance(settings.database, Path):
        raise NotBackedUp(
            "DATABASE_URL names PostgreSQL: make a dump of it with deploy/postgres/backup.sh, which uses pg_dump."
        )
    blobs = _folder_of_blobs(settings)
    if with_files and blobs is None:
        raise NotBackedUp(
            "BLOB_URL names a bucket; copy that with its own tools, and leave --with-files out here."
        )
    try:
        with _published(target) as whole:
            if with_files:
                copied = _pack(settings, whole, blobs, now_ms)
            else:
                copied = backups.copy(settings.database_path, whole, now_ms=now_ms)
    except OSError as error:
        if blobs is not None and error.filename and Path(error.filename).is_relative_to(blobs):
            raise NotBackedUp(f"{error.filename} cannot be read: {error.strerror}.") from error
        raise NotBackedUp(f"The backup cannot be written to {target}: {error.strerror}.") from error
    return _said(settings, target, copied, with_files=with_files)


def restored(settings: Settings, *, now_ms: int) -> str:
    """Do with a dump of PostgreSQL that was put back what a copy of SQLite's file has done at its first start.

    Args:
        settings: Where the database is.
        now_ms: Milliseconds since 1970.

    Raises:
        NotRestored: it is SQLite's, whose copies say of themselves what they are; or a bot runs on it.
        DatabaseFault: it cannot be written.
    """
    place = settings.database
    if isinstance(place, Path):
        raise NotRestored("A copy of SQLite's file says of itself that it is one: just start the bot.")
    if opening.is_owned(place):
        raise NotRestored("A bot runs on this database; stop every process of it first.")
    found = opening.change(place, backups.take_up_dump(now_ms=now_ms))
    made = datetime.fromtimestamp(found.copied_at_ms / 1000, UTC)
    return (
        f"The dump knows of nothing after {made:%Y-%m-%d %H:%M:%S} UTC. "
        f"{number_of(found.ended, 'waiting job')} ended, with their credits given back; {found.looked_up:,} will be "
        f"looked up at their providers; {found.followed:,} go on. Kinora may start."
    )


def _said(settings: Settings, target: Path, copied: Copied, *, with_files: bool) -> list[str]:
    size_mb = target.stat().st_size / 1e6
    lines = [
        f"{target}: {number_of(copied.jobs, 'job')}, {copied.open_jobs:,} of them open; {size_mb:,.1f} MB, checked.",
        "It holds secrets of this installation and what people wrote: keep it as you keep .env.",
    ]
    if copied.differences:
        lines.append(
            f"{copied.differences} balances differ from the ledger, here as in the original: see the log."
        )
    if with_files:
        lines.append("Not in it: .env.")
    else:
        lines.append(f"Not in it: .env, models.toml, and pictures and clips ({settings.blob_location}).")
    return lines


def _pack(settings: Settings, whole: Path, blobs: Path | None, now_ms: int) -> Copied:
    database = whole.with_name(f"{_NAME}.copy")
    database.touch(mode=0o600)
    copied = backups.copy(settings.database_path, database, now_ms=now_ms)
    with tarfile.open(whole, "w") as archive:
        archive.add(database, _NAME)
        own = settings.data_dir / "models.toml"
        if own.exists():
            archive.add(own, own.name)
        if blobs is not None:
            _add_blobs(archive, blobs)
    return copied


def _add_blobs(archive: tarfile.TarFile, blobs: Path) -> None:
    """After the database: what came since is more than it knows, and what is deleted meanwhile nobody needs."""
    for path in sorted(blobs.rglob("*")):
        name = path.relative_to(blobs)
        if name.parts[0] == "spool" or not path.is_file():
            continue
        try:
            archive.add(path, Path("blobs", name).as_posix())
        except FileNotFoundError:
            continue


def _folder_of_blobs(settings: Settings) -> Path | None:
    return None if "://" in settings.blob_location else Path(settings.blob_location)


@contextmanager
def _published(target: Path) -> Generator[Path]:
    """An empty file, which becomes `target` once the block has ended well, and only if nobody else took that name."""
    if target.exists():
        raise NotBackedUp(f"{target} exists already; name another file.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".kinora-backup-") as folder:
        path = Path(folder, target.name)
        path.touch(mode=0o600)
        yield path
        _sync(path, os.O_RDONLY)
        _claim(path, target)
    if sys.platform != "win32":  # where folders cannot be opened
        _sync(target.parent, os.O_RDONLY | os.O_DIRECTORY)


def _claim(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except FileExistsError:
        raise NotBackedUp(f"{target} exists already; name another file.") from None
    except OSError:  # a file system without second names
        path.rename(target)


def _sync(path: Path, flags: int) -> None:
    opened = os.open(path, flags)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
