"""What is written down while the crowd is at it: posted clips, struck answers, lost exceptions, errors in the log."""

import asyncio
import ctypes
import gc
import logging
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from bot.sandbox import Request, Sandbox
from tests.verdict import Posted

_TOKEN = re.compile(r"/(?:interactions/\d+|webhooks/\d+)/([^/]+)")
_EXPECTED = ("may have been charged", "media fault", "provider refuses the account")
"""Errors that are meant for the operator."""
_TOLERATED = ("Ignoring exception in autocomplete",)
"""What discord.py calls an error, and is none: nobody tries suggestions again."""
_SHUT = "Thread is archived"
"""While somebody waited for an answer there."""


@dataclass(eq=False)
class Evidence(logging.Handler):
    """Listens to Discord, to the loop and to the logs."""

    sandbox: Sandbox
    bot_id: int
    posted: Posted = field(init=False)
    struck: Counter[str] = field(default_factory=Counter[str])
    """How many requests about an interaction went wrong, by its token."""
    lost: list[str] = field(default_factory=list[str])
    """What nobody caught, and errors that are nobody's intention."""

    def __post_init__(self) -> None:
        super().__init__(logging.ERROR)
        self.posted = Posted(self.sandbox, self.bot_id)
        self.sandbox.on_request.append(self._see)

    @contextmanager
    def listening(self) -> Generator[None]:
        """Listen to the logs, and let nothing else be written."""
        before = structlog.get_config()
        heard = [logging.getLogger(name) for name in ("discord", "asyncio", "aiohttp.client")]
        servers = logging.getLogger("aiohttp.server")  # Discord's and the vendors': they are hung up on
        servers.disabled = True
        structlog.configure(
            processors=[structlog.processors.format_exc_info, self.structured],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.ReturnLoggerFactory(),
            cache_logger_on_first_use=False,
        )
        for logger in heard:
            logger.addHandler(self)
        try:
            yield
        finally:
            servers.disabled = False
            structlog.configure(**before)
            for logger in heard:
                logger.removeHandler(self)

    def attend(self) -> None:
        """Listen to this loop."""
        asyncio.get_running_loop().set_exception_handler(self._catch)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep errors of discord.py and asyncio."""
        text = record.getMessage()
        if not text.startswith(_TOLERATED):
            self.lost.append(f"{record.name}: {text} {record.exc_info and record.exc_info[1]!r}")

    def structured(self, _logger: object, method: str, entry: MutableMapping[str, Any]) -> str:
        """Keep errors of the bot; a processor at the end of the chain."""
        event = str(entry.get("event"))
        is_loud = method in {"error", "exception", "critical"}
        is_expected = any(words in event for words in _EXPECTED) or _SHUT in str(entry.get("exception"))
        if is_loud and not is_expected:
            self.lost.append(str({key: str(value)[-1500:] for key, value in entry.items()}))
        return ""

    def _catch(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.lost.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _see(self, request: Request) -> None:
        token = _TOKEN.search(request.path)
        if token and (request.status in {0, 429} or request.status >= 500):
            self.struck[token[1]] += 1


@dataclass(frozen=True, slots=True)
class Vitals:
    """What this process holds. Connections are left out: both ends are here, and kept open for a while."""

    resident_mb: float
    threads: int
    files: int
    tasks: int

    @classmethod
    def taken(cls) -> "Vitals":
        """After the garbage was collected and given back to the system."""
        for _ in range(3):
            gc.collect()
        return cls(_resident_mb(), threading.active_count(), _files(), _tasks())


def _resident_mb() -> float:
    if sys.platform != "linux":
        return 0.0  # only Linux tells in a file
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _files() -> int:
    if sys.platform != "linux":
        return 0
    named = [_target(entry) for entry in Path("/proc/self/fd").iterdir()]
    return sum(not name.startswith("socket:") for name in named)


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:  # the one that lists them
        return "socket:"


def _tasks() -> int:
    coroutines = (task.get_coro() for task in asyncio.all_tasks())
    return sum("RequestHandler" not in str(coroutine) for coroutine in coroutines)
