"""What takes part in the comparison."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.values import REQUEST

PAYLOAD = REQUEST.model_dump_json(exclude_defaults=True)
"""What every contestant keeps, about a kilobyte."""
CALLERS = 32
"""Who hand in at once, where it is busy."""
AT_ONCE = 32
"""Jobs that may be carried at once, where that can be said."""
POLLED_EVERY_S = 0.01
"""By those that look for work and are not told of it; shorter than what they come with, to their advantage."""


@dataclass(frozen=True, slots=True)
class Handing:
    """How requests are handed in: by coroutines or, where that is how it is used, by threads."""

    by_coroutine: Callable[[int], Awaitable[object]] | None = None
    by_thread: Callable[[int], object] | None = None


Opened: TypeAlias = Callable[[Path, bool], AbstractAsyncContextManager[Handing]]
"""Open it in a folder; requests are begun as well if the second says so."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to accept work and begin it."""

    name: str
    opened: str
    """Where its `Opened` is: it is imported in the process that plays it."""
    promise: str
    """What holds once a request was accepted."""
    set_up: str
    packages: tuple[str, ...] = ()
    ensure_there: Callable[[], object] = lambda: None
    """Raises `CannotRun` where a server that it needs is not installed."""


@asynccontextmanager
async def child(
    *program: str, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[None]:
    """A process beside this one, ended with the block; what it says is in the folder.

    Raises:
        RuntimeError: it ended before the block did.
    """
    words = folder / "child.log"
    process = await asyncio.create_subprocess_exec(
        *program,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=await asyncio.to_thread(words.open, "ab"),
    )
    try:
        yield
    finally:
        ended_with = process.returncode
        if ended_with is None:
            process.kill()
            await process.wait()
    if ended_with is not None:
        said = await asyncio.to_thread(words.read_text, errors="replace")
        raise RuntimeError(f"{program[0]} ended with status {ended_with}: {said[-300:]}")


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """How a module is run."""
    return (sys.executable, "-m", module, *arguments)
