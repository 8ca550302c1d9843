"""Where victims come from: a process that has imported the bot once, and forks.

`python -m tests.chaos.zygote` reads a `Life` a line and writes a line for each that begins and each that ends. It has
one thread, which is why it can fork; the bot's imports take seconds, a fork takes none.
"""

import gc
import json
import os
import select
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from tests.chaos import victim
from tests.chaos.keeper import Life


class Zygote:
    """Forks what it reads."""

    def __init__(self) -> None:
        self._said = b""
        self._children = set[int]()
        self._woken, waking = os.pipe()
        os.set_blocking(waking, False)
        os.set_blocking(self._woken, False)
        signal.signal(signal.SIGCHLD, _hear)
        signal.set_wakeup_fd(waking)

    def run(self) -> None:
        """Until nobody speaks any more; then all children are killed."""
        self._say(ready=True)
        stdin = sys.stdin.fileno()
        while True:
            readable, _, _ = select.select([stdin, self._woken], [], [])
            if self._woken in readable:
                os.read(self._woken, 4096)
                self._bury()
            if stdin in readable:
                if not (heard := os.read(stdin, 1 << 16)):
                    break
                *lines, self._said = (self._said + heard).split(b"\n")
                for line in lines:
                    self._bear(json.loads(line))
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _bear(self, known: dict[str, Any]) -> None:
        pid = os.fork()
        if pid:
            self._children.add(pid)
            self._say(born=known["number"], pid=pid)
            return
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        status = 70
        try:
            _redirected(Path(known["log"]))
            status = victim.live(Life(**known))
        finally:
            os._exit(status)

    def _bury(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._children.discard(pid)
            self._say(died=pid, status=os.waitstatus_to_exitcode(status))

    def _say(self, **known: object) -> None:
        os.write(sys.stdout.fileno(), json.dumps(known).encode() + b"\n")


def _hear(_number: int, _frame: FrameType | None) -> None:
    """What is to be done is done when `select` returns."""


def _redirected(log: Path) -> None:
    """A victim must not hear what the zygote is told, nor speak in its place."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)


if __name__ == "__main__":
    gc.collect()
    gc.freeze()  # what was imported stays shared between all that are forked
    Zygote().run()
