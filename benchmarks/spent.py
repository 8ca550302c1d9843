"""What processes have used of the machine, as Linux says."""

import os
import sys
from pathlib import Path

from benchmarks.table import CannotRun

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def cpu_s(pid: int) -> float:
    """Processor seconds of a process, of those it has begun, and of theirs, whether they have ended or not.

    Raises:
        CannotRun: the system has no /proc.
    """
    if sys.platform != "linux":
        raise CannotRun("processor time of other processes is read from /proc, which only Linux has.")
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended; whoever waited for it has its time
            continue
        parents[int(folder.name)] = int(words[1])
        used[int(folder.name)] = sum(map(int, words[11:15])) / _TICKS_A_SECOND
    return sum(spent for one, spent in used.items() if _is_of(one, pid, parents))


def _is_of(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid not in (0, ancestor):
        pid = parents.get(pid, 0)
    return pid == ancestor
