"""Files that are fetched, whole or in part: few at once, few of the same, and none too slowly."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from typing import Protocol, TypeAlias

import structlog
from aiohttp import web

from bot.media.errors import BlobFault

log = structlog.stdlib.get_logger(__name__)

MAX_AT_ONCE = 16
MAX_AT_ONCE_OF_ONE = 4
SLOWEST_BYTES_PER_S = 131_072
"""Who fetches more slowly than this on the whole, or a piece of it, is cut off: places are few."""

_GRACE_S = 60.0

Allow: TypeAlias = Callable[[web.Request, float], None]
"""Lets the connection of a request last for so many seconds from now."""


class Files(Protocol):
    """Where the bytes come from."""

    def stream(self, blob: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes of a blob from `start` to before `end`.

        Raises:
            NoSuchBlob, StoreUnavailable: they are not to be had any more.
        """
        ...


class Downloads:
    """The places for files of one kind."""

    def __init__(self, files: Files, *, allow: Allow) -> None:
        self._files = files
        self._allow = allow
        self._under_way: Counter[str] = Counter()
        """How many fetch which blob."""

    async def send(
        self, request: web.Request, response: web.StreamResponse, blob: str, span: range, **about: object
    ) -> web.StreamResponse:
        """Answer with these bytes of a blob, and to HEAD with none of them; `about` is for the log.

        Raises:
            web.HTTPServiceUnavailable: there is no place just now.
        """
        response.content_length = len(span)
        response.force_close()
        if request.method == "HEAD":
            return response
        with self._place(blob, about):
            self._allow(request, _longest_s(len(span)))
            await response.prepare(request)
            try:
                async with aclosing(self._files.stream(blob, span.start, span.stop)) as chunks:
                    await _written(response, chunks)
                log.info("file fetched", size=len(span), **about)
            except (BlobFault, ConnectionError, TimeoutError) as fault:
                log.info("file not fetched", reason=type(fault).__name__, **about)
                if request.transport is not None:
                    request.transport.abort()  # so that nobody takes a part for the whole
        return response

    @contextmanager
    def _place(self, blob: str, about: dict[str, object]) -> Generator[None]:
        """One of few places; a single file does not get all of them."""
        if self._under_way.total() >= MAX_AT_ONCE or self._under_way[blob] >= MAX_AT_ONCE_OF_ONE:
            log.info("too many downloads", most=MAX_AT_ONCE, **about)
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "10"})
        self._under_way[blob] += 1
        try:
            yield
        finally:
            self._under_way[blob] -= 1
            self._under_way += Counter()  # forgets those that are at zero


async def _written(response: web.StreamResponse, chunks: AsyncGenerator[bytes]) -> None:
    async for chunk in chunks:
        async with asyncio.timeout(_longest_s(len(chunk))):
            await response.write(chunk)
    await response.write_eof()


def _longest_s(size_bytes: int) -> float:
    return _GRACE_S + size_bytes / SLOWEST_BYTES_PER_S
