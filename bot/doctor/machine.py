"""What the bot needs of this machine: settings, disk, database, codecs, a port."""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from typing import Any, Literal, cast

from av.codec import Codec
from PIL import features

from bot.db import audit, backups, visit
from bot.db.errors import DatabaseFault, DatabaseMissing
from bot.domain.errors import CatalogueInvalid
from bot.domain.findings import Finding, doubt, fault, fine
from bot.engine import load_catalogue
from bot.media.blobs import Blobs
from bot.settings import Settings, SettingsInvalid

_ENOUGH_BYTES = 2_000_000_000


def look(settings: Settings) -> list[Finding]:
    """Everything but the port; it takes some seconds where the database is large."""
    looks = (_settings, _disk, _database, _files, _codecs)
    return [found for one in looks for found in one(settings)]


def _settings(settings: Settings) -> Iterator[Finding]:
    try:
        _ = settings.token
        catalogue = load_catalogue(settings)
    except (SettingsInvalid, CatalogueInvalid) as error:
        yield fault("Settings", str(error), "Correct .env; .env.example explains every line.")
        return
    yield fine("Settings", f"{', '.join(settings.provider_order)}; {len(catalogue.specs)} models.")
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
    if not folder.exists():
        yield doubt("Disk", f"{folder} is not there yet; the bot makes it.")
        return
    try:
        with (folder / ".kinora-doctor").open("wb") as file:
            file.write(b"\0")
        (folder / ".kinora-doctor").unlink()
    except OSError as error:
        yield fault(
            "Disk", f"{folder} cannot be written: {error.strerror}.", "Give the bot's user that folder."
        )
        return
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:,.1f} GB free in {folder}."
    yield (
        fine("Disk", words)
        if free > _ENOUGH_BYTES
        else doubt("Disk", words, "Make room, or set ORIGINALS_DAYS to keep clips for less long.")
    )


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        path = settings.database_path
        damage = visit.damage(path)
        wrong = visit.read(path, audit.discrepancies())
        jobs, open_jobs = visit.read(path, backups.tallied())
    except DatabaseMissing:
        yield doubt("Database", "there is none yet; the bot makes it when it first runs.")
    except (DatabaseFault, SettingsInvalid) as error:
        yield fault(
            "Database", str(error), "docs/operation.md says what to do, and how a backup is put back."
        )
    else:
        if damage is not None:
            yield fault("Database", f"it is damaged: {damage}.", "Put a backup back (docs/operation.md).")
        elif wrong:
            yield doubt(
                "Database", f"{wrong} balances differ from the ledger.", "Please report this as a bug."
            )
        else:
            yield fine("Database", f"sound, {jobs:,} jobs, {open_jobs:,} of them open; the books hold.")


def _files(settings: Settings) -> Iterator[Finding]:
    where = settings.blob_location
    try:
        asyncio.run(_list_one(where))
    except Exception as error:  # noqa: BLE001 - each kind of store has errors of its own
        yield fault("Files", f"{where} cannot be read ({type(error).__name__}).", "Correct BLOB_URL.")
    else:
        yield fine("Files", f"kept in {where}.")


async def _list_one(where: str) -> None:
    if "://" not in where:
        return  # opening would make the folder
    async for _ in Blobs.open(where).listed():
        break


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
    try:
        with socket.create_server((settings.web_host, settings.web_port)):
            return fine("Web server", f"{where} is free.")
    except OSError as error:
        found = fault if settings.wants_web_server else doubt
        return found(
            "Web server", f"{where} is not to be had: {error.strerror}.", "Set WEB_PORT to one that is free."
        )
