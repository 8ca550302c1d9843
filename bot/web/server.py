"""The server itself: one small request a connection, and not much time for it, unless it fetches a file.

It stands behind a reverse proxy or on the open internet, in the process that carries jobs. So clients that are slow,
many or loud are cut off, and neither a log nor an answer repeats what they sent: paths hold secrets.
"""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

import structlog
from aiohttp import web

from bot.domain.errors import KinoraError
from bot.services.exports import Exports
from bot.services.originals import Originals
from bot.services.ports import Clock
from bot.web.callbacks import MAX_BODY_BYTES, Callbacks, Sender, Tell
from bot.web.exports import ExportRoutes
from bot.web.metrics import MetricRoutes
from bot.web.originals import OriginalRoutes
from bot.web.painting import Painter, PainterRoutes

log = structlog.stdlib.get_logger(__name__)

PATIENCE_S = 15.0
"""How long a connection may last: whatever is asked here is answered at once, except for files."""

MAX_CONNECTIONS = 256
"""The database and Discord need file descriptors too."""

_LINGER_S = 1.0  # a client that sends too much can read that it was refused
_CLOSE_S = 2.0

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

Ready: TypeAlias = Callable[[], Awaitable[tuple[Sequence[str], Sequence[str]]]]
"""Why the bot cannot work, and what else is to be said of it."""


class AddressUnusable(KinoraError):
    """The web server cannot listen where WEB_HOST and WEB_PORT say."""

    def __init__(self, host: str, port: int, fault: OSError) -> None:
        if fault.errno == errno.EADDRINUSE:
            said = f"Another program already listens on port {port}; set WEB_PORT to one that is free."
        else:
            reason = (
                os.strerror(fault.errno).lower() if fault.errno and fault.errno > 0 else "no such address"
            )
            said = f"The web server cannot listen on {host}, port {port} ({reason}); correct WEB_HOST or WEB_PORT."
        super().__init__(said)


@asynccontextmanager
async def serving(
    *,
    host: str,
    port: int,
    senders: Mapping[str, Sender],
    news: Tell,
    ready: Ready,
    clock: Clock,
    originals: Originals | None = None,
    exports: Exports | None = None,
    painter: Painter | None = None,
    metrics: MetricRoutes | None = None,
    patience_s: float = PATIENCE_S,
) -> AsyncGenerator[int]:
    """Serve callbacks, originals, the painter, health and metrics until the block ends; gives the port, which port 0 leaves open.

    `/healthz` answers as long as the event loop runs; `/readyz` tells what `ready` says.

    Raises:
        AddressUnusable: the port is taken, or the host is not this machine's.
    """
    app = web.Application(middlewares=[_once], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(_say_nothing_of_us)
    Callbacks(senders, news=news, clock=clock).add_to(app)
    if originals is not None:
        OriginalRoutes(originals, allow=_allow).add_to(app)
    if originals is not None and exports is not None:
        ExportRoutes(exports, originals, allow=_allow).add_to(app)
    if painter is not None:
        PainterRoutes(painter, allow=_allow).add_to(app)
    _add_health(app, ready)
    if metrics is not None:
        metrics.add_to(app)
        app.on_response_prepare.append(_counted_by(metrics))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_CLOSE_S)
    await runner.setup()
    try:
        assert runner.server is not None
        listener = await _listen(_Reception(runner.server, patience_s), host, port)
        try:
            bound: int = listener.sockets[0].getsockname()[1]
            log.info("listening", host=host, port=bound)
            yield bound
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def _listen(reception: "_Reception", host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(reception, host, port)
    except OSError as fault:
        raise AddressUnusable(host, port, fault) from fault


def _add_health(app: web.Application, ready: Ready) -> None:
    async def healthz(_: web.Request) -> web.Response:
        return _told(200, "ok")

    async def readyz(_: web.Request) -> web.Response:
        problems, remarks = await ready()
        if problems:
            return _told(503, f"not ready: {'; '.join(problems)}")
        return _told(200, "; ".join(("ok", *remarks)))

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)


def _told(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers={"Cache-Control": "no-store"})


def _counted_by(metrics: MetricRoutes) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def count(request: web.Request, response: web.StreamResponse) -> None:
        metrics.answered(request, response.status)

    return count


@web.middleware
async def _once(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a connection end with its first answer, whatever that is."""
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        refusal.force_close()
        raise
    response.force_close()
    return response


def _allow(request: web.Request, seconds: float) -> None:
    """Let a request's connection last for so long from now on."""
    cast("_Connection", request.protocol).allow(seconds)


async def _say_nothing_of_us(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


class _Reception:
    """Makes a connection's protocol; of too many, whoever has waited longest without asking for anything has to go."""

    def __init__(self, server: web.Server, patience_s: float) -> None:
        self._server = server
        self._patience_s = patience_s
        self._is_full = False

    def __call__(self) -> asyncio.Protocol:
        there = [one for one in cast("list[_Connection]", self._server.connections) if not one.is_ending]
        was_full, self._is_full = self._is_full, len(there) >= MAX_CONNECTIONS
        if self._is_full and not was_full:
            log.warning("too many connections", most=MAX_CONNECTIONS)
        idle = next((one for one in there if not one.has_asked), None)
        if self._is_full and idle is None:
            return _TurnedAway()
        if self._is_full and idle is not None:
            idle.end()
        return _Connection(self._server, asyncio.get_running_loop(), self._patience_s)


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


class _Connection(web.RequestHandler):
    """aiohttp's, with an end, and with a log that does not quote what was sent."""

    __slots__ = ("_abort", "_end", "_patience_s")

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop, patience_s: float) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=cast("Any", None),  # none at all, which its type does not foresee
            lingering_time=_LINGER_S,
            auto_decompress=False,  # signatures cover what was sent, and a small body can hold a large one
        )
        self._patience_s = patience_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to count the time."""
        super().connection_made(transport)
        self._abort = cast("asyncio.Transport", transport).abort
        self._end = asyncio.get_running_loop().call_later(self._patience_s, self._abort)

    @property
    def is_ending(self) -> bool:
        """Whether it counts no more."""
        return self.transport is None or self.transport.is_closing()

    @property
    def has_asked(self) -> bool:
        """Whether a whole request has come."""
        request = self._current_request
        return self._request_count > 0 and (request is None or request.content.is_eof())

    def end(self) -> None:
        """Break the connection off."""
        self._abort()

    def allow(self, seconds: float) -> None:
        """Count anew, from now."""
        self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(seconds, self._abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop counting."""
        self._end.cancel()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what a handler failed at, in as few words as possible."""
        del message  # quotes what was sent
        if status >= 500:  # noqa: PLR2004
            log.error("request failed", exc_info=exc)
        else:
            log.info("request not understood", status=status, kind=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has already begun")
        response = web.Response(status=status, headers={"Server": ""})  # left out, aiohttp would name itself
        response.force_close()
        return response
