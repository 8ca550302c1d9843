"""What every test may use: a local Discord whose every request is held against Discord's own document."""

import os
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import settings

from bot.sandbox import Sandbox
from bot.settings import Settings
from tests.discord_schema import ABSENT, observer
from tests.fuzzed import FuzzCount

pytest_plugins = ["tests.leaks", "tests.bucket", "tests.postgres"]

settings.register_profile("kinora", deadline=None, print_blob=True)  # a busy machine is not a fault
settings.register_profile("long", settings.get_profile("kinora"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "kinora"))


def pytest_configure(config: pytest.Config) -> None:
    """Leave the operator's accounts alone, and count the cases of foreign input that the run tries."""
    for name in ("CREDENTIALS_DIRECTORY", *map(str.upper, Settings.model_fields)):
        os.environ.pop(name, None)
    config.pluginmanager.register(FuzzCount())


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox]:
    """A Discord on the loopback; at the end every request the bot made must have been a valid one."""
    discord = Sandbox()
    check = observer()
    if check is not None:
        discord.on_request.append(check)
    async with discord.serve():
        yield discord
    if check is not None:
        assert check.problems == []


def pytest_report_header() -> str | None:
    """Say so where requests cannot be checked against the document."""
    return None if observer() else f"Discord requests are not checked against its document: {ABSENT}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With FORBID_SKIPS set, a skipped test fails the run: nothing the suite needs may be missing there.

    Documents beside the project are not part of it: what only compares with them may be skipped.
    """
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [
        report for report in reporter.stats.get("skipped", []) if "../shared" not in str(report.longrepr)
    ]
    if os.environ.get("FORBID_SKIPS") and skipped and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
