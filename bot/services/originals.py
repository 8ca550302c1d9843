"""Clips as they were made: by a signed link where the internet reaches this bot, else cut into parts."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from bot.db import jobs
from bot.db.transaction import Database
from bot.domain.errors import NoSuchJob, Refused
from bot.domain.jobs import Job, JobState
from bot.media.blobs import Blobs
from bot.media.errors import NoSuchBlob, StoreUnavailable
from bot.services.links import Link, Signer
from bot.services.ports import Clock

LINK_LASTS_S = 24 * 3600
_MAX_JOB_ID = 2**63
_HEAD_BYTES = 12


class OriginalGone(Refused):
    """The original of this clip is not kept any more."""


class Unclaimed(Refused):
    """No place took this clip; `/claim` posts it, then its original can be had."""


class NoOriginal(Refused):
    """There is no clip of this job."""


@dataclass(frozen=True, slots=True)
class Original:
    """A clip as its provider made it."""

    job_id: int
    blob: str
    """SHA-256 in hex."""
    size_bytes: int
    media_type: str
    filename: str


class Originals:
    """Finds originals, signs links to them and cuts them up. Who may have one is for the caller to decide."""

    def __init__(
        self, *, db: Database, blobs: Blobs, clock: Clock, secret: str, public_url: str | None
    ) -> None:
        """`secret` is the installation's; `public_url` None where the internet does not reach this bot."""
        self._db = db
        self._blobs = blobs
        self._clock = clock
        self._signer = Signer("originals", secret=secret)
        self._public_url = public_url

    async def job(self, job_id: int, guild_id: int) -> Job:
        """One job of a guild.

        Raises:
            NoSuchJob: there is none of this number here.
        """
        return await self._db.read(jobs.of_guild(job_id, guild_id))

    async def of(self, job: Job) -> Original:
        """The original of a job.

        Raises:
            NoOriginal: its clip was not made, or not yet.
            Unclaimed: no place took it, and it is paid for when it is claimed.
            OriginalGone: it was deleted, or kept for long enough.
            StoreUnavailable: that cannot be told now.
        """
        if job.clip is None and job.clip_bytes is None:
            raise NoOriginal
        if job.state is JobState.DELIVERING:  # it may yet turn out to be one that no place takes
            raise NoOriginal
        if job.state is JobState.UNDELIVERABLE:
            raise Unclaimed
        if job.clip is None or job.withdrawn_at_ms is not None:
            raise OriginalGone
        try:
            size_bytes = await self._blobs.size(job.clip)
            head = b"".join(
                [chunk async for chunk in self._blobs.stream(job.clip, end=min(size_bytes, _HEAD_BYTES))]
            )
        except NoSuchBlob as gone:
            raise OriginalGone from gone
        media_type, suffix = _kind(head)
        return Original(job.id, job.clip, size_bytes, media_type, f"kinora-{job.id}.{suffix}")

    def link(self, original: Original) -> Link | None:
        """A link that works for a day; None where the internet does not reach this bot."""
        if self._public_url is None:
            return None
        expires_s = self._clock.now_ms() // 1000 + LINK_LASTS_S
        signature = self._signer.sign(original.job_id, expires_s)
        return Link(f"{self._public_url}/originals/{original.job_id}/{expires_s}/{signature}", expires_s)

    async def linked(self, job_id: int, expires_s: int, signature: str) -> Original | None:
        """What a link leads to; None where it was not signed here, has expired, or what it led to is gone.

        Raises:
            StoreUnavailable: that cannot be told now; only to who has a link that was signed here.
        """
        is_ours = self._signer.knows(job_id, expires_s, signature)
        if not is_ours or expires_s * 1000 <= self._clock.now_ms() or job_id >= _MAX_JOB_ID:
            return None
        try:
            return await self.of(await self._db.read(jobs.get(job_id)))
        except (NoSuchJob, NoOriginal, OriginalGone, Unclaimed):
            return None

    def stream(self, blob: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes of an original from `start` to before `end`.

        Raises:
            NoSuchBlob, StoreUnavailable: when they are not to be had any more.
        """
        return self._blobs.stream(blob, start=start, end=end)

    async def parts(self, original: Original, part_bytes: int) -> AsyncGenerator[Path]:
        """Files of `part_bytes`, the last one smaller, that are the original if they are joined; each until the next.

        Raises:
            NoSuchBlob, StoreUnavailable: when the rest is not to be had.
        """
        for start in range(0, original.size_bytes, part_bytes):
            end = min(start + part_bytes, original.size_bytes)
            try:
                with TemporaryDirectory(prefix="kinora-part-") as folder:
                    path = Path(folder, "part")
                    await self._write(original, start, end, path)
                    yield path
            except OSError as fault:  # a full disk will have room again
                raise StoreUnavailable from fault

    async def _write(self, original: Original, start: int, end: int, path: Path) -> None:
        file = await asyncio.to_thread(_created, path)
        with file:
            async for chunk in self.stream(original.blob, start, end):
                await asyncio.to_thread(file.write, chunk)


def _created(path: Path) -> BinaryIO:
    return path.open("xb")


def _kind(head: bytes) -> tuple[str, str]:
    """The media type and the file name's ending, by how the file begins."""
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm", "webm"
    if head[4:].startswith(b"ftypqt"):
        return "video/quicktime", "mov"
    return "video/mp4", "mp4"
