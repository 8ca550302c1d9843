"""Reading request bodies, never more of them than is allowed."""

import json
import re
from dataclasses import dataclass, field
from typing import cast

from aiohttp import BodyPartReader, web

from bot.sandbox.model.attachments import File
from bot.sandbox.refusals import Refusal

_CHUNK_BYTES = 1 << 18
_MAX_JSON_BYTES = 1 << 22
_FILE_NAME = re.compile(r"files\[(\d+)\]")


@dataclass
class Body:
    """A decoded request body."""

    payload: object = None
    uploads: dict[int, File] = field(default_factory=dict[int, File])
    is_too_large: bool = False


async def read(request: web.Request, max_file_bytes: int) -> Body:
    """Read the body to its end, but keep no more than is allowed.

    Raises:
        Refusal: it is not JSON.
    """
    if request.content_type.startswith("multipart/"):
        return await _multipart(request, max_file_bytes)
    if not request.body_exists:
        return Body()
    kept = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
        if len(kept) <= _MAX_JSON_BYTES:
            kept += chunk
    if len(kept) > _MAX_JSON_BYTES:
        return Body(is_too_large=True)
    return Body(_decode(bytes(kept)))


def _decode(text: bytes) -> object:
    try:
        return cast("object", json.loads(text)) if text else None
    except ValueError as error:
        raise Refusal(50109) from error


async def _multipart(request: web.Request, max_file_bytes: int) -> Body:
    body = Body()
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Refusal(50109)
        match = _FILE_NAME.fullmatch(part.name or "")
        data = await _part(part, max_file_bytes if match else _MAX_JSON_BYTES)
        if data is None:
            body.is_too_large = True
        elif match:
            body.uploads[int(match[1])] = File(part.filename or "", data)
        elif part.name == "payload_json":
            body.payload = _decode(data)
    return body


async def _part(part: BodyPartReader, max_bytes: int) -> bytes | None:
    """The part's bytes; None if there are too many, which are read and dropped so that the answer arrives."""
    kept = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        if len(kept) <= max_bytes:
            kept += chunk
    return bytes(kept) if len(kept) <= max_bytes else None
