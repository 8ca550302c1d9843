"""The bot as it is, on a clock that others set, in a process that dies where it is told to."""

import asyncio
import importlib
import signal
import traceback
from pathlib import Path

import uvloop

from bot import logs
from bot.app import running
from bot.client import EXTENSIONS
from bot.settings import Settings
from tests.chaos import seams
from tests.chaos.keeper import Life
from tests.chaos.pace import Pace
from tests.chaos.points import Kill, Points

for _extension in EXTENSIONS:
    importlib.import_module(_extension)


def live(life: Life) -> int:
    """Run the bot until it is killed or asked to stop; the exit status."""
    logs.configure(level="info", layout="json")
    pace = Pace(Path(life.pace))
    kill = Kill(*life.kill) if life.kill else None
    seams.fit(Points(Path(life.trace), kill, is_armed=lambda: pace.is_armed))
    try:
        uvloop.run(_run(Settings.model_validate(life.settings), pace))
    except BaseException:  # noqa: BLE001 - the last place where it can be told
        traceback.print_exc()
        return 1
    return 0


async def _run(settings: Settings, pace: Pace) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with running(settings, clock=pace):
        await stopped.wait()
