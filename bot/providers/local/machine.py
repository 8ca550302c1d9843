"""What this process may use of its machine: a container or a unit may be allowed less than there is."""

import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def cores() -> int:
    """Processor cores."""
    allowed = [len(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else [os.cpu_count() or 1]
    for quota in _limits("cpu.max"):
        most_us, _, period_us = quota.partition(" ")
        if most_us != "max":
            allowed.append(int(most_us) // int(period_us))
    return max(1, min(allowed))


def memory_bytes() -> int:
    """Memory, with what lies in a disk that is made of it."""
    there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([there_is, *(int(limit) for limit in _limits("memory.max") if limit != "max")])


def _limits(name: str) -> Iterator[str]:
    """What a file of cgroups (version 2) says for the group that the process is in, and for those around it."""
    try:
        *_, group = _OWN_GROUP.read_text().strip().rpartition("0::/")
    except OSError:  # no Linux
        return
    own = _GROUPS / group.partition("\n")[0]
    for folder in (own, *own.parents):
        if folder.is_relative_to(_GROUPS) and (folder / name).is_file():
            yield (folder / name).read_text().strip()
