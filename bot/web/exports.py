"""What members take along, by signed link: `GET /exports/{file}/{expires}/{signature}`, answered as originals are."""

import re

from aiohttp import web

from bot.media.errors import StoreUnavailable
from bot.services.exports import Exports
from bot.services.originals import Original, Originals
from bot.web.downloads import Allow
from bot.web.originals import OriginalRoutes

_NUMBER = re.compile(r"[0-9]{1,18}")
_HASH = re.compile(r"[0-9a-f]{64}")


class ExportRoutes(OriginalRoutes):
    """Answers who has a link."""

    def __init__(self, exports: Exports, originals: Originals, *, allow: Allow) -> None:
        super().__init__(originals, allow=allow)
        self._exports = exports

    def add_to(self, app: web.Application) -> None:
        """Add the route, for GET and HEAD."""
        app.router.add_get("/exports/{file}/{expires}/{signature}", self._answer)

    async def _found(self, request: web.Request) -> Original:
        file, expires = request.match_info["file"], request.match_info["expires"]
        if not _HASH.fullmatch(file) or not _NUMBER.fullmatch(expires):
            raise web.HTTPNotFound
        try:
            found = await self._exports.found(file, int(expires), request.match_info["signature"])
        except StoreUnavailable:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "60"}) from None
        if found is None:
            raise web.HTTPNotFound
        return found
