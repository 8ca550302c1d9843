"""Links that only this installation can have made: whoever can show one was given it, or has it from who was.

A link names a thing and a moment, and bears an HMAC of both. Each purpose has a key of its own, derived from a secret of the
installation, so that a link to one kind of thing never opens another.
"""

import base64
import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Where whoever has it can fetch or do something for a while."""

    url: str
    expires_s: int
    """Seconds since 1970."""


class Signer:
    """Signs links of one purpose, and knows them again."""

    def __init__(self, purpose: str, *, secret: str) -> None:
        """`secret` is the installation's. A purpose stays what it is: all links that are about depend on it."""
        self._key = hmac.digest(secret.encode(), f"links to {purpose}".encode(), "sha256")

    def sign(self, thing: str | int, expires_s: int) -> str:
        """The signature, 43 characters that need no escaping in a URL."""
        digest = hmac.digest(self._key, f"{thing} {expires_s}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def knows(self, thing: str | int, expires_s: int, signature: str) -> bool:
        """Whether this is the signature; it tells nobody by the time it takes how much of it is right."""
        expected = self.sign(thing, expires_s).encode()
        return hmac.compare_digest(expected, signature.encode("utf-8", errors="backslashreplace"))
