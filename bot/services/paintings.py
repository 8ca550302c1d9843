"""Paintings: requests whose motion a member paints on a page, and the links to them.

A link is signed, and has the number under which the request is kept. It is given to one member, privately; whoever has it can
paint in their name until it was sent.
"""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from pydantic import ValidationError

from bot.db import blobs as uses
from bot.db import jobs, offers, paintings
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Refused
from bot.domain.painting import Drawing
from bot.domain.requests import Asked, Options, Picture, Value
from bot.media.blobs import Blobs
from bot.media.errors import PictureRefused
from bot.media.images import Images
from bot.services.drawings import Drawings
from bot.services.links import Link, Signer
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.services.ports import Clock
from bot.services.questions import Question, QuestionClosed, QuestionPainted, Stage, renewed, understood
from bot.services.reuse import ClipWithdrawn

LINK_LASTS_S = 1800
MAX_OPEN = 10
"""Links of one member that wait to be used; with each a picture is kept."""

_TOKEN = re.compile(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,11})\.([A-Za-z0-9_-]{43})")


class NoSuchPainting(Refused):
    """This link leads nowhere."""


class PaintingLapsed(Refused):
    """This link has lapsed: it works for half an hour. Ask for another one in Discord."""


class PaintingSent(Refused):
    """What was painted here was sent already; in Discord you see what has become of it."""


class TooManyPaintings(Refused):
    """You have as many links to paint as one can have; use one of them, or wait until they lapse."""


class NoPage(Refused):
    """This bot has no page to paint on (any more); `/motion` takes masks as attachments."""


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


class Paintings:
    """Keeps requests that are to be painted, and signs the links to them."""

    def __init__(
        self,
        *,
        db: Database,
        blobs: Blobs,
        images: Images,
        drawings: Drawings,
        clock: Clock,
        secret: str,
        public_url: str | None,
    ) -> None:
        """`secret` is the installation's; `public_url` None where the internet does not reach this bot."""
        self.drawings = drawings
        self._db = db
        self._blobs = blobs
        self._images = images
        self._clock = clock
        self._signer = Signer("paintings", secret=secret)
        self._public_url = public_url

    @property
    def has_page(self) -> bool:
        """Whether there can be links."""
        return self._public_url is not None

    async def ensure_few(self, user_id: int) -> None:
        """Ask before a picture is fetched what `begin` makes sure of.

        Raises:
            TooManyPaintings: not before some are used or lapse.
        """
        await self._db.read(self._few(user_id))

    async def begin(self, asked: Asked, picture: bytes, *, language: str) -> Link:
        """Keep a request with the picture that was sent for it; the link for its member works for half an hour.

        Raises:
            PictureRefused: it does not do as it is; what is painted on must not be changed any more.
            TooManyPaintings: as `ensure_few`.
        """
        try:
            sound = await self._images.normalise(picture)
        except PictureRefused as refusal:
            raise refusal.without_remedies() from refusal
        blob = await self._blobs.put(sound.data, max_bytes=MAX_PICTURE_BYTES)
        await self._db.write(
            uses.spare(blob.hash, at_ms=self._clock.now_ms())
        )  # there may be no link after all
        image = Picture(blob=blob.hash, media_type=sound.media_type, width=sound.width, height=sound.height)
        return await self.begin_with(asked.model_copy(update={"image": image}), language=language)

    async def begin_with(self, asked: Asked, *, language: str) -> Link:
        """Likewise for a request whose picture is kept already.

        Raises:
            TooManyPaintings: as `ensure_few`.
        """
        return await self._keep(Painting(asked=asked, language=language))

    async def begin_on(self, number: int, question: Question, *, language: str) -> Link:
        """Likewise for the request of a question, which is to be asked anew once its motion is painted.

        Raises:
            TooManyPaintings: as `ensure_few`.
        """
        return await self._keep(Painting(asked=_asked_of(question), language=language, question_id=number))

    async def open(self, token: str) -> Opened:
        """What a link leads to.

        Raises:
            NoSuchPainting: it was not signed here.
            PaintingLapsed, PaintingSent: it leads there no more.
            QuestionClosed, QuestionPainted: the question that it is for waits for it no more.
            NoSuchJob, ClipWithdrawn: of the job whose picture it is.
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
        await self._db.read(self._ensure_wanted(painting))  # before anybody paints for it
        return Opened(number, expires_s, painting)

    def seconds_left(self, opened: Opened) -> int:
        """For how long the link works."""
        return max(0, opened.expires_s - self._clock.now_ms() // 1000)

    async def picture_bytes(self, opened: Opened) -> int:
        """The size of the picture to be painted on.

        Raises:
            NoSuchBlob, StoreUnavailable: it is not to be had.
        """
        return await self._blobs.size(opened.picture.blob)

    def stream(self, blob: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes of a picture to be painted on, from `start` to before `end`.

        Raises:
            NoSuchBlob, StoreUnavailable: they are not to be had any more.
        """
        return self._blobs.stream(blob, start=start, end=end)

    async def drawn(self, opened: Opened, drawing: Drawing) -> Asked:
        """The request with its motion; the masks are kept for it.

        Raises:
            PaintingUnclear, PictureRefused, ValidationError: nothing can be made of it; the words say why.
        """
        asked = await self.drawings.put_into(opened.painting.asked, drawing)
        return asked.model_copy(update={"painting_id": opened.number})

    async def withdraw(self, link: Link) -> None:
        """Nobody has seen a link: it leads nowhere, and does not count."""
        number, _ = self._verified(link.url.rpartition("/")[2])
        await self._db.write(paintings.drop(number, now_ms=self._clock.now_ms()))

    async def _keep(self, painting: Painting) -> Link:
        if not self.has_page:
            raise NoPage
        now_ms = self._clock.now_ms()
        expires_s = now_ms // 1000 + LINK_LASTS_S
        number = await self._db.write(self._kept(painting, lapses_at_ms=expires_s * 1000, now_ms=now_ms))
        token = f"{number}.{expires_s}.{self._signer.sign(number, expires_s)}"
        return Link(f"{self._public_url}/paint/{token}", expires_s)

    def _kept(self, painting: Painting, *, lapses_at_ms: int, now_ms: int) -> Transaction[int]:
        asked, text = painting.asked, painting.model_dump_json()
        yield from self._few(asked.user_id)
        if asked.image is not None:
            yield from uses.spare(asked.image.blob, at_ms=lapses_at_ms)
        kept = paintings.make(asked.guild_id, asked.user_id, text, lapses_at_ms=lapses_at_ms, now_ms=now_ms)
        return (yield from kept)

    def _few(self, user_id: int) -> Transaction[None]:
        if (yield from paintings.open_of(user_id, now_ms=self._clock.now_ms())) >= MAX_OPEN:
            raise TooManyPaintings

    def _ensure_wanted(self, painting: Painting) -> Transaction[None]:
        asked = painting.asked
        if painting.question_id is not None:
            yield from self._waits(painting.question_id, asked.guild_id)
        if asked.from_job_id is not None:
            source = yield from jobs.of_guild(asked.from_job_id, asked.guild_id)
            if source.withdrawn_at_ms is not None:
                raise ClipWithdrawn

    def _waits(self, question_id: int, guild_id: int) -> Transaction[None]:
        text = (yield from offers.of_guild(question_id, guild_id)) or ""
        key = renewed(text)
        found = (yield from offers.of_request(key)) if key else None
        question = understood(found[1] if found else text)
        if question is None or question.stage is not Stage.MEMBER:
            raise QuestionClosed
        if not question.is_open(self._clock.now_ms()):
            raise QuestionClosed
        if found is not None:
            raise QuestionPainted

    def _verified(self, token: str) -> tuple[int, int]:
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            raise NoSuchPainting
        number, expires_s = int(parts[1]), int(parts[2])
        if not self._signer.knows(number, expires_s, parts[3]):
            raise NoSuchPainting
        return number, expires_s


def _understood(kept: str) -> Painting | None:
    """None where something else is kept under this number, or a painting in another version's terms."""
    try:
        return Painting.model_validate_json(kept)
    except ValidationError:
        return None


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
