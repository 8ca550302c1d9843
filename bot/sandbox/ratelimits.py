"""Rate limits: headers on every answer, and refusals where a test wants them."""

import time
import zlib
from dataclasses import dataclass, field

from bot.sandbox.wire import Json

_UNLIMITED = 100_000
_MAX_BUCKETS = 20_000


@dataclass(slots=True)
class _Bucket:
    limit: int
    per_s: float
    resets_at_s: float = 0.0
    used: int = 0

    def take(self, now_s: float) -> bool:
        if now_s >= self.resets_at_s:
            self.used, self.resets_at_s = 0, now_s + self.per_s
        if self.used >= self.limit:
            return False
        self.used += 1
        return True


@dataclass(frozen=True, slots=True)
class Refused:
    """A 429."""

    retry_after_s: float
    is_global: bool
    scope: str

    @property
    def body(self) -> Json:
        """The answer's JSON."""
        return {
            "message": "You are being rate limited.",
            "retry_after": round(self.retry_after_s, 3),
            "global": self.is_global,
            "code": 0,
        }

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it; discord.py takes a 429 without Via for the proxy's."""
        headers = {"Via": "1.1 sandbox", "Retry-After": str(max(1, round(self.retry_after_s)))}
        headers |= {"X-RateLimit-Scope": self.scope}
        return headers | ({"X-RateLimit-Global": "true"} if self.is_global else {})


@dataclass
class RateLimits:
    """Limits by route; none is enforced unless asked for."""

    _limits: dict[tuple[str, str], tuple[int, float]] = field(
        default_factory=dict[tuple[str, str], tuple[int, float]]
    )
    _buckets: dict[tuple[str, str, str], _Bucket] = field(default_factory=dict[tuple[str, str, str], _Bucket])
    _whole: dict[str, _Bucket] = field(default_factory=dict[str, _Bucket])
    _global: tuple[int, float] | None = None

    def enforce(self, method: str, route: str, *, limit: int, per_s: float) -> None:
        """Allow `limit` requests every `per_s` seconds on a route, for each channel, guild or webhook."""
        self._limits[method, route] = limit, per_s

    def enforce_global(self, *, limit: int = 50, per_s: float = 1.0) -> None:
        """Allow so many requests of one bot in all; interactions and webhooks do not count."""
        self._global = limit, per_s

    def lift(self) -> None:
        """Enforce nothing any more."""
        self._limits.clear()
        self._buckets.clear()
        self._whole.clear()
        self._global = None

    def take(
        self, method: str, route: str, major: str, bot: str | None
    ) -> tuple[dict[str, str], Refused | None]:
        """Count a request.

        Args:
            method: The HTTP method.
            route: The route template.
            major: The id that has a limit of its own: of a channel, a guild or a webhook.
            bot: The token; None on routes that are exempt from the global limit.

        Returns:
            The headers of the answer, and the refusal if the limit is reached.
        """
        now_s = time.monotonic()
        if bot and self._global:
            whole = self._whole.setdefault(bot, _Bucket(*self._global))
            if not whole.take(now_s):
                return {}, Refused(whole.resets_at_s - now_s, is_global=True, scope="global")
        name = f"{zlib.crc32(f'{method} {route}'.encode()):08x}"
        wanted = self._limits.get((method, route))
        if wanted is None:
            return _headers(name, _UNLIMITED, _UNLIMITED - 1, 1.0), None
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.clear()
        bucket = self._buckets.setdefault((method, route, major), _Bucket(*wanted))
        is_taken = bucket.take(now_s)
        left_s = max(0.0, bucket.resets_at_s - now_s)
        headers = _headers(name, bucket.limit, bucket.limit - bucket.used, left_s)
        return headers, None if is_taken else Refused(left_s, is_global=False, scope="user")


def _headers(bucket: str, limit: int, remaining: int, reset_after_s: float) -> dict[str, str]:
    return {
        "X-RateLimit-Bucket": bucket,
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": f"{time.time() + reset_after_s:.3f}",
        "X-RateLimit-Reset-After": f"{reset_after_s:.3f}",
    }
