"""The composition root: opens everything, in order, in one task group; closes in reverse."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import discord
import structlog
from discord.http import Route
from pydantic import SecretStr

from bot.client import AnotherApplication, Kinora, MessageContentForbidden, TokenRefused, point_discord_at
from bot.clock import SystemClock
from bot.db import audit, backups, jobs, lanes, opening
from bot.db.errors import DatabaseFault
from bot.db.transaction import Database
from bot.domain.duties import Duty, Role, Shards
from bot.domain.errors import KinoraError
from bot.domain.provider import Provider
from bot.engine import Engine, Runner, build_engine
from bot.furnishing import furnish
from bot.listening import listen, measure_discord
from bot.providers import registry
from bot.services.gate import Closure, Gate
from bot.services.ports import Clock
from bot.services.processes import Processes
from bot.services.rate_limit import RateLimit
from bot.services.runner.embedded import EmbeddedRunner
from bot.settings import Settings, SettingsInvalid, notify_socket
from bot.shards import SharedLine
from bot.signals import Stop, heeded, notify
from bot.stores import Stores, open_carrier, open_stores, open_wires
from bot.ui.threads import DiscordPublisher

T = TypeVar("T")

_GONE_AFTER_S = 9.5
"""After a signal: containers are killed 10 s after theirs."""
_PATIENCE_S = 7.0
"""For what is under way; the rest is for closing."""
_FAREWELL_S = 1.5

_FILES_APART = (
    "Pictures and clips have to lie where every process finds them: set BLOB_URL to a bucket, "
    "or to a folder that they share."
)

log = structlog.stdlib.get_logger(__name__)


class DiscordUnreachable(KinoraError):
    """Discord cannot be reached, or what answers in its place is not its API."""

    def __init__(self, api_url: str, problem: str = "cannot be reached") -> None:
        super().__init__(
            f"Discord {problem} at {api_url}; check the network, and DISCORD_API_URL if it is set, or try again later."
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
    gate: Gate
    runner: Runner
    connection: asyncio.Task[None]
    """Ends when the connection to the gateway has ended for good."""
    port: int | None
    """Where the web server listens; None where the usual port was taken and nobody had asked for it."""


def ensure_possible(settings: Settings, duty: Duty) -> None:
    """Refuse a part of the work to a process that nobody can share the rest with.

    Raises:
        SettingsInvalid: what is wrong with `--role` or `--shards`.
    """
    if duty.role is Role.WORKER and duty.shards is not None:
        raise SettingsInvalid("A worker is not connected to Discord's gateway: leave --shards out.")
    is_one_of_several = duty.role is not Role.ALL or not (duty.shards is None or duty.shards.are_all)
    if is_one_of_several and settings.is_shared and not settings.blob_url:
        raise SettingsInvalid(_FILES_APART)
    if settings.is_shared:
        return
    if duty.role is not Role.ALL:
        raise SettingsInvalid(
            f"--role {duty.role} needs a database that processes share: set DATABASE_URL to postgresql://…, "
            "or leave --role out, and one process does everything."
        )
    if duty.shards is not None and not duty.shards.are_all:
        raise SettingsInvalid(
            f"--shards {duty.shards} leaves servers to other processes, which needs a database that they share: "
            f"set DATABASE_URL to postgresql://…, or write --shards {Shards.all_of(duty.shards.count)}."
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
async def running(
    settings: Settings,
    duty: Duty = Duty(),  # noqa: B008 - a constant
    *,
    clock: Clock | None = None,
) -> AsyncGenerator[App]:
    """The bot, logged in and connecting; everything is closed when the block ends.

    Raises:
        SettingsInvalid: a setting is missing or wrong, or Discord does not know the token, or as another application's.
        CatalogueInvalid: a row in the operator's file of models is not one.
        DiscordUnreachable: Discord does not answer, or not as it should.
        bot.web.server.AddressUnusable: the web server cannot listen where a setting says.
        bot.db.errors.DatabaseUnusable: the database cannot be used.
    """
    token, clock = settings.token, clock or SystemClock()
    point_discord_at(settings.discord_api_url, settings.discord_gateway_url)
    async with AsyncExitStack() as stack:
        carrier = await open_carrier(settings, stack, clock=clock)
        stores = await open_stores(settings, stack, defer=carrier.defer if carrier else None)
        client = _client(settings, stores, duty, clock)
        limit = RateLimit(settings.discord_requests_per_second)
        others = await _among_others(settings, duty, stack, db=stores.db, clock=clock, limit=limit)
        stack.push_async_callback(_hang_up, client)
        wires = await open_wires(settings, stack)
        providers = await stack.enter_async_context(_closing())
        tasks = await stack.enter_async_context(task_group())  # ends first, so that nothing is begun anew
        publisher = DiscordPublisher(client, directory=client.directory, installation=stores.installation)
        engine = build_engine(
            settings,
            stores,
            wires,
            publisher,
            clock=clock,
            tasks=tasks,
            carrier=carrier,
            may_lead=duty.role.carries,
            has_left=others.has_left if others else lambda _provider: True,
        )
        providers.extend(engine.providers.values())
        furnish(client, settings, stores, publisher, engine, tasks=tasks)
        measure_discord(client, engine, limit)
        await _recover(stores.db, engine, duty.role)
        tasks.create_task(_stay_among(others), name="processes")
        await _log_in(client, token)
        await client.services.departures.load()
        await client.services.draining.recall()
        await engine.room.look()
        port = await listen(settings, stores, engine, client, stack)
        await _resume(stores.db, engine)
        for name, work in _always(settings, engine, client, duty.role).items():
            tasks.create_task(work, name=name)
        connects = _stay_connected(client) if duty.role.connects else _stay_apart()
        connection = tasks.create_task(connects, name="gateway")
        yield App(client, stores.db, engine.gate, engine.runner, connection, port)


async def run(settings: Settings, duty: Duty = Duty()) -> None:  # noqa: B008 - a constant
    """Run the bot until it is asked to stop (SIGINT, SIGTERM) or Discord ends the connection for good.

    Asked, it takes no requests and begins no step any more, and waits a little for what it is in the middle of.
    """
    ensure_possible(settings, duty)
    stop, manager = Stop(), notify_socket()
    with heeded(stop, within_s=_GONE_AFTER_S):
        try:
            async with running(settings, duty) as app:
                stop.up()
                log.info("is up")
                notify(manager, "READY=1")
                await _first(stop.asked.wait(), app.connection)
                notify(manager, "STOPPING=1")
                await _part(app, stop)
        except asyncio.CancelledError:
            if not stop.asked.is_set():
                raise
            log.info("stopped before it was up")


async def _part(app: App, stop: Stop) -> None:
    """Let what is under way end: a create that is cut off before its answer is one in doubt."""
    log.info("stopping")
    app.gate.shut(Closure.STOPPING)
    under_way = app.runner.park() | app.client.answering()
    if under_way:
        await _first(asyncio.wait(under_way, timeout=_PATIENCE_S), stop.hurried.wait())
    cut = sorted(task.get_name() for task in under_way if not task.done())
    if cut:
        log.warning("cut off", tasks=cut)


async def _first(*awaited: Awaitable[object]) -> None:
    """Wait for one of them; what was made for this call alone is cancelled then."""
    tasks = {asyncio.ensure_future(one) for one in awaited}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks.difference(one for one in awaited if isinstance(one, asyncio.Future)):
        task.cancel()


async def _hang_up(client: Kinora) -> None:
    """Close the client; a gateway that does not answer the farewell is not waited for."""
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await client.close()
    except TimeoutError:
        log.warning("the gateway does not answer the farewell")
        await client.http.close()


async def _among_others(
    settings: Settings, duty: Duty, stack: AsyncExitStack, *, db: Database, clock: Clock, limit: RateLimit
) -> Processes | None:
    """Where processes share a database, join them, and take a share of what Discord allows; leave them at the end.

    Raises:
        SettingsInvalid: this one keeps files in a folder of its own, and gateways or workers are there.
        bot.db.errors.DatabaseFault: the clocks differ, or cannot be compared.
    """
    if isinstance(settings.database, Path):
        return None
    per_s = settings.discord_requests_per_second
    others = Processes(
        db=db, clock=clock, duty=duty, limit=limit, per_s=per_s, providers=registry.names(settings)
    )
    await others.begin()
    stack.push_async_callback(others.end)
    is_one_of_several = duty.role is Role.ALL and any(
        process.role is not Role.ALL for process in others.there
    )
    if is_one_of_several and not settings.blob_url:
        raise SettingsInvalid(_FILES_APART)
    return others


async def _stay_among(others: Processes | None) -> None:
    """From before the login on, which may need more than a newcomer's share."""
    if others is not None:
        await others.run()


@asynccontextmanager
async def _closing() -> AsyncGenerator[list[Provider]]:
    """A list whose providers are closed at the end."""
    providers: list[Provider] = []
    try:
        yield providers
    finally:
        await asyncio.gather(*(provider.close() for provider in providers))


def _always(
    settings: Settings, engine: Engine, client: Kinora, role: Role
) -> dict[str, Coroutine[Any, Any, None]]:
    """What goes on for as long as a process of this role runs, or begins with it."""
    services, place = client.services, settings.database
    engine.leader.duty("books", lambda: _check_books(place), lambda: None)
    work: dict[str, Coroutine[Any, Any, None]] = {
        "pulse": engine.pulse.run(),
        "room": engine.room.run(),
        "request log": engine.request_log.run(),
        "departures": services.departures.run(),
        "lead": engine.leader.run(),
    }
    if settings.is_shared:
        work |= {
            "health": engine.health.run(),
            "draining": services.draining.run(),
            "departures elsewhere": services.departures.follow(),
        }
    if role.connects:
        work["resume"] = client.desk.intake.resume(is_ours=client.shards.hold)
    if isinstance(engine.runner, EmbeddedRunner):
        work["admission"] = engine.admission.run()
    elif role.carries:
        work["steps"] = engine.runner.run()
    return work


async def _recover(db: Database, engine: Engine, role: Role) -> None:
    """Bring what is derived into line with the rows, before anything moves."""
    if taken_up := await db.write(backups.take_up(now_ms=engine.clock.now_ms())):
        log.warning("restored from a backup", **asdict(taken_up))
    for name in engine.providers:
        await db.write(lanes.open_pool(name))
    if role.carries and (wrong := await db.write(lanes.recount())):
        log.warning("queue counters corrected", count=wrong)


async def _check_books(place: Path | SecretStr) -> None:
    """Compare every balance with its ledger rows: on a connection of its own, for it takes long where there are many."""
    try:
        wrong = await asyncio.to_thread(opening.look, place, audit.discrepancies())
    except DatabaseFault as fault:
        log.warning("books not checked", reason=str(fault))
        return
    if wrong:
        log.error("balances differ from the ledger", count=wrong)


async def _resume(db: Database, engine: Engine) -> None:
    """Carry on every job that an earlier process left on its way; where several share them, none is left."""
    if not isinstance(engine.runner, EmbeddedRunner):
        return
    left = await db.read(jobs.open_ids())
    for job_id in left:
        engine.runner.wake(job_id)
    if left:
        log.info("resumed", jobs=len(left))


def _client(settings: Settings, stores: Stores, duty: Duty, clock: Clock) -> Kinora:
    is_alone = duty.shards is None or duty.shards.are_all
    return Kinora(
        db=stores.db,
        duty=duty,
        owner_ids=settings.owner_ids,
        reads_messages=settings.reads_messages,
        line=None if is_alone else SharedLine(stores.db, clock),
    )


async def _stay_apart() -> None:
    """A worker has no connection that could end."""
    await asyncio.Event().wait()


async def _stay_connected(client: Kinora) -> None:
    try:
        await client.connect()
    except (MessageContentForbidden, TokenRefused) as refusal:
        raise SettingsInvalid(str(refusal)) from refusal


async def _log_in(client: Kinora, token: str) -> None:
    try:
        await _reach(client, token)
    except discord.LoginFailure as failure:
        raise SettingsInvalid(
            "Discord does not accept DISCORD_TOKEN. Copy the bot's token again (README, step 2)."
        ) from failure
    except (AnotherApplication, MessageContentForbidden) as refusal:
        raise SettingsInvalid(str(refusal)) from refusal


async def _reach(client: Kinora, token: str) -> None:
    try:
        await client.login(token)
    except discord.app_commands.CommandSyncFailure:
        raise  # says what is wrong with the commands
    except discord.HTTPException as failure:
        raise DiscordUnreachable(Route.BASE, f"answers with HTTP status {failure.status}") from failure
    except discord.RateLimited as failure:
        raise DiscordUnreachable(Route.BASE, "has had too many requests from here") from failure
    except (aiohttp.ClientError, OSError) as failure:
        raise DiscordUnreachable(Route.BASE) from failure
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as failure:
        if client.application is not None:  # all was understood that Discord says of the bot
            raise
        raise DiscordUnreachable(Route.BASE, "does not answer as its API does") from failure
