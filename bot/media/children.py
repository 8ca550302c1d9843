"""Processes that do for the bot what is dangerous or heavy: decode what strangers sent, encode, draw.

Each runs a module that calls `bot.media.confined.serve`. They start when they are first needed, stay warm for a while,
and are replaced when they die. One that dies, hangs or takes too much fails the piece of work that it was given, and no
other. What a child says is not trusted either: it is bounded, and read as plain JSON.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, cast

import structlog

from bot.media.confined import HEAD, Bounds
from bot.media.refusals import retold

log = structlog.stdlib.get_logger(__name__)

_ROOT = Path(__file__).resolve().parents[2]
_FAREWELL_S = 3
_MAX_WORKS = 500  # then whatever its libraries leak goes with it
_MAX_FACTS_BYTES = 100_000
_MAX_BODY_BYTES = 100_000_000
_BUFFER_BYTES = 1 << 20
_COMPLAINT_LENGTH = 2000

_INHERITED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "MPLCONFIGDIR"),
    *(
        "TMPDIR",
        "TEMP",
        "TMP",
        "SYSTEMROOT",
        "USERPROFILE",
        "LOCALAPPDATA",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
    ),
)
"""What a program needs to start and to find its libraries and caches: no setting of ours, and so no token."""


class Why(StrEnum):
    """Why a piece of work was not done."""

    DIED = "died"
    TOO_LONG = "took too long"
    TOO_MUCH_MEMORY = "took too much memory"
    BROKEN = "broken"  # it stumbled over its work, or its answer is none
    NO_PROCESS = "no process"  # none can be started, or the bot is stopping


class ChildFailed(Exception):
    """A piece of work was not done."""

    def __init__(self, why: Why) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a child is waited for, in seconds."""

    silent_s: float
    """Since it last said that it goes on."""
    whole_s: float
    """For one piece of work."""
    idle_s: float = 120
    """Until one that has nothing to do is dismissed."""


@dataclass(frozen=True)
class Answer:
    """What a child made of an order."""

    facts: Mapping[str, Any]
    body: bytes


@dataclass(eq=False, slots=True)
class _Child:
    process: Process
    works: int = 0
    leave: asyncio.TimerHandle | None = None
    is_leaving: bool = False


def environment() -> dict[str, str]:
    """What a child is told of this process's environment."""
    known = {name: os.environ[name] for name in _INHERITED if name in os.environ}  # noqa: TID251 - nothing is decided by it
    return known | {
        "MALLOC_ARENA_MAX": "2"
    }  # each of glibc's reserves 64 MB of the addresses that are bounded


class Children:
    """Up to `count` processes of a module; callers wait their turn."""

    def __init__(self, module: str, *, count: int, bounds: Bounds, patience: Patience) -> None:
        self.patience = patience
        self._command = ("-m", module, bounds.to_json())
        self._log = log.bind(module=module)
        self._count = count
        self._turns = asyncio.Semaphore(count)
        self._idle: list[_Child] = []
        """What was used last is last, so that the others get bored."""
        self._busy: set[_Child] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, work: str, facts: Mapping[str, object], body: bytes = b"") -> Answer:
        """Let a child do a piece of work; where it dies of it or has no memory left, a fresh one tries once more.

        A cancelled caller returns when the child has ended, so its files may be removed then.

        Raises:
            MediaError: as the child refused it, in the language that is spoken here.
            ChildFailed: it was not done.
            OSError: the disk is at fault.
        """
        said = json.dumps({"work": work, **facts}).encode()
        order = (HEAD.pack(len(said), len(body)) + said, body)
        async with self._turns:
            try:
                return await self._done(await self._borrowed(), order)
            except ChildFailed as failure:
                self._log.warning("work was not done", work=work, why=failure.why.value)
                if failure.why not in (Why.DIED, Why.TOO_MUCH_MEMORY):
                    raise
            try:
                return await self._done(await self._fresh(), order)
            except ChildFailed as failure:
                self._log.warning("nor by a fresh process", work=work, why=failure.why.value)
                raise

    async def close(self) -> None:
        """End all processes; whoever waits for one gets ChildFailed."""
        self._closed = True
        for child in self._busy:
            _end(child.process)
        for _ in range(self._count):  # all who wait get their turn before, and hear of it
            await self._turns.acquire()
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(self._see_off, idle))
        for _ in range(self._count):
            self._turns.release()

    async def _done(self, child: _Child, order: tuple[bytes, bytes]) -> Answer:
        said: Answer | None = None
        self._busy.add(child)
        try:
            said = await self._heard(child.process, order)
            child.works += 1
            return _meant(said)
        except ChildFailed as failure:
            if said is not None and failure.why is Why.BROKEN:
                self._log.warning(
                    "a process stumbled", complaint=str(said.facts.get("complaint"))[-_COMPLAINT_LENGTH:]
                )
            if failure.why is Why.TOO_MUCH_MEMORY:
                said = None  # what it has left may be too little for the next
            raise ChildFailed(Why.NO_PROCESS if self._closed else failure.why) from failure
        finally:
            self._busy.discard(child)
            if said is None or child.works >= _MAX_WORKS:
                await self._discard(
                    child
                )  # cancelled, perhaps: what it still says would be taken for another answer
            else:
                self._give_back(child)

    async def _borrowed(self) -> _Child:
        """One that is idle, else a fresh one."""
        while self._idle:
            child = self._idle.pop()
            if child.leave:
                child.leave.cancel()
            if not child.is_leaving and child.process.returncode is None:
                return child
            await self._discard(child)
        return await self._fresh()

    async def _fresh(self) -> _Child:
        if self._closed:
            raise ChildFailed(Why.NO_PROCESS)
        try:
            child = _Child(await self._started())
        except OSError as fault:  # no room for another process, perhaps
            raise ChildFailed(Why.NO_PROCESS) from fault
        if self._closed:  # meanwhile
            await self._discard(child)
            raise ChildFailed(Why.NO_PROCESS)
        return child

    async def _started(self) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *self._command,
            cwd=_ROOT,
            env=environment(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=_BUFFER_BYTES,
        )

    async def _heard(self, process: Process, order: tuple[bytes, bytes]) -> Answer:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self.patience.whole_s
        try:
            async with asyncio.timeout(self.patience.silent_s) as silence:

                def wait_on() -> None:
                    silence.reschedule(min(loop.time() + self.patience.silent_s, until_s))

                return await _exchanged(process, order, wait_on)
        except TimeoutError as slow:
            raise ChildFailed(Why.TOO_LONG) from slow
        except EOFError as gone:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _FAREWELL_S)
            raise ChildFailed(_why(process.returncode)) from gone

    def _give_back(self, child: _Child) -> None:
        self._idle.append(child)
        child.leave = asyncio.get_running_loop().call_later(self.patience.idle_s, _dismiss, child)

    async def _see_off(self, child: _Child) -> None:
        if child.leave:
            child.leave.cancel()
        _dismiss(child)
        with suppress(TimeoutError):
            await asyncio.wait_for(child.process.wait(), _FAREWELL_S)
        await self._discard(child)

    async def _discard(self, child: _Child) -> None:
        _end(child.process)
        try:
            _, complaint = await asyncio.wait_for(child.process.communicate(), _FAREWELL_S)
        except TimeoutError:  # it only closed its output
            child.process.kill()
            _, complaint = await child.process.communicate()
        if complaint:
            said = complaint[-_COMPLAINT_LENGTH:].decode(errors="replace")
            self._log.warning("a process complained", status=child.process.returncode, complaint=said)


async def _exchanged(process: Process, order: tuple[bytes, bytes], wait_on: Callable[[], None]) -> Answer:
    """Raises EOFError when the process has died."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # it has died, and what it answers says so too
        for part in order:
            process.stdin.write(part)
        await process.stdin.drain()
    while True:
        facts_bytes, body_bytes = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
        if facts_bytes > _MAX_FACTS_BYTES or body_bytes > _MAX_BODY_BYTES:
            raise ChildFailed(Why.BROKEN)
        facts = _facts(await process.stdout.readexactly(facts_bytes))
        body = await process.stdout.readexactly(body_bytes)
        if facts.get("is") != "going on":
            return Answer(facts, body)
        wait_on()


def _facts(said: bytes) -> dict[str, Any]:
    try:
        facts: object = json.loads(said)
    except (ValueError, RecursionError) as nonsense:
        raise ChildFailed(Why.BROKEN) from nonsense
    if not isinstance(facts, dict):
        raise ChildFailed(Why.BROKEN)
    return cast("dict[str, Any]", facts)


def _meant(answer: Answer) -> Answer:
    """The answer of work that was done; raises what else was said."""
    match answer.facts:
        case {"is": "done"}:
            return answer
        case {"is": "refused"}:
            raise _refusal(answer.facts)
        case {"is": "fault", "errno": int(number)}:
            raise OSError(number, os.strerror(number))
        case {"is": "out of memory"}:
            raise ChildFailed(Why.TOO_MUCH_MEMORY)
        case _:
            raise ChildFailed(Why.BROKEN)


def _refusal(said: Mapping[str, Any]) -> Exception:
    try:
        return retold(said)
    except (LookupError, TypeError, ValueError):
        return ChildFailed(Why.BROKEN)


def _why(status: int | None) -> Why:
    out_of_time = getattr(signal, "SIGXCPU", None)
    return Why.TOO_LONG if out_of_time is not None and status == -out_of_time else Why.DIED


def _dismiss(child: _Child) -> None:
    """Let it end of its own accord, so that it clears up after itself."""
    child.is_leaving = True
    assert child.process.stdin is not None
    child.process.stdin.close()


def _end(process: Process) -> None:
    """Kill it unless it is dead: asyncio may lose the status of a dead process that is signalled."""
    assert process.stdout is not None
    if process.returncode is None and not process.stdout.at_eof():
        process.kill()
