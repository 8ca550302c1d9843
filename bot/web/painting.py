"""The painter: a page on which one member paints the motion of one request. It needs no cookie: the link is all.

Addresses are relative to the page's own (a proxy may put something before them), and nothing comes from elsewhere.
`{token}` is what `bot.services.paintings` signed. What was never valid is answered with 404, a link that has lapsed or
was used with 410; a page in words where a page was asked for, else JSON: `{"said": "a sentence for a person"}`.

`GET /paint/{token}`
    The page: `bot/web/painter/index.html`, to the letter. It can be loaded until it was sent.

`GET /paint/static/{name}`
    The other files of that folder (html, css, js, svg); from the page that is `static/{name}`, because the page's address
    ends without a slash.

`GET /paint/{token}/picture`
    The picture as it goes to the model, JPEG or PNG, upright, of exactly the size in the facts.

`GET /paint/{token}/facts`
    ``{"language": "de",                      # to be the page's `lang`
       "words": {"send": "Make the clip"},    # `bot.web.painter.words.words()`, in that language
       "picture": {"width": 1280, "height": 720},
       "seconds_left": 1740,
       "takes_place_of_question": false,      # true: what is sent changes a question that waits in Discord
       "prompt": "the boat sails",            # as it was asked; may be empty, and may be changed
       "about": "5 s · std",                  # what else was chosen, in words; may be empty
       "models": [{"provider": "local", "model": "local-camera", "name": "Local camera", "price": 5,
                   "price_words": "5 credits", "quality": "std", "cautions": ["…"]}],
       "others": [{"name": "Kling 2.6", "why": ["Kling 2.6 does not take painted motion; leave it out."]}],
       "notes": ["Painted motion cannot go together with an end frame or a camera move."],
       "limits": {"groups": 6, "least_points": 2, "most_points": 77, "sent_points": 10000, "prompt_characters": 2500,
                  "mask_bytes": 1000000, "body_bytes": 8000000}}``
    The first of `models` is the one that is taken if none is named; there is always one. Prices are in credits, 0 is
    free. `sent_points` counts those of all paths together.

`POST /paint/{token}`, `Content-Type: application/json`, at most `body_bytes`
    ``{"still": null | "<PNG in base64>",
       "moving": [{"mask": "<PNG in base64>", "path": [[10, 20], [300.5, 40]]}],
       "prompt": "the boat sails",                               # may be left out: as it was
       "model": {"provider": "local", "model": "local-camera"},  # may be left out or null: the first
       "price": 5}                                               # of that model, as it was shown
    ``
    Masks are PNG of exactly the picture's size, at most `mask_bytes` each before base64; white is painted. Paths are in
    pixels of the picture from its TOP left corner, x to the right and y down, numbers with or without fractions; what
    lies outside is brought to the edge. Something must be painted, and a part that moves has at least two points.

    ``{"outcome": "made" | "asked" | "refused" | "gone", "said": "Job 7 is queued; its card is in #films.",
       "job": 7}``
    200 `made`: it is a job, and the link is used up. 200 `asked`: somebody has to agree to it in Discord; used up
    likewise. 422 `refused`: `said` says why, nothing was charged, and it may be sent again. 410 `gone`: it was sent
    already, or has lapsed. 409 `refused`: it is being sent at this moment. 413 `refused`: more bytes than may be.
    503 `refused`: not now, try again. `job` is there with `made` alone. `price` and `price_words` are there where it
    was refused because it costs more by now: nobody takes more than the page showed.
"""

import base64
import html
import json
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, TypeAlias

import structlog
from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, ValidationError

from bot.db.errors import DatabaseUnavailable
from bot.domain import painting as rules
from bot.domain.catalogue import Choice
from bot.domain.painting import Drawing, Part
from bot.language import ENGLISH, LANGUAGES, speaking, spoken, tr, trn
from bot.media.errors import BlobFault
from bot.services.drawings import Facts, Fate, Outcome
from bot.services.paintings import (
    BeingSent,
    NoSuchPainting,
    Opened,
    PaintingLapsed,
    Paintings,
    PaintingSent,
)
from bot.web.painter.words import words

log = structlog.stdlib.get_logger(__name__)

MAX_AT_ONCE = 4
"""Drawings that are being received or made into requests; each may have 8 MB."""
MAX_PROMPT = 2500

_SEND_S = 60.0
"""For a body over a slow line, and Discord's answers after that."""
_CHUNK_BYTES = 65_536
_MAX_QUOTES = 10_000
"""In a body: a prompt may have some thousands. To tell a million unknown names apart would hold the event loop up."""
_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_STATUSES = {
    Fate.MADE: 200,
    Fate.ASKED: 200,
    Fate.REFUSED: 422,
    Fate.BUSY: 409,
    Fate.LATER: 503,
    Fate.GONE: 410,
}

Take: TypeAlias = Callable[[Opened, Drawing], Awaitable[Outcome]]
"""Makes a request of what was painted, and says what has become of it."""
Allow: TypeAlias = Callable[[web.Request, float], None]
"""Lets the connection of a request last for so many seconds from now."""


@dataclass(frozen=True, slots=True)
class Painter:
    """What stands behind the page."""

    paintings: Paintings
    take: Take


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("no text")  # noqa: TRY004 - pydantic wants this one
    return base64.b64decode(text, validate=True)


_Png = Annotated[bytes, BeforeValidator(_decoded)]


class _Part(_Wire):
    mask: _Png
    path: Annotated[tuple[tuple[float, float], ...], Field(max_length=rules.MAX_SENT_POINTS), FailFast()]


class _Model(_Wire):
    provider: Annotated[str, Field(max_length=40)]
    model: Annotated[str, Field(max_length=100)]


class _Drawing(_Wire):
    still: _Png | None = None
    moving: Annotated[tuple[_Part, ...], Field(max_length=rules.MAX_GROUPS), FailFast()] = ()
    prompt: Annotated[str, Field(max_length=MAX_PROMPT)] | None = None
    model: _Model | None = None
    price: Annotated[int, Field(ge=0, le=rules.MAX_PRICE)]

    def drawing(self) -> Drawing:
        """The same, as the rest knows it."""
        return Drawing(
            still=self.still,
            moving=tuple(Part(part.mask, part.path) for part in self.moving),
            prompt=self.prompt,
            provider=self.model.provider if self.model else None,
            model=self.model.model if self.model else None,
            price=self.price,
        )


class PainterRoutes:
    """Answers who has a link."""

    def __init__(self, painter: Painter, *, allow: Allow) -> None:
        self._paintings = painter.paintings
        self._take = painter.take
        self._allow = allow
        self._files = _files()
        self._under_way: set[int] = set()

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/paint/static/{name}", self._static)
        app.router.add_get("/paint/{token}", self._page)
        app.router.add_get("/paint/{token}/picture", self._picture)
        app.router.add_get("/paint/{token}/facts", self._facts)
        app.router.add_post("/paint/{token}", self._send)

    async def _static(self, request: web.Request) -> web.Response:
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return file.answer()

    async def _page(self, request: web.Request) -> web.Response:
        with speaking(_language(request)):
            try:
                await self._opened(request)
            except _Answered as answered:
                return _page_of(answered.status, answered.said)
        return self._files["index.html"].answer()

    async def _picture(self, request: web.Request) -> web.Response:
        with speaking(_language(request)):
            try:
                opened = await self._opened(request)
                data = await self._paintings.picture(opened)
            except _Answered as answered:
                return answered.as_json()
            except BlobFault as fault:
                return _json(503, {"said": f"{fault}"})
        return web.Response(body=data, content_type=opened.picture.media_type, headers=_HEADERS)

    async def _facts(self, request: web.Request) -> web.Response:
        with speaking(_language(request)):
            try:
                opened = await self._opened(request)
            except _Answered as answered:
                return answered.as_json()
        with speaking(opened.painting.language):
            try:
                facts = await self._paintings.drawings.facts(opened.painting.asked)
            except DatabaseUnavailable:
                return _later().as_json()
            return _json(200, _told(opened, facts, self._paintings.seconds_left(opened)))

    async def _send(self, request: web.Request) -> web.Response:
        with speaking(_language(request)):
            try:
                opened = await self._opened(request)
            except _Answered as answered:
                return answered.as_json()
        with speaking(opened.painting.language):
            try:
                with self._place(opened.number):
                    self._allow(request, _SEND_S)
                    drawing = _drawing_in(await _body(request))
                    outcome = await self._take(opened, drawing)
            except _Answered as answered:
                return answered.as_json()
        told: dict[str, object] = {"outcome": _outcome(outcome.fate), "said": outcome.said}
        if outcome.job_id is not None:
            told["job"] = outcome.job_id
        if outcome.price is not None:
            told |= _priced(outcome.price)
        log.info("painting sent", number=opened.number, outcome=outcome.fate.value, job=outcome.job_id)
        return _json(_STATUSES[outcome.fate], told)

    async def _opened(self, request: web.Request) -> Opened:
        try:
            return await self._paintings.open(request.match_info["token"])
        except NoSuchPainting as wrong:
            raise _Answered(404, Fate.GONE, f"{wrong}") from wrong
        except (PaintingLapsed, PaintingSent) as gone:
            raise _Answered(410, Fate.GONE, f"{gone}") from gone
        except DatabaseUnavailable as fault:
            raise _later() from fault

    @contextmanager
    def _place(self, number: int) -> Generator[None]:
        """One for each painting, so that who has a link cannot keep all of them."""
        if number in self._under_way:
            raise _Answered(409, Fate.BUSY, f"{BeingSent()}")
        if len(self._under_way) >= MAX_AT_ONCE:
            raise _later()
        self._under_way.add(number)
        try:
            yield
        finally:
            self._under_way.discard(number)


class _Answered(Exception):
    """There is no more to be done than to say this."""

    def __init__(self, status: int, fate: Fate, said: str) -> None:
        super().__init__()
        self.status = status
        self.fate = fate
        self.said = said

    def as_json(self) -> web.Response:
        return _json(self.status, {"outcome": _outcome(self.fate), "said": self.said})


@dataclass(frozen=True, slots=True)
class _File:
    media_type: str
    data: bytes

    def answer(self) -> web.Response:
        return web.Response(body=self.data, content_type=self.media_type, charset="utf-8", headers=_HEADERS)


def _files() -> dict[str, _File]:
    """The files of the page, by name."""
    found = resources.files("bot.web.painter").iterdir()
    named = [(file.name, file, file.name.rpartition(".")[2]) for file in found]
    return {
        name: _File(_TYPES[ending], file.read_bytes()) for name, file, ending in named if ending in _TYPES
    }


async def _body(request: web.Request) -> bytes:
    """The whole body, if it is no larger than it may be."""
    if (request.content_length or 0) > rules.MAX_BODY_BYTES:
        raise _too_large()
    data = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
        data += chunk
        if len(data) > rules.MAX_BODY_BYTES:
            raise _too_large()
    return bytes(data)


def _drawing_in(body: bytes) -> Drawing:
    if body.count(b'"') > _MAX_QUOTES:
        raise _unread()
    try:
        return _Drawing.model_validate_json(body).drawing()
    except ValidationError as error:
        log.info("painting not understood", problems=error.error_count())
        raise _unread() from error


def _unread() -> _Answered:
    said = tr("What the page sent cannot be read; load it anew.")
    return _Answered(422, Fate.REFUSED, said)


def _too_large() -> _Answered:
    said = tr("That is more than can be sent; paint with fewer and larger strokes.")
    return _Answered(413, Fate.REFUSED, said)


def _later() -> _Answered:
    said = tr("That cannot be answered right now; try again in a minute. Nothing was charged.")
    return _Answered(503, Fate.LATER, said)


def _outcome(fate: Fate) -> str:
    return (Fate.REFUSED if fate in (Fate.BUSY, Fate.LATER) else fate).value


def _told(opened: Opened, facts: Facts, seconds_left: int) -> dict[str, object]:
    request, picture = facts.request, opened.picture
    quality = [request.quality.value] if request.quality else []
    return {
        "language": opened.painting.language,
        "words": words(),
        "picture": {"width": picture.width, "height": picture.height},
        "seconds_left": seconds_left,
        "takes_place_of_question": opened.painting.question_id is not None,
        "prompt": request.prompt,
        "about": " · ".join([trn("{number} second", "{number} seconds", request.duration_s), *quality]),
        "models": [_model(choice) for choice in facts.choices],
        "others": [{"name": one.spec.title, "why": list(one.why)} for one in facts.unable],
        "notes": list(facts.notes),
        "limits": {
            "groups": rules.MAX_GROUPS,
            "least_points": rules.LEAST_POINTS,
            "most_points": rules.MOST_POINTS,
            "sent_points": rules.MAX_SENT_POINTS,
            "prompt_characters": MAX_PROMPT,
            "mask_bytes": rules.MAX_MASK_BYTES,
            "body_bytes": rules.MAX_BODY_BYTES,
        },
    }


def _model(choice: Choice) -> dict[str, object]:
    return {
        "provider": choice.spec.provider,
        "model": choice.spec.id,
        "name": choice.spec.title,
        **_priced(choice.price),
        "quality": choice.quality.value if choice.quality else "",
        "cautions": list(choice.cautions),
    }


def _priced(price: int) -> dict[str, object]:
    words = trn("{number} credit", "{number} credits", price) if price else tr("free")
    return {"price": price, "price_words": words}


def _json(status: int, told: Mapping[str, object]) -> web.Response:
    return web.Response(
        status=status, text=json.dumps(told), content_type="application/json", headers=_HEADERS
    )


def _page_of(status: int, said: str) -> web.Response:
    """A page that says one thing."""
    title = html.escape(words()["gone"])
    text = (
        f'<!doctype html><html lang="{spoken()}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f'<meta name="color-scheme" content="dark light"><link rel="icon" href="static/icon.svg">'
        f'<link rel="stylesheet" href="static/painter.css"><body><main class="calm"><h1>{title}</h1>'
        f"<p>{html.escape(said)}</p></main></body></html>\n"
    )
    return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)


def _language(request: web.Request) -> str:
    """The first of the browser's languages that is spoken here: of a link that leads nowhere nothing else is known."""
    wanted = request.headers.get("Accept-Language", "")[:200].split(",")
    codes = [one.partition(";")[0].partition("-")[0].strip().lower() for one in wanted]
    return next((code for code in codes if code in LANGUAGES), ENGLISH)
