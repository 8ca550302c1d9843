"""What is opened before all else, and closed after it: the database, blobs, workers, connections to providers."""

import asyncio
import secrets
import string
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import structlog

from bot.clock import SystemClock
from bot.db import installation
from bot.db.errors import DatabaseLost
from bot.db.lock import FileLock
from bot.db.measured import MeasuredDatabase
from bot.db.opening import open_database
from bot.db.transaction import Database
from bot.disk import ensure_writable
from bot.media.archives import Archives
from bot.media.blobs import Blobs
from bot.media.buckets import Access
from bot.media.charts import Charts
from bot.media.clips import Clips
from bot.media.errors import StoreUnavailable
from bot.media.images import Images
from bot.media.moves import Moves
from bot.providers import registry
from bot.providers.download import Downloads
from bot.services.moves import SharedMoves
from bot.services.ports import Clock
from bot.settings import Settings, SettingsInvalid

if TYPE_CHECKING:
    from bot.db.postgres.database import Defer
    from bot.db.postgres.queue import Carrier

log = structlog.stdlib.get_logger(__name__)

_NAME_LENGTH = 6
_STORE_ANSWERS_WITHIN_S = 5.0
"""A start does not wait longer for a bucket that is away."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What is kept, and what reads and writes pictures and clips."""

    db: MeasuredDatabase
    blobs: Blobs
    images: Images
    clips: Clips
    charts: Charts
    archives: Archives
    installation: str
    callback_secret: str


@dataclass(frozen=True, slots=True)
class Wires:
    """What speaks to the world outside Discord."""

    session: aiohttp.ClientSession
    downloads: Downloads


async def open_carrier(settings: Settings, stack: AsyncExitStack, *, clock: Clock) -> "Carrier | None":
    """Open the queue of steps that several processes share; the stack closes it. None with SQLite.

    Raises:
        SettingsInvalid: `DATABASE_URL` cannot be understood.
        bot.db.errors.DatabaseUnusable, DatabaseUnavailable: the queue's tables cannot be used.
    """
    place = settings.database
    if isinstance(place, Path):
        return None
    from bot.db.postgres.queue import Carrier  # noqa: PLC0415 - psycopg need not be installed

    carrier = await Carrier.open(place.get_secret_value(), now_ms=clock.now_ms)
    stack.push_async_callback(carrier.close)
    return carrier


async def open_stores(settings: Settings, stack: AsyncExitStack, *, defer: "Defer | None" = None) -> Stores:
    """Open the stores; the stack closes them.

    Args:
        settings: Which and where.
        stack: Closes them.
        defer: Takes the ticks of what PostgreSQL commits.

    Raises:
        SettingsInvalid: the place for them cannot be used.
        bot.db.errors.DatabaseUnusable: the database cannot, or another process has this folder.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        ensure_writable(settings.data_dir)
    except OSError as error:
        raise SettingsInvalid(
            f"DATA_DIR is {settings.data_dir}, where nothing can be kept: {error.strerror}."
        ) from error
    ensure_not_lost(settings)
    if settings.is_shared:  # else the lock on the database's file is this one
        stack.callback(FileLock.acquire(settings.data_dir / "process.lock").release)
    db = MeasuredDatabase(await open_database(settings.database, defer=defer))
    stack.push_async_callback(db.close)
    blobs = _open_blobs(settings, SharedMoves(db=db, clock=SystemClock()) if settings.is_shared else None)
    if settings.is_shared:
        await ensure_one_place(db, blobs, settings.blob_location)
    return Stores(
        db=db,
        blobs=blobs,
        images=await stack.enter_async_context(Images()),
        clips=await stack.enter_async_context(Clips(room=settings.data_dir / "fitted")),
        charts=await stack.enter_async_context(Charts()),
        archives=await stack.enter_async_context(Archives()),
        installation=await db.write(installation.settle_on("name", _mint_name())),
        callback_secret=await db.write(installation.settle_on("callback secret", secrets.token_urlsafe(32))),
    )


async def open_wires(settings: Settings, stack: AsyncExitStack) -> Wires:
    """Open the connections to providers; the stack closes them."""
    return Wires(
        session=await stack.enter_async_context(registry.session()),
        downloads=await stack.enter_async_context(Downloads(trusted_hosts=settings.trusted_hosts)),
    )


def ensure_not_lost(settings: Settings) -> None:
    """Refuse to make SQLite's file where there was one: an empty one knows nobody's credits, nor what was paid for.

    Raises:
        DatabaseLost: it is not there, but its log is, or files of its jobs are in this machine's folder for them.
    """
    path, files = settings.database, settings.blob_location
    if not isinstance(path, Path) or path.exists():
        return
    if path.with_name(f"{path.name}-wal").exists():
        raise DatabaseLost
    if "://" not in files and any(Path(files).glob("[0-9a-f][0-9a-f]/*")):
        raise DatabaseLost


async def ensure_one_place(db: Database, blobs: Blobs, place: str) -> None:
    """Refuse another place for files than the processes of this installation have that were here before.

    What one keeps in a place of its own the others take for lost, and end or clear away what it belongs to.

    Raises:
        SettingsInvalid: it is another.
    """
    try:
        async with asyncio.timeout(_STORE_ANSWERS_WITHIN_S):
            mark = await db.read(installation.recall(installation.FILES)) or await _marked(db, blobs)
            is_theirs = await blobs.has_mark(mark)
    except (StoreUnavailable, TimeoutError):
        log.warning("not known whether all processes have one place for files", place=place)
        return
    if not is_theirs:
        raise SettingsInvalid(
            f"This installation keeps its pictures and clips elsewhere than in {place}: the file {mark} that lies beside "
            "them is not there. Set BLOB_URL to the same place for all processes, or copy everything from the other "
            "one, this file too. If all of it is lost, put an empty file of this name there."
        )


async def _marked(db: Database, blobs: Blobs) -> str:
    """Mark this place, unless somebody was quicker; returns the mark that holds."""
    minted = f"kinora-{secrets.token_hex(4)}"
    await blobs.mark(minted)
    mark = await db.write(installation.settle_on(installation.FILES, minted))
    if mark != minted:
        await blobs.take_mark_off(minted)
    return mark


def access(settings: Settings) -> Access:
    """What opens the bucket, if there is one."""
    secrets_given = (settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token)
    key_id, secret, token = (None if one is None else one.get_secret_value().strip() for one in secrets_given)
    return Access(settings.aws_endpoint_url, settings.aws_region, key_id, secret, token)


def _open_blobs(settings: Settings, moves: Moves | None) -> Blobs:
    try:
        return Blobs.open(
            settings.blob_location, spool=settings.data_dir / "spool", access=access(settings), moves=moves
        )
    except Exception as error:  # each kind of store has errors of its own
        raise SettingsInvalid(
            "BLOB_URL is not understood, or its store cannot be opened; leave it empty for a folder in DATA_DIR."
        ) from error


def _mint_name() -> str:
    """Short enough to stand in a nonce, random enough to be nobody else's."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_NAME_LENGTH))
