"""The web server as the settings want it, and what it tells of the bot."""

import platform
from collections.abc import Iterable
from contextlib import AsyncExitStack

import discord
import structlog
from discord.http import Route

from bot import VERSION
from bot.client import Kinora
from bot.domain.metrics import Metric, gauge
from bot.engine import Engine
from bot.providers import registry
from bot.services.rate_limit import RateLimit
from bot.services.readiness import Readiness
from bot.settings import Settings, SettingsInvalid
from bot.stores import Stores
from bot.web.callbacks import Sender, secret_of
from bot.web.metrics import MetricRoutes, discord_metrics, discord_trace
from bot.web.painting import Painter
from bot.web.rate_limit import paced
from bot.web.server import AddressUnusable, serving
from bot.web.signature import WebhookSecretInvalid, signing_key

log = structlog.stdlib.get_logger(__name__)


async def listen(
    settings: Settings, stores: Stores, engine: Engine, client: Kinora, stack: AsyncExitStack
) -> int | None:
    """Open the web server; gives its port, or None where the usual one is taken and nobody had asked for it.

    Raises:
        SettingsInvalid: what callbacks are signed with is no secret.
        AddressUnusable: a setting says where, and it cannot be there.
    """
    readiness = Readiness(
        db=stores.db,
        gate=engine.gate,
        is_connected=lambda: not client.duty.role.connects or is_connected(client),
    )
    token = settings.metrics_token.get_secret_value().strip() if settings.metrics_token else None
    await engine.meter.begin()
    server = serving(
        host=settings.web_host,
        port=settings.web_port,
        senders=_senders(settings, stores, engine),
        news=engine.news.tell,
        ready=readiness.look,
        clock=engine.clock,
        originals=engine.originals,
        exports=client.services.exports,
        painter=_painter(settings, client),
        metrics=MetricRoutes(engine.meter.read, token=token),
    )
    try:
        return await stack.enter_async_context(server)
    except AddressUnusable as fault:
        if settings.wants_web_server:
            raise
        log.warning("no web server", reason=str(fault))
        return None


def measure_discord(client: Kinora, engine: Engine, limit: RateLimit) -> None:
    """Count what Discord answers, and let what is sent there wait for its turn; before the client logs in."""
    requests, seconds = discord_metrics()
    client.http.http_trace = trace = discord_trace(requests, seconds)
    paced(trace, limit, api_url=Route.BASE)

    def gateway() -> Iterable[Metric]:
        connected, role = is_connected(client), client.duty.role
        about = (VERSION, discord.__version__, platform.python_version(), role.value)
        yield requests.read()
        yield seconds.read()
        yield gauge("kinora_build_info", "1.", {about: 1}, ("version", "discord_py", "python", "role"))
        yield gauge(
            "kinora_discord_requests_waiting",
            "Requests to Discord's API that wait for their turn within its global limit.",
            float(limit.waiting),
        )
        if not role.connects:
            return
        yield gauge(
            "kinora_gateway_connected",
            "1 while the connection to Discord's gateway stands.",
            float(connected),
        )
        yield gauge(
            "kinora_gateway_latency_seconds",
            "The last heartbeat's way to Discord and back; NaN before the first.",
            client.latency if connected else float("nan"),
        )

    engine.meter.add(gateway)


def is_connected(client: Kinora) -> bool:
    """Whether the gateway has said that it is ready, and its connection stands; that of every shard."""
    return client.is_ready() and client.connections.are_up


def webhook_key(settings: Settings) -> bytes | None:
    """What Kling signs its callbacks with; None where no secret is set.

    Raises:
        SettingsInvalid: the secret is none.
    """
    try:
        secret = settings.kling_webhook_secret
        return signing_key(secret.get_secret_value().strip()) if secret else None
    except WebhookSecretInvalid as error:
        raise SettingsInvalid(f"KLING_WEBHOOK_SECRET: {error}") from error


def _painter(settings: Settings, client: Kinora) -> Painter | None:
    """The page on which motion is painted: none, where the internet does not reach the server."""
    if settings.public_url is None:
        return None
    return Painter(client.services.paintings, client.desk.paintings.take)


def _senders(settings: Settings, stores: Stores, engine: Engine) -> dict[str, Sender]:
    """Who may call back: nobody, where the internet does not reach the server."""
    key = webhook_key(settings)
    if settings.public_url is None:
        return {}
    return {
        name: Sender(secret_of(stores.callback_secret, name), signing_key=key if name == "kling" else None)
        for name in registry.CALLS_BACK & engine.providers.keys()
    }
