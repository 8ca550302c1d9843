"""Paintings: requests whose motion a member paints on a page, from the link to the request that comes back.

A link is the number under which the request is kept, a moment and an HMAC of both, with a key that is derived from a secret
of the installation. It is given to one member, privately; whoever has it can paint in their name until it was sent.
"""

import asyncio
import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import ValidationError

from bot.db import asks, jobs, offers, paintings
from bot.db import blobs as uses
from bot.db.transaction import Database
from bot.domain.catalogue import Catalogue, Choice
from bot.domain.errors import Refused
from bot.domain.jobs import Job
from bot.domain.painting import (
    STAND_IN,
    Drawing,
    PaintingUnclear,
    Unable,
    able,
    ensure_clear,
    exclusions,
    simplified,
    unable,
)
from bot.domain.requests import Asked, MotionBrush, Options, Picture, Stroke, Value, VideoRequest
from bot.language import tr
from bot.media.blobs import Blobs
from bot.media.errors import MaskRefused, PictureRefused
from bot.media.facts import NormalisedPicture
from bot.media.images import Images
from bot.media.shape import Size
from bot.services.originals import Link
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.services.ports import Clock
from bot.services.questions import Question
from bot.services.routing import Routes

LINK_LASTS_S = 1800
MAX_OPEN = 10
"""Links of one member that wait to be used; with each a picture is kept."""

_AT_ONCE = 2
"""Drawings whose masks are being read."""
_PURPOSE = b"links to paintings"
_TOKEN = re.compile(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,11})\.([A-Za-z0-9_-]{43})")


class NoSuchPainting(Refused):
    """This link leads nowhere."""


class PaintingLapsed(Refused):
    """This link has lapsed: it works for half an hour. Ask for another one in Discord."""


class PaintingSent(Refused):
    """What was painted here was sent already; in Discord you see what has become of it."""


class TooManyPaintings(Refused):
    """You have as many links to paint as one can have; use one of them, or wait until they lapse."""


class BeingSent(Refused):
    """What you painted is just being sent."""


class Painting(Value):
    """A request whose motion is yet to be painted, as it is kept."""

    asked: Asked
    """With its picture."""
    language: str
    """Of the member who paints it."""
    question_id: int | None = None
    """The question in whose request it is to be painted; None where the request is yet to be made."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A painting whose link was shown."""

    number: int
    expires_s: int
    painting: Painting

    @property
    def picture(self) -> Picture:
        """What is painted on."""
        assert self.painting.asked.image is not None  # `begin` has seen to it
        return self.painting.asked.image


@dataclass(frozen=True, slots=True)
class Facts:
    """What a member is told before they paint."""

    request: VideoRequest
    seconds_left: int
    choices: Sequence[Choice]
    """Who can make it at which price, the first one if nobody says."""
    unable: Sequence[Unable]
    notes: Sequence[str]


class Fate(Enum):
    """What has become of what was sent."""

    MADE = "made"  # it is a job
    ASKED = "asked"  # somebody has to agree to it, in Discord
    REFUSED = "refused"  # nothing was charged, and it may be sent again
    BUSY = "busy"  # likewise: it is being sent at this moment
    LATER = "later"  # likewise: not now
    GONE = "gone"  # it was sent already, or has lapsed


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a drawing."""

    fate: Fate
    said: str
    """In the member's language, without Discord's markup."""
    job_id: int | None = None
    price: int | None = None
    """What it costs by now, in credits, where that is more than the page showed, and it was refused for that."""


class Paintings:
    """Keeps requests that are to be painted, signs the links to them, and puts into them what was drawn."""

    def __init__(
        self,
        *,
        db: Database,
        blobs: Blobs,
        images: Images,
        catalogue: Catalogue,
        routes: Routes,
        clock: Clock,
        secret: str,
        public_url: str | None,
    ) -> None:
        """`secret` is the installation's; `public_url` None where the internet does not reach this bot."""
        self._db = db
        self._blobs = blobs
        self._images = images
        self._catalogue = catalogue
        self._routes = routes
        self._clock = clock
        self._key = hmac.digest(secret.encode(), _PURPOSE, "sha256")
        self._public_url = public_url
        self._places = asyncio.Semaphore(_AT_ONCE)

    @property
    def has_page(self) -> bool:
        """Whether there can be links."""
        return self._public_url is not None

    async def begin(self, asked: Asked, picture: bytes, *, language: str) -> Link:
        """Keep a request with the picture that was sent for it; the link for its member works for half an hour.

        Raises:
            PictureRefused: it does not do as it is; what is painted on must not be changed any more.
            TooManyPaintings: not before some are used or lapse.
        """
        await self._ensure_few(asked.user_id)
        try:
            sound = await self._images.normalise(picture)
        except PictureRefused as refusal:
            raise refusal.without_remedies() from refusal
        blob = await self._blobs.put(sound.data, max_bytes=MAX_PICTURE_BYTES)
        image = Picture(blob=blob.hash, media_type=sound.media_type, width=sound.width, height=sound.height)
        return await self._keep(Painting(asked=asked.model_copy(update={"image": image}), language=language))

    async def begin_on(self, number: int, question: Question, *, language: str) -> Link:
        """Likewise for the request of a question, which is to be asked anew once its motion is painted.

        Raises:
            TooManyPaintings: not before some are used or lapse.
        """
        await self._ensure_few(question.origin.user_id)
        return await self._keep(Painting(asked=_asked_of(question), language=language, question_id=number))

    async def open(self, token: str) -> Opened:
        """What a link leads to.

        Raises:
            NoSuchPainting: it was not signed here.
            PaintingLapsed, PaintingSent: it leads there no more.
        """
        number, expires_s = self._verified(token)
        now_ms = self._clock.now_ms()
        if expires_s * 1000 <= now_ms:
            raise PaintingLapsed
        kept = await self._db.read(paintings.look(number, now_ms=now_ms))
        painting = _understood(kept.text) if kept else None
        if kept is None or painting is None:  # its member was forgotten, or its server left
            raise PaintingLapsed
        if not kept.is_open:
            raise PaintingSent
        return Opened(number, expires_s, painting)

    async def picture(self, opened: Opened) -> bytes:
        """The picture to be painted on.

        Raises:
            NoSuchBlob, StoreUnavailable: it is not to be had.
        """
        return await self._blobs.get(opened.picture.blob)

    async def facts(self, opened: Opened) -> Facts:
        """What its member is told before they paint, in the language that is spoken here."""
        request = _request_of(opened.painting.asked)
        choices = await self._choices(opened.painting.asked)
        return Facts(
            request,
            max(0, opened.expires_s - self._clock.now_ms() // 1000),
            choices,
            unable(self._catalogue, request),
            exclusions(choices),
        )

    async def drawn(self, opened: Opened, drawing: Drawing) -> Asked:
        """The request with its motion; the masks are kept for it.

        Raises:
            PaintingUnclear, PictureRefused, ValidationError: nothing can be made of it; the words say why.
        """
        picture = opened.picture
        ensure_clear(drawing, width=picture.width, height=picture.height)
        asked = await self._chosen(opened.painting.asked, drawing)
        most = await self._most_points(asked)
        paths = [
            await asyncio.to_thread(
                simplified, part.path, width=picture.width, height=picture.height, most=most
            )
            for part in drawing.moving
        ]
        async with self._places:
            masks = [await self._mask(name, mask, picture) for name, mask in drawing.masks]
        still = masks.pop(0) if drawing.still is not None else None
        strokes = [Stroke(mask=mask, path=path) for mask, path in zip(masks, paths, strict=True)]
        motion = MotionBrush(still=still, moving=tuple(strokes))
        return asked.model_copy(update={"motion": motion, "painting_id": opened.number})

    async def let_go(self, asked: Asked) -> None:
        """Nothing comes of what was drawn: its masks are needed no more."""
        masks = asked.motion.masks if asked.motion else ()
        await self._db.write(uses.spare(*(mask.blob for mask in masks), at_ms=self._clock.now_ms()))

    async def reopen(self, number: int) -> None:
        """What was sent was refused after all: it may be sent again."""
        await self._db.write(paintings.reopen(number))

    async def job_of(self, asked: Asked) -> Job | None:
        """The job that a request has become."""
        return await self._db.read(jobs.of_request(asked.request_key))

    async def is_under_way(self, asked: Asked) -> bool:
        """Whether a request has neither become a job nor been refused."""
        return await self._db.read(asks.is_noted(asked.request_key))

    async def _ensure_few(self, user_id: int) -> None:
        if await self._db.read(paintings.open_of(user_id, now_ms=self._clock.now_ms())) >= MAX_OPEN:
            raise TooManyPaintings

    async def _keep(self, painting: Painting) -> Link:
        asked, now_ms = painting.asked, self._clock.now_ms()
        expires_s = now_ms // 1000 + LINK_LASTS_S
        lapses_at_ms = expires_s * 1000
        if asked.image is not None:
            await self._db.write(uses.spare(asked.image.blob, at_ms=lapses_at_ms))
        number = await self._db.write(
            offers.make(
                asked.guild_id,
                asked.user_id,
                painting.model_dump_json(),
                lapses_at_ms=lapses_at_ms,
                now_ms=now_ms,
            )
        )
        token = f"{number}.{expires_s}.{self._signature(number, expires_s)}"
        return Link(f"{self._public_url}/paint/{token}", expires_s)

    def _verified(self, token: str) -> tuple[int, int]:
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            raise NoSuchPainting
        number, expires_s = int(parts[1]), int(parts[2])
        is_ours = hmac.compare_digest(self._signature(number, expires_s), parts[3])
        if not is_ours:
            raise NoSuchPainting
        return number, expires_s

    def _signature(self, number: int, expires_s: int) -> str:
        digest = hmac.digest(self._key, f"{number} {expires_s}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    async def _choices(self, asked: Asked) -> list[Choice]:
        return able(self._catalogue, await self._routes.wishes(asked.guild_id), _request_of(asked))

    async def _chosen(self, asked: Asked, drawing: Drawing) -> Asked:
        """The request with what was written and chosen on the page."""
        changed: dict[str, Any] = {}
        if drawing.prompt is not None:
            changed["prompt"] = drawing.prompt.strip()
        if drawing.model is not None:
            offered = {(one.spec.provider, one.spec.id) for one in await self._choices(asked)}
            if (drawing.provider, drawing.model) not in offered:
                raise PaintingUnclear(tr("This model cannot make it any more; choose another one."))
            changed |= {"provider": drawing.provider, "model": drawing.model}
        options = Options.model_validate({**dict(asked.options), **changed})
        return asked.model_copy(update={"options": options})

    async def _most_points(self, asked: Asked) -> int:
        """How long a path may be for whoever makes it."""
        choices = await self._choices(asked)
        if not choices:
            raise PaintingUnclear(tr("No model at hand can make this any more; ask again in Discord."))
        return choices[0].spec.path_points[1]

    async def _mask(self, name: str, data: bytes, picture: Picture) -> Picture:
        size = Size(picture.width, picture.height)
        like = NormalisedPicture(b"", picture.media_type, picture.width, picture.height, sent=size)
        try:
            mask = await self._images.mask(data, like)
        except PictureRefused as refusal:
            raise MaskRefused(name, refusal) from refusal
        blob = await self._blobs.put(mask.data, max_bytes=MAX_PICTURE_BYTES)
        return Picture(blob=blob.hash, media_type=mask.media_type, width=mask.width, height=mask.height)


def _understood(kept: str) -> Painting | None:
    """None where something else is kept under this number, or a painting in another version's terms."""
    try:
        return Painting.model_validate_json(kept)
    except ValidationError:
        return None


def _request_of(asked: Asked) -> VideoRequest:
    end_frame = STAND_IN if asked.end_frame_url else None
    return VideoRequest.of(asked.options, image=asked.image, end_frame=end_frame)


def _asked_of(question: Question) -> Asked:
    """The request of a question, as if it was being asked again."""
    origin, request = question.origin, question.request
    return Asked(
        request_key=origin.request_key,
        guild_id=origin.guild_id,
        channel_id=origin.channel_id,
        parent_id=origin.parent_id,
        user_id=origin.user_id,
        upload_limit=origin.upload_limit,
        options=Options(**{name: getattr(request, name) for name in Options.model_fields}),
        image_url=None,
        end_frame_url=None,
        image=request.image,
        roles=tuple(sorted(question.asker.roles)),
        manages=question.asker.manages,
        is_age_restricted=origin.is_age_restricted,
        is_private=origin.is_private,
        language=origin.language,
    )
