"""Originals by signed link: `GET /originals/{job}/{expires}/{signature}`, whole or a range of bytes.

Everything that is wrong with a link is answered with the same 404, and the signature is compared before anything is
looked up: nobody learns from answers which jobs there are. Neither a log nor a header repeats the link.
"""

import re

from aiohttp import web

from bot.media.errors import StoreUnavailable
from bot.services.originals import Original, Originals
from bot.web.downloads import Allow, Downloads

_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


class _Unsatisfiable(Exception):
    """None of the bytes that were asked for exist."""


class OriginalRoutes:
    """Answers who has a link."""

    def __init__(self, originals: Originals, *, allow: Allow) -> None:
        self._originals = originals
        self._downloads = Downloads(originals, allow=allow)

    def add_to(self, app: web.Application) -> None:
        """Add the route, for GET and HEAD."""
        app.router.add_get("/originals/{job}/{expires}/{signature}", self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        original = await self._found(request)
        try:
            span, is_range = _asked_for(request, original)
        except _Unsatisfiable:
            headers = {"Content-Range": f"bytes */{original.size_bytes}"}
            raise web.HTTPRequestRangeNotSatisfiable(headers=headers) from None
        response = _prepared(original, span if is_range else None)
        return await self._downloads.send(request, response, original.blob, span, job=original.job_id)

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


def _asked_for(request: web.Request, original: Original) -> tuple[range, bool]:
    """The bytes that are wanted, and whether a range was: all, unless one is that can be understood (RFC 9110, 14.2).

    Raises:
        _Unsatisfiable: there are none of them.
    """
    whole = range(original.size_bytes), False
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
    return range(start, end), True


def _prepared(original: Original, asked_for: range | None) -> web.StreamResponse:
    response = web.StreamResponse(
        status=200 if asked_for is None else 206,
        headers={
            "Content-Type": original.media_type,
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
    if asked_for is not None:
        last = asked_for.stop - 1
        response.headers["Content-Range"] = f"bytes {asked_for.start}-{last}/{original.size_bytes}"
    return response


def _tag(original: Original) -> str:
    return f'"{original.blob[:32]}"'
