"""One WebSocket: an outgoing queue, so that whoever publishes an event never waits."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from bot.sandbox.gateway.encoding import Encode
from bot.sandbox.wire import Json, dumps

_MAX_RECEIVED, _RECEIVED_WINDOW_S = 120, 60.0


@dataclass(frozen=True, slots=True)
class _Close:
    code: int


class _Cut:
    """Ends the connection without a closing frame."""


_Outgoing: TypeAlias = str | _Close | _Cut


class Connection:
    """A client that is connected."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, encode: Encode) -> None:
        self._socket = socket
        self._request = request
        self._encode = encode
        self._outgoing: asyncio.Queue[_Outgoing] = asyncio.Queue()
        self.is_closed_here = False
        self._received_at_s: deque[float] = deque(maxlen=_MAX_RECEIVED)

    def send(self, op: int, data: object = None) -> None:
        """Send an operation that is not an event."""
        self.send_text(dumps({"op": op, "d": data, "s": None, "t": None}))

    def send_text(self, text: str) -> None:
        """Send an event that is already JSON."""
        self._outgoing.put_nowait(text)

    def close(self, code: int) -> None:
        """Close after what was sent before."""
        self._outgoing.put_nowait(_Close(code))

    def cut(self) -> None:
        """Break the connection, as a network does."""
        self._outgoing.put_nowait(_Cut())

    def counts_as_flood(self) -> bool:
        """Count what the client sent; whether it was too much."""
        now_s = time.monotonic()
        received = self._received_at_s
        is_flood = len(received) == _MAX_RECEIVED and now_s - received[0] < _RECEIVED_WINDOW_S
        received.append(now_s)
        return is_flood

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        while not self._socket.closed:
            item = await self._outgoing.get()
            if isinstance(item, _Close):
                self.is_closed_here = True
                await self._socket.close(code=item.code)
            elif isinstance(item, _Cut):
                if self._request.transport:
                    self._request.transport.abort()
                return
            else:
                await self._write(item)

    async def _write(self, text: str) -> None:
        frame = self._encode(text)
        try:
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_str(frame)
        except ConnectionError:  # the client is gone; a session keeps its events for a resume
            return


def identified(data: Json) -> tuple[str, int, tuple[int, int]]:
    """Token, intents and shard out of an IDENTIFY."""
    shard = data.get("shard") or [0, 1]
    return str(data.get("token", "")), int(data.get("intents", 0)), (int(shard[0]), int(shard[1]))
