"""Bots as processes of their own, in a sandbox that is in this one."""

import asyncio
import secrets
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import CannotRun
from bot.sandbox import Channel, Permission, Person, Sandbox, Server
from bot.sandbox.driver.server import App
from bot.settings import inherited

KINORA = ("-m", "bot", "run")
DEFERRING = ("-m", "benchmarks.deferring_bot")
READY_WITHIN_S = 30.0
_ROOT = Path(__file__).parents[1]
_NO_CAPS = (
    "DEFAULT_GUILD_MONTHLY_CREDITS",
    "DEFAULT_USER_DAILY_CREDITS",
    "DEFAULT_USER_QUEUED",
    "DEFAULT_USER_RUNNING",
    "DEFAULT_GUILD_RUNNING",
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A guild with one bot, one channel and one member."""

    sandbox: Sandbox
    app: App
    guild: Server
    channel: Channel
    mia: Person


def stage(sandbox: Sandbox, name: str) -> Stage:
    """A guild for one more bot."""
    app = sandbox.add_application(name, token=secrets.token_urlsafe(24))
    guild = sandbox.add_guild(f"{name}'s", app=app, permissions=Permission.ADMINISTRATOR)
    return Stage(sandbox, app, guild, guild.add_channel("general"), guild.add_member("mia"))


@asynccontextmanager
async def running(
    stage: Stage,
    program: tuple[str, ...],
    data: Path,
    *,
    settings: Mapping[str, str] | None = None,
    talks: bool = False,
) -> AsyncGenerator[Process]:
    """A bot, from the start of its process until it is ready; its data are in `data`, which must exist.

    Args:
        stage: Where it works.
        program: What runs it.
        data: Its folder.
        settings: What differs in its environment.
        talks: Whether its standard input and output are pipes.

    Raises:
        CannotRun: it ended by itself; with its last words.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        env={**environment(stage, data), **(settings or {})},
        cwd=data,
        stdin=asyncio.subprocess.PIPE if talks else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if talks else asyncio.subprocess.DEVNULL,
        stderr=await asyncio.to_thread((data / "stderr").open, "wb"),
    )
    try:
        await _ready(stage, process, data)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ready(stage: Stage, process: Process, data: Path) -> None:
    ready = asyncio.ensure_future(stage.app.ready(timeout_s=READY_WITHIN_S))
    ended = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait((ready, ended), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            words = await asyncio.to_thread((data / "stderr").read_text, errors="replace")
            raise CannotRun(f"the bot ended with status {ended.result()}: {words[-300:].strip()}")
        ready.result()
    finally:
        ready.cancel()
        ended.cancel()


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(stage: Stage, data: Path) -> dict[str, str]:
    """The settings of a bot: no caps, SQLite, the local renderer."""
    return inherited(
        **dict.fromkeys(_NO_CAPS, ""),
        PYTHONPATH=str(_ROOT),
        DISCORD_TOKEN=stage.app.token,
        DISCORD_API_URL=stage.sandbox.api_url,
        DISCORD_GATEWAY_URL=stage.sandbox.gateway_url,
        DATA_DIR=str(data),
        PROVIDERS="local",
        LOCAL_CONCURRENCY="1",
        WEB_PORT="0",
        LOG_LEVEL="warning",
    )
