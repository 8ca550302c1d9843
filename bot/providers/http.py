"""HTTP as every provider needs it: bounded, and a create is never repeated.

(aiohttp repeats a GET by itself, once, when a connection was dropped; never a POST.)

A request is a value (`Call`), made by a pure function of the provider and sent, or shown as cURL, from there.
Whether a request that failed may have arrived is what matters most here: `Unsent` means certainly not,
`Cut` means that nobody knows.
"""

import asyncio
import base64
import json
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import aiohttp
from yarl import URL

from bot.domain.provider import ProviderFault, Refusal, Rejected
from bot.domain.requests import Picture

MAX_ANSWER_BYTES = 4_000_000
"""An answer is a page of JSON; a body larger than this is none."""

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0

SLOWEST_BYTES_PER_S = 50_000
"""A line that sends slower than this is broken."""

_CHUNK_BYTES = 1 << 16
_PICTURE_CHUNK_BYTES = 3 << 16  # a multiple of 3: base64 of the parts is then that of the whole


class Unsent(ProviderFault):
    """The request certainly did not reach the provider."""


class Cut(ProviderFault):
    """The request may have reached the provider; its answer did not reach us."""


@dataclass(frozen=True, slots=True)
class Inline:
    """Stands in a body for a picture as base64 text, after `prefix`."""

    picture: Picture
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Stands in a body for what uploading a picture answered."""

    picture: Picture


Body: TypeAlias = Mapping[str, Any]
"""JSON, in which pictures stand as `Inline` or `Uploaded`."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` is appended to the base URL."""

    method: Literal["GET", "POST"]
    path: str
    body: Body | None = None
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    upload: tuple[str, Picture] | None = None
    """A picture to send as a multipart form instead of a body, and the field it goes in."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside those of the account; no secrets."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status."""

    status: int
    data: Any
    """The body as JSON; None where it is none."""
    text: str
    """The beginning of the body, for the log and for telling faults apart."""
    headers: Mapping[str, str]
    retry_after_s: float | None

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success; the body may say otherwise."""
        return 200 <= self.status < 300  # noqa: PLR2004

    def find(self, *path: str | int) -> Any:
        """What stands at a path of keys and places; None where there is nothing."""
        return dig(self.data, *path)


def dig(data: Any, *path: str | int) -> Any:
    """What stands in JSON at a path of keys and places; None where there is nothing."""
    found = data
    for step in path:
        if isinstance(step, str) and isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(step)
        elif isinstance(step, int) and isinstance(found, list) and len(cast("list[Any]", found)) > step:
            found = cast("list[Any]", found)[step]
        else:
            return None
    return found


class Account:
    """One account at one API: its base URL, how it signs in, and a session to speak over."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base_url: str,
        sign_in: Callable[[], Mapping[str, str]],
        now_ms: Callable[[], int],
    ) -> None:
        """`sign_in` gives the headers that hold the secret, fresh for every request."""
        self._session = session
        self.base_url = base_url
        self.sign_in = sign_in
        self.now_ms = now_ms

    async def send(
        self,
        call: Call,
        *,
        inputs: Mapping[str, Path] | None = None,
        uploads: Mapping[str, str] | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> Reply:
        """Send one request, once.

        `inputs` holds the pictures by blob hash, `uploads` what uploading them answered.

        Raises:
            Unsent: it certainly did not arrive.
            Cut: it may have arrived.
        """
        payload = await asyncio.to_thread(_payload, call, inputs or {}, uploads or {})
        url = URL(self.base_url + call.path).update_query(call.query)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=read_timeout_s)
        most_s = CONNECT_TIMEOUT_S + payload.size_bytes / SLOWEST_BYTES_PER_S + read_timeout_s
        try:
            async with (
                asyncio.timeout(most_s),
                self._session.request(
                    call.method,
                    url,
                    headers={**self.sign_in(), **call.headers, **payload.headers},
                    data=payload.data,
                    timeout=timeout,
                    allow_redirects=False,  # the key goes nowhere else
                ) as response,
            ):
                return await self._read(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ssl.SSLError) as error:
            raise Unsent(_without_secrets(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Cut(_without_secrets(error)) from error

    async def _read(self, response: aiohttp.ClientResponse) -> Reply:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise Cut(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        text = body.decode("utf-8", errors="replace")
        return Reply(
            status=response.status,
            data=await asyncio.to_thread(_parsed, text) if len(text) > _CHUNK_BYTES else _parsed(text),
            text=text[:1000],
            headers={name.lower(): value for name, value in response.headers.items()},
            retry_after_s=_retry_after_s(response.headers.get("Retry-After"), self.now_ms()),
        )


def not_arrived(fault: Unsent) -> Rejected:
    """What a create that did not arrive means."""
    del fault
    return Rejected("The provider could not be reached.", Refusal.UNREACHABLE, retry_after_s=5.0)


@dataclass(frozen=True, slots=True)
class _Payload:
    """What carries a body. Pictures are read while they are sent, so that memory holds none of them whole."""

    data: Any = None
    size_bytes: int = 0
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def _payload(call: Call, inputs: Mapping[str, Path], uploads: Mapping[str, str]) -> _Payload:
    """Asks the file system, so it belongs in a thread."""
    if call.upload is not None:
        name, picture = call.upload
        content = inputs[picture.blob].read_bytes()
        form = aiohttp.FormData()
        form.add_field(name, content, filename=file_name(picture), content_type=picture.media_type)
        return _Payload(form, len(content))
    if call.body is None:
        return _Payload()
    mark = secrets.token_hex(16)  # which no prompt holds
    pictures: list[Path] = []
    text = json.dumps(_marked(call.body, mark, pictures, inputs, uploads))
    texts = [part.encode() for part in text.split(mark)]
    size_bytes = sum(map(len, texts)) + sum((path.stat().st_size + 2) // 3 * 4 for path in pictures)
    headers = {"Content-Type": "application/json", "Content-Length": str(size_bytes)}
    return _Payload(_woven(texts, pictures), size_bytes, headers)


def _marked(
    value: Any,
    mark: str,
    pictures: list[Path],
    inputs: Mapping[str, Path],
    uploads: Mapping[str, str],
) -> Any:
    """The body with `mark` where a picture goes; `pictures` gets them in their order."""
    match value:
        case Inline(picture, prefix):
            pictures.append(inputs[picture.blob])
            return prefix + mark
        case Uploaded(picture):
            return uploads[picture.blob]
        case Mapping():
            known = cast("Mapping[str, Any]", value)
            return {key: _marked(item, mark, pictures, inputs, uploads) for key, item in known.items()}
        case list() | tuple():
            items = cast("Sequence[Any]", value)
            return [_marked(item, mark, pictures, inputs, uploads) for item in items]
        case _:
            return value


async def _woven(texts: Sequence[bytes], pictures: Sequence[Path]) -> AsyncGenerator[bytes]:
    """The texts with the pictures between them, as base64."""
    for text, path in zip_longest(texts, pictures):
        yield text
        if path is not None:
            with await asyncio.to_thread(path.open, "rb") as file:
                while chunk := await asyncio.to_thread(file.read, _PICTURE_CHUNK_BYTES):
                    yield base64.b64encode(chunk)


def file_name(picture: Picture) -> str:
    """A name with the extension that goes with the picture's type."""
    return f"{picture.blob[:16]}.{'png' if picture.media_type == 'image/png' else 'jpg'}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _retry_after_s(value: str | None, now_ms: int) -> float | None:
    """Seconds from a `Retry-After` header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds())


def _without_secrets(error: BaseException) -> str:
    """Aiohttp names hosts and ports in errors, never headers; a URL may hold a signed query."""
    return f"{type(error).__name__}: {str(error).partition('?')[0]}"[:300]
