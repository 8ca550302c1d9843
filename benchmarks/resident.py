"""How much memory a process holds, as Linux says."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import CannotRun


@dataclass(frozen=True, slots=True)
class Resident:
    """Megabytes of resident memory."""

    now: float
    peak: float


def resident_mb(pid: int | None = None) -> Resident:
    """Of a process, or of this one.

    Raises:
        CannotRun: the system has no /proc.
    """
    if sys.platform != "linux":
        raise CannotRun("resident memory is read from /proc, which only Linux has.")
    status = Path(f"/proc/{pid or 'self'}/status").read_text(encoding="ascii")
    return Resident(now=_mb(status, "VmRSS"), peak=_mb(status, "VmHWM"))


def _mb(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6
