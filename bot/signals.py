"""How the process is told to end, and tells who started it how it is: signals, and systemd's socket."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog

log = structlog.stdlib.get_logger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """What signals have asked for: to stop, and, by the next one, to stop at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()
        self._starting: asyncio.Task[object] | None = asyncio.current_task()

    def up(self) -> None:
        """From now on a signal cancels nothing."""
        self._starting = None

    def ask(self) -> None:
        """Stop. What is only starting is cancelled."""
        if self.asked.is_set():
            self.hurried.set()
            return
        self.asked.set()
        if self._starting is not None:
            self._starting.cancel()


@contextmanager
def heeded(stop: Stop, *, within_s: float) -> Generator[None]:
    """SIGINT and SIGTERM ask for a stop within the block, and the process ends so many seconds later in any case.

    Whatever hangs then (a disk, a thread, a connection that does not close) is cut off as by a crash,
    which every line here is made for.
    """
    if sys.platform == "win32":  # has no such handlers: there Ctrl-C cancels the task
        yield
        return

    def told() -> None:
        if not stop.asked.is_set():
            _end_after(within_s)
        stop.ask()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, told)
    yield  # the handlers stay: what follows the block may hang as well


def _end_after(seconds: float, end: Callable[[int], object] = os._exit) -> None:
    def cut() -> None:
        log.warning("did not close in time", seconds=seconds)
        end(0)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()


def notify(address: str | None, state: str) -> None:
    """Tell systemd, where it wants to be told: a datagram to the socket that it names (sd_notify(3), NOTIFY_SOCKET)."""
    if not address or sys.platform == "win32":
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            wire.sendall(state.encode())
    except OSError as fault:
        log.warning("service manager not told", state=state, reason=str(fault))
