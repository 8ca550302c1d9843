"""What providers tell of their tasks: `POST /callbacks/{provider}/{secret}`.

The path holds a secret that only this provider was told, and where the provider signs, the signature is checked
too. Even so a callback is only a hint: whoever carries the job asks the provider sooner. So callbacks that come
twice, late or out of order do no harm, and what they say of a task's state is not even read.
"""

import base64
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import structlog
from aiohttp import ClientError, web
from yarl import URL

from bot.services.news import Notice
from bot.services.ports import Clock
from bot.web.signature import SignatureInvalid, verify

log = structlog.stdlib.get_logger(__name__)

MAX_BODY_BYTES = 262_144
"""A notice is a page of JSON; whatever is larger is none."""

MIN_SECRET_LENGTH = 16

_ENVELOPES = 3
"""A notice may lie in the `data` of an envelope, and a gateway's envelope around that (github.com/QuantumNous/new-api)."""

_ID = re.compile(r"[!-~]{1,128}")

Tell: TypeAlias = Callable[[str, Notice], None]
"""Called with a provider's name and its notice; must not wait."""


class NotANotice(ValueError):
    """The body is no JSON object."""


@dataclass(frozen=True, slots=True)
class Sender:
    """How a provider's callbacks are told from anybody else's."""

    secret: str = field(repr=False)
    """What stands in the path; random, and long enough not to be guessed."""
    signing_key: bytes | None = field(default=None, repr=False)
    """From `bot.web.signature.signing_key`; None where the provider does not sign."""

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_SECRET_LENGTH:
            raise ValueError(f"a callback secret needs at least {MIN_SECRET_LENGTH} characters")


def secret_of(installation_secret: str, provider: str) -> str:
    """The secret that only this provider is told; who knows one knows none of the others."""
    digest = hmac.digest(installation_secret.encode(), provider.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def callback_url(public_url: str, provider: str, secret: str) -> str:
    """Where a provider shall send its notices; `public_url` may have a path of its own."""
    return str(URL(public_url) / "callbacks" / provider / secret)


def notice(body: bytes) -> Notice:
    """Which task a callback is about, whatever its shape.

    Known are the flat one (`task_id`, `task_info.external_task_id`: Kling API, callbacks), the same inside `data`, and
    the newer one (`id`, `external_id`: Kling API 2.0). Ids are text as it was sent, also where they are numbers.

    Raises:
        NotANotice: the body is no JSON object.
    """
    levels = list(_levels(_parsed(body)))
    keys = [key for level in levels for key in _keys(level)]
    task_ids = [found for level in levels for name in ("task_id", "id") if (found := _id(level.get(name)))]
    return Notice(key=keys[0] if keys else None, task_ids=tuple(dict.fromkeys(task_ids)))


class Callbacks:
    """Takes callbacks in: tells real ones from others, and passes on what they are about."""

    def __init__(self, senders: Mapping[str, Sender], *, news: Tell, clock: Clock) -> None:
        """`senders` by provider name."""
        self._senders = senders
        self._news = news
        self._clock = clock
        self._nobodys = secrets.token_urlsafe()

    def add_to(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_post("/callbacks/{provider}/{secret}", self._receive)

    async def _receive(self, request: web.Request) -> web.Response:
        provider = request.match_info["provider"]
        sender = self._sender(provider, request.match_info["secret"])
        body = await _body(request)
        if sender.signing_key is not None:
            self._check(provider, request, body, sender.signing_key)
        try:
            about = notice(body)
        except NotANotice:
            log.warning("callback not understood", provider=provider, size=len(body))
            raise web.HTTPBadRequest(text="Not a JSON object.") from None
        if about.key is None and not about.task_ids:
            log.info("callback about no task", provider=provider)
        else:
            self._news(provider, about)
        return web.Response(text="ok")

    def _sender(self, provider: str, secret: str) -> Sender:
        """Who may send this; a name that nobody has is compared as well, so that it takes as long."""
        sender = self._senders.get(provider)
        expected = self._nobodys if sender is None else sender.secret
        is_right = hmac.compare_digest(expected.encode(), secret.encode("utf-8", errors="backslashreplace"))
        if sender is None or not is_right:
            raise web.HTTPNotFound
        return sender

    def _check(self, provider: str, request: web.Request, body: bytes, key: bytes) -> None:
        try:
            verify(request.headers, body, key=key, now_ms=self._clock.now_ms())
        except SignatureInvalid as fault:
            log.warning("callback refused", provider=provider, reason=str(fault))
            raise web.HTTPUnauthorized from None


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (web.RequestPayloadError, ClientError, OSError):
        raise web.HTTPBadRequest from None  # cut off, or not encoded as it says


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        # Task ids are numbers too long for a float, and longer ones are too long for `int`: all stay text.
        parsed = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise NotANotice("the body is no JSON") from error
    if not isinstance(parsed, dict):
        raise NotANotice("the body is no JSON object")
    return cast("Mapping[str, Any]", parsed)


def _levels(level: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for _ in range(_ENVELOPES):
        yield level
        level = _object(level.get("data"))


def _keys(level: Mapping[str, Any]) -> Iterator[str]:
    task_info = _object(level.get("task_info"))
    said = (task_info.get("external_task_id"), level.get("external_task_id"), level.get("external_id"))
    yield from filter(None, map(_id, said))


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
