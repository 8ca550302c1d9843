"""What a job leaves for the next one: its pictures, or the last frame of its clip."""

from dataclasses import dataclass

from bot.db import jobs
from bot.db.transaction import Database
from bot.domain.errors import Refused
from bot.domain.jobs import Job, Relation
from bot.domain.requests import Asked, MotionBrush, Picture
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import NoSuchBlob
from bot.services.generation import Painted


class ClipGone(Refused):
    """The clip is not kept any more, so nothing can go on from it."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The pictures of a request: as they were sent, or as they are kept already."""

    image: bytes | Picture | None = None
    end_frame: bytes | Picture | None = None
    motion: Painted | MotionBrush | None = None


class Reuse:
    """Looks up what earlier jobs of a server left."""

    def __init__(self, *, db: Database, blobs: Blobs, clips: Clips) -> None:
        self._db = db
        self._blobs = blobs
        self._clips = clips

    async def filled_in(self, asked: Asked, given: Inputs) -> Inputs:
        """What came with a request, and for the rest what it takes from the job that it comes out of, if it does.

        Raises:
            NoSuchJob: there is no such job here.
            ClipGone: it goes on from a clip that is not kept.
        """
        if asked.from_job_id is None:
            return given
        job = await self._db.read(jobs.of_guild(asked.from_job_id, asked.guild_id))
        if asked.relation == Relation.EXTEND:
            return Inputs(await self.last_frame(job), given.end_frame)
        kept = job.request
        motion = kept.motion if given.image is None else None  # it was painted on that picture
        return Inputs(given.image or kept.image, given.end_frame or kept.end_frame, given.motion or motion)

    async def last_frame(self, job: Job) -> bytes:
        """The last frame of a job's clip, as a picture.

        Raises:
            ClipGone: it has none, or that is not kept.
        """
        try:
            if job.withdrawn_at_ms is None and job.clip is not None:
                async with self._blobs.path(job.clip) as path:
                    return await self._clips.poster(path, at="last")
            if job.withdrawn_at_ms is None and job.last_frame is not None:
                return await self._blobs.get(job.last_frame)
        except NoSuchBlob as gone:
            raise ClipGone from gone
        raise ClipGone
