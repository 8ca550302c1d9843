"""The page's routes: its files, the websocket, uploads; only for pages of this very address."""

import asyncio
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib import resources
from typing import Final

from aiohttp import WSMsgType, web
from yarl import URL

from bot.sandbox.driver.person import Person
from bot.sandbox.media import content_type, safe_name
from bot.sandbox.model.attachments import File
from bot.sandbox.page import protocol, using, writing
from bot.sandbox.page.audience import Audience
from bot.sandbox.page.backstage import Backstage
from bot.sandbox.page.files import Tickets
from bot.sandbox.page.verbs import Verbs
from bot.sandbox.page.views import View
from bot.sandbox.page.window import Modals, Outbox, Window
from bot.sandbox.refusals import ClientRefused, Refusal
from bot.sandbox.wire import Json, dumps
from bot.sandbox.world import World

_VERBS: Verbs = {**writing.VERBS, **using.VERBS}
_SLOW = frozenset({"complete", "set"})
"""The verbs that wait for somebody; the others are done before the next question is read."""
_MAX_UNDER_WAY = 20
_MAX_FRAME_BYTES = 1 << 20
_HEARTBEAT_S = 30.0
_CHUNK_BYTES = 1 << 18
_MAX_NAME = 200
_TYPES: Final = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
        "img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Page:
    """The page of one sandbox. Nothing happens until somebody opens it."""

    def __init__(self, world: World, backstage: Backstage) -> None:
        self._world = world
        self._backstage = backstage
        self._tickets = Tickets()
        self._modals = Modals()
        self._audience = Audience(world, self._modals)
        self._statics: dict[str, tuple[bytes, str]] | None = None
        self._origin: Callable[[], URL] = URL

    def add_to(self, web_app: web.Application, origin: Callable[[], URL]) -> None:
        """Register every route.

        Args:
            web_app: What serves the sandbox.
            origin: Its address, once there is one.
        """
        self._origin = origin
        web_app.router.add_get("/", self._index)
        web_app.router.add_get("/page/static/{name}", self._static)
        web_app.router.add_get("/page/live", self._live)
        web_app.router.add_post("/page/files", self._upload)

    def end(self) -> None:
        """Send everybody away and forget what was uploaded."""
        self._audience.end()
        self._tickets.clear()

    @staticmethod
    def _guard(request: web.Request) -> None:
        """Refuse other pages of the same browser; names other than this machine's are refused before.

        Raises:
            web.HTTPForbidden: the request is from another page.
        """
        if request.headers.get("Origin") not in {None, f"http://{request.host}"}:
            raise web.HTTPForbidden(text="This is only for the page itself.", headers=_HEADERS)

    async def _index(self, request: web.Request) -> web.StreamResponse:
        self._guard(request)
        here = self._origin()
        if request.host != here.authority:  # pictures come from that address, and the policy takes only one
            location = str(here.with_path("/").with_query(request.query))
            raise web.HTTPTemporaryRedirect(location, headers=_HEADERS)
        return await self._file(request, "index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        self._guard(request)
        return await self._file(request, request.match_info["name"])

    async def _file(self, request: web.Request, name: str) -> web.Response:
        if self._statics is None:
            self._statics = await asyncio.to_thread(_read_statics)
        data, tag = self._statics.get(name, (None, ""))
        if data is None:
            raise web.HTTPNotFound(headers=_HEADERS)
        headers = {**_HEADERS, "ETag": f'"{tag}"', "Cache-Control": "no-cache"}
        if any(tag == known.value for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        kind = _TYPES.get(name.rpartition(".")[2]) or content_type(name)
        charset = "utf-8" if kind.startswith("text/") else None
        return web.Response(body=data, content_type=kind, charset=charset, headers=headers)

    async def _upload(self, request: web.Request) -> web.Response:
        self._guard(request)
        try:
            channel = self._world.channel(protocol.as_identifier(request.query.get("channel")) or 0)
            view = next((view for view in self._views(request) if view.sees(channel)), None)
            if view is None:
                return _said(400, {"refused": "There is no such channel for this person."})
            limit = self._world.upload_limit(channel)
            name = safe_name(request.query.get("name", ""))[-_MAX_NAME:]
            data = await _body(request, limit)
            if data is None:
                return _said(413, {"refused": f"{name} is too large; here {limit} bytes may be uploaded."})
            ticket = self._tickets.keep(view.person.id, File(name, data))
        except (ClientRefused, Refusal) as error:
            return _said(400, {"refused": _sentence(error)})
        return _said(200, {"ticket": ticket, "filename": name, "size": len(data)})

    def _views(self, request: web.Request) -> Iterator[View]:
        """Who looks at what: a view for each guild of the person who is named."""
        user_id = protocol.as_identifier(request.query.get("as"))
        guild_id = protocol.as_identifier(request.query.get("guild"))
        for guild in self._world.guilds.values():
            person = guild.members.get(user_id or 0)
            if guild_id in {None, guild.id} and isinstance(person, Person):
                yield View(self._world, guild, person)

    def _proposed(self) -> View | None:
        """Somebody to begin with, best one to whom nothing belongs; None in an empty world."""
        for guild in self._world.guilds.values():
            persons = [member for member in guild.members.values() if isinstance(member, Person)]
            if persons:
                others = (person for person in persons if person.user is not guild.owner)
                return View(self._world, guild, next(others, persons[0]))
        return None

    async def _live(self, request: web.Request) -> web.StreamResponse:
        self._guard(request)
        view = next(self._views(request), None) or self._proposed()
        if view is None:
            raise web.HTTPNotFound(text="There is nobody here.", headers=_HEADERS)
        socket = web.WebSocketResponse(compress=False, heartbeat=_HEARTBEAT_S, max_msg_size=_MAX_FRAME_BYTES)
        await socket.prepare(request)
        assert request.transport is not None
        outbox = Outbox(socket, request.transport.abort)
        window = Window(view, outbox, tickets=self._tickets, modals=self._modals, backstage=self._backstage)
        self._audience.enter(window)
        try:
            await _Talk(window, socket).hold(outbox)
        finally:
            window.look_away()
            self._audience.leave(window)
        return socket


class _Talk:
    """The questions of one window and their answers."""

    def __init__(self, window: Window, socket: web.WebSocketResponse) -> None:
        self._window = window
        self._socket = socket
        self._under_way: set[asyncio.Task[None]] = set()
        self._completing: asyncio.Task[None] | None = None

    async def hold(self, outbox: Outbox) -> None:
        """Answer until the window is closed."""
        self._window.greet()
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(outbox.write())
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._hear(message.data, tasks)
                else:
                    self._window.send(protocol.refusal(None, "The page speaks in texts."))
            writer.cancel()
            for task in self._under_way:
                task.cancel()

    async def _hear(self, text: str, tasks: asyncio.TaskGroup) -> None:
        try:
            asked = protocol.question(text)
        except protocol.Unreadable as error:
            self._window.send(protocol.refusal(None, str(error)))
            return
        if asked.verb not in _SLOW:
            await self._answer(asked)
        elif len(self._under_way) >= _MAX_UNDER_WAY:
            self._window.send(protocol.refusal(asked.number, "Too much is under way. Wait a moment."))
        else:
            self._begin(asked, tasks)

    def _begin(self, asked: protocol.Question, tasks: asyncio.TaskGroup) -> None:
        work = self._complete(asked) if asked.verb == "complete" else self._answer(asked)
        task = tasks.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        if asked.verb == "complete":
            if self._completing:
                self._completing.cancel()
            self._completing = task

    async def _complete(self, asked: protocol.Question) -> None:
        try:
            await self._answer(asked)
        except asyncio.CancelledError:
            self._window.send(protocol.answer(asked.number, None))
            raise

    async def _answer(self, asked: protocol.Question) -> None:
        verb = _VERBS.get(asked.verb, _unknown)
        try:
            said = protocol.answer(asked.number, await verb(self._window, asked))
        except (ClientRefused, Refusal) as error:
            said = protocol.refusal(asked.number, _sentence(error))
        self._window.send(said)


async def _unknown(_window: Window, asked: protocol.Question) -> object:
    raise ClientRefused(f"There is no verb {asked.verb[:40]!r}.")


def _sentence(error: ClientRefused | Refusal) -> str:
    if isinstance(error, ClientRefused):
        return str(error)
    return " ".join((f"{error.message.rstrip('.')}.", *error.reasons))


def _said(status: int, body: Json) -> web.Response:
    return web.Response(
        status=status, body=dumps(body).encode(), content_type="application/json", headers=_HEADERS
    )


async def _body(request: web.Request, max_bytes: int) -> bytes | None:
    """The body; None if it is too large, when it is read to its end nevertheless so that the answer arrives."""
    kept = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
        if len(kept) <= max_bytes:
            kept += chunk
    return bytes(kept) if len(kept) <= max_bytes else None


def _read_statics() -> dict[str, tuple[bytes, str]]:
    found = {
        file.name: file.read_bytes()
        for file in resources.files("bot.sandbox.page").joinpath("static").iterdir()
        if file.is_file()
    }
    return {name: (data, sha256(data).hexdigest()[:16]) for name, data in found.items()}
