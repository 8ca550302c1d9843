"""Drawings: what a member has painted on a page, from what they are told before to the request that comes out of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bot.db import blobs as uses
from bot.db.transaction import Database
from bot.domain.catalogue import Catalogue, Choice
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
from bot.domain.requests import Asked, MotionBrush, Options, Picture, Stroke, VideoRequest
from bot.language import tr
from bot.media.blobs import Blobs
from bot.media.errors import MaskRefused, PictureRefused
from bot.media.facts import NormalisedPicture
from bot.media.images import Images
from bot.media.shape import Size
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.services.ports import Clock
from bot.services.routing import Routes

_AT_ONCE = 2
"""Drawings whose masks are being read."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a member is told before they paint."""

    request: VideoRequest
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


class Drawings:
    """Puts what was painted into the requests that it is for. These have their picture already."""

    def __init__(
        self,
        *,
        db: Database,
        blobs: Blobs,
        images: Images,
        catalogue: Catalogue,
        routes: Routes,
        clock: Clock,
        let_go: Callable[[], None],
    ) -> None:
        """`let_go` is called when there are masks that may be needed by nobody in a while."""
        self._db = db
        self._blobs = blobs
        self._images = images
        self._catalogue = catalogue
        self._routes = routes
        self._clock = clock
        self._let_go = let_go
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def facts(self, asked: Asked) -> Facts:
        """What its member is told before they paint, in the language that is spoken here."""
        request = _request_of(asked)
        choices = await self._choices(asked)
        return Facts(request, choices, unable(self._catalogue, request), exclusions(choices))

    async def put_into(self, asked: Asked, drawing: Drawing) -> Asked:
        """The request with its motion, and what else was chosen on the page; the masks are kept as long as it is.

        Raises:
            PaintingUnclear, PictureRefused, ValidationError: nothing can be made of it; the words say why.
        """
        picture = asked.image
        assert picture is not None
        ensure_clear(drawing, width=picture.width, height=picture.height)
        asked = await self._chosen(asked, drawing)
        most = await self._most_points(asked)
        paths = [
            await asyncio.to_thread(
                simplified, part.path, width=picture.width, height=picture.height, most=most
            )
            for part in drawing.moving
        ]
        async with self._places:
            try:
                masks = [await self._mask(name, mask, picture) for name, mask in drawing.masks]
            finally:
                self._let_go()
        still = masks.pop(0) if drawing.still is not None else None
        strokes = [Stroke(mask=mask, path=path) for mask, path in zip(masks, paths, strict=True)]
        return asked.model_copy(update={"motion": MotionBrush(still=still, moving=tuple(strokes))})

    async def _choices(self, asked: Asked) -> list[Choice]:
        return able(self._catalogue, await self._routes.wishes(asked.guild_id), _request_of(asked))

    async def _chosen(self, asked: Asked, drawing: Drawing) -> Asked:
        """The request with what was written and chosen on the page."""
        changed: dict[str, Any] = {}
        if drawing.prompt is not None:
            changed["prompt"] = drawing.prompt
        offered = [(one.spec.provider, one.spec.id) for one in await self._choices(asked)]
        first = offered[0] if offered else None
        chosen = first if drawing.model is None else (drawing.provider, drawing.model)
        if chosen not in (first, *offered):
            raise PaintingUnclear(tr("This model cannot make it any more; choose another one."))
        stays_open = asked.options.draft and chosen == first  # it says nothing of its final
        if chosen is not None and not stays_open:
            changed["provider"], changed["model"] = chosen
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
        await self._db.write(uses.spare(blob.hash, at_ms=self._clock.now_ms()))  # the next one may be refused
        return Picture(blob=blob.hash, media_type=mask.media_type, width=mask.width, height=mask.height)


def _request_of(asked: Asked) -> VideoRequest:
    end_frame = STAND_IN if asked.end_frame_url else None
    return VideoRequest.of(asked.options, image=asked.image, end_frame=end_frame)
