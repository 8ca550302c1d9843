"""The renderer as a process of its own: `python -m bot.providers.local.worker SCENE.json`.

Prints a line of JSON, `{"done": 12, "total": 150}`, at most ten times a second, and one for the last frame. Exits 0
with the clip in place; otherwise non-zero with one line on stderr and nothing in place: `INTERRUPTED` where a signal
ended it, `NO_ROOM` where the disk is full, so that it is worth another try. It ends by itself when its standard
input, where that is a pipe or a socket, is closed: keep it open, and a dead parent takes the worker along.
"""

import errno
import json
import os
import signal
import stat
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from av.error import FFmpegError

from bot.media.confined import confine
from bot.providers.local.encode import temporary
from bot.providers.local.render import render
from bot.providers.local.scene import INTERRUPTED, NO_ROOM, RenderFailed, Scene

PROGRESS_EVERY_S = 0.1
_FULL = (errno.ENOSPC, errno.EDQUOT)
MEMORY_BYTES = 2_000_000_000
FILE_BYTES = 1_000_000_000


class Progress:
    """Tells the parent how far the work is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._next_s = 0.0

    def __call__(self, done: int) -> None:
        """Print, unless the last line is fresh; raises `BrokenPipeError` when nobody listens any more."""
        now_s = time.monotonic()
        if now_s < self._next_s and done < self._total:
            return
        self._next_s = now_s + PROGRESS_EVERY_S
        print(json.dumps({"done": done, "total": self._total}), flush=True)  # noqa: T201  # it is the protocol


def main() -> None:
    """Render the scene in the file that the command line names."""
    if len(sys.argv) != 2:  # noqa: PLR2004  # the program and its one argument
        sys.exit("Usage: python -m bot.providers.local.worker SCENE.json")
    try:
        scene = Scene.from_json(Path(sys.argv[1]).read_text("utf-8"))
        _end_when_told(scene)
        _end_with_parent(scene)
        render(scene, Progress(scene.frames))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails as well
        sys.exit("Nobody reads the progress any more.")
    except (RenderFailed, OSError, FFmpegError, MemoryError) as error:
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)  # noqa: T201  # for the parent
        sys.exit(NO_ROOM if _is_full(error) else 1)


def _is_full(error: BaseException) -> bool:
    return any(getattr(one, "errno", None) in _FULL for one in (error, error.__cause__))


def _end_when_told(scene: Scene) -> None:
    def cancel(_signal: int, _frame: FrameType | None) -> None:
        _abandon(scene, "The rendering was cancelled.", INTERRUPTED)

    for number in (signal.SIGTERM, signal.SIGINT):  # Ctrl-C and systemd reach every process of the bot
        signal.signal(number, cancel)


def _end_with_parent(scene: Scene) -> None:
    mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin else 0
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        threading.Thread(target=_watch, args=(scene,), daemon=True).start()


def _watch(scene: Scene) -> None:
    with suppress(ConnectionError):  # a socket whose other end was killed
        while os.read(sys.stdin.fileno(), 4096):
            pass
    _abandon(scene, "The process that wanted this clip is gone.")


def _abandon(scene: Scene, reason: str, status: int = 1) -> NoReturn:
    """End at once: an exception could be swallowed by whatever destructor happens to run."""
    with suppress(OSError):  # Windows keeps a file that is open; the next attempt overwrites it
        temporary(scene.out).unlink(missing_ok=True)
    with suppress(OSError):  # the reader may be gone
        os.write(sys.stderr.fileno(), f"{reason}\n".encode())
    os._exit(status)


if __name__ == "__main__":
    confine(memory_bytes=MEMORY_BYTES, file_bytes=FILE_BYTES, reserves=True)
    main()
