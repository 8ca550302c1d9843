"""The painter: a page on which one member paints the motion of one request. `painting_wire` says how they speak."""

import html
import json
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TypeAlias

import structlog
from aiohttp import web

from bot.db.errors import DatabaseUnavailable
from bot.domain.errors import NoSuchJob
from bot.domain.painting import MAX_BODY_BYTES, Drawing, PaintingUnclear
from bot.language import ENGLISH, LANGUAGES, speaking, spoken, tr
from bot.media.errors import BlobFault
from bot.services.drawings import Fate, Outcome
from bot.services.paintings import (
    BeingSent,
    NoSuchPainting,
    Opened,
    PaintingLapsed,
    Paintings,
    PaintingSent,
)
from bot.services.questions import QuestionClosed
from bot.services.reuse import ClipWithdrawn
from bot.web.downloads import Allow, Downloads
from bot.web.painter.words import words
from bot.web.painting_wire import drawing_in, told, told_facts

log = structlog.stdlib.get_logger(__name__)

MAX_AT_ONCE = 4
"""Drawings that are being received or made into requests; each may have 8 MB."""

_SEND_S = 60.0
"""For a body over a slow line, and Discord's answers after that."""
_CHUNK_BYTES = 65_536
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


@dataclass(frozen=True, slots=True)
class Painter:
    """What stands behind the page."""

    paintings: Paintings
    take: Take


class PainterRoutes:
    """Answers who has a link."""

    def __init__(self, painter: Painter, *, allow: Allow) -> None:
        self._paintings = painter.paintings
        self._take = painter.take
        self._allow = allow
        self._downloads = Downloads(painter.paintings, allow=allow)
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
                return _page_of(answered.status, answered.outcome.said)
        return self._files["index.html"].answer()

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        with speaking(_language(request)):
            try:
                opened = await self._opened(request)
                size_bytes = await self._paintings.picture_bytes(opened)
            except _Answered as answered:
                return answered.as_json()
            except BlobFault as fault:
                return _json(503, {"said": f"{fault}"})
        response = web.StreamResponse(headers=_HEADERS | {"Content-Type": opened.picture.media_type})
        whole = range(size_bytes)
        return await self._downloads.send(
            request, response, opened.picture.blob, whole, painting=opened.number
        )

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
            return _json(200, told_facts(opened, facts, seconds_left=self._paintings.seconds_left(opened)))

    async def _send(self, request: web.Request) -> web.Response:
        with speaking(_language(request)):
            try:
                opened = await self._opened(request)
            except _Answered as answered:
                return answered.as_json()
        with speaking(opened.painting.language):
            try:
                with self._place(opened.painting.asked.user_id):
                    self._allow(request, _SEND_S)
                    drawing = drawing_in(await _body(request), request.content_type)
                    outcome = await self._take(opened, drawing)
            except _Answered as answered:
                return answered.as_json()
            except PaintingUnclear as unclear:
                return _Answered(Fate.REFUSED, f"{unclear}").as_json()
            log.info("painting sent", number=opened.number, outcome=outcome.fate.value, job=outcome.job_id)
            return _json(_STATUSES[outcome.fate], told(outcome))

    async def _opened(self, request: web.Request) -> Opened:
        try:
            return await self._paintings.open(request.match_info["token"])
        except NoSuchPainting as wrong:
            raise _Answered(Fate.GONE, f"{wrong}", status=404) from wrong
        except (PaintingLapsed, PaintingSent, QuestionClosed, ClipWithdrawn, NoSuchJob) as gone:
            raise _Answered(Fate.GONE, f"{gone}") from gone
        except DatabaseUnavailable as fault:
            raise _later() from fault

    @contextmanager
    def _place(self, user_id: int) -> Generator[None]:
        """One for each member, so that none can keep all of them with their links."""
        if user_id in self._under_way:
            raise _Answered(Fate.BUSY, f"{BeingSent()}")
        if len(self._under_way) >= MAX_AT_ONCE:
            raise _later()
        self._under_way.add(user_id)
        try:
            yield
        finally:
            self._under_way.discard(user_id)


class _Answered(Exception):
    """There is no more to be done than to say this."""

    def __init__(self, fate: Fate, said: str, *, status: int | None = None) -> None:
        super().__init__()
        self.outcome = Outcome(fate, said)
        self.status = status or _STATUSES[fate]

    def as_json(self) -> web.Response:
        return _json(self.status, told(self.outcome))


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
    data = bytearray()
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise _too_large()
    return bytes(data)


def _too_large() -> _Answered:
    said = tr("That is more than can be sent; paint with fewer and larger strokes.")
    return _Answered(Fate.REFUSED, said, status=413)


def _later() -> _Answered:
    said = tr("That cannot be answered right now; try again in a minute. Nothing was charged.")
    return _Answered(Fate.LATER, said)


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
