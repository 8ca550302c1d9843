"""Everything around a cluster: a Discord of two shards, vendors, a PostgreSQL, a place for files, and many people."""

import signal
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from bot.sandbox import App as Application
from bot.sandbox import Channel, Person, Sandbox, Server
from bot.sandbox.snowflake import shard_of
from bot.settings import Settings
from tests.bucket import serving
from tests.cluster.members import Member
from tests.cluster.plan import Plan
from tests.discord_schema import observer
from tests.e2e.scenes import TOKEN
from tests.postgres import PostgresServer, programs
from tests.vendors.opened import Vendors

_CHANNELS = 3
_MEMBERS = 25
_NO_CAP = 10_000_000


@dataclass(frozen=True)
class Club:
    """A server with its people."""

    guild: Server
    channels: list[Channel]
    people: list[Person]


@dataclass
class World:
    """All but the members of the cluster, which are told of it by their environment."""

    plan: Plan
    folder: Path
    sandbox: Sandbox
    application: Application
    clubs: list[Club]
    vendors: Vendors
    postgres: PostgresServer
    settings: Settings
    problems: list[str]
    """What Discord's own document has against requests."""

    def members(self) -> list[Member]:
        """Gateways, each with its shards, and workers."""
        many = self.plan.gateways
        gateways = {
            f"gateway-{number}": ("--role", "gateway", "--shards", f"{number}/{many}")
            for number in range(many)
        }
        workers = {f"worker-{number}": ("--role", "worker") for number in range(self.plan.workers)}
        return [self._member(name, arguments) for name, arguments in (gateways | workers).items()]

    def everywhere(self) -> list[Channel]:
        """Every channel and thread."""
        return [
            place for club in self.clubs for place in (*club.guild.channels.values(), *club.guild.threads)
        ]

    def _member(self, name: str, arguments: tuple[str, ...]) -> Member:
        return Member(name, arguments, _environment(self.settings), self.folder / name)


@asynccontextmanager
async def world(plan: Plan) -> AsyncGenerator[World]:
    """A world in which nothing has happened yet."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kinora-cluster-")))
        sandbox = Sandbox()
        check = observer()
        if check is not None:
            sandbox.on_request.append(check)
        await stack.enter_async_context(sandbox.serve())
        application = sandbox.add_application("Kinora", token=TOKEN)
        application.recommended_shards = plan.gateways
        clubs = [_club(sandbox, application, number, plan) for number in range(plan.servers)]
        vendors = await Vendors.open(stack)
        for vendor in vendors.by_name.values():
            vendor.answers_after_s = plan.vendors_take_s
        postgres = _postgres(stack)
        yield World(
            plan,
            folder,
            sandbox,
            application,
            clubs,
            vendors,
            postgres,
            _settings(plan, sandbox, vendors, postgres, _blobs(plan, folder, stack)),
            check.problems if check is not None else [],
        )


def _club(sandbox: Sandbox, app: Application, number: int, plan: Plan) -> Club:
    """Servers are on the shards in turn."""
    new_id = sandbox.world.hub.new_id
    guild_id = new_id()
    while shard_of(guild_id, plan.gateways) != number % plan.gateways:  # until the next millisecond
        guild_id = new_id()
    guild = sandbox.add_guild(f"Club {number}", app=app, guild_id=guild_id)
    people = [guild.add_member(f"member-{number}-{place}") for place in range(_MEMBERS)]
    return Club(guild, [guild.add_channel(f"place-{place}") for place in range(_CHANNELS)], people)


def _postgres(stack: AsyncExitStack) -> PostgresServer:
    bin_ = programs()
    assert bin_ is not None, "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kinora-postgres-")))
    server = PostgresServer.made(bin_, folder)
    stack.callback(server.stop, signal.SIGQUIT)
    server.start()
    server.execute("CREATE DATABASE kinora")
    return server


def _blobs(plan: Plan, folder: Path, stack: AsyncExitStack) -> Mapping[str, str]:
    if plan.bucket:
        return stack.enter_context(serving()).made().variables
    return {"blob_url": str(folder / "blobs")}


def _settings(
    plan: Plan, sandbox: Sandbox, vendors: Vendors, postgres: PostgresServer, blobs: Mapping[str, str]
) -> Settings:
    base = Settings.model_validate(
        {
            "discord_token": TOKEN,
            "discord_api_url": sandbox.api_url,
            "discord_gateway_url": sandbox.gateway_url,
            "database_url": postgres.url("kinora"),
            "discord_requests_per_second": plan.requests_per_s,
            "web_port": 0,
            "log_format": "json",
            **blobs,
        }
    )
    many = dict.fromkeys(("kling_concurrency", "kkiai_concurrency", "aimlapi_concurrency"), plan.slots)
    caps = dict.fromkeys(("default_guild_monthly_credits", "default_user_daily_credits"), _NO_CAP)
    crowds = dict.fromkeys(("default_user_queued", "default_user_running", "default_guild_running"), 50)
    return vendors.settings(base, providers=("kling", "kkiai", "aimlapi"), **many, **caps, **crowds)


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as other processes get them."""
    known = settings.model_dump(include=settings.model_fields_set)
    return {name.upper(): _written(value) for name, value in known.items() if value is not None}


def _written(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
