"""Resident memory with 1,000 jobs in flight, against the same process before them.

Twice: the whole bot in the sandbox, asked with pictures, so that nearly all wait for the one slot of the local
renderer; and the bot's engine with a provider that renders all of them at once and is asked about each every second.
Renderers are processes of their own and not counted.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import processes
from benchmarks.acknowledgement import picture
from benchmarks.processes import Stage
from benchmarks.resident import Resident, resident_mb
from benchmarks.table import CannotRun, Table
from bot.sandbox import File, Person, Sandbox

NAME = "memory"
JOBS, WAVE = 1000, 100
QUEUED_WITHIN_S = 100.0


async def run(*, quick: bool) -> Table:
    """Fill both."""
    number = JOBS // 10 if quick else JOBS
    resident_mb()
    idle, queued = await _queued(number)
    started, rendering = await _rendering(number)
    return Table(
        title=f"Resident megabytes with {number:,} jobs in flight",
        columns=("", "before", "then", "peak", "KB a job"),
        rows=(
            _row("the bot, all queued with a picture", idle.now, queued, number),
            _row("the engine alone, all rendering", started, rendering, number),
        ),
        notes=("One run each. The aim is to stay below 250 MB.",),
    )


def _row(name: str, before: float, then: Resident, number: int) -> tuple[str, ...]:
    per_job_kb = (then.now - before) * 1000 / number
    return (name, f"{before:.0f}", f"{then.now:.0f}", f"{then.peak:.0f}", f"{per_job_kb:.0f}")


async def _queued(number: int) -> tuple[Resident, Resident]:
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox().serve() as sandbox:
            stage = processes.stage(sandbox, "Kinora")
            people = [stage.guild.add_member(f"member-{place}") for place in range(number)]
            async with processes.running(stage, processes.KINORA, Path(folder)) as process:
                before = resident_mb(process.pid)
                for start in range(0, number, WAVE):
                    await _ask(stage, people[start : start + WAVE])
                return before, resident_mb(process.pid)


async def _ask(stage: Stage, people: list[Person]) -> None:
    file = File("boat.jpg", picture())
    used = [
        await person.slash("animate", stage.channel, image=file, prompt="the boat drifts")
        for person in people
    ]
    cards = await asyncio.gather(*(one.response(timeout_s=QUEUED_WITHIN_S) for one in used))
    if refused := [card.text for card in cards if not card.buttons]:
        raise CannotRun(f"{len(refused)} requests were not queued: {refused[0]}")


async def _rendering(number: int) -> tuple[float, Resident]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.flight", str(number)),
        cwd=Path(__file__).parents[1],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answer, words = await process.communicate()
    if process.returncode:
        raise CannotRun(words.decode(errors="replace")[-300:])
    found = json.loads(answer.splitlines()[-1])
    return found["before"], Resident(found["now"], found["peak"])
