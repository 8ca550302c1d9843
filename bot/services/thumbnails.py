"""The small pictures that cards and lists show: what a clip starts from, or a frame of it."""

import asyncio
from collections.abc import Sequence

import structlog

from bot.domain.jobs import Job
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import MediaError
from bot.media.images import Images

log = structlog.stdlib.get_logger(__name__)

_AT_ONCE = 4
"""A picture has up to 10 MB, which are held while it waits to be made smaller."""


class Thumbnails:
    """Makes them anew each time: they are uploaded once, and Discord keeps them."""

    def __init__(self, *, blobs: Blobs, images: Images, clips: Clips) -> None:
        self._blobs = blobs
        self._images = images
        self._clips = clips
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def of(self, job: Job) -> bytes | None:
        """The picture that a job's clip starts from, as a small JPEG; None where there is none, or none any more.

        Where the clip was deleted, so is it.
        """
        picture = job.request.image
        if picture is None or job.withdrawn_at_ms is not None:
            return None
        try:
            async with self._places:
                return await self._images.thumbnail(await self._blobs.get(picture.blob))
        except MediaError as fault:
            log.info("no thumbnail", job=job.id, reason=str(fault))
            return None

    async def of_all(self, jobs: Sequence[Job]) -> list[bytes | None]:
        """One for each, made at the same time: of the picture that it starts from, else of its clip."""
        return await asyncio.gather(*map(self._of_any, jobs))

    async def _of_any(self, job: Job) -> bytes | None:
        if job.request.image is not None or job.withdrawn_at_ms is not None:
            return await self.of(job)
        try:
            async with self._places:
                frame = await self._frame(job)
                return None if frame is None else await self._images.thumbnail(frame)
        except MediaError as fault:
            log.info("no thumbnail", job=job.id, reason=str(fault))
            return None

    async def _frame(self, job: Job) -> bytes | None:
        if job.clip is not None:
            async with self._blobs.path(job.clip) as path:
                return await self._clips.poster(path)
        return None if job.last_frame is None else await self._blobs.get(job.last_frame)
