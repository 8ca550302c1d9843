"""Crash points: moments of a job's life that have a name, at which a process can be told to die."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PLACE = re.compile(r"\{[^}]*\}")

ARRIVED = "arrived, unanswered"
"""How a point on the other side is named: the effect is there, and the bot is not told any more."""

ANY = "any point"

DIED = "died"
"""Stands in a trace where a life ended."""

_OF_DISCORD = {
    "POST /interactions/{}/{}/callback": "acknowledge",
    "PATCH /webhooks/{}/{}/messages/@original": "first card",
    "PATCH /channels/{}/messages/{}": "edit card",
    "POST /channels/{}/messages/{}/threads": "open thread",
    "POST /channels/{}/messages": "post",
    "GET /channels/{}/messages": "look for a message",
    "PATCH /channels/{}": "put thread away",
    "POST /users/@me/channels": "open direct messages",
}


@dataclass(frozen=True, order=True)
class Kill:
    """Die at the n-th time that a point is reached."""

    point: str
    nth: int = 1

    def __str__(self) -> str:
        if self.point == ANY:
            return f"point {self.nth} after that"
        return self.point if self.nth == 1 else f"{self.point} ({self.nth})"


def deed_at_discord(method: str, route: str) -> str | None:
    """What a request to Discord does; None for what has no part in a job's life."""
    return _OF_DISCORD.get(f"{method} {_PLACE.sub('{}', route)}")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Points:
    """Counts the points that are reached, writes them down, and kills this process, or another, at one of them."""

    def __init__(
        self,
        trace: Path,
        kill: Kill | None,
        *,
        is_armed: Callable[[], bool] = lambda: True,
        die: Callable[[], None] = _die,
    ) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._reached = Counter[str]()
        self._is_armed = is_armed
        self._die = die
        self.kill = kill

    def reach(self, point: str) -> None:
        """Say that a point is reached. Any thread may."""
        if not self._is_armed():
            return
        self._reached[point] += 1
        self._reached[ANY] += 1
        self._write(point)
        if self.kill in (Kill(point, self._reached[point]), Kill(ANY, self._reached[ANY])):
            self._die()

    def died(self) -> None:
        """Say that the other process has died."""
        self._write(DIED)

    def _write(self, point: str) -> None:
        os.write(self._trace, f"{time.monotonic_ns()}\t{point}\n".encode())

    def close(self) -> None:
        """Give the file back."""
        os.close(self._trace)


def traced(path: Path) -> list[tuple[int, str]]:
    """What was written down: moments and points."""
    if not path.exists():
        return []
    lines = (line.partition("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [(int(at), point) for at, _, point in lines]
