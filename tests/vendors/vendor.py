"""What the vendors' servers have in common: a bill, a record of requests, and ways to misbehave.

Each vendor is an aiohttp application on the loopback that checks what it gets as the vendor documents it,
so that a request which it takes is one the vendor would take.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from aiohttp import BodyPartReader, web

from tests.e2e.studio import film

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class OnCreate(StrEnum):
    """How the next create goes, other than well."""

    REFUSE_KEY = auto()
    REFUSE_PAYMENT = auto()
    REFUSE_INPUT = auto()
    REFUSE_CONTENT = auto()
    BUSY = auto()
    OUT_OF_ORDER = auto()  # says 500 in the vendor's own form; nothing is taken
    CUT_BEFORE = auto()  # hangs up before anything is taken
    CUT_AFTER = auto()  # takes the task, then hangs up without an answer
    GATEWAY_TIMEOUT = auto()  # takes the task, but a proxy in between says 504 in HTML
    NONSENSE = auto()  # takes the task and says 200 in HTML


class OnPoll(StrEnum):
    """How the next question about a task goes, other than well."""

    OUT_OF_ORDER = auto()
    TOO_FAST = auto()  # 429
    CUT = auto()
    HTML = auto()
    NOT_FOUND = auto()


class Outcome(StrEnum):
    """What becomes of the next task."""

    READY = auto()
    SLOW = auto()  # still rendering until `Vendor.finish`
    FAILED = auto()  # with `FAILURE` as the reason
    NO_LINK = auto()  # finished, but without a link
    STRANGE_STATUS = auto()  # a status word that nobody documented


class OnDownload(StrEnum):
    """How the next download goes, other than well."""

    EXPIRED = auto()  # 403, as S3 says of a link past its time
    GATEWAY_TIMEOUT = auto()
    HTML = auto()
    CUT = auto()  # half of it


class Outage(StrEnum):
    """How a vendor is away altogether, from creates to downloads."""

    GONE = auto()  # nothing listens
    HANGS_UP = auto()  # takes connections and ends them
    PAGE = auto()  # a proxy in between says 503 in HTML
    BEHIND = auto()  # a proxy in between says that it does not reach it


class Phase(StrEnum):
    """What a request is for."""

    CREATE = auto()
    POLL = auto()
    DOWNLOAD = auto()

    @classmethod
    def of(cls, request: web.Request) -> "Phase":
        if request.path.startswith("/files/"):
            return cls.DOWNLOAD
        return cls.CREATE if request.method == "POST" else cls.POLL


Wild: TypeAlias = Callable[[web.Request, web.StreamResponse], Awaitable[web.StreamResponse]]
"""Answers otherwise than it would have been answered."""


FAILURE = "The picture shows a face that cannot be animated."


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    """Decoded JSON; for an upload a mapping of field names to (file name, content type, bytes)."""


@dataclass
class Task:
    """A task the vendor took, and will be paid for unless it fails."""

    id: str
    kind: str
    key: str | None
    """Our name for it, if the vendor was told one."""
    outcome: Outcome
    polls: int = 0
    body: Any = None


@dataclass
class Vendor:
    """A vendor's server. Subclasses add routes in `routes`."""

    key: str = "a-secret-key"
    seen: list[Seen] = field(default_factory=list[Seen])
    tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    on_create: deque[OnCreate] = field(default_factory=deque[OnCreate])
    on_poll: deque[OnPoll] = field(default_factory=deque[OnPoll])
    on_download: deque[OnDownload] = field(default_factory=deque[OnDownload])
    outcomes: deque[Outcome] = field(default_factory=deque[Outcome])
    """For the next tasks; READY when empty."""
    problems: list[str] = field(default_factory=list[str])
    """What was wrong with requests, in the vendor's judgement; a test that expects none compares with []."""
    url: str = ""
    downloads: int = 0
    outage: Outage | None = None
    turned_away: list[str] = field(default_factory=list[str])
    """Methods and paths of the requests that reached it while it was away."""
    wild: deque[tuple["Phase", "Wild"]] = field(default_factory=deque[tuple["Phase", "Wild"]])
    """What stands in the place of the next answers of their kind; whatever was asked for is done first."""
    answers_after_s: float = 0.0
    """What was asked for is done at once."""
    _open: set[asyncio.Transport] = field(default_factory=set[asyncio.Transport])
    _runner: web.AppRunner | None = None
    on_answer: list[Callable[[web.Request], None]] = field(
        default_factory=list[Callable[[web.Request], None]]
    )
    """Called with each request that succeeds, once it has had its effect and before it is answered."""

    @property
    def bill(self) -> list[str]:
        """The tasks that are charged for."""
        return [task.id for task in self.tasks.values() if task.outcome is not Outcome.FAILED]

    def finish(self) -> None:
        """Every slow task is ready."""
        for task in self.tasks.values():
            if task.outcome is Outcome.SLOW:
                task.outcome = Outcome.READY

    def next_outcome(self) -> Outcome:
        return self.outcomes.popleft() if self.outcomes else Outcome.READY

    def link(self, task: Task) -> str:
        """Where a finished clip lies."""
        return f"{self.url}/files/{task.id}.mp4"

    def routes(self) -> list[web.RouteDef]:
        """What this vendor answers to."""
        raise NotImplementedError

    async def record(self, request: web.Request) -> Seen:
        """Keep a request, and give it decoded."""
        if request.content_type.startswith("multipart/"):
            body: Any = {}
            async for part in await request.multipart():
                assert isinstance(part, BodyPartReader)
                body[part.name] = (part.filename, part.headers.get("Content-Type"), bytes(await part.read()))
        else:
            body = await request.json() if request.can_read_body else None
        seen = Seen(request.method, request.path, dict(request.query), dict(request.headers), body)
        self.seen.append(seen)
        return seen

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A finished clip."""
        self.downloads += 1
        if any(name in request.headers for name in ("Authorization", "API-KEY")):
            self.problems.append("the key was sent along with a download")
        match self.on_download.popleft() if self.on_download else None:
            case OnDownload.EXPIRED:
                return web.Response(
                    status=403,
                    text="<Error><Code>AccessDenied</Code></Error>",
                    content_type="application/xml",
                )
            case OnDownload.GATEWAY_TIMEOUT:
                return html(504)
            case OnDownload.HTML:
                return html(200)
            case OnDownload.CUT:
                response = web.StreamResponse(headers={"Content-Length": str(len(film()))})
                await response.prepare(request)
                await response.write(film()[: len(film()) // 2])
                return hang_up(request)
            case None:
                return web.Response(body=film(), content_type="video/mp4")

    @web.middleware
    async def _observed(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        if response.status < 300:
            for observer in self.on_answer:
                observer(request)
        if self.answers_after_s:
            await asyncio.sleep(self.answers_after_s)
        return response

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator["Vendor"]:
        """Answer on the loopback."""
        app = web.Application(client_max_size=64_000_000, middlewares=[self._unless_away, self._observed])
        app.add_routes([*self.routes(), web.get("/files/{name}", self.download)])
        self._runner = runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    @asynccontextmanager
    async def away(self, how: Outage) -> AsyncGenerator[None]:
        """Be away for as long as the block lasts; whoever waits for an answer when it begins is cut off."""
        assert self._runner is not None
        self.outage = how
        for transport in self._open:
            transport.abort()
        if how is Outage.GONE:
            await _closed(self._runner)
        try:
            yield
        finally:
            self.outage = None
            if how is Outage.GONE:
                await web.TCPSite(self._runner, "127.0.0.1", urlsplit(self.url).port).start()

    @web.middleware
    async def _unless_away(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.outage is not None:
            self.turned_away.append(f"{request.method} {request.path}")
            return _of_the_proxy(request, self.outage)
        transport = request.transport
        assert transport is not None
        self._open.add(transport)
        try:
            answer = await handler(request)
            if self.wild and self.wild[0][0] is Phase.of(request):
                return await self.wild.popleft()[1](request, answer)
            return answer
        finally:
            self._open.discard(transport)


def _of_the_proxy(request: web.Request, outage: Outage) -> web.StreamResponse:
    match outage:
        case Outage.PAGE:
            return html(503)
        case Outage.BEHIND:
            return web.Response(
                status=521, text="error code: 521", headers={"CF-RAY": "8f1c2d3e4f5a6b7c-FRA"}
            )
        case _:
            return hang_up(request)


async def _closed(runner: web.AppRunner) -> None:
    """Listen no more. Whoever is being let in is let in first: asyncio would leave the connection open for ever."""
    for site in list(runner.sites):
        server: Any = site._server
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        await site.stop()


def html(status: int) -> web.Response:
    """A page as proxies give it."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>cloudflare</body></html>"
    return web.Response(status=status, text=page, content_type="text/html")


def hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection in the middle of things, if the other side has not."""
    if request.transport is not None:
        request.transport.abort()
    raise asyncio.CancelledError
