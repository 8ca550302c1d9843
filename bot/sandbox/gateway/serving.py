"""The gateway: lets clients in, tells sessions what happens, and misbehaves on request."""

import asyncio
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, cast

from aiohttp import WSMsgType, web

from bot.sandbox.gateway.connection import Connection, identified
from bot.sandbox.gateway.encoding import encoder
from bot.sandbox.gateway.session import Session
from bot.sandbox.model.applications import Application
from bot.sandbox.model.hub import GUILDS, Event
from bot.sandbox.wire import Json, as_object
from bot.sandbox.world import World

_HEARTBEAT, _IDENTIFY, _PRESENCE, _VOICE, _RESUME, _RECONNECT, _MEMBERS, _INVALID, _HELLO, _ACK = (
    1, 2, 3, 4, 6, 7, 8, 9, 10, 11,
)  # fmt: skip
_UNKNOWN_OP, _BAD_PAYLOAD, _NOT_IDENTIFIED, _BAD_TOKEN, _TWICE = 4001, 4002, 4003, 4004, 4005
_BAD_SEQUENCE, _FLOOD, _BAD_SHARD, _SHARDING_REQUIRED, _BAD_INTENTS, _FORBIDDEN_INTENTS = (
    4007, 4008, 4010, 4011, 4013, 4014,
)  # fmt: skip
_FINAL_CLOSES: Final = frozenset({1000, 1001})
_MAX_SESSIONS = 100
_MAX_RECEIVED_BYTES = 4096
_ALL_INTENTS = (1 << 26) - 1
_ACK_AFTER_S = 0.1
"""About as long as the way to Discord and back. discord.py notes in a thread when it has sent a heartbeat, once it has
(`KeepAliveHandler.run`); an acknowledgement that is there before is measured from the heartbeat before that, and
anything above ten seconds is warned of."""


class Gateway:
    """Every session of every bot. The switches are for tests."""

    def __init__(self, world: World, url: Callable[[], str]) -> None:
        self._world = world
        self._url = url
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._connections: dict[Connection, Session | None] = {}
        self.acknowledges_heartbeats = True
        self.heartbeat_interval_ms = 41_250
        self.is_away = False
        """While it is, nobody is let in."""
        self.identify_every_s = 0.0
        """Discord's is 5: so long a start keeps out others with the same remainder by `max_concurrency`."""
        self.max_guilds = 2500
        """As many a shard may hold."""
        self._identified_at_s: dict[tuple[int, int], float] = {}
        self.unlisted: set[int] = set()
        """Guilds that no new session is told of, though the bot is in them."""
        world.hub.listeners.append(self._dispatch)

    @property
    def sessions(self) -> list[Session]:
        """The sessions that there are, those that wait for a resume too."""
        return list(self._sessions.values())

    def disconnect(self, code: int = 4000) -> None:
        """Close every connection."""
        for connection in self._connections:
            connection.close(code)

    def cut(self) -> None:
        """Break every connection without a word."""
        for connection in self._connections:
            connection.cut()

    def repeat_last(self, name: str, *, containing: str = "") -> None:
        """Tell every session its last event of this name once more, as after a resume from before it."""
        for session in self._sessions.values():
            sent = (json.loads(text) for _, text in reversed(session.sent) if containing in text)
            session.dispatch(name, next(event["d"] for event in sent if event["t"] == name))

    def ask_to_reconnect(self) -> None:
        """Send op 7 to everybody."""
        for connection in self._connections:
            connection.send(_RECONNECT)

    def invalidate(self, *, is_resumable: bool = False) -> None:
        """Send op 9 to everybody; unless it is resumable the sessions are gone."""
        for connection, session in self._connections.items():
            if session and not is_resumable:
                self._sessions.pop(session.id, None)
                self._detach(connection)
            connection.send(_INVALID, is_resumable)

    def forget_sessions(self) -> None:
        """Let no session be resumed that has no connection now."""
        for session in self.sessions:
            if session.connection is None:
                del self._sessions[session.id]

    def _dispatch(self, event: Event) -> None:
        for session in self._sessions.values():
            if session.wants(event):
                session.dispatch(event.name, event.payload(session.viewer))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Talk to one client until it leaves."""
        if self.is_away:
            return web.Response(status=503)
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(socket, request, encoder(request.query.get("compress")))
        self._connections[connection] = None
        connection.send(_HELLO, {"heartbeat_interval": self.heartbeat_interval_ms, "_trace": []})
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(connection.write())
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        self._receive(connection, message.data)
                writer.cancel()
        finally:
            self._left(connection, socket.close_code)
        return socket

    def _left(self, connection: Connection, close_code: int | None) -> None:
        session = self._detach(connection)
        del self._connections[connection]
        if session and close_code in _FINAL_CLOSES and not connection.is_closed_here:
            self._sessions.pop(session.id, None)

    def _detach(self, connection: Connection) -> Session | None:
        session = self._connections[connection]
        self._connections[connection] = None
        if session and session.connection is connection:
            session.connection = None
            self._count(session.app, -1)
        return session

    def _attach(self, connection: Connection, session: Session) -> None:
        self._connections[connection] = session
        self._count(session.app, 1)

    def _count(self, app: Application, sessions: int) -> None:
        app.live_sessions += sessions
        app.bell.ring()
        self._world.hub.changed(app)

    def _receive(self, connection: Connection, text: str) -> None:
        if connection.counts_as_flood():
            connection.close(_FLOOD)
            return
        try:
            message: Any = json.loads(text)
            op = int(message["op"])
        except (ValueError, KeyError, TypeError):
            connection.close(_BAD_PAYLOAD)
            return
        if len(text) > _MAX_RECEIVED_BYTES:
            connection.close(_BAD_PAYLOAD)
        elif op == _HEARTBEAT:
            if self.acknowledges_heartbeats:
                asyncio.get_running_loop().call_later(_ACK_AFTER_S, connection.send, _ACK)
        else:
            self._operate(connection, op, as_object(message.get("d")))

    def _operate(self, connection: Connection, op: int, data: Json) -> None:
        session = self._connections[connection]
        if op in {_IDENTIFY, _RESUME} and session:
            connection.close(_TWICE)
        elif op == _IDENTIFY:
            self._identify(connection, data)
        elif op == _RESUME:
            self._resume(connection, data)
        elif session is None:
            connection.close(_NOT_IDENTIFIED)
        elif op == _MEMBERS:
            self._members(session, data)
        elif op not in {_PRESENCE, _VOICE}:
            connection.close(_UNKNOWN_OP)

    def _identify(self, connection: Connection, data: Json) -> None:
        token, intents, shard = identified(data)
        app = self._world.apps_by_token.get(token.removeprefix("Bot "))
        if app is None:
            connection.close(_BAD_TOKEN)
        elif not 0 <= shard[0] < shard[1]:
            connection.close(_BAD_SHARD)
        elif intents & ~_ALL_INTENTS:
            connection.close(_BAD_INTENTS)
        elif intents & app.forbidden_intents:
            connection.close(_FORBIDDEN_INTENTS)
        elif self._is_too_soon(app, shard[0]):
            connection.send(_INVALID, False)
        else:
            self._start(Session(secrets.token_hex(16), app, intents, shard, connection), connection)

    def _is_too_soon(self, app: Application, shard_id: int) -> bool:
        now_s, key = self._world.hub.clock(), (app.id, shard_id % app.max_concurrency)
        is_too_soon = now_s < self._identified_at_s.get(key, 0.0) + self.identify_every_s
        app.starts_left -= 1
        if not is_too_soon:
            self._identified_at_s[key] = now_s
        return is_too_soon

    def _start(self, session: Session, connection: Connection) -> None:
        app = session.app
        guilds = [g for g in self._world.guilds.values() if app.user.id in g.members and session.holds(g.id)]
        if len(guilds) > self.max_guilds:
            connection.close(_SHARDING_REQUIRED)
            return
        self._drop_abandoned(session)
        self._sessions[session.id] = session
        guilds = [guild for guild in guilds if guild.id not in self.unlisted]
        session.dispatch("READY", self._ready(session, [guild.id for guild in guilds]))
        if session.intents & GUILDS:
            for guild in guilds:
                session.dispatch("GUILD_CREATE", guild.payload(app.user.id))
        self._attach(connection, session)

    def _ready(self, session: Session, guild_ids: list[int]) -> Json:
        app = session.app
        return {
            "v": 10,
            "user": app.user.payload() | {"verified": True, "mfa_enabled": False, "flags": 0, "email": None},
            "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in guild_ids],
            "session_id": session.id,
            "resume_gateway_url": self._url(),
            "shard": list(session.shard),
            "application": {"id": str(app.id), "flags": app.flags},
            "private_channels": [],
            "_trace": [],
        }

    def _drop_abandoned(self, new: Session) -> None:
        """A shard that identifies anew does not come back for its old session; and there is a bound."""
        idle = [session for session in self._sessions.values() if session.connection is None]
        surplus = len(self._sessions) - _MAX_SESSIONS
        for index, session in enumerate(idle):
            if (session.app, session.shard) == (new.app, new.shard) or index < surplus:
                del self._sessions[session.id]

    def _resume(self, connection: Connection, data: Json) -> None:
        session = self._sessions.get(str(data.get("session_id")))
        sequence = int(data.get("seq") or 0)
        if session is None or session.app.token != str(data.get("token")).removeprefix("Bot "):
            connection.send(_INVALID, False)
        elif sequence > session.sequence:
            connection.close(_BAD_SEQUENCE)
        elif not session.can_resume_from(sequence):
            del self._sessions[session.id]
            connection.send(_INVALID, False)
        else:
            if session.connection:  # the old one is dead, but nobody has noticed yet
                self._detach(session.connection)
            session.resume(connection, sequence)
            self._attach(connection, session)

    def _members(self, session: Session, data: Json) -> None:
        guild = self._world.guilds.get(int(data.get("guild_id") or 0))
        if guild is None or session.app.user.id not in guild.members:
            return
        ids: Any = data.get("user_ids") or []
        wanted = set(map(int, cast("list[str]", ids if isinstance(ids, list) else [ids])))
        start, limit = str(data.get("query") or "").lower(), int(data.get("limit") or 0) or len(guild.members)
        found = [
            member
            for member in guild.members.values()
            if (member.id in wanted if wanted else member.user.name.startswith(start))
        ][:limit]
        session.dispatch(
            "GUILD_MEMBERS_CHUNK",
            {
                "guild_id": str(guild.id),
                "members": [member.payload() for member in found],
                "chunk_index": 0,
                "chunk_count": 1,
                "nonce": data.get("nonce"),
                "not_found": [str(user_id) for user_id in wanted - {member.id for member in found}],
            },
        )
