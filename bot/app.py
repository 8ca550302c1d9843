"""The composition root: opens everything, in order, in one task group; closes in reverse."""

import asyncio
import secrets
import signal
import string
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import discord
import structlog
from discord.http import Route

from bot.client import Kinora, Services, point_discord_at
from bot.clock import SystemClock
from bot.db import audit, installation, jobs, lanes, visit
from bot.db.errors import DatabaseFault
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database
from bot.domain.catalogue import Catalogue
from bot.domain.errors import CatalogueInvalid, KinoraError
from bot.domain.jobs import Job
from bot.domain.provider import Provider
from bot.domain.rows import overlaid
from bot.media.blobs import Blobs
from bot.media.charts import Charts
from bot.media.clips import Clips
from bot.media.images import Images
from bot.providers import registry
from bot.providers.download import Downloads
from bot.services.admission import Admission
from bot.services.attempts import Attempts
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.generation import Generation
from bot.services.guilds import GuildSettings
from bot.services.health import Health
from bot.services.insights import Insights
from bot.services.ledger import Ledger
from bot.services.news import News, Notice
from bot.services.notices import Notices
from bot.services.ordering import Ordering
from bot.services.ports import Clock, Publisher
from bot.services.quotas import Quotas
from bot.services.routing import Routes
from bot.services.runner.embedded import EmbeddedRunner
from bot.services.stages import Stages
from bot.services.steps import Steps
from bot.services.usage import UsageReports
from bot.settings import Settings, SettingsInvalid
from bot.ui.desk import Desk
from bot.ui.threads import DiscordPublisher
from bot.web.callbacks import Sender, callback_url, secret_of
from bot.web.server import serving
from bot.web.signature import WebhookSecretInvalid, signing_key

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)

_NAME_LENGTH = 6


class DiscordUnreachable(KinoraError):
    """Discord cannot be reached; check the network."""

    def __init__(self, api_url: str) -> None:
        super().__init__(
            f"Discord cannot be reached at {api_url}; check the network, or DISCORD_API_URL if it is set."
        )


class _Stop(Exception):
    """Ends a task group whose tasks would run for ever."""


class _Tasks(asyncio.TaskGroup):
    """A group that cancels whoever asks for one more task while it is ending."""

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """As any task group does."""
        try:
            return super().create_task(coro, name=name, context=context)
        except RuntimeError as error:
            coro.close()
            raise asyncio.CancelledError from error


@dataclass(frozen=True, slots=True)
class App:
    """A running bot."""

    client: Kinora
    db: Database
    connection: asyncio.Task[None]
    """Ends when the connection to the gateway has ended for good."""


@dataclass(frozen=True, slots=True)
class _Stores:
    db: Database
    blobs: Blobs
    images: Images
    clips: Clips
    charts: Charts
    installation: str
    callback_secret: str


@dataclass(frozen=True, slots=True)
class _Wires:
    session: aiohttp.ClientSession
    downloads: Downloads


@dataclass(frozen=True, slots=True)
class _Engine:
    providers: dict[str, Provider]
    catalogue: Catalogue
    routes: Routes
    attempts: Attempts
    news: News
    runner: EmbeddedRunner
    admission: Admission
    cards: Cards
    delivery: Delivery
    notices: Notices
    clock: Clock


def load_catalogue(settings: Settings) -> Catalogue:
    """The models of the configured providers: those that come with Kinora, and the operator's own.

    Raises:
        CatalogueInvalid: a row of the operator's file is not one, or says what its provider does not understand.
        SettingsInvalid: the file cannot be read.
    """
    shipped = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
    path = settings.data_dir / "models.toml"
    try:
        own = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}.") from error
    specs = overlaid(shipped, own, source=str(path))
    if problems := registry.wire_problems(specs):
        raise CatalogueInvalid(f"{path}, {problems[0]}")
    return Catalogue(
        specs,
        providers=settings.provider_order,
        drafts_by="local" if settings.makes_drafts else None,
    )


@asynccontextmanager
async def task_group() -> AsyncGenerator[asyncio.TaskGroup]:
    """A task group that cancels what still runs when its body ends."""

    async def stop() -> None:
        raise _Stop

    try:
        async with _Tasks() as tasks:
            yield tasks
            tasks.create_task(stop())
    except* _Stop:
        pass


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock | None = None) -> AsyncGenerator[App]:
    """The bot, logged in and connecting; everything is closed when the block ends.

    Raises:
        SettingsInvalid: a setting is missing or wrong, or Discord does not know the token.
        CatalogueInvalid: a row in the operator's file of models is not one.
        DiscordUnreachable: Discord does not answer.
        bot.web.server.AddressUnusable: the web server's port is taken.
        bot.db.errors.DatabaseUnusable: the database cannot be used.
    """
    token, clock = settings.token, clock or SystemClock()
    point_discord_at(settings.discord_api_url, settings.discord_gateway_url)
    async with AsyncExitStack() as stack:
        stores = await _open_stores(settings, stack)
        client = await stack.enter_async_context(Kinora(db=stores.db, owner_ids=settings.owner_ids))
        wires = await _open_wires(settings, stack)
        providers = await stack.enter_async_context(_closing())
        tasks = await stack.enter_async_context(task_group())  # ends first, so that nothing is begun anew
        publisher = DiscordPublisher(client, installation=stores.installation)
        engine = _build_engine(settings, stores, wires, publisher, clock=clock, tasks=tasks)
        providers.extend(engine.providers.values())
        _furnish(client, settings, stores, publisher, engine)
        await _recover(stores.db, engine)
        await _log_in(client, token)
        await _resume(stores.db, engine)
        await _listen(settings, stores, engine, client, stack)
        tasks.create_task(engine.admission.run(), name="admission")
        tasks.create_task(engine.notices.run(), name="notices")
        tasks.create_task(client.desk.resume(), name="resume")
        tasks.create_task(_check_books(settings.database_path), name="books")
        yield App(client, stores.db, tasks.create_task(client.connect(), name="gateway"))


async def run(settings: Settings) -> None:
    """Run the bot until it is asked to stop (SIGINT, SIGTERM) or Discord ends the connection for good."""
    stopped = asyncio.Event()
    if sys.platform != "win32":  # which has no such handlers: there Ctrl-C cancels this
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
    async with running(settings) as app:
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait((waiting, app.connection), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        log.info("stopping")


@asynccontextmanager
async def _closing() -> AsyncGenerator[list[Provider]]:
    """A list whose providers are closed at the end."""
    providers: list[Provider] = []
    try:
        yield providers
    finally:
        await asyncio.gather(*(provider.close() for provider in providers))


async def _open_stores(settings: Settings, stack: AsyncExitStack) -> _Stores:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsInvalid(
            f"DATA_DIR is {settings.data_dir}, where nothing can be kept: {error.strerror}."
        ) from error
    db = await SqliteDatabase.open(settings.database_path)
    stack.push_async_callback(db.close)
    return _Stores(
        db=db,
        blobs=_open_blobs(settings),
        images=await stack.enter_async_context(Images()),
        clips=await stack.enter_async_context(Clips()),
        charts=await stack.enter_async_context(Charts()),
        installation=await db.write(installation.settle_on("name", _mint_name())),
        callback_secret=await db.write(installation.settle_on("callback secret", secrets.token_urlsafe(32))),
    )


async def _open_wires(settings: Settings, stack: AsyncExitStack) -> _Wires:
    return _Wires(
        session=await stack.enter_async_context(registry.session()),
        downloads=await stack.enter_async_context(Downloads(trusted_hosts=settings.trusted_hosts)),
    )


def _open_blobs(settings: Settings) -> Blobs:
    try:
        return Blobs.open(settings.blob_location)
    except Exception as error:  # each kind of store has errors of its own
        raise SettingsInvalid(
            "BLOB_URL is not understood, or its store cannot be opened; leave it empty for a folder in DATA_DIR."
        ) from error


def _mint_name() -> str:
    """Short enough to stand in a nonce, random enough to be nobody else's."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_NAME_LENGTH))


def _build_engine(
    settings: Settings,
    stores: _Stores,
    wires: _Wires,
    publisher: Publisher,
    *,
    clock: Clock,
    tasks: asyncio.TaskGroup,
) -> _Engine:
    db = stores.db
    catalogue = load_catalogue(settings)

    def task_changed(provider: str, task_id: str) -> None:
        news.tell(provider, Notice(key=None, task_ids=(task_id,)))

    health = Health(clock, changed=lambda: admission.wake())  # noqa: PLW0108 - made below
    shared = registry.Shared(
        tasks=tasks,
        session=wires.session,
        downloads=wires.downloads,
        now_ms=clock.now_ms,
        changed=task_changed,
    )
    providers = registry.build(settings, shared)
    routes = Routes(db=db, catalogue=catalogue, health=health)
    attempts = Attempts(
        providers=providers,
        routes=routes,
        blobs=stores.blobs,
        installation=stores.installation,
        callback_url=_callback_url(settings, stores.callback_secret),
    )
    cards = Cards(db=db, publisher=publisher, providers=providers, routes=routes, clock=clock, tasks=tasks)
    delivery = Delivery(db=db, publisher=publisher, blobs=stores.blobs, clips=stores.clips, clock=clock)

    def admitted(job: Job) -> None:
        cards.changed(job)
        runner.wake(job.id)

    admission = Admission(
        db=db,
        providers=providers,
        clock=clock,
        health=health,
        routes=routes,
        admitted=admitted,
        moved_up=cards.changed,
    )
    steps = Steps(db=db, clock=clock, cards=cards, slot_freed=admission.wake)
    stages = Stages(
        steps=steps,
        ordering=Ordering(steps=steps, attempts=attempts, routes=routes, health=health),
        attempts=attempts,
        blobs=stores.blobs,
        clips=stores.clips,
        delivery=delivery,
        cards=cards,
    )
    runner = EmbeddedRunner(advance=stages.advance, give_up=stages.give_up, clock=clock, tasks=tasks)
    news = News(db=db, runner=runner, installation=stores.installation, tasks=tasks)
    notices = Notices(db=db, publisher=publisher, clock=clock)
    return _Engine(
        providers, catalogue, routes, attempts, news, runner, admission, cards, delivery, notices, clock
    )


def _callback_url(settings: Settings, secret: str) -> Callable[[str], str | None]:
    """Where a provider may send news: nowhere, unless it sends any and the internet reaches this process."""
    public_url = settings.public_url

    def address(provider: str) -> str | None:
        if public_url is None or provider not in registry.CALLS_BACK:
            return None
        return callback_url(public_url, provider, secret_of(secret, provider))

    return address


async def _listen(
    settings: Settings, stores: _Stores, engine: _Engine, client: Kinora, stack: AsyncExitStack
) -> None:
    """Open the web server, where there is a way to it."""
    if settings.public_url is None:
        return
    try:
        secret = settings.kling_webhook_secret
        key = signing_key(secret.get_secret_value().strip()) if secret else None
    except WebhookSecretInvalid as error:
        raise SettingsInvalid(f"KLING_WEBHOOK_SECRET: {error}") from error
    senders = {
        name: Sender(secret_of(stores.callback_secret, name), signing_key=key if name == "kling" else None)
        for name in registry.CALLS_BACK & engine.providers.keys()
    }
    await stack.enter_async_context(
        serving(
            host=settings.web_host,
            port=settings.web_port,
            senders=senders,
            news=engine.news.tell,
            is_ready=client.is_ready,
            clock=engine.clock,
        )
    )


def _furnish(
    client: Kinora, settings: Settings, stores: _Stores, publisher: DiscordPublisher, engine: _Engine
) -> None:
    clock = engine.clock
    catalogue = engine.catalogue
    generation = Generation(
        db=stores.db,
        routes=engine.routes,
        images=stores.images,
        blobs=stores.blobs,
        clock=clock,
        runner=engine.runner,
        notices=engine.notices,
        defaults=settings.default_limits,
        queued=engine.admission.wake,
    )
    insights = Insights(db=stores.db, attempts=engine.attempts)
    client.services = Services(
        catalogue=catalogue,
        routes=engine.routes,
        insights=insights,
        quotas=Quotas(
            db=stores.db,
            clock=clock,
            defaults=settings.default_limits,
            models=[spec.id for spec in catalogue.specs],
            card_of=engine.cards.of,
            recapped=engine.admission.wake,
        ),
        ledger=Ledger(db=stores.db),
        guilds=GuildSettings(
            db=stores.db,
            clock=clock,
            defaults=settings.default_limits,
            changed=engine.notices.wake,  # a log channel that was chosen just now has not been told anything
        ),
        reports=UsageReports(db=stores.db, clock=clock, defaults=settings.default_limits),
        charts=stores.charts,
    )
    client.desk = Desk(
        generation=generation,
        insights=insights,
        cards=engine.cards,
        delivery=engine.delivery,
        publisher=publisher,
        notices=engine.notices,
    )


async def _recover(db: Database, engine: _Engine) -> None:
    """Bring what is derived into line with the rows, before anything moves."""
    for name in engine.providers:
        await db.write(lanes.open_pool(name))
    if wrong := await db.write(lanes.recount()):
        log.warning("queue counters corrected", count=wrong)


async def _check_books(path: Path) -> None:
    """Compare every balance with its ledger rows: on a connection of its own, for it takes long where there are many."""
    try:
        wrong = await asyncio.to_thread(visit.read, path, audit.discrepancies())
    except DatabaseFault as fault:
        log.warning("books not checked", reason=str(fault))
        return
    if wrong:
        log.error("balances differ from the ledger", count=wrong)


async def _resume(db: Database, engine: _Engine) -> None:
    """Carry on every job that an earlier process left on its way."""
    left = await db.read(jobs.open_ids())
    for job_id in left:
        engine.runner.wake(job_id)
    if left:
        log.info("resumed", jobs=len(left))


async def _log_in(client: Kinora, token: str) -> None:
    try:
        await client.login(token)
    except discord.LoginFailure as failure:
        raise SettingsInvalid(
            "Discord does not accept DISCORD_TOKEN. Copy the bot's token again (README, step 2)."
        ) from failure
    except (aiohttp.ClientError, OSError) as failure:
        raise DiscordUnreachable(Route.BASE) from failure
