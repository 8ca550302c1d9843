"""The inside of a process that works on what strangers sent: confined, so that a bad file harms nothing else.

It may take only so much memory, processor time and room on the disk, leaves no core dump, yields to the bot, and has
neither its files nor its environment (`bot.media.children` starts it without). Memory is bounded on Linux, the rest
on every system that has `resource`; on Windows only the bot's own clock bounds a piece of work. It is no jail: what
takes the process over entirely is still its user.

Both directions speak alike: a head of eight bytes (how long are the facts, how long the body), facts as JSON, a body.
An order's facts name the work. Until it is done the child says now and then that it goes on. It ends when its
standard input is closed, and so with its parent, whatever it is doing.
"""

import errno
import json
import os
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Self

from bot.media.errors import MediaError
from bot.media.refusals import told

Beat = Callable[[], None]
"""Called now and then during long work, it says that this goes on."""

Answer = tuple[Mapping[str, object], bytes]
Work = Callable[[Mapping[str, Any], bytes, Beat], Answer]
"""From the facts and the body of an order to those of its answer."""

HEAD = struct.Struct("!II")
_BEAT_EVERY_S = 1.0
_COMPLAINT_LENGTH = 2000
_NICE = 5
_MAX_FILES = 64
_FIRST_TO_GO = "700"
"""Where memory runs out, Linux is to end this process rather than the bot."""

_THE_DISK = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EACCES,
        errno.EIO,
        errno.ESTALE,
        errno.ENOSPC,
        errno.EROFS,
        errno.EDQUOT,
        errno.ENFILE,
    }
)
"""Errors of the place where files lie, not of what is in them."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What one piece of work may take."""

    memory_bytes: int
    """Of addresses, besides what the process had when it had started."""
    cpu_s: int
    """Of processor time in all threads."""
    file_bytes: int
    """The size of the largest file it may write."""

    def to_json(self) -> str:
        """The bounds as a child reads them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


def serve(works: Mapping[str, Work]) -> None:
    """Confine this process as its command line says, and do what standard input asks for until it is closed."""
    bounds = Bounds.from_json(sys.argv[1])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C and systemd mean the bot, which ends its children
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is a complaint
    confine(memory_bytes=bounds.memory_bytes, file_bytes=bounds.file_bytes)
    orders = _Orders(sys.stdin.buffer)
    while (order := orders.next()) is not None:
        _allow_cpu(bounds.cpu_s)
        facts, body = order
        answer = _done(works[facts["work"]], facts, body, _Pulse(answers))
        orders.finished()
        _send(answers, *answer)


def _done(work: Work, facts: Mapping[str, Any], body: bytes, beat: Beat) -> Answer:
    """The answer to an order, whatever happens: this process has nobody else to tell."""
    try:
        beat()
        done, result = work(facts, body, beat)
    except MediaError as refusal:
        return {"is": "refused", **told(refusal)}, b""
    except Exception as fault:  # noqa: BLE001 - decoders stumble over hostile bytes in ways of their own
        return _fault(fault), b""
    else:
        return {"is": "done", **done}, result


def _fault(fault: Exception) -> dict[str, object]:
    number = fault.errno if isinstance(fault, OSError) else None
    if isinstance(fault, MemoryError) or number == errno.ENOMEM:
        return {"is": "out of memory"}
    if number in _THE_DISK:
        return {"is": "fault", "errno": number}
    return {"is": "broken", "complaint": "".join(traceback.format_exception(fault))[-_COMPLAINT_LENGTH:]}


class _Pulse:
    """Says that work goes on, once a second."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._next_s = 0.0

    def __call__(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _BEAT_EVERY_S
            _send(self._answers, {"is": "going on"}, b"")


class _Orders:
    """Reads in a thread, so that the end of the parent is noticed in the middle of work as well."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._queue: SimpleQueue[tuple[dict[str, Any], bytes] | None] = SimpleQueue()
        self._is_busy = False
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def next(self) -> tuple[dict[str, Any], bytes] | None:
        """The next order; None at the end."""
        return self._queue.get()

    def finished(self) -> None:
        """The work is done; to be said before the answer is sent, for then the next order may come at once."""
        self._is_busy = False

    def _read(self, pipe: BinaryIO) -> None:
        while len(head := pipe.read(HEAD.size)) == HEAD.size:
            facts_bytes, body_bytes = HEAD.unpack(head)
            facts, body = pipe.read(facts_bytes), pipe.read(body_bytes)
            if len(facts) + len(body) < facts_bytes + body_bytes:
                break  # the parent ended in the middle of it
            self._is_busy = True
            self._queue.put((json.loads(facts), body))
        if self._is_busy:
            os._exit(0)  # nobody wants it any more, and a decoder cannot be told to stop
        self._queue.put(None)


def _send(pipe: BinaryIO, facts: Mapping[str, object], body: bytes) -> None:
    said = json.dumps(facts).encode()
    try:
        pipe.writelines((HEAD.pack(len(said), len(body)), said, body))
        pipe.flush()
    except BrokenPipeError:
        os._exit(0)


def confine(*, memory_bytes: int, file_bytes: int, reserves: bool = False) -> None:
    """Give this process so much memory besides what it has, let no file that it writes grow larger, and stand back.

    What `reserves` addresses that it may never use, as machines for WebAssembly do, is bounded by what it can write to.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    os.nice(_NICE)
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _MAX_FILES,
        resource.RLIMIT_FSIZE: file_bytes,
    }
    with suppress(OSError):  # none of this where there is no /proc, or no right to write there
        all_bytes, written_bytes = _taken_bytes()
        if reserves:
            limits[resource.RLIMIT_DATA] = written_bytes + memory_bytes
        else:
            limits[resource.RLIMIT_AS] = all_bytes + memory_bytes
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # it is lower already
            resource.setrlimit(limit, (most, most))


def _taken_bytes() -> tuple[int, int]:
    """How much address space this process has, and how much of it is its own to write to.

    Raises:
        OSError: this is not Linux.
    """
    pages = [int(number) for number in Path("/proc/self/statm").read_text("ascii").split()]
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    return pages[0] * page_bytes, pages[5] * page_bytes


def _allow_cpu(seconds: int) -> None:
    """Let this process go on for so long; then the system ends it."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    used = resource.getrusage(resource.RUSAGE_SELF)
    until_s = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError, OSError):  # the whole service has a lower one
        resource.setrlimit(resource.RLIMIT_CPU, (until_s, hard))
