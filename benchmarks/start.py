"""From starting the process to an answered IDENTIFY, against a discord.py bot with two commands.

"First" makes the database and registers the commands; "again" finds both as a clean stop left them. Imports are
timed apart (`python -X importtime`), as self times added up by package.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks import processes
from benchmarks.processes import Stage
from benchmarks.rounds import median, spread
from benchmarks.table import Table
from bot.sandbox import Sandbox

NAME = "start"
ROUNDS = 5
SHOWN = 9
_IMPORTS = "import bot.cli, bot.app, uvloop, cogs.animate, cogs.video, cogs.queue, cogs.quota"


async def run(*, quick: bool) -> Table:
    """Start both, twice each round."""
    rounds = 1 if quick else ROUNDS
    taken: dict[str, list[float]] = {}
    async with Sandbox().serve() as sandbox:
        bare, ours = processes.stage(sandbox, "Bare"), processes.stage(sandbox, "Kinora")
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                for name, stage, program in (
                    ("a bot that only defers", bare, processes.DEFERRING),
                    ("Kinora, first", ours, processes.KINORA),
                    ("Kinora, again", ours, processes.KINORA),
                ):
                    taken.setdefault(name, []).append(await _start(stage, program, Path(folder)))
    imports = await asyncio.to_thread(_imports)
    return Table(
        title="Seconds from starting the process to READY",
        columns=("", "seconds", "spread"),
        rows=tuple((name, f"{median(found):.2f}", spread(found)) for name, found in taken.items()),
        notes=(f"Medians of {rounds} rounds in turns.", imports),
    )


async def _start(stage: Stage, program: tuple[str, ...], data: Path) -> float:
    start_s = time.perf_counter()
    async with processes.running(stage, program, data) as process:
        taken_s = time.perf_counter() - start_s
        process.terminate()
        await process.wait()
    await stage.app.bell.until(
        lambda: stage.app.live_sessions == 0 or None, timeout_s=10, awaited="the end of the connection"
    )
    return taken_s


def _imports() -> str:
    """What the modules of the bot take to load, by package."""
    command = (sys.executable, "-X", "importtime", "-c", _IMPORTS)
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    spent_us: Counter[str] = Counter()
    for line in lines[1:]:
        self_us, _, module = line.removeprefix("import time:").split("|")
        package = module.strip().partition(".")[0]
        spent_us["the standard library" if package in sys.stdlib_module_names else package] += int(self_us)
    parts = ", ".join(f"{name} {us / 1000:.0f}" for name, us in spent_us.most_common(SHOWN))
    return f"Milliseconds of importing: {sum(spent_us.values()) / 1000:.0f}, of which {parts}."
