"""The bot's processes, as an operator would start them: one for all, or gateways and workers apart."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks import processes
from benchmarks.processes import KINORA, READY_WITHIN_S
from benchmarks.resident import resident_mb
from benchmarks.scaling.crowd import Crowd
from benchmarks.spent import cpu_s
from benchmarks.table import CannotRun
from bot.sandbox.waiting import NothingCame

_LOOKS_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Fleet:
    """What runs."""

    gateways: list[Process] = field(default_factory=list[Process])
    workers: list[Process] = field(default_factory=list[Process])

    def cpu_s(self) -> tuple[float, float]:
        """Processor seconds of gateways and of workers so far, their children's included."""
        return sum(cpu_s(one.pid) for one in self.gateways), sum(cpu_s(one.pid) for one in self.workers)

    def resident_mb(self) -> tuple[float, float]:
        """The most memory that one gateway, and that one worker held."""
        return _most(self.gateways), _most(self.workers)


@asynccontextmanager
async def alone(crowd: Crowd, folder: Path) -> AsyncGenerator[Fleet]:
    """One process with SQLite; all it does counts as a gateway's."""
    async with processes.running(crowd.stage, KINORA, folder, settings=crowd.settings) as process:
        yield Fleet([process])


@asynccontextmanager
async def cluster(crowd: Crowd, folder: Path, url: str, *, workers: int) -> AsyncGenerator[Fleet]:
    """One gateway and some workers on PostgreSQL, with a folder of blobs that they share."""
    settings = {**crowd.settings, "DATABASE_URL": url, "BLOB_URL": (folder / "blobs").as_uri()}
    await asyncio.to_thread((folder / "blobs").mkdir)
    async with AsyncExitStack() as stack:
        fleet = Fleet()
        here = await asyncio.to_thread(_made, folder / "gateway")
        gateway = (*KINORA, "--role", "gateway")
        fleet.gateways.append(
            await stack.enter_async_context(processes.running(crowd.stage, gateway, here, settings=settings))
        )
        for number in range(workers):
            here = await asyncio.to_thread(_made, folder / f"worker-{number}")
            fleet.workers.append(await stack.enter_async_context(_worker(crowd, here, settings)))
        yield fleet


@asynccontextmanager
async def _worker(crowd: Crowd, folder: Path, settings: Mapping[str, str]) -> AsyncGenerator[Process]:
    port = processes.free_port()
    environment = {**processes.environment(crowd.stage, folder), **settings, "WEB_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *KINORA,
        *("--role", "worker"),
        env=environment,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=await asyncio.to_thread((folder / "stderr").open, "wb"),
    )
    try:
        await _ready(process, port, folder)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ready(process: Process, port: int, folder: Path) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN_S), aiohttp.ClientSession() as session:
            while process.returncode is None:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(_LOOKS_EVERY_S)
    except TimeoutError as error:
        raise NothingCame(f"A worker was not ready within {READY_WITHIN_S:g} s.") from error
    words = await asyncio.to_thread((folder / "stderr").read_text, errors="replace")
    raise CannotRun(f"a worker ended with status {process.returncode}: {words[-300:].strip()}")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _most(some: list[Process]) -> float:
    return max((resident_mb(one.pid).peak for one in some), default=0.0)
