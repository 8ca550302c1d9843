"""The CDN: files by path, behind links that are signed and expire."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiohttp import web

_LIFETIME_S: Final = 24 * 3600
DEFAULT_MAX_BYTES: Final = 1 << 30
_HARMLESS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""What people upload stands on the same port as the page: opened by itself, it runs no scripts."""
_SHOWN: Final = ("image/", "video/", "audio/")
"""What pages show. All else is there to be saved and of no type: no browser takes it for a script or a style sheet."""


class Cdn:
    """Keeps at most `max_bytes` of files; the oldest go first."""

    def __init__(self, clock: Callable[[], float], *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(16)
        self._files: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._held_bytes = 0
        self._max_bytes = max_bytes
        self.base_url = "http://sandbox.invalid/cdn"
        self.lifetime_s = float(_LIFETIME_S)

    def put(self, path: str, data: bytes, content_type: str) -> None:
        """Keep a file."""
        self._files[path] = data, content_type
        self._held_bytes += len(data)
        while self._held_bytes > self._max_bytes and len(self._files) > 1:
            _, (dropped, _) = self._files.popitem(last=False)
            self._held_bytes -= len(dropped)

    def get(self, path: str) -> bytes:
        """The bytes of a file that was put.

        Raises:
            KeyError: the file was dropped, because there were too many.
        """
        return self._files[path][0]

    def remove(self, path: str) -> None:
        """Forget a file; from now on its link answers 404."""
        data, _ = self._files.pop(path, (b"", ""))
        self._held_bytes -= len(data)

    def url(self, path: str) -> str:
        """A link that works for `lifetime_s` from now."""
        now = self._clock()
        issued, expires = f"{int(now):x}", f"{int(now + self.lifetime_s):x}"
        return f"{self.base_url}/{path}?ex={expires}&is={issued}&hm={self._sign(path, expires, issued)}&"

    def path_of(self, url: str) -> str | None:
        """The path of a link to a file that is here, whatever its signature."""
        if not url.startswith(f"{self.base_url}/"):
            return None
        path = url.removeprefix(f"{self.base_url}/").partition("?")[0]
        return path if path in self._files else None

    def _sign(self, path: str, expires: str, issued: str) -> str:
        return hmac.new(self._secret, f"{path}?{expires}&{issued}".encode(), hashlib.sha256).hexdigest()

    def _is_valid(self, path: str, expires: str, issued: str, signature: str) -> bool:
        try:
            is_fresh = int(expires, 16) > self._clock()
        except ValueError:
            return False
        return is_fresh and hmac.compare_digest(self._sign(path, expires, issued), signature)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve a file, in ranges too."""
        path = request.match_info["path"]
        query = request.query
        if not self._is_valid(path, query.get("ex", ""), query.get("is", ""), query.get("hm", "")):
            return web.Response(status=404, text="This content is no longer available.")
        if path not in self._files:
            return web.Response(status=404, text="")
        data, content_type = self._files[path]
        return _ranged(request, data, content_type)


def _ranged(request: web.Request, data: bytes, content_type: str) -> web.Response:
    headers = {"Accept-Ranges": "bytes", **_HARMLESS}
    if not content_type.startswith(_SHOWN):
        content_type, headers["Content-Disposition"] = "application/octet-stream", "attachment"
    try:
        wanted = request.http_range
    except ValueError:
        return web.Response(status=416, headers=headers)
    if wanted.start is None and wanted.stop is None:
        return web.Response(body=data, content_type=content_type, headers=headers)
    first, last, _ = wanted.indices(len(data))
    if first >= last:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(data)}"
    return web.Response(status=206, body=data[first:last], content_type=content_type, headers=headers)
