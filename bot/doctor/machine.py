"""What the bot needs of this machine: settings, disk, database, codecs, a port."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

from av.codec import Codec
from PIL import features

from bot.db import audit, backups, blobs, opening, visit
from bot.db.errors import DatabaseFault, DatabaseLost, DatabaseMissing
from bot.disk import ensure_writable, nearest
from bot.domain.errors import CatalogueInvalid
from bot.domain.findings import Finding, doubt, fault, fine, number_of
from bot.engine import load_catalogue
from bot.listening import webhook_key
from bot.media import buckets
from bot.media.blobs import file_of
from bot.services.room import PLENTY, least_free_bytes
from bot.settings import Settings, SettingsInvalid
from bot.stores import access, ensure_not_lost

_FILES_LOOKED_AT = 300


def look(settings: Settings) -> list[Finding]:
    """Everything but the port; it takes some seconds where the database is large."""
    looks = (_settings, _disk, _database, _files, _codecs)
    return [found for one in looks for found in one(settings)]


def _settings(settings: Settings) -> Iterator[Finding]:
    try:
        _ = settings.token, webhook_key(settings)
        catalogue = load_catalogue(settings)
    except (SettingsInvalid, CatalogueInvalid) as error:
        yield fault("Settings", str(error), "Correct .env; .env.example explains every line.")
        return
    yield fine(
        "Settings", f"{', '.join(settings.provider_order)}; {number_of(len(catalogue.specs), 'model')}."
    )
    if not settings.owner_ids:
        yield doubt(
            "Owner", "nobody may use /owner, /drain and /doctor.", "Set OWNER_IDS to your id on Discord."
        )
    if settings.public_url and settings.metrics_token is None:
        yield doubt(
            "Metrics",
            "/metrics is open to whoever reaches PUBLIC_URL.",
            "Set METRICS_TOKEN, or close /metrics in the proxy.",
        )


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    try:
        near = nearest(folder)
        ensure_writable(near)
    except OSError as error:
        yield fault("Disk", f"{folder} cannot be written: {error.strerror}.", _advice(error, "DATA_DIR"))
        return
    if near != folder:
        yield doubt("Disk", f"{folder} is not there yet; the bot makes it.")
    free = least_free_bytes([nearest(one) for one in _kept_in(settings)])
    if free is not None:
        yield _room(free, settings)


def _kept_in(settings: Settings) -> tuple[Path, ...]:
    try:
        return settings.kept_in
    except SettingsInvalid:  # which is said of the database
        return (settings.data_dir,)


def _room(free: int, settings: Settings) -> Finding:
    words = f"{free / 1e9:,.1f} GB free where {settings.data_dir} and the files are kept."
    if free < settings.disk_reserve_bytes:
        less = f"{words[:-1]}, less than DISK_RESERVE_MB ({settings.disk_reserve_mb:,} MB): no clip is begun."
        return fault("Disk", less, "Make room, or lower DISK_RESERVE_MB.")
    if free < PLENTY * settings.disk_reserve_bytes:
        return doubt("Disk", words, "Make room, or set ORIGINALS_DAYS to keep clips for less long.")
    return fine("Disk", words)


def _advice(error: OSError, setting: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Make room there."
    if error.errno == errno.EROFS:
        return f"Mount it so that it can be written, or set {setting} to another folder."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"A file is in the way: set {setting} to a folder."
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Give the bot's user that folder."
    return f"Look after that disk, or set {setting} to another folder."


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        place = settings.database
        damage = visit.damage(place) if isinstance(place, Path) else None
        wrong = opening.look(place, audit.discrepancies())
        jobs, open_jobs = opening.look(place, backups.tallied())
    except DatabaseMissing:
        yield _missing(settings)
    except (DatabaseFault, SettingsInvalid) as error:
        yield fault(
            "Database", str(error), "docs/operation.md says what to do, and how a backup is put back."
        )
    else:
        if damage is not None:
            yield fault("Database", f"it is damaged: {damage}.", "Put a backup back (docs/operation.md).")
        elif wrong:
            yield doubt(
                "Database",
                f"{number_of(wrong, 'balance')} not as in the ledger.",
                "Please report this as a bug.",
            )
        else:
            yield fine(
                "Database", f"sound, {number_of(jobs, 'job')}, {open_jobs:,} of them open; the books hold."
            )


def _missing(settings: Settings) -> Finding:
    path = settings.database
    if isinstance(path, Path) and opening.is_owned(path):
        words = f"a bot runs, but {path} was deleted or moved away from it."
        return fault(
            "Database", words, "Stop the bot, and put the file or a backup back (docs/operation.md)."
        )
    try:
        ensure_not_lost(settings)
    except DatabaseLost as lost:
        return fault("Database", str(lost), "docs/operation.md says how a backup is put back.")
    return doubt("Database", "there is none yet; the bot makes it when it first runs.")


def _files(settings: Settings) -> Iterator[Finding]:
    where = settings.blob_location
    if "://" not in where:
        yield _folder_of_files(Path(where), settings)
        return
    try:
        trouble = asyncio.run(buckets.trouble(buckets.opened(where, access(settings))))
    except Exception as error:  # noqa: BLE001 - each kind of store has errors of its own
        yield fault("Files", f"{where} is not understood ({type(error).__name__}).", "Correct BLOB_URL.")
        return
    if trouble:
        yield fault(
            "Files", f"{where} {trouble}.", "Correct BLOB_URL, the AWS_ variables, or what they may do."
        )
    else:
        yield fine("Files", f"kept in {where}, which can be written, read and cleared.")


def _folder_of_files(folder: Path, settings: Settings) -> Finding:
    """Not opened, for that would make it."""
    try:
        ensure_writable(nearest(folder))
    except OSError as error:
        return fault(
            "Files", f"{folder} cannot be written: {error.strerror}.", _advice(error, "BLOB_URL or DATA_DIR")
        )
    named = _newest_named(settings)
    missing = sum(not file_of(folder, blob).is_file() for blob in named)
    if missing:
        words = f"{missing:,} of the {len(named):,} newest pictures and clips are not in {folder}."
        return doubt("Files", words, "Correct BLOB_URL, or put the files back (docs/operation.md).")
    return fine("Files", f"kept in {folder}.")


def _newest_named(settings: Settings) -> list[str]:
    try:
        return opening.look(settings.database, blobs.newest(limit=_FILES_LOOKED_AT))
    except (DatabaseFault, SettingsInvalid):
        return []  # which was said


def _codecs(settings: Settings) -> Iterator[Finding]:
    del settings
    missing = [name for name in ("h264", "png") if not _has(name, "r")]
    if not _has("libx264", "w"):
        missing.append("libx264")
    if not cast("Any", features).check("freetype2"):
        missing.append("fonts")
    if missing:
        yield fault("Codecs", f"without {', '.join(missing)}.", "Install the locked dependencies: `make`.")
    else:
        yield fine("Codecs", "pictures, clips and fonts can be read and written.")


def _has(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        Codec(name, mode)
    except ValueError:  # av's UnknownCodecError is one
        return False
    return True


def port(settings: Settings, *, is_running: bool) -> Finding:
    """Whether the web server has, or could have, its port."""
    where = f"{settings.web_host}:{settings.web_port}"
    if is_running:
        return fine("Web server", f"{where} is the running bot's.")
    family = socket.AF_INET6 if ":" in settings.web_host else socket.AF_INET
    try:
        with socket.create_server((settings.web_host, settings.web_port), family=family):
            return fine("Web server", f"{where} is free.")
    except OSError as error:
        found = fault if settings.wants_web_server else doubt
        if error.errno == errno.EADDRINUSE:
            return found("Web server", f"Another program has {where}.", "Set WEB_PORT to one that is free.")
        reason, _, _ = str(error.strerror).partition(" (while ")  # Python repeats the address
        return found("Web server", f"{where} is not to be had: {reason}.", "Correct WEB_HOST or WEB_PORT.")
