import io
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from bot.media.charts import Theme, drawing
from bot.media.charts.page import page_of
from tests.media.charts.pictures import ground, ground_of
from tests.media.charts.usages import EMPTY, SMALL

ROOT = Path(__file__).resolve().parents[3]
# A parent that draws one chart, says its child's process id and waits to be killed.
PARENT = """
import asyncio
from bot.domain.usage import Usage
from bot.media.charts import Charts, Theme

async def main():
    async with Charts() as charts:
        await charts.usage(Usage((), 0, None, (), (), ()), theme=Theme.DARK)
        print(charts._child.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_the_bot_starts_without_matplotlib() -> None:
    code = "import sys, bot.media.charts; sys.exit(any(m.startswith(('matplotlib', 'numpy')) for m in sys.modules))"
    assert subprocess.run((sys.executable, "-c", code), cwd=ROOT, check=False, timeout=60).returncode == 0


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's process handles")
def test_the_process_does_not_outlive_a_killed_parent() -> None:
    with Popen((sys.executable, "-c", PARENT), stdout=PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            gone, _, _ = select.select([handle], [], [], 30)
            assert gone
        finally:
            os.close(handle)


@pytest.fixture
def interruptible() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_process_answers_every_line_until_its_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [page_of(EMPTY, Theme.LIGHT), page_of(SMALL, Theme.DARK)]
    answers = io.BytesIO()
    lines = "".join(json.dumps(page) + "\n" for page in orders)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(answers))
    drawing.main()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    answers.seek(0)
    for page, count in zip(orders, (1, 2), strict=True):
        assert answers.read(1) == bytes([count])
        for _ in range(count):
            png = answers.read(int.from_bytes(answers.read(4), "big"))
            assert ground_of(png) == ground(Theme(page["theme"]))
    assert answers.read() == b""
