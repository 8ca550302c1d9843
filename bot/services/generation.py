"""Accepting a request: check, price, reserve, queue. What is refused here has cost nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from bot.db import asks, jobs, offers
from bot.db.transaction import Database, Transaction
from bot.domain.catalogue import Choice
from bot.domain.errors import Refused
from bot.domain.jobs import Job, Origin
from bot.domain.money import Caps
from bot.domain.requests import Asked, Options, Picture, Value, VideoRequest
from bot.media.blobs import Blobs
from bot.media.errors import Fit, PictureRefused
from bot.media.images import Images
from bot.services.ports import Clock, Runner
from bot.services.routing import Routes

log = structlog.stdlib.get_logger(__name__)

MAX_PICTURE_BYTES = 10_000_000
OFFER_LASTS_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it was made: the options, and the pictures as they were sent."""

    options: Options
    image: bytes | None = None
    end_frame: bytes | None = None
    fit: Fit = Fit.REFUSE


class PictureNeedsFitting(Refused):
    """The picture's shape does not do, but it can be made to."""

    def __init__(self, reason: str, *, offer_id: int, remedies: Sequence[Fit]) -> None:
        super().__init__(reason)
        self.offer_id = offer_id
        self.remedies = tuple(remedies)


class _Offer(Value):
    options: Options
    image: str | None
    end_frame: str | None


class Generation:
    """Turns what people ask into queued jobs."""

    def __init__(
        self,
        *,
        db: Database,
        routes: Routes,
        images: Images,
        blobs: Blobs,
        clock: Clock,
        runner: Runner,
        defaults: Caps,
        queued: Callable[[], None],
    ) -> None:
        self._db = db
        self._routes = routes
        self._images = images
        self._blobs = blobs
        self._clock = clock
        self._runner = runner
        self._defaults = defaults
        self._queued = queued

    def check(self, options: Options, *, with_image: bool, with_end_frame: bool) -> None:
        """Refuse, before anything is fetched, what no provider at hand could make.

        Raises:
            NotExpressible: with the words for it.
        """
        stand_in = Picture(blob="0" * 64, media_type="image/png", width=1, height=1)
        image, end_frame = (stand_in if given else None for given in (with_image, with_end_frame))
        self._routes.check(VideoRequest.of(options, image=image, end_frame=end_frame))

    async def note(self, asked: Asked) -> None:
        """Write down what is about to be acknowledged, so that a crash does not forget it."""
        await self._db.write(asks.note(asked, now_ms=self._clock.now_ms()))

    async def forget(self, request_key: str) -> None:
        """What was noted has been refused, and the person knows."""
        await self._db.write(asks.forget(request_key))

    async def left(self) -> list[Asked]:
        """What an earlier process noted and did not get to."""
        return await self._db.read(asks.left())

    async def accept(self, origin: Origin, ask: Ask) -> Job:
        """Queue what was asked, or refuse it with nothing kept.

        Raises:
            Refused: one of its kinds, or `bot.media.errors.PictureRefused`; nothing was charged.
        """
        request = await self._request(origin, ask)
        choice = await self._routes.choose(origin.guild_id, request)
        return await self._queue(self._accepted(origin, request, choice))

    async def accept_offer(self, offer_id: int, fit: Fit, origin: Origin) -> Job:
        """Accept a request again whose picture needed fitting.

        Raises:
            OfferLapsed: it was taken, has lapsed, or is somebody else's.
            Refused: as `accept`.
        """
        now_ms = self._clock.now_ms()
        kept = await self._db.read(offers.look(offer_id, origin.guild_id, origin.user_id, now_ms=now_ms))
        offer = _Offer.model_validate_json(kept)
        ask = Ask(
            options=offer.options,
            image=await self._blobs.get(offer.image) if offer.image else None,
            end_frame=await self._blobs.get(offer.end_frame) if offer.end_frame else None,
            fit=fit,
        )
        request = await self._request(origin, ask)
        choice = await self._routes.choose(origin.guild_id, request)

        def redeemed() -> Transaction[jobs.Accepted]:
            yield from offers.take(offer_id, origin.guild_id, origin.user_id, now_ms=now_ms)
            return (yield from self._accepted(origin, request, choice))

        return await self._queue(redeemed())

    def _accepted(self, origin: Origin, request: VideoRequest, choice: Choice) -> Transaction[jobs.Accepted]:
        now_ms = self._clock.now_ms()
        request = request.model_copy(update={"quality": choice.spec.quality_of(request)})
        yield from asks.forget(origin.request_key)
        return (yield from jobs.accept(origin, request, choice, defaults=self._defaults, now_ms=now_ms))

    async def _queue(self, transaction: Transaction[jobs.Accepted]) -> Job:
        accepted = await self._db.write(transaction)
        job = accepted.job
        if accepted.is_new:
            log.info("accepted", job=job.id, guild=job.origin.guild_id, credits=job.credits)
            self._queued()
        return job

    async def cancel(self, job_id: int, *, guild_id: int, user_id: int, may_cancel_any: bool) -> Job:
        """End a job of one's own, or anybody's of the guild for who may.

        Returns the job: cancelled already if it was waiting, otherwise asked to end.

        Raises:
            NoSuchJob: there is none here, or it is not one's own.
            TooLateToCancel: it is rendered or has ended.
        """
        now_ms = self._clock.now_ms()
        owner = None if may_cancel_any else user_id
        job = await self._db.write(jobs.cancel(job_id, guild_id=guild_id, owner_id=owner, now_ms=now_ms))
        log.info("cancel requested", job=job.id, by=user_id, state=job.state)
        self._runner.wake(job.id)
        return job

    async def _request(self, origin: Origin, ask: Ask) -> VideoRequest:
        try:
            pictures = {
                name: await self._picture(data, ask.fit)
                for name, data in (("image", ask.image), ("end_frame", ask.end_frame))
                if data is not None
            }
        except PictureRefused as refusal:
            if not refusal.remedies:
                raise
            offer_id = await self._offer(origin, ask)
            raise PictureNeedsFitting(str(refusal), offer_id=offer_id, remedies=refusal.remedies) from refusal
        return VideoRequest.of(ask.options, **pictures)

    async def _picture(self, data: bytes, fit: Fit) -> Picture:
        picture = await self._images.normalise(data, fit=fit)
        blob = await self._blobs.put(picture.data, max_bytes=MAX_PICTURE_BYTES)
        return Picture(
            blob=blob.hash, media_type=picture.media_type, width=picture.width, height=picture.height
        )

    async def _offer(self, origin: Origin, ask: Ask) -> int:
        kept = {
            name: (await self._blobs.put(data, max_bytes=MAX_PICTURE_BYTES)).hash if data else None
            for name, data in (("image", ask.image), ("end_frame", ask.end_frame))
        }
        offer = _Offer(options=ask.options, image=kept["image"], end_frame=kept["end_frame"])
        now_ms = self._clock.now_ms()
        return await self._db.write(
            offers.make(
                origin.guild_id,
                origin.user_id,
                offer.model_dump_json(),
                lapses_at_ms=now_ms + OFFER_LASTS_MS,
                now_ms=now_ms,
            )
        )
