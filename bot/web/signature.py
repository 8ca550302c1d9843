"""Signatures of callbacks, after Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec).

Kling signs this way once a webhook secret was created in its console (Kling API, callbacks).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping

from bot.domain.errors import KinoraError

TOLERANCE_S = 300
"""How far a message's time may lie from ours, before or after (Kling API, callbacks)."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class WebhookSecretInvalid(KinoraError):
    """A webhook secret must be copied whole from the provider's console: whsec_ and a base64 text."""


class SignatureInvalid(KinoraError):
    """The message is not signed as it must be."""


def signing_key(secret: str) -> bytes:
    """The key in a webhook secret, as the provider's console shows it; `whsec_` may be left out.

    Raises:
        WebhookSecretInvalid: it is not base64, or empty.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise WebhookSecretInvalid from error
    if not key:
        raise WebhookSecretInvalid
    return key


def verify(headers: Mapping[str, str], body: bytes, *, key: bytes, now_ms: int) -> None:
    """Make sure that whoever knows `key` sent this very body, just now. `headers` ignores case.

    Raises:
        SignatureInvalid: a header is missing, its time is too far away, or no signature fits; for the log.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not (message_id and timestamp and given):
        raise SignatureInvalid("A webhook header is missing.")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureInvalid("The webhook's timestamp is no number of seconds.")
    away_s = int(timestamp) - now_ms / 1000
    if abs(away_s) > TOLERANCE_S:
        raise SignatureInvalid(f"The webhook's timestamp is {away_s:+.0f} s away from this machine's clock.")
    expected = _signed(message_id, timestamp, body, key)
    # A list, so that every signature is compared: while a secret is renewed there are several.
    if not any([hmac.compare_digest(expected, one) for one in _bytes(given).split(b" ")]):  # noqa: C419
        raise SignatureInvalid("None of the webhook's signatures fits; its body or the secret is another.")


def _signed(message_id: str, timestamp: str, body: bytes, key: bytes) -> bytes:
    text = b".".join((_bytes(message_id), _bytes(timestamp), body))
    return b"v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256))


def _bytes(header: str) -> bytes:
    """A header as it was sent: aiohttp decodes what is not UTF-8 to surrogates."""
    return header.encode("utf-8", errors="surrogateescape")
