"""From the socket to a handler and back: who asks, faults, limits, rules, observers."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from aiohttp import web

from bot.sandbox.faults import Answer, Delay, Drop, Fault, Faults, Hold, TooMany
from bot.sandbox.model.applications import Application
from bot.sandbox.model.guilds import UPLOAD_LIMITS
from bot.sandbox.ratelimits import RateLimits, Refused
from bot.sandbox.refusals import Refusal
from bot.sandbox.rest import account, bodies, channels, commands, guilds, interactions, messages
from bot.sandbox.rest.call import Call, Handler, Request, Upload
from bot.sandbox.rules import violations
from bot.sandbox.wire import Json, dumps
from bot.sandbox.world import World

BASE = "/api/v10"
_STARTS = {"total": 1000, "reset_after": 86_400_000}
_MAX_REQUESTS = 20_000
_PARTS = (account, commands, messages, channels, guilds, interactions)
_MAJOR = ("channel_id", "guild_id", "webhook_token", "interaction_token")


@dataclass(frozen=True, slots=True)
class _Answered:
    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    is_cut: bool = False


@dataclass(eq=False)
class Api:
    """The REST API of a world."""

    world: World
    faults: Faults
    limits: RateLimits
    requests: deque[Request] = field(default_factory=lambda: deque[Request](maxlen=_MAX_REQUESTS))
    observers: list[Callable[[Request], None]] = field(default_factory=list[Callable[[Request], None]])

    def add_to(self, web_app: web.Application, gateway_url: Callable[[], str]) -> None:
        """Register every route."""

        def entrance(call: Call) -> Json:
            del call
            return {"url": gateway_url()}

        def entrance_for_bots(call: Call) -> Json:
            return {
                "url": gateway_url(),
                "shards": call.bot.recommended_shards,
                "session_start_limit": _STARTS
                | {"remaining": call.bot.starts_left, "max_concurrency": call.bot.max_concurrency},
            }

        routes: dict[tuple[str, str], Handler] = {
            ("GET", "/gateway"): entrance,
            ("GET", "/gateway/bot"): entrance_for_bots,
        }
        for part in _PARTS:
            routes |= part.ROUTES
        for (method, route), handler in sorted(routes.items(), key=lambda item: item[0][1].count("{")):
            web_app.router.add_route(method, BASE + route, partial(self._serve, route, handler))
        web_app.router.add_route("*", "/api/{rest:.*}", partial(self._serve, "", _unknown))

    async def _serve(self, route: str, handler: Handler, request: web.Request) -> web.StreamResponse:
        body = bodies.Body()
        route = route or request.path.removeprefix(BASE)
        try:
            body = await bodies.read(request, self._max_file_bytes(request.match_info))
            fault = self.faults.strike(request.method, route)
            answered = await self._faulted(fault, partial(self._answer, route, handler, request, body))
        except Refusal as refusal:
            answered = _Answered(refusal.status, refusal.body)
        self._record(request, route, body, 0 if answered.is_cut else answered.status)
        if answered.is_cut and request.transport:
            request.transport.abort()
        return _response(answered)

    async def _faulted(self, fault: Fault | None, answer: Callable[[], _Answered]) -> _Answered:
        match fault.action if fault else None:
            case Answer(status, body, headers):
                return _Answered(status, body, headers)
            case TooMany(retry_after_s, via, is_global):
                refused = Refused(retry_after_s, is_global, "global" if is_global else "shared")
                headers = {key: value for key, value in refused.headers.items() if via or key != "Via"}
                return _Answered(429, refused.body, headers)
            case Drop(after_effect):
                return _Answered(answer().status if after_effect else 0, None, is_cut=True)
            case Hold(after_effect):
                assert fault is not None
                answered = answer() if after_effect else None
                await fault.held()
                return answered or answer()
            case Delay(seconds, after_effect):
                answered = answer() if after_effect else None
                await asyncio.sleep(seconds)
                return answered or answer()
            case None:
                return answer()

    def _answer(self, route: str, handler: Handler, request: web.Request, body: bodies.Body) -> _Answered:
        app = self._app(request)
        is_exempt = route.startswith(("/webhooks/", "/interactions/"))
        major = next((request.match_info[key] for key in _MAJOR if key in request.match_info), "")
        token = app.token if app and not is_exempt else None
        headers, refused = self.limits.take(request.method, route, major, token)
        if refused:
            return _Answered(429, refused.body, headers | refused.headers)
        try:
            result = self._handled(route, handler, request, body, app)
        except Refusal as refusal:
            return _Answered(refusal.status, refusal.body, headers)
        return _Answered(204 if result is None else 200, result, headers)

    def _handled(
        self, route: str, handler: Handler, request: web.Request, body: bodies.Body, app: Application | None
    ) -> object:
        if app is None and not route.startswith(("/webhooks/", "/interactions/", "/gateway")):
            raise Refusal(40001)
        if body.is_too_large:
            raise Refusal(40005)
        names = [file.filename for _, file in sorted(body.uploads.items())]
        if reasons := violations(request.method, route, body.payload, names):
            raise Refusal(50035, reasons)
        call = Call(self.world, app, request.match_info, request.query, body.payload, body.uploads)
        return handler(call)

    def _app(self, request: web.Request) -> Application | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.world.apps_by_token.get(token) if scheme == "Bot" else None

    def _max_file_bytes(self, params: Mapping[str, str]) -> int:
        token = params.get("webhook_token") or params.get("interaction_token")
        if token in self.world.interactions:
            return self.world.interactions[token].upload_limit
        channel_id = params.get("channel_id", "")
        channel = self.world.hub.channels.get(int(channel_id)) if channel_id.isdigit() else None
        return self.world.upload_limit(channel) if channel else UPLOAD_LIMITS[0]

    def _record(self, request: web.Request, route: str, body: bodies.Body, status: int) -> None:
        files = tuple(Upload(file.filename, file.size) for _, file in sorted(body.uploads.items()))
        seen = Request(
            request.method, route, request.path, body.payload, files, status, self.world.hub.clock()
        )
        self.requests.append(seen)
        for observer in self.observers:
            observer(seen)


def _unknown(call: Call) -> object:
    del call
    raise Refusal(0)


def _response(answered: _Answered) -> web.Response:
    if answered.body is None:
        return web.Response(status=answered.status or 204, headers=answered.headers)
    return web.Response(
        status=answered.status,
        body=dumps(answered.body).encode(),
        content_type="application/json",  # exactly this, without a charset: discord.py compares it
        headers=answered.headers,
    )
