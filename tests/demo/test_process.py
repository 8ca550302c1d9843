"""The bot's process, in the place of which stands one that does not listen."""

import asyncio
import signal
from pathlib import Path

from bot import settings as environment
from bot.demo.process import BotProcess
from tests.patience import PATIENCE_S

_DEAF = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(__file__).with_name("is-deaf").touch()
time.sleep(600)
"""


async def test_a_bot_that_does_not_end_is_killed(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_DEAF)
    bot = BotProcess(environment.inherited(PYTHONPATH=str(tmp_path)), ends_within_s=0.05)
    async with asyncio.timeout(PATIENCE_S), bot.running():
        while not (tmp_path / "is-deaf").exists():  # noqa: ASYNC110 - a file rings no bell
            await asyncio.sleep(0.02)
    assert not bot.is_up
    assert bot._process is not None
    assert bot._process.returncode == -signal.SIGKILL
    assert bot.ended_with is None
