"""Debian's Chromium, started once for each process of the suite; a window of it for each person in a test."""

import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import IO

import pytest
from playwright.async_api import async_playwright

from bot.demo.stage import Stage, opened
from bot.sandbox import Sandbox
from tests.browser.chromium import FLAGS, PROGRAM
from tests.browser.windows import Windows
from tests.e2e import studio
from tests.e2e.conftest import _discord_py_as_it_was, _patient, bot, scene
from tests.e2e.studio import Studio
from tests.held import held
from tests.patience import PATIENCE_S
from tests.shell import require

__all__ = ["_discord_py_as_it_was", "_patient", "bot", "scene"]

_SAID = "DevTools listening on "

_outcome = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests failed, so that their windows are kept."""
    del call
    report = yield
    if report.when == "call":
        item.stash[_outcome] = report.passed
    return report


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Where a browser of our own is driven."""
    require("chromium")
    assert PROGRAM is not None
    profile = tmp_path_factory.mktemp("chromium")
    process = subprocess.Popen(
        (
            PROGRAM,
            "--headless",
            *FLAGS,
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        yield _address(process.stderr)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
        shutil.rmtree(profile, ignore_errors=True)


def _address(stderr: IO[str]) -> str:
    said: list[str] = []
    for line in stderr:
        said.append(line)
        if line.startswith(_SAID):
            threading.Thread(
                target=deque, args=(stderr, 0), daemon=True
            ).start()  # what nobody reads blocks it
            return line.removeprefix(_SAID).strip()
    pytest.fail(f"Chromium did not start: {''.join(said)}")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Makes clips at once, or when a test says so; for bots that are started later."""
    return studio.opened(monkeypatch)


@pytest.fixture
async def stage() -> AsyncGenerator[Stage]:
    """The demo, whose bot is up; a test names it before its windows, so that it outlives them."""
    async with held(opened()) as made:
        await made.app.ready(timeout_s=PATIENCE_S)
        yield made


@pytest.fixture
async def windows(
    sandbox: Sandbox, chromium: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[Windows]:
    """Windows of the browser, closed before the sandbox ends; what went wrong in one fails the test.

    Of a test that fails, screenshots and traces are kept in `tmp_path`; `playwright show-trace` shows these.
    """
    del sandbox
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium, timeout=PATIENCE_S * 1000)
        made = Windows(browser)
        try:
            yield made
        finally:
            is_fine = request.node.stash.get(_outcome, False) and not made.problems
            await made.close(None if is_fine else tmp_path)
            await browser.close()
    assert made.problems == []
