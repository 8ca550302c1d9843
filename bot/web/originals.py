"""Originals by signed link: `GET /originals/{job}/{expires}/{signature}`, whole or a range of bytes.

Everything that is wrong with a link is answered with the same 404, and the signature is compared before anything is
looked up: nobody learns from answers which jobs there are. Neither a log nor a header repeats the link.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from bot.media.errors import BlobFault, StoreUnavailable
from bot.services.originals import Original, Originals

if TYPE_CHECKING:
    from collections.abc import Generator

log = structlog.stdlib.get_logger(__name__)

MAX_AT_ONCE = 16
MAX_AT_ONCE_OF_ONE = 4
SLOWEST_BYTES_PER_S = 131_072
"""Who fetches more slowly than this on the whole, or a piece of it, is cut off: places are few."""

_GRACE_S = 60.0
_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")

Allow = Callable[[web.Request, float], None]
"""Lets the connection of a request last for so many seconds from now."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes from `start` to before `end`."""

    start: int
    end: int
    is_range: bool = True
    """False where no range was asked for."""

    @property
    def size_bytes(self) -> int:
        return self.end - self.start


class _Unsatisfiable(Exception):
    """None of the bytes that were asked for exist."""


class OriginalRoutes:
    """Answers who has a link."""

    def __init__(self, originals: Originals, *, allow: Allow) -> None:
        self._originals = originals
        self._allow = allow
        self._under_way: Counter[str] = Counter()
        """How many fetch which blob."""

    def add_to(self, app: web.Application) -> None:
        """Add the route, for GET and HEAD."""
        app.router.add_get("/originals/{job}/{expires}/{signature}", self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        original = await self._found(request)
        try:
            span = _asked_for(request, original)
        except _Unsatisfiable:
            headers = {"Content-Range": f"bytes */{original.size_bytes}"}
            raise web.HTTPRequestRangeNotSatisfiable(headers=headers) from None
        response = _prepared(original, span)
        if request.method == "HEAD":
            return response
        with self._place(original):
            self._allow(request, _GRACE_S + span.size_bytes / SLOWEST_BYTES_PER_S)
            await self._send(request, response, original, span)
        return response

    async def _found(self, request: web.Request) -> Original:
        job, expires = request.match_info["job"], request.match_info["expires"]
        if not _NUMBER.fullmatch(job) or not _NUMBER.fullmatch(expires):
            raise web.HTTPNotFound
        try:
            found = await self._originals.linked(int(job), int(expires), request.match_info["signature"])
        except StoreUnavailable:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "60"}) from None
        if found is None:
            raise web.HTTPNotFound
        return found

    @contextmanager
    def _place(self, original: Original) -> "Generator[None]":
        """One of few places; a single file does not get all of them."""
        blob = original.blob
        is_full = self._under_way.total() >= MAX_AT_ONCE or self._under_way[blob] >= MAX_AT_ONCE_OF_ONE
        if is_full:
            log.info("too many downloads", job=original.job_id, most=MAX_AT_ONCE)
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "10"})
        self._under_way[blob] += 1
        try:
            yield
        finally:
            self._under_way[blob] -= 1
            self._under_way += Counter()  # forgets those that are at zero

    async def _send(
        self, request: web.Request, response: web.StreamResponse, original: Original, span: _Span
    ) -> None:
        await response.prepare(request)
        try:
            async with aclosing(self._originals.stream(original, span.start, span.end)) as chunks:
                await _written(response, chunks)
            log.info("original fetched", job=original.job_id, size=span.size_bytes)
        except (BlobFault, ConnectionError, TimeoutError) as fault:
            log.info("original not fetched", job=original.job_id, reason=type(fault).__name__)
            if request.transport is not None:
                request.transport.abort()  # so that nobody takes a part for the whole


async def _written(response: web.StreamResponse, chunks: AsyncGenerator[bytes]) -> None:
    async for chunk in chunks:
        async with asyncio.timeout(_GRACE_S + len(chunk) / SLOWEST_BYTES_PER_S):
            await response.write(chunk)
    await response.write_eof()


def _asked_for(request: web.Request, original: Original) -> _Span:
    """The bytes that are wanted: all of them, unless one range is asked for that can be understood (RFC 9110, 14.2).

    Raises:
        _Unsatisfiable: there are none of them.
    """
    whole = _Span(0, original.size_bytes, is_range=False)
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    is_outdated = request.headers.get("If-Range", _tag(original)) != _tag(original)
    if not found or not any(found.groups()) or is_outdated:
        return whole
    first, last = found.groups()
    if not first:
        start, end = max(0, original.size_bytes - int(last)), original.size_bytes
    else:
        start, end = int(first), min(int(last or original.size_bytes) + 1, original.size_bytes)
        if last and int(last) < start:
            return whole
    if start >= end:
        raise _Unsatisfiable
    return _Span(start, end)


def _prepared(original: Original, span: _Span) -> web.StreamResponse:
    response = web.StreamResponse(
        status=206 if span.is_range else 200,
        headers={
            "Content-Type": original.media_type,
            "Content-Length": str(span.size_bytes),
            "Content-Disposition": f'attachment; filename="{original.filename}"',
            "Accept-Ranges": "bytes",
            "ETag": _tag(original),
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        },
    )
    if span.is_range:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{original.size_bytes}"
    response.force_close()
    return response


def _tag(original: Original) -> str:
    return f'"{original.blob[:32]}"'
