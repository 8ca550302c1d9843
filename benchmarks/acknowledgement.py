"""How long 200 people wait for "thinking ..." who all use /animate at once, against a bot that only defers.

Each bot is a process of its own, fresh in every round, on uvloop, and has answered one other command before.
The sandbox in this process measures from sending the interaction to the callback's arrival, so the wait
behind the 199 others is in every figure, and so is the sandbox's own work, which is the same for both.
"""

import asyncio
import io
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks import processes
from benchmarks.rounds import median, percentile, spread
from benchmarks.table import Table
from bot.sandbox import File, Sandbox

NAME = "acknowledgement"
AT_ONCE = 200
ROUNDS = 5
CONTESTANTS = {"a bot that only defers": processes.DEFERRING, "Kinora": processes.KINORA}
MS = 1000


async def run(*, quick: bool) -> Table:
    """Let both take turns."""
    rounds = 1 if quick else ROUNDS
    found: dict[str, list[list[float]]] = {name: [] for name in CONTESTANTS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name in sorted(CONTESTANTS, reverse=number % 2 == 0):
                data = Path(folder, f"{number}-{len(name)}")
                await asyncio.to_thread(data.mkdir)
                found[name].append(await _burst(CONTESTANTS[name], data))
    middles, worst = (
        {name: [percentile(latencies, percent) * MS for latencies in found[name]] for name in found}
        for percent in (50, 99)
    )
    bare, ours = CONTESTANTS
    return Table(
        title=f"Milliseconds until {AT_ONCE} simultaneous /animate are acknowledged",
        columns=("", "p50", "spread", "p99", "spread"),
        rows=(
            *(
                (
                    name,
                    f"{median(middles[name]):.0f}",
                    spread(middles[name]),
                    f"{median(worst[name]):.0f}",
                    spread(worst[name]),
                )
                for name in found
            ),
            (
                "Kinora / bare bot",
                f"{median(middles[ours]) / median(middles[bare]):.2f}",
                "",
                f"{median(worst[ours]) / median(worst[bare]):.2f}",
                "",
            ),
        ),
        notes=(f"Medians of {rounds} rounds in turns; Discord allows 3,000 ms.",),
    )


async def _burst(program: tuple[str, ...], data: Path) -> list[float]:
    file = File("boat.jpg", picture())
    async with Sandbox().serve() as sandbox:
        stage = processes.stage(sandbox, "Kinora")
        people = [stage.guild.add_member(f"member-{number}") for number in range(AT_ONCE)]
        async with processes.running(stage, program, data):
            warm = await stage.mia.slash("queue", stage.channel)
            await warm.acknowledged()
            used = [
                await person.slash("animate", stage.channel, image=file, prompt="the boat drifts")
                for person in people
            ]
            answers = await asyncio.gather(*(one.acknowledged() for one in used))
    return [answer.latency_s for answer in answers]


def picture() -> bytes:
    """A JPEG of some 100 KB."""
    target = io.BytesIO()
    Image.effect_noise((1024, 576), 40).convert("RGB").save(target, "JPEG", quality=85)
    return target.getvalue()
