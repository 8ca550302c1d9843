"""The small pictures that cards show: what a clip starts from."""

import structlog

from bot.domain.jobs import Job
from bot.media.blobs import Blobs
from bot.media.errors import MediaError, PictureRefused
from bot.media.images import Images

log = structlog.stdlib.get_logger(__name__)


class Thumbnails:
    """Makes them anew each time: they are uploaded once, and Discord keeps them."""

    def __init__(self, *, blobs: Blobs, images: Images) -> None:
        self._blobs = blobs
        self._images = images

    async def of(self, job: Job) -> bytes | None:
        """The picture that a job's clip starts from, as a small JPEG; None where there is none, or none any more."""
        picture = job.request.image
        if picture is None:
            return None
        try:
            return await self._images.thumbnail(await self._blobs.get(picture.blob))
        except (MediaError, PictureRefused) as fault:
            log.info("no thumbnail", job=job.id, reason=str(fault))
            return None
