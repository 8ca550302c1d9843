"""One local Discord: REST API, gateway, CDN and a page for people on one port of the loopback."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from bot.sandbox.cdn import DEFAULT_MAX_BYTES, Cdn
from bot.sandbox.driver.server import BOT_PERMISSIONS, App, Server
from bot.sandbox.faults import Answer, Delay, Drop, Faults, Hold, TooMany
from bot.sandbox.gateway.serving import Gateway
from bot.sandbox.model.hub import Hub
from bot.sandbox.model.interactions import Interaction
from bot.sandbox.model.people import User
from bot.sandbox.page.backstage import Backstage
from bot.sandbox.page.faults import DiscordFaults
from bot.sandbox.page.serving import Page
from bot.sandbox.permissions import Permission
from bot.sandbox.ratelimits import RateLimits
from bot.sandbox.rest.call import Request
from bot.sandbox.rest.serving import BASE, Api
from bot.sandbox.snowflake import Snowflakes
from bot.sandbox.world import World

_OUT_OF_SERVICE = 1001
_SHUTDOWN_S = 1.0
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_BACKLOG = 1024  # with the default of 128, two hundred simultaneous connections wait a second for a retry


class Sandbox:
    """A Discord of one's own.

    Args:
        clock: Seconds since the epoch. Ids, deadlines, links and archiving go by it.
        max_cdn_bytes: How much is kept of what is uploaded; the oldest goes first.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.time, max_cdn_bytes: int = DEFAULT_MAX_BYTES
    ) -> None:
        hub = Hub(clock, Snowflakes(clock), Cdn(clock, max_bytes=max_cdn_bytes))
        self.world = World(hub)
        self.faults = Faults()
        self.rate_limits = RateLimits()
        self._api = Api(self.world, self.faults, self.rate_limits)
        self.gateway = Gateway(self.world, lambda: self.gateway_url)
        self.backstage = Backstage()
        self.backstage.add(DiscordFaults(self.world, self.faults, self.gateway, self.backstage.changed))
        self.page = Page(self.world, self.backstage)
        self._url = URL()

    @property
    def api_url(self) -> str:
        """Where bots find the API."""
        return str(self._served.joinpath(BASE.strip("/")))

    @property
    def gateway_url(self) -> str:
        """Where bots find the gateway."""
        return str(self._served.with_scheme("ws") / "gateway")

    @property
    def page_url(self) -> str:
        """Where people find the page."""
        return str(self._served.with_path("/"))

    @property
    def cdn(self) -> Cdn:
        """The files."""
        return self.world.hub.cdn

    @property
    def requests(self) -> deque[Request]:
        """The latest requests to the API."""
        return self._api.requests

    @property
    def on_request(self) -> list[Callable[[Request], None]]:
        """Called with each request to the API, once it is answered."""
        return self._api.observers

    def unanswered(self) -> list[Interaction]:
        """The interactions without a first response, and those that still say that the bot is thinking.

        A first response that comes after three seconds is refused, so what is answered was answered in time. In
        channels that were deleted meanwhile nobody waits.
        """
        known = self.world.interactions.values()
        return [one for one in known if not one.is_answered and not one.channel.is_deleted]

    @property
    def _served(self) -> URL:
        if not self._url.host:
            raise RuntimeError("The sandbox has no address: it is not being served.")
        return self._url

    def add_application(
        self,
        name: str,
        *,
        token: str,
        message_content: bool = False,
        members: bool = False,
        presences: bool = False,
    ) -> App:
        """Make an application with its bot; the switches are those of the privileged intents."""
        world = self.world
        owner = User(world.hub.new_id(), f"owner-of-{name.lower()}")
        identifier = world.hub.new_id()
        user = User(identifier, name, is_bot=True)
        app = App(identifier, name, token, user, owner, message_content, members, presences)
        world.users |= {owner.id: owner, user.id: user}
        world.apps[app.id] = world.apps_by_token[token] = world.apps_by_user[user.id] = app
        return app

    def add_guild(
        self,
        name: str,
        *,
        app: App | None = None,
        premium_tier: int = 0,
        permissions: Permission = BOT_PERMISSIONS,
        guild_id: int | None = None,
    ) -> Server:
        """Make a guild.

        Args:
            name: Its name.
            app: A bot that joins at once.
            premium_tier: Boosts decide how large files may be.
            permissions: Those of the bot's role.
            guild_id: Decides the shard; a new id by default.
        """
        owner = User(self.world.hub.new_id(), f"owner-of-{name.lower()}")
        self.world.users[owner.id] = owner
        guild = Server(self.world, name, owner, premium_tier=premium_tier, guild_id=guild_id)
        self.world.guilds[guild.id] = guild
        if app:
            guild.add_app(app, permissions=permissions)
        return guild

    @asynccontextmanager
    async def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator["Sandbox"]:
        """Listen until the block ends; then everybody is cut off. It may be served again later."""
        web_app = web.Application(middlewares=[self._guarded])
        self._api.add_to(web_app, lambda: self.gateway_url)
        web_app.router.add_get("/gateway", self.gateway.serve)
        web_app.router.add_get("/gateway/", self.gateway.serve)
        web_app.router.add_get("/cdn/{path:.+}", self._download)
        self.page.add_to(web_app, lambda: self._served)
        runner = web.AppRunner(web_app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, backlog=_BACKLOG)
            await site.start()
            bound = runner.addresses[0][1]
            self._url = URL.build(scheme="http", host=host, port=bound)
            self.cdn.base_url = str(self._url / "cdn")
            yield self
        finally:
            self.faults.clear()
            self.gateway.disconnect(_OUT_OF_SERVICE)
            self.page.end()
            await runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse names that merely resolve to this machine (DNS rebinding)."""
        if request.host not in {f"{name}:{self._url.port}" for name in (*_NAMES, self._url.host)}:
            raise web.HTTPForbidden(text="This is only for programs and browsers on this machine.")
        return await handler(request)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.strike(request.method, "/cdn")
        match fault.action if fault else None:
            case Answer(status, _, headers):
                return web.Response(status=status, headers=headers)
            case TooMany(retry_after_s):
                return web.Response(status=429, headers={"Retry-After": f"{retry_after_s:g}"})
            case Drop():
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case Hold():
                assert fault is not None
                await fault.held()
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case None:
                pass
        return await self.cdn.answer(request)
