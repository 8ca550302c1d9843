"""HTTP as every provider needs it: bounded, and a create is never repeated.

(aiohttp repeats a GET by itself, once, when a connection was dropped; never a POST.)

A request is a value (`Call`), made by a pure function of the provider and sent, or shown as cURL, from there.
Whether a request that failed may have arrived is what matters most here: `Unsent` means certainly not,
`Cut` means that nobody knows.
"""

import asyncio
import base64
import json
import math
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count, zip_longest
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import aiohttp
from yarl import URL

from bot.domain.provider import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    SLOWEST_BYTES_PER_S,
    Fence,
    Refusal,
    Rejected,
    Unreachable,
    open_fence,
)
from bot.domain.requests import Picture

MAX_ANSWER_BYTES = 4_000_000
"""An answer is a page of JSON; a body larger than this is none."""

LONGEST_RETRY_AFTER_S = 86_400.0
"""Whoever asks for more patience than a day is asked again after a day."""

_NOT_PASSED_ON = frozenset({521, 523, 525, 526})
"""Cloudflare could not connect to the server behind it, or not by TLS (developers.cloudflare.com, 5xx errors)."""

_SHORTEST_SECRET = 8  # what is shorter may stand in any text by chance

_DEEPEST = 64  # objects and lists inside each other; Python itself gives up at a thousand calls
_LONGEST_NUMBER = 300  # digits; Python does not write down more than some thousands

_CHUNK_BYTES = 1 << 16
_PICTURE_CHUNK_BYTES = 3 << 16  # a multiple of 3: base64 of the parts is then that of the whole


class Unsent(Unreachable):
    """The request certainly did not reach the provider."""


class Cut(Unreachable):
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
        fence: Fence = open_fence,
    ) -> Reply:
        """Send one request, once.

        `inputs` holds the pictures by blob hash, `uploads` what uploading them answered. What `fence` raises is
        raised, and nothing was sent.

        Raises:
            Unsent: it certainly did not arrive, or not behind the proxy that took it; or a picture could not be read.
            Cut: it may have arrived.
        """
        try:
            payload = await asyncio.to_thread(_payload, call, inputs or {}, uploads or {})
        except OSError as error:
            raise Unsent(f"a picture cannot be read: {type(error).__name__}") from error
        url = URL(self.base_url + call.path).update_query(call.query)
        # `connect` takes in looking the name up and shaking hands; nothing of the request is sent before its end.
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S, sock_read=read_timeout_s)
        most_s = CONNECT_TIMEOUT_S + payload.size_bytes / SLOWEST_BYTES_PER_S + read_timeout_s
        await fence()
        signed = self.sign_in()
        try:
            async with (
                asyncio.timeout(most_s),
                self._session.request(
                    call.method,
                    url,
                    headers={**signed, **call.headers, **payload.headers},
                    data=payload.data,
                    timeout=timeout,
                    allow_redirects=False,  # the key goes nowhere else
                ) as response,
            ):
                reply = await self._read(response, signed)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise Unsent(_words(error, signed)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Cut(_words(error, signed)) from error
        if _is_not_passed_on(reply):
            raise Unsent(f"Cloudflare answers {reply.status}: it does not reach the provider")
        return reply

    async def _read(self, response: aiohttp.ClientResponse, signed: Mapping[str, str]) -> Reply:
        if (response.content_length or 0) > MAX_ANSWER_BYTES:
            raise Cut(f"the answer is said to be larger than {MAX_ANSWER_BYTES} bytes")
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise Cut(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        text = _without_secrets(body.decode("utf-8-sig", errors="replace"), signed)
        return Reply(
            status=response.status,
            data=await asyncio.to_thread(parsed, text) if len(text) > _CHUNK_BYTES else parsed(text),
            text=text[:1000],
            headers={name.lower(): value for name, value in response.headers.items()},
            retry_after_s=_retry_after_s(response.headers.get("Retry-After"), self.now_ms()),
        )


def _is_not_passed_on(reply: Reply) -> bool:
    """Whether a page of Cloudflare's says so; JSON may be a gateway's, about somebody further on."""
    return reply.status in _NOT_PASSED_ON and reply.data is None and "cf-ray" in reply.headers


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
    mark = secrets.token_hex(16)  # which no prompt and no picture holds
    if call.upload is not None:
        field_name, picture = call.upload
        opening = (
            f'--{mark}\r\nContent-Disposition: form-data; name="{field_name}"; '
            f'filename="{file_name(picture)}"\r\nContent-Type: {picture.media_type}\r\n\r\n'
        )
        texts = [opening.encode(), f"\r\n--{mark}--\r\n".encode()]
        path = inputs[picture.blob]
        size_bytes = sum(map(len, texts)) + path.stat().st_size
        return _streamed(_woven(texts, [path], bytes), size_bytes, f"multipart/form-data; boundary={mark}")
    if call.body is None:
        return _Payload()
    pictures: list[Path] = []

    def fill(stands_for: Inline | Uploaded) -> str:
        if isinstance(stands_for, Uploaded):
            return uploads[stands_for.picture.blob]
        pictures.append(inputs[stands_for.picture.blob])
        return stands_for.prefix + mark

    texts = [part.encode() for part in json.dumps(filled(call.body, fill)).split(mark)]
    size_bytes = sum(map(len, texts)) + sum((path.stat().st_size + 2) // 3 * 4 for path in pictures)
    return _streamed(_woven(texts, pictures, base64.b64encode), size_bytes, "application/json")


def _streamed(data: AsyncGenerator[bytes], size_bytes: int, content_type: str) -> _Payload:
    return _Payload(data, size_bytes, {"Content-Type": content_type, "Content-Length": str(size_bytes)})


def filled(value: Any, fill: Callable[[Inline | Uploaded], str]) -> Any:
    """A body as plain JSON: `fill` is asked, in their order, for the text that goes where a picture stands."""
    match value:
        case Inline() | Uploaded():
            return fill(value)
        case Mapping():
            return {key: filled(item, fill) for key, item in cast("Mapping[str, Any]", value).items()}
        case list() | tuple():
            return [filled(item, fill) for item in cast("Sequence[Any]", value)]
        case _:
            return value


async def _woven(
    texts: Sequence[bytes], pictures: Sequence[Path], encoded: Callable[[bytes], bytes]
) -> AsyncGenerator[bytes]:
    """The texts with the pictures between them."""
    for text, path in zip_longest(texts, pictures):
        yield text
        if path is not None:
            for offset in count(0, _PICTURE_CHUNK_BYTES):
                chunk = await asyncio.to_thread(_chunk, path, offset)
                if not chunk:
                    break
                yield encoded(chunk)


def _chunk(path: Path, offset: int) -> bytes:
    """A part of a file. Nothing stays open in between: whoever sends may be stopped at any moment."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(_PICTURE_CHUNK_BYTES)


def file_name(picture: Picture) -> str:
    """A name with the extension that goes with the picture's type."""
    return f"{picture.blob[:16]}.{'png' if picture.media_type == 'image/png' else 'jpg'}"


_HALF_A_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def parsed(text: str) -> Any:
    """JSON (RFC 8259) that can be worked with; None where it is none, or lies too deep inside itself.

    Its numbers are finite and can be written down, and so can its texts. Of a name that stands twice the last counts.
    """
    try:
        data = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_writable)
        if _is_too_deep(data):
            return None
        if _HALF_A_CHARACTER.search(text):  # cannot be encoded: no database and no log would take it
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return data


def _no_number(_word: str) -> None:
    """What `NaN` and `Infinity` mean, which Python reads and JSON does not have."""


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _writable(text: str) -> int | None:
    return int(text) if len(text) <= _LONGEST_NUMBER else None


def _is_too_deep(data: Any) -> bool:
    """Whether following it down may end in a `RecursionError` somewhere else."""
    level: list[Any] = [data]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _retry_after_s(value: str | None, now_ms: int) -> float | None:
    """Seconds from a `Retry-After` header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    wait_s = _seconds(value)
    if wait_s is None:
        wait_s = _seconds_until(value, now_ms)
    if wait_s is None or math.isnan(wait_s):
        return None
    return min(max(0.0, wait_s), LONGEST_RETRY_AFTER_S)


def _seconds(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _seconds_until(value: str, now_ms: int) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": a time in UTC that says nothing of its zone (RFC 5322, 3.3)
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds()


def _words(error: BaseException, signed: Mapping[str, str]) -> str:
    """What went wrong. Aiohttp names hosts and ports; a URL in there may hold a signed query."""
    return _without_secrets(f"{type(error).__name__}: {str(error).partition('?')[0]}", signed)[:300]


def _without_secrets(text: str, signed: Mapping[str, str]) -> str:
    """Some servers quote what they were sent: the values of the signing headers are masked."""
    for value in signed.values():
        secret = value.rpartition(" ")[2]
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text
