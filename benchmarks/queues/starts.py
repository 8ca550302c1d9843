"""Hears when work begins, in whichever process that is.

Work says its number and the moment (the monotonic clock, which all processes of a Linux machine share) before it
does anything else. So the way to here is in no figure.
"""

import functools
import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

SOCKET = "KINORA_BENCH_STARTS"
"""The environment's name for where it is said."""
_RECORD = struct.Struct("=qq")


def began(number: int) -> None:
    """The first instruction of the work with this number."""
    now_ns = time.monotonic_ns()
    _line().sendall(_RECORD.pack(number, now_ns))


@functools.cache
def _line_of(pid: int, path: str) -> socket.socket:
    assert pid
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.connect(path)
    return line


def _line() -> socket.socket:
    return _line_of(os.getpid(), os.environ[SOCKET])


class Starts:
    """What has begun; threads of its own listen."""

    def __init__(self, path: Path) -> None:
        self._awaited: dict[int, Future[int]] = {}
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(path))
        self._server.listen()
        os.environ[SOCKET] = str(path)  # for work in this process and in those it starts

    def awaited(self, number: int) -> Future[int]:
        """The nanosecond at which it begins; to be asked for before it is handed in."""
        return self._awaited.setdefault(number, Future())

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def listen(self) -> None:
        """Take one connection after another, until closed."""
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._hear, args=(line,), daemon=True).start()

    def _hear(self, line: socket.socket) -> None:
        with line.makefile("rb") as records:
            while len(record := records.read(_RECORD.size)) == _RECORD.size:
                number, now_ns = _RECORD.unpack(record)
                if (known := self._awaited.pop(number, None)) is not None:
                    known.set_result(now_ns)


@contextmanager
def listening() -> Generator[Starts]:
    """Hear of starts for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:  # the name of a socket must be short
        starts = Starts(Path(folder, "starts"))
        threading.Thread(target=starts.listen, daemon=True).start()
        try:
            yield starts
        finally:
            starts.close()
