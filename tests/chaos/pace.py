"""The time that Discord, the vendors and every life of the bot share: as fast as whoever plays the run wants it."""

import asyncio
import mmap
import struct
import time
from pathlib import Path

_SLOT = struct.Struct("=dddB")
_SLOTS_AT = 8
_LOOKS_AGAIN_S = 0.02
"""How soon somebody who waits sees that time goes faster now."""


class Pace:
    """A clock in a file that several processes map. One of them sets it; the others read it, and wait by it."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)

    @classmethod
    def make(cls, path: Path) -> "Pace":
        """A new clock that shows the time, and goes as usual."""
        path.write_bytes(bytes(_SLOTS_AT + 2 * _SLOT.size))
        pace = cls(path)
        pace._write(time.time(), times=1, is_armed=False)
        return pace

    def now_s(self) -> float:
        """Seconds since 1970."""
        began_s, at_s, times, _ = self._read()
        return began_s + (time.monotonic() - at_s) * times

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.now_s() * 1000)

    @property
    def is_armed(self) -> bool:
        """Whether points count yet."""
        return bool(self._read()[3])

    def arm(self) -> None:
        """From now on points count."""
        self._write(self.now_s(), times=self._read()[2], is_armed=True)

    def go(self, times: float) -> None:
        """From now on time goes so many times faster."""
        self._write(self.now_s(), times=times, is_armed=self.is_armed)

    def skip(self, seconds: float) -> None:
        """Let time pass at once."""
        self._write(self.now_s() + seconds, times=self._read()[2], is_armed=self.is_armed)

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        """Return when `event` is set or the moment has come, whichever is first."""
        while not event.is_set():
            left_s = _LOOKS_AGAIN_S
            if until_ms is not None:
                left_s = min(left_s, (until_ms - self.now_ms()) / 1000 / self._read()[2])
            if left_s <= 0:
                return
            try:
                async with asyncio.timeout(left_s if until_ms is not None else None):
                    await event.wait()
            except TimeoutError:
                continue

    def _read(self) -> tuple[float, float, float, int]:
        return _SLOT.unpack_from(self._shared, _SLOTS_AT + self._shared[0] * _SLOT.size)

    def _write(self, now_s: float, *, times: float, is_armed: bool) -> None:
        """Into the slot that nobody reads, which is then the one that everybody reads."""
        other = 1 - self._shared[0]
        _SLOT.pack_into(
            self._shared, _SLOTS_AT + other * _SLOT.size, now_s, time.monotonic(), times, is_armed
        )
        self._shared[0] = other
