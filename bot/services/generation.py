"""Accepting a request: check, price, reserve, queue. What is refused here has cost nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog
from pydantic import ValidationError

from bot.db import asks, guilds, jobs, offers, paintings
from bot.db import blobs as uses
from bot.db.transaction import Database, Transaction
from bot.domain.begun import Begun
from bot.domain.errors import Blocked, NotExpressible, OfferLapsed, Refused
from bot.domain.jobs import ANYBODY, Asker, Job, Lineage, Origin
from bot.domain.limits import Limits
from bot.domain.requests import (
    Asked,
    MotionBrush,
    Options,
    Picture,
    Point,
    Shot,
    Stroke,
    Value,
    VideoRequest,
)
from bot.media.blobs import Blobs
from bot.media.errors import Fit, PictureRefused
from bot.media.images import Images
from bot.services.consent import Consent, Redeem, Wanted
from bot.services.gate import Gate
from bot.services.notices import Notices
from bot.services.paintings import PaintingLapsed, PaintingSent
from bot.services.pictures import Painted, Pictures
from bot.services.policy import Policy
from bot.services.ports import Clock, Runner
from bot.services.questions import NeedsConsent, NotYours
from bot.services.routing import Routes

log = structlog.stdlib.get_logger(__name__)

_V = TypeVar("_V", bound=Value)

OFFER_LASTS_MS = 3_600_000
BEGUN_LASTS_MS = 24 * 3_600_000
"""About as long as the CDN's links to its pictures."""

MAX_DURATION_S = 60
_STAND_IN = Picture(blob="0" * 64, media_type="image/png", width=1, height=1)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it was made: the options, and the pictures as they were sent."""

    options: Options
    image: bytes | Picture | None = None
    """As it was sent, or as it is kept already."""
    end_frame: bytes | Picture | None = None
    fit: Fit = Fit.REFUSE
    motion: Painted | MotionBrush | None = None
    """Painted on `image`, which is then there."""
    asker: Asker = ANYBODY


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
    lineage: Lineage | None = None


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
        notices: Notices,
        policy: Policy,
        gate: Gate,
        defaults: Limits,
        queued: Callable[[Job], None],
        stopping: Callable[[Job], None],
        let_go: Callable[[], None],
        has_page: bool = False,
    ) -> None:
        """`stopping` is told of a job that was asked to end; its card is to say so.

        `let_go` is called when pictures of a request that was refused may be needed no more.
        `has_page`: there is a page on which motion can be painted.
        """
        self._db = db
        self._routes = routes
        self._policy = policy
        self._gate = gate
        self._pictures = Pictures(images, blobs)
        self._blobs = blobs
        self._clock = clock
        self._runner = runner
        self._stopping = stopping
        self._let_go = let_go
        self.consent = Consent(
            db=db,
            routes=routes,
            clock=clock,
            notices=notices,
            policy=policy,
            gate=gate,
            defaults=defaults,
            queued=queued,
            let_go=let_go,
            has_page=has_page,
        )

    async def check(self, asked: Asked, *, is_doubtful: bool = False) -> Asked:
        """Refuse, before anything is fetched, what the server does not want and what no provider at hand could make.

        Returns the request in the language that the server has chosen. `is_doubtful`: perhaps nothing is asked for
        at all, so that moderators are not told of a refusal.

        Raises:
            Blocked, NotInThisChannel, NotAgeRestricted, ContentRefused: the server does not want it.
            NotExpressible, pydantic.ValidationError: with the words for it.
        """
        asked = await self.check_policy(asked, is_doubtful=is_doubtful)
        if asked.offer_id is None and asked.from_job_id is None:  # else options or pictures are elsewhere
            self._check_expressible(asked)
        return asked

    async def check_policy(self, asked: Asked, *, is_doubtful: bool = False) -> Asked:
        """Refuse what the server does not want, whoever could make it, and everything while nothing is taken.

        Raises:
            Blocked, NotInThisChannel, NotAgeRestricted, ContentRefused: it does not want it.
            NotTaking: the bot stops, or could keep nothing.
        """
        self._gate.ensure_taking()
        now_ms = self._clock.now_ms()
        terms = await self._db.read(guilds.known_terms(asked.guild_id, asked.user_id, now_ms=now_ms))
        if terms is not None and terms.block is not None:
            raise Blocked(until_ms=terms.block.until_ms, reason=terms.block.reason)
        return await self._policy.check(asked, is_doubtful=is_doubtful)

    def _check_expressible(self, asked: Asked) -> None:
        image, end_frame = (_STAND_IN if url else None for url in (asked.image_url, asked.end_frame_url))
        request = VideoRequest.of(
            asked.options,
            image=asked.image or image,
            end_frame=end_frame,
            motion=asked.motion or _stand_in_motion(asked),
        )
        self._routes.check(request)

    def check_storyboard(self, board: Begun) -> None:
        """Refuse, before its shots are written, what no provider at hand could make whatever they are.

        Raises:
            NotExpressible: with the words for it.
        """
        refusals: list[NotExpressible] = []
        for duration_s in self._routes.lengths_s:
            shots = (Shot(prompt="-", duration_s=duration_s),)
            options = board.options.model_copy(update={"duration_s": duration_s, "shots": shots})
            end_frame = _STAND_IN if board.end_frame_url else None
            try:
                self._routes.check(VideoRequest.of(options, image=_STAND_IN, end_frame=end_frame))
            except NotExpressible as refusal:
                refusals.append(refusal)
            else:
                return
        raise min(refusals, key=lambda refusal: len(refusal.problems))

    async def keep(self, guild_id: int, user_id: int, begun: Begun) -> int:
        """Keep for its member what is being put together; returns its number. A change is another one."""
        return await self._keep(guild_id, user_id, begun, BEGUN_LASTS_MS)

    async def begun(self, number: int, guild_id: int, user_id: int) -> Begun:
        """What was kept.

        Raises:
            NotYours: it was asked of somebody else, in a message that all can see.
            OfferLapsed: it has lapsed, or is somebody else's.
        """
        try:
            return await self._kept(Begun, number, guild_id, user_id)
        except OfferLapsed:
            kept = _begun_of(await self._db.read(offers.of_guild(number, guild_id)))
            if kept and kept.asked and kept.asked.user_id != user_id:
                raise NotYours from None
            raise

    async def note(self, asked: Asked) -> None:
        """Write down what is about to be acknowledged, so that a crash does not forget it.

        Raises:
            PaintingLapsed, PaintingSent: it was painted by a link that works no more.
        """
        await self._db.write(_noted(asked, now_ms=self._clock.now_ms()))

    async def forget(self, asked: Asked) -> None:
        """What was noted has been refused, and the person knows; if it was painted, it may be sent again."""
        await self._db.write(_forgotten(asked))

    async def is_noted(self, asked: Asked) -> bool:
        """Whether a request has neither become a job nor been refused."""
        return await self._db.read(asks.is_noted(asked.request_key))

    async def came_of(self, asked: Asked) -> Job | NeedsConsent | Asked | None:
        """The job that a request has become, the question that it waits for, itself while it is noted, else None.

        Raises:
            QuestionClosed: the question has been answered, or has lapsed.
        """
        return await self._db.read(self._came_of(asked))

    async def left(self) -> list[Asked]:
        """What an earlier process noted and did not get to."""
        return await self._db.read(asks.left())

    async def rehearse(self, origin: Origin, ask: Ask) -> None:
        """Find out whether a request would be refused; nothing comes of it.

        Raises:
            Refused: as `accept`, but for questions.
        """
        origin, request = await self._request(origin, ask)
        await self.consent.rehearse(Wanted(origin, request, ask.asker))

    async def paint(self, question: int, asked: Asked) -> NeedsConsent:
        """Put a request, whose motion was painted, in the place of the one that its member is asked about.

        Raises:
            QuestionClosed, QuestionPainted, PaintingLapsed, PaintingSent: the question, or the painting, is no longer open.
            Refused: another of its kinds; nothing has changed.
        """
        now_ms = self._clock.now_ms()
        return await self.consent.paint(question, asked, lambda: _sent(asked, now_ms=now_ms))

    async def accept(self, origin: Origin, ask: Ask) -> Job:
        """Queue what was asked, or refuse it with nothing kept.

        Raises:
            NeedsConfirmation, NeedsApproval: somebody has to agree first; the question is kept.
            Refused: another of its kinds, or `bot.media.errors.PictureRefused`; nothing was charged.
        """
        origin, request = await self._request(origin, ask)
        return await self._place(Wanted(origin, request, ask.asker))

    async def accept_offer(self, offer_id: int, fit: Fit, origin: Origin, asker: Asker = ANYBODY) -> Job:
        """Accept a request again whose picture needed fitting.

        Raises:
            OfferLapsed: it was taken, has lapsed, or is somebody else's.
            Refused: as `accept`.
        """
        now_ms = self._clock.now_ms()
        offer = await self._kept(_Offer, offer_id, origin.guild_id, origin.user_id)
        ask = Ask(
            options=offer.options,
            image=await self._blobs.get(offer.image) if offer.image else None,
            end_frame=await self._blobs.get(offer.end_frame) if offer.end_frame else None,
            fit=fit,
            asker=asker,
        )
        origin, request = await self._request(replace(origin, lineage=offer.lineage), ask)

        def redeem() -> Transaction[None]:
            return offers.take(offer_id, origin.guild_id, origin.user_id, now_ms=now_ms)

        return await self._place(Wanted(origin, request, asker), redeem)

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
        self._stopping(job)
        self._runner.wake(job.id)
        return job

    def _came_of(self, asked: Asked) -> Transaction[Job | NeedsConsent | Asked | None]:
        job = yield from jobs.of_request(asked.request_key)
        found = job or (yield from self.consent.asked(asked.request_key))
        if found is None and (yield from asks.is_noted(asked.request_key)):
            return asked
        return found

    async def _place(self, wanted: Wanted, redeem: Redeem | None = None) -> Job:
        """Queue a request. Whoever is refused all day long does not fill the disk with pictures."""
        try:
            return await self.consent.place(wanted, redeem)
        except Refused:
            blobs = [picture.blob for picture in wanted.request.pictures]
            await self._db.write(uses.spare(*blobs, at_ms=self._clock.now_ms()))
            self._let_go()
            raise

    async def _request(self, origin: Origin, ask: Ask) -> tuple[Origin, VideoRequest]:
        """The request as its server wants it."""
        origin, options = await self._policy.accept(origin, ask.options, ask.asker)
        try:
            request = await self._pictures.filled_in(
                options, image=ask.image, end_frame=ask.end_frame, motion=ask.motion, fit=ask.fit
            )
        except PictureRefused as refusal:
            if ask.motion:  # whose masks and paths are for the picture as it is
                raise refusal.without_remedies() from refusal
            if not refusal.remedies:
                raise
            offer_id = await self._offer(origin, ask)
            raise PictureNeedsFitting(str(refusal), offer_id=offer_id, remedies=refusal.remedies) from refusal
        return origin, request

    async def _offer(self, origin: Origin, ask: Ask) -> int:
        kept = {
            name: await self._pictures.keep_as_sent(picture) if picture else None
            for name, picture in (("image", ask.image), ("end_frame", ask.end_frame))
        }
        offer = _Offer(
            options=ask.options, image=kept["image"], end_frame=kept["end_frame"], lineage=origin.lineage
        )
        blobs = filter(None, kept.values())
        await self._db.write(uses.spare(*blobs, at_ms=self._clock.now_ms() + OFFER_LASTS_MS))
        return await self._keep(origin.guild_id, origin.user_id, offer, OFFER_LASTS_MS)

    async def _keep(self, guild_id: int, user_id: int, value: Value, lasts_ms: int) -> int:
        now_ms = self._clock.now_ms()
        lapses_at_ms = now_ms + lasts_ms
        return await self._db.write(
            offers.make(guild_id, user_id, value.model_dump_json(), lapses_at_ms=lapses_at_ms, now_ms=now_ms)
        )

    async def _kept(self, kind: type[_V], number: int, guild_id: int, user_id: int) -> _V:
        kept = await self._db.read(offers.look(number, guild_id, user_id, now_ms=self._clock.now_ms()))
        try:
            return kind.model_validate_json(kept)
        except (
            ValidationError
        ) as error:  # something else is kept under this number, or in another version's terms
            raise OfferLapsed from error


def _noted(asked: Asked, *, now_ms: int) -> Transaction[None]:
    if asked.painting_id is not None:
        yield from _sent(asked, now_ms=now_ms)
    yield from asks.note(asked, now_ms=now_ms)


def _sent(asked: Asked, *, now_ms: int) -> Transaction[None]:
    """Use its painting up."""
    assert asked.painting_id is not None
    kept = yield from paintings.look(asked.painting_id, now_ms=now_ms)
    if kept is None:
        raise PaintingLapsed
    if not kept.is_open:
        raise PaintingSent
    yield from paintings.send(asked.painting_id, now_ms=now_ms)


def _forgotten(asked: Asked) -> Transaction[None]:
    yield from asks.forget(asked.request_key)
    if asked.painting_id is None or asked.is_perhaps_made:
        return
    if (yield from offers.of_request(asked.request_key)) is None:  # else it has led to a question
        yield from paintings.reopen(asked.painting_id)


def _begun_of(kept: str | None) -> Begun | None:
    try:
        return Begun.model_validate_json(kept or "")
    except ValidationError:
        return None


def _stand_in_motion(asked: Asked) -> MotionBrush | None:
    if not asked.still_mask_url and not asked.paths:
        return None
    return MotionBrush(
        still=_STAND_IN if asked.still_mask_url else None,
        moving=tuple(
            Stroke(mask=_STAND_IN, path=tuple(Point(x=0, y=0) for _ in path)) for path in asked.paths
        ),
    )
