"""What a job leaves for the next one: its pictures, or the last frame of its clip."""

from dataclasses import dataclass

from bot.db import jobs
from bot.db.transaction import Database
from bot.domain.errors import Refused
from bot.domain.jobs import Job, JobState, Origin, Relation
from bot.domain.requests import Asked, MotionBrush, Picture, VideoRequest
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import NoSuchBlob, NotAVideo
from bot.services.pictures import Painted
from bot.services.routing import Routes

_STAND_IN = Picture(blob="0" * 64, media_type="image/jpeg", width=1, height=1)


class ClipGone(Refused):
    """The clip is not kept any more, so nothing can go on from it."""


class ClipWithdrawn(Refused):
    """This clip was deleted."""


class ClipUnclaimed(Refused):
    """No place took this clip; `/claim` posts it, then it can be extended."""


class NotADraft(Refused):
    """Only a draft has a final; this clip is one already."""


class OnlyForAdults(Refused):
    """This clip was made in an age-restricted channel; ask in one of those."""


class OnlyAmongThose(Refused):
    """This clip was asked for in a private thread; elsewhere only who asked for it may use it."""


class PicturesGone(Refused):
    """The pictures of this job are not kept any more; please send them again."""


class CannotBePainted(Refused):
    """No model at hand makes painted motion of this."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The pictures of a request: as they were sent, or as they are kept already."""

    image: bytes | Picture | None = None
    end_frame: bytes | Picture | None = None
    motion: Painted | MotionBrush | None = None


class Reuse:
    """Looks up what earlier jobs of a server left."""

    def __init__(self, *, db: Database, blobs: Blobs, clips: Clips, routes: Routes) -> None:
        self._db = db
        self._blobs = blobs
        self._clips = clips
        self._routes = routes

    async def check(self, asked: Asked) -> None:
        """Refuse what cannot come out of an earlier job, before anything is fetched; nothing for other requests.

        Raises:
            NoSuchJob, ClipWithdrawn, ClipUnclaimed, OnlyForAdults, OnlyAmongThose, ClipGone, NotADraft: of that job.
            NotExpressible, pydantic.ValidationError: nobody at hand could make it.
        """
        if asked.from_job_id is None:
            return
        job = await self._source(asked)
        if asked.relation == Relation.EXTEND and job.clip is None and job.last_frame is None:
            raise ClipGone
        self._routes.check(_expected(asked, job))

    async def filled_in(self, asked: Asked, given: Inputs) -> Inputs:
        """What came with a request, and for the rest what it takes from the job that it comes out of, if it does.

        Raises:
            NoSuchJob, ClipWithdrawn, ClipUnclaimed, OnlyForAdults, OnlyAmongThose, ClipGone, NotADraft,
                PicturesGone: of that job.
        """
        if asked.from_job_id is None:
            return given
        job = await self._source(asked)
        if asked.painting_id is not None:
            await self._ensure_kept(given)
            return given
        if asked.relation == Relation.EXTEND:
            return Inputs(await self.last_frame(job), given.end_frame)
        kept = job.request
        motion = kept.motion if given.image is None else None  # it was painted on that picture
        filled = Inputs(given.image or kept.image, given.end_frame or kept.end_frame, given.motion or motion)
        await self._ensure_kept(filled)
        return filled

    async def to_paint(self, asked: Asked) -> Asked:
        """A request for the picture of the job that it comes out of, which is to be painted on, with what was asked there.

        Raises:
            NoSuchJob, ClipWithdrawn, OnlyForAdults, OnlyAmongThose, PicturesGone: of that job.
            CannotBePainted: nobody at hand could make it.
        """
        request = (await self._source(asked)).request
        if request.image is None:
            raise PicturesGone
        await self._ensure_kept(Inputs(request.image))
        options = self._routes.to_paint(request)
        if options is None:
            raise CannotBePainted
        return asked.model_copy(update={"options": options, "image": request.image})

    async def last_frame(self, job: Job) -> bytes:
        """The last frame of a job's clip, as a picture.

        Raises:
            ClipWithdrawn: it was deleted.
            ClipGone: it has none, or that is not kept.
        """
        if job.withdrawn_at_ms is not None:
            raise ClipWithdrawn
        try:
            if job.clip is not None:
                async with self._blobs.path(job.clip) as path:
                    return await self._clips.poster(path, at="last")
            if job.last_frame is not None:
                return await self._blobs.get(job.last_frame)
        except (NoSuchBlob, NotAVideo) as gone:
            raise ClipGone from gone
        raise ClipGone

    async def _source(self, asked: Asked) -> Job:
        assert asked.from_job_id is not None
        job = await self._db.read(jobs.of_guild(asked.from_job_id, asked.guild_id))
        if job.withdrawn_at_ms is not None:
            raise ClipWithdrawn
        if job.origin.is_age_restricted and not asked.is_age_restricted:
            raise OnlyForAdults
        if _leaks(job.origin, asked):
            raise OnlyAmongThose
        if asked.relation == Relation.EXTEND and job.state is JobState.UNDELIVERABLE:
            raise ClipUnclaimed
        if asked.relation == Relation.FINAL and not job.request.draft:
            raise NotADraft
        return job

    async def _ensure_kept(self, inputs: Inputs) -> None:
        """A job whose pictures are gone is refused now, and not by its provider later."""
        motion = inputs.motion.masks if isinstance(inputs.motion, MotionBrush) else ()
        for picture in (inputs.image, inputs.end_frame, *motion):
            if isinstance(picture, Picture) and not await self._blobs.exists(picture.blob):
                raise PicturesGone


def _leaks(origin: Origin, asked: Asked) -> bool:
    """Whether somebody would show what another one asked for in private, in a place of other people."""
    return origin.is_private and asked.channel_id != origin.channel_id and asked.user_id != origin.user_id


def _expected(asked: Asked, job: Job) -> VideoRequest:
    """The request that it will be, with something in the place of pictures that are still to be fetched."""
    if asked.painting_id is not None:
        return VideoRequest.of(asked.options, image=asked.image, motion=asked.motion)
    end_frame = _STAND_IN if asked.end_frame_url else None
    if asked.relation == Relation.EXTEND:
        return VideoRequest.of(asked.options, image=_STAND_IN, end_frame=end_frame)
    kept = job.request
    return VideoRequest.of(
        asked.options,
        image=_STAND_IN if asked.image_url else kept.image,
        end_frame=end_frame or kept.end_frame,
        motion=None if asked.image_url else kept.motion,
    )
