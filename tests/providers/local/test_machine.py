"""What a container is allowed is less than what its machine has."""

import os
from pathlib import Path

import pytest

from bot.providers.local import machine


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Control groups of a machine, in which this process is in `kinora.slice/worker`."""
    own, groups = tmp_path / "cgroup", tmp_path / "groups"
    own.write_text("3:cpuset:/\n0::/kinora.slice/worker\n")
    (groups / "kinora.slice" / "worker").mkdir(parents=True)
    monkeypatch.setattr(machine, "_OWN_GROUP", own)
    monkeypatch.setattr(machine, "_GROUPS", groups)
    monkeypatch.setattr(os, "sched_getaffinity", _all_of_32)
    return groups


def _all_of_32(_: int) -> set[int]:
    return set(range(32))


def test_without_limits_it_is_all_that_there_is(groups: Path) -> None:
    (groups / "kinora.slice" / "memory.max").write_text("max\n")
    (groups / "kinora.slice" / "cpu.max").write_text("max 100000\n")
    assert machine.cores() == 32
    assert machine.memory_bytes() > 1 << 28


def test_the_narrowest_limit_counts(groups: Path) -> None:
    for folder, cores, megabytes in (("kinora.slice", 8, 100), ("kinora.slice/worker", 2, 200)):
        (groups / folder / "cpu.max").write_text(f"{cores}00000 100000\n")
        (groups / folder / "memory.max").write_text(f"{megabytes}000000\n")
    assert machine.cores() == 2
    assert machine.memory_bytes() == 100_000_000


def test_within_its_own_namespace_a_container_is_at_the_root(groups: Path) -> None:
    machine._OWN_GROUP.write_text("0::/\n")
    (groups / "cpu.max").write_text("150000 100000\n")
    (groups / "memory.max").write_text("4294967296\n")
    assert (machine.cores(), machine.memory_bytes()) == (1, 4 << 30)


def test_less_than_one_core_is_one(groups: Path) -> None:
    (groups / "cpu.max").write_text("50000 100000\n")
    assert machine.cores() == 1


def test_where_nothing_tells_there_is_no_limit(groups: Path) -> None:
    machine._OWN_GROUP.unlink()
    (groups / "cpu.max").write_text("50000 100000\n")
    assert machine.cores() == 32
