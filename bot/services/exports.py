"""What is kept of a member in one server, as zip files that they can take along."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import structlog

from bot.db import exports, listings, places
from bot.db.exports import Spent
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Refused
from bot.domain.exports import Entry, Plan, planned
from bot.domain.jobs import Job, JobState
from bot.media.archives import Archive, Archives
from bot.media.blobs import Blobs
from bot.media.errors import NoSuchBlob, StoreUnavailable
from bot.services.export_files import MAX_JOBS, Held, described, files_of, readme, table
from bot.services.links import Link, Signer
from bot.services.originals import Original
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

ONCE_IN_MS = 600_000
LINK_LASTS_S = 24 * 3600
MAX_ENTRIES = 50_000
"""Of the ledger."""
MAX_PARTS = 10
MAX_PART_BYTES = 50 * 1024 * 1024
"""Each is sent in one request, which may take five minutes (discord.py)."""
MAX_LINKED_BYTES = 1_000_000_000

_PAGE = 500
_READ_BYTES = 1 << 20
_README_BYTES = 100_000
"""More than any takes: what was left out is named up to a bound."""
_MAX_BEING_MADE = 2


class TooSoon(Refused):
    """You have taken your data along just now; try again in some minutes."""

    def __init__(self, again_s: int) -> None:
        super().__init__()
        self.again_s = again_s
        """When it can be had again, seconds since 1970."""


class TooManyExports(Refused):
    """Too much data is being packed at the moment; try again in a minute."""


@dataclass(frozen=True, slots=True)
class Part:
    """A zip that is there until the next one is asked for."""

    number: int
    total: int
    path: Path
    left_out: int
    """How many files are in none of the zips."""


class Exports:
    """Gathers, packs and hands out. A member gets what is theirs in the server in which they ask."""

    def __init__(
        self,
        *,
        db: Database,
        blobs: Blobs,
        archives: Archives,
        clock: Clock,
        secret: str,
        public_url: str | None,
    ) -> None:
        """`secret` is the installation's; `public_url` None where the internet does not reach this bot."""
        self._db = db
        self._blobs = blobs
        self._archives = archives
        self._clock = clock
        self._signer = Signer("exports", secret=secret)
        self._public_url = public_url
        self._being_made = 0

    @asynccontextmanager
    async def begun(self, user_id: int) -> AsyncGenerator[None]:
        """Pack for a member within the block; what fails there may be tried again at once.

        Raises:
            TooSoon, TooManyExports: not now.
        """
        if self._being_made >= _MAX_BEING_MADE:
            raise TooManyExports
        self._being_made += 1
        try:
            await self._ensure_not_too_soon(user_id)
            try:
                yield
            except BaseException:
                await self._db.write(exports.again(user_id))
                raise
        finally:
            self._being_made -= 1

    async def gathered(self, guild_id: int, user_id: int) -> Held:
        """Everything that is kept of a member in a server."""
        jobs = await self._jobs(guild_id, user_id)
        entries: list[Entry] = []
        gone: list[str] = []
        for name, blob, at_ms in files_of(jobs, user_id):
            try:
                entries.append(Entry(name, blob, await self._blobs.size(blob), at_ms))
            except NoSuchBlob:
                gone.append(name)
        spent = await self._spent(guild_id, user_id)
        settings = await self._db.read(_settings(guild_id, user_id))
        texts = await self._archives.run(lambda _: _texts(jobs, spent, settings))
        return Held(jobs, entries, gone, texts)

    async def is_one_part(self, held: Held, part_bytes: int) -> bool:
        """Whether all of it fits one zip of `part_bytes`."""
        part_bytes = min(part_bytes, MAX_PART_BYTES)
        plan = await self._planned(held, part_bytes, most=1)
        return not plan.left_out and await self._taken_bytes(held) <= part_bytes

    async def parts(self, held: Held, part_bytes: int) -> AsyncGenerator[Part]:
        """Zips of at most `part_bytes`, each valid on its own, the newest files in the first.

        Raises:
            NoSuchBlob, StoreUnavailable: when the rest is not to be had.
        """
        plan = await self._planned(held, min(part_bytes, MAX_PART_BYTES), most=MAX_PARTS)
        total = len(plan.parts)
        for number in range(1, total + 1):
            async with _folder() as folder:
                path = folder / "part.zip"
                await self._pack(held, plan, number, path)
                yield Part(number, total, path, len(plan.left_out))

    async def linked(self, held: Held, user_id: int) -> tuple[Link, int] | None:
        """A link to all of it, and how many files are not in there; None where the internet does not reach this bot.

        Raises:
            NoSuchBlob, StoreUnavailable: when not all of it is to be had.
        """
        if self._public_url is None:
            return None
        plan = await self._planned(held, MAX_LINKED_BYTES, most=1)
        async with _folder() as folder:
            path = folder / "export.zip"
            await self._pack(held, plan, 1, path)
            blob = await self._blobs.put(_read(path), max_bytes=2 * MAX_LINKED_BYTES)
        now_ms = self._clock.now_ms()
        await self._db.write(exports.keep(user_id, blob.hash, now_ms=now_ms))
        expires_s = now_ms // 1000 + LINK_LASTS_S
        signature = self._signer.sign(blob.hash, expires_s)
        return Link(f"{self._public_url}/exports/{blob.hash}/{expires_s}/{signature}", expires_s), len(
            plan.left_out
        )

    async def found(self, blob: str, expires_s: int, signature: str) -> Original | None:
        """What a link leads to; None where it was not signed here, has expired, or what it led to is gone.

        Raises:
            StoreUnavailable: that cannot be told now; only to who has a link that was signed here.
        """
        is_ours = self._signer.knows(blob, expires_s, signature)
        if not is_ours or expires_s * 1000 <= self._clock.now_ms():
            return None
        if not await self._db.read(exports.is_kept(blob)):
            return None
        try:
            size_bytes = await self._blobs.size(blob)
        except NoSuchBlob:
            return None
        return Original(0, blob, size_bytes, "application/zip", "kinora-export.zip")

    async def _ensure_not_too_soon(self, user_id: int) -> None:
        now_ms = self._clock.now_ms()
        last_ms = await self._db.write(
            exports.begin(user_id, now_ms=now_ms, not_since_ms=now_ms - ONCE_IN_MS)
        )
        if last_ms is not None:
            raise TooSoon((last_ms + ONCE_IN_MS) // 1000)

    async def _planned(self, held: Held, part_bytes: int, *, most: int) -> Plan:
        """The first zip has the texts; they are few, so that all are planned as if they had them."""
        taken_bytes = await self._taken_bytes(held)
        return planned(held.entries, part_bytes=part_bytes, taken_bytes=taken_bytes, most=most)

    async def _taken_bytes(self, held: Held) -> int:
        return _README_BYTES + await self._archives.room_bytes(*held.texts.values())

    async def _pack(self, held: Held, plan: Plan, number: int, path: Path) -> None:
        try:
            async with self._archives.begun(path) as archive:
                await archive.say("README.txt", readme(held, plan, number), at_ms=held.at_ms)
                for name, text in held.texts.items() if number == 1 else ():
                    await archive.say(name, text, at_ms=held.at_ms)
                for entry in plan.parts[number - 1]:
                    await self._add(archive, entry)
        except OSError as fault:  # a full disk will have room again
            raise StoreUnavailable from fault

    async def _add(self, archive: Archive, entry: Entry) -> None:
        async with self._blobs.path(entry.blob) as path:
            await archive.add(entry.name, path, at_ms=entry.at_ms)

    async def _jobs(self, guild_id: int, user_id: int) -> list[Job]:
        found: list[Job] = []
        while len(found) < MAX_JOBS:
            before_id = found[-1].id if found else None
            page = await self._db.read(
                listings.older(guild_id, user_id, tuple(JobState), before_id, limit=_PAGE)
            )
            found += page
            if len(page) < _PAGE:
                break
        return found

    async def _spent(self, guild_id: int, user_id: int) -> list[Spent]:
        found: list[Spent] = []
        while len(found) < MAX_ENTRIES:
            after = found[-1] if found else None
            page = await self._db.read(exports.spent(guild_id, user_id, after, limit=_PAGE))
            found += page
            if len(page) < _PAGE:
                break
        return found


def _texts(jobs: Sequence[Job], spent: Sequence[Spent], settings: Mapping[str, object]) -> dict[str, str]:
    return {
        "jobs.json": json.dumps([described(job) for job in jobs], ensure_ascii=False, indent=1),
        "spending.csv": table(spent),
        "settings.json": json.dumps(settings, indent=1),
    }


@asynccontextmanager
async def _folder() -> AsyncGenerator[Path]:
    """A folder for zips, removed in a thread: a gigabyte takes its time."""
    folder = await asyncio.to_thread(TemporaryDirectory[str], prefix="kinora-export-")
    try:
        yield Path(folder.name)
    finally:
        await asyncio.shield(asyncio.to_thread(folder.cleanup))


def _settings(guild_id: int, user_id: int) -> Transaction[dict[str, object]]:
    allows_direct = yield from places.allows_direct(user_id)
    caps = yield from exports.caps(guild_id, user_id)
    return {"direct_messages": allows_direct, "caps_of_your_own": caps}


async def _read(path: Path) -> AsyncGenerator[bytes]:
    file = await asyncio.to_thread(_opened, path)
    with file:
        while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
            yield chunk


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")
