"""What it takes to be in servers at all: memory for each, and processor time for what is said in them."""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes
from benchmarks.processes import KINORA, Stage
from benchmarks.resident import resident_mb
from benchmarks.spent import cpu_s
from bot.sandbox import Permission, Sandbox

FEW, MANY = 20, 520
"""Servers."""
CHANNELS, ROLES = 40, 20
"""In each: an ordinary one."""
MESSAGES = 4_000
_SETTLES_S = 1.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What a connected process takes."""

    kb_per_guild: float
    us_per_message: float
    """Of one that does not concern the bot, as nearly all."""
    guilds: int
    messages: int


async def heard(*, quick: bool) -> Heard:
    """Connect with few servers and with many, and talk in them."""
    many, messages = (FEW + 50, MESSAGES // 10) if quick else (MANY, MESSAGES)
    few_mb, _ = await _connected(FEW, 0)
    many_mb, us = await _connected(many, messages)
    return Heard((many_mb - few_mb) / (many - FEW) * 1000, us, many, messages)


async def _connected(guilds: int, messages: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox().serve() as sandbox:
            stage = processes.stage(sandbox, "Kinora")
            for number in range(guilds):
                _found(stage, number)
            async with processes.running(stage, KINORA, Path(folder)) as process:
                await asyncio.sleep(_SETTLES_S)
                held_mb, before_s = resident_mb(process.pid).now, cpu_s(process.pid)
                for number in range(messages):
                    await stage.mia.send(stage.channel, f"message {number} of a long evening")
                await _quiet(process.pid)
                return held_mb, (cpu_s(process.pid) - before_s) / max(messages, 1) * 1e6


def _found(stage: Stage, number: int) -> None:
    guild = stage.sandbox.add_guild(f"Club {number}", app=stage.app, permissions=Permission.ADMINISTRATOR)
    for place in range(CHANNELS):
        guild.add_channel(f"place-{place}")
    for place in range(ROLES):
        guild.add_role(f"crew-{place}", permissions=Permission.MANAGE_MESSAGES)


async def _quiet(pid: int) -> None:
    """Until it has nothing left to hear: half a second without work."""
    used_s, since_s = cpu_s(pid), time.monotonic()
    while time.monotonic() - since_s < _SETTLES_S / 2:
        await asyncio.sleep(0.1)
        if (now_s := cpu_s(pid)) > used_s + 0.015:
            used_s, since_s = now_s, time.monotonic()
