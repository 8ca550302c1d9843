"""The bot as `python -m bot run` starts it, ending with whoever started it: `python -m bot.demo.tethered`.

It ends when its standard input is closed, which the system sees to however the demo ends, SIGKILL included. A pipe does
that everywhere. PR_SET_PDEATHSIG exists on Linux alone, has to be asked for between fork and exec, and comes when the
thread that started the process ends, not the process (prctl(2)).
"""

import os
import runpy
import sys
import threading
from contextlib import suppress

_STANDARD_INPUT = 0


def main() -> None:
    """Run the bot; never returns where the demo is gone."""
    threading.Thread(target=_watch, daemon=True).start()
    sys.argv[1:] = ["run"]
    runpy.run_module("bot", run_name="__main__", alter_sys=True)


def _watch() -> None:
    with suppress(OSError):
        while os.read(_STANDARD_INPUT, 4096):
            pass
    os._exit(1)  # at once: the bot is made for it


if __name__ == "__main__":
    main()
