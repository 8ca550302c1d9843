"""Signing in at Kling: with a key as it is, or with a token made of a pair of keys (Kling API, General Information)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

TOKEN_LASTS_S = 1800
"""As in Kling's own example (Kling API, General Information)."""

_TOKEN_USED_S = 1200
_CLOCKS_DIFFER_S = 5

TOKEN_BY_SHELL = f"""\
# KLING_TOKEN is made of KLING_ACCESS_KEY and KLING_SECRET_KEY, and good for {TOKEN_LASTS_S // 60} minutes
base64url() {{ openssl base64 -A | tr '+/' '-_' | tr -d '='; }}
NOW=$(date +%s)
CLAIMS=$(printf '{{"iss":"%s","exp":%d,"nbf":%d}}' \\
  "$KLING_ACCESS_KEY" $((NOW + {TOKEN_LASTS_S})) $((NOW - {_CLOCKS_DIFFER_S})) | base64url)
SIGNED=$(printf '{{"alg":"HS256","typ":"JWT"}}' | base64url).$CLAIMS
SIGNATURE=$(printf %s "$SIGNED" | openssl dgst -sha256 -hmac "$KLING_SECRET_KEY" -binary | base64url)
KLING_TOKEN=$SIGNED.$SIGNATURE"""
"""The same, as commands."""


def api_key(key: str) -> Callable[[], Mapping[str, str]]:
    """Signs in with a key as it is."""
    return lambda: {"Authorization": f"Bearer {key}"}


def jwt(access_key: str, secret_key: str, now_ms: Callable[[], int]) -> "Signer":
    """Signs in with a pair of keys; `now_ms` gives milliseconds since 1970."""
    return Signer(access_key, secret_key, now_ms)


class Signer:
    """Makes the token of Kling's older way to sign in, and a new one in good time."""

    def __init__(self, access_key: str, secret_key: str, now_ms: Callable[[], int]) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._now_ms = now_ms
        self._token: tuple[int, str] | None = None

    def __call__(self) -> Mapping[str, str]:
        """The header, with a token that stays valid for ten minutes at least."""
        now_s = self._now_ms() // 1000
        if self._token is None or not 0 <= now_s - self._token[0] < _TOKEN_USED_S:
            self._token = (now_s, self._signed(now_s))
        return {"Authorization": f"Bearer {self._token[1]}"}

    def renew(self) -> None:
        """The token was not accepted: sign a new one next time."""
        self._token = None

    def _signed(self, now_s: int) -> str:
        claims = {"iss": self._access_key, "exp": now_s + TOKEN_LASTS_S, "nbf": now_s - _CLOCKS_DIFFER_S}
        signed = f"{_base64url(_compact({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64url(_compact(claims))}"
        digest = hmac.digest(self._secret_key.encode(), signed.encode(), hashlib.sha256)
        return f"{signed}.{_base64url(digest)}"


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
