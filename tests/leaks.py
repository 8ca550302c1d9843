"""Secrets of the tests, wherever they come to light: in what was logged or printed, and in what was left on disk.

A plugin. Every test logs as the bot does in production, at the level that says most; after each one that went well, what it
and its children wrote to the terminal, and the databases that it left behind, are looked through.
"""

import logging
import re
import sqlite3
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot import logs

KNOWN = frozenset(
    {
        "a-token-for-tests",
        "t0ken.of.kinora",
        "sk-kling-4f1d",
        "sk-kkiai-77b0",
        "sk-aimlapi-c2e9",
        "sk-onemin-05aa",
        "a-signing-key",
        "a-secret-key",
        "YSBrZXkgdGhhdCBLbGluZyBzaG93cyBpbiBpdHMgY29uc29sZQ",
    }
)
"""Tokens and keys that the tests hand to the bot."""

_KNOWN = "|".join(map(re.escape, sorted(KNOWN)))
_INTERACTION = r"aW50ZXJhY3Rpb246[\w-]{20,}"  # base64 of "interaction:", as Discord's tokens begin
_KEPT_NOWHERE = re.compile(rf"{_KNOWN}|{_INTERACTION}".encode())
_SAID_NOWHERE = re.compile(
    rf"{_KNOWN}|{_INTERACTION}"
    r"|[?&](?:hm|X-Amz-Signature|Signature|sig)=[\w%-]{16,}"  # links to files
    r"|/callbacks/\w+/[\w-]{20,}"  # whoever holds one may tell news
    r"|/(?:originals|exports)/[\w-]+/\d+/[\w-]{20,}"  # whoever holds one may have the file
    r"|\b(?:Bot|Bearer) [\w.~+/-]{12,}"
)
_MAGIC = b"SQLite format 3\0"
_SPOKEN_FOR = ("Captured stdout", "Captured stderr")  # pytest's "Captured log" is no sink of the bot's


def said(text: str) -> list[str]:
    """The secrets in what was logged or printed."""
    return [found[0] for found in _SAID_NOWHERE.finditer(text)]


def kept(folder: Path) -> list[str]:
    """The secrets in the databases of a folder, and in what is left of rows that were deleted."""
    return [secret for path in _databases(folder) for secret in _in_database(path)]


def _databases(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size >= len(_MAGIC):
            with path.open("rb") as file:
                if file.read(len(_MAGIC)) == _MAGIC:
                    yield path


def _in_database(path: Path) -> Iterator[str]:
    for file in (path, path.with_name(f"{path.name}-wal")):
        if file.exists():
            for found in _KEPT_NOWHERE.finditer(file.read_bytes()):
                yield f"{found[0].decode()} in {file.name}"
    for row in _jobs(path):
        for secret in said(row):
            yield f"{secret} in a job of {path.name}"


def _jobs(path: Path) -> list[str]:
    """Every job as text; none where the test left a database that is none, or is of something else."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
            return [repr(row) for row in connection.execute("SELECT * FROM jobs")]
    except sqlite3.DatabaseError:
        return []


class _Terminal:
    """Where standard error is at the moment: pytest puts it elsewhere for each test."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


@pytest.fixture(autouse=True)
def _logs_as_in_production() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    logs.configure(level="debug", layout="console")
    ours: Any
    [ours] = root.handlers
    ours.setStream(_Terminal())
    root.handlers = [*handlers, ours]
    structlog.configure(cache_logger_on_first_use=False)  # tests look at what is logged, and replace where to
    yield
    root.handlers, root.level = handlers, level


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that has let a secret out."""
    del call
    report = yield
    if report.when == "teardown" and report.passed:
        leaks = [
            leak for title, text in report.sections if title.startswith(_SPOKEN_FOR) for leak in said(text)
        ]
        folder: Any = getattr(item, "funcargs", {}).get("tmp_path")
        leaks += kept(folder) if folder is not None else []
        if leaks:
            report.outcome = "failed"
            report.longrepr = f"secrets came to light: {', '.join(sorted(set(leaks)))}"
    return report
