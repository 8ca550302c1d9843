from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.services.gate import Closure, Gate
from bot.services.room import Room, least_free_bytes
from tests.services.doubles import TurnedClock

RESERVE = 1_000_000


class Disk:
    """Has as much room as a test says."""

    free: int | None = None

    def __call__(self) -> int | None:
        return self.free


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def gate() -> Gate:
    return Gate(changed=lambda: None)


@pytest.fixture
def room(disk: Disk, gate: Gate) -> Room:
    return Room(free_bytes=disk, reserve_bytes=RESERVE, gate=gate, clock=TurnedClock())


async def test_the_gate_is_shut_below_the_reserve_and_opened_again_with_some_room(
    room: Room, disk: Disk, gate: Gate
) -> None:
    shut: list[bool] = []
    for free in (RESERVE, RESERVE - 1, RESERVE, int(RESERVE * 1.1) + 1, RESERVE + 1):
        disk.free = free
        await room.look()
        shut.append(gate.closure is Closure.DISK_FULL)
    assert shut == [False, True, True, False, False]


async def test_the_operator_is_told_once_however_long_it_lasts(room: Room, disk: Disk) -> None:
    disk.free = 0
    with capture_logs() as logs:
        for _ in range(3):
            await room.look()
    assert [entry["event"] for entry in logs] == ["disk full", "admission paused"]


async def test_a_disk_that_does_not_tell_changes_nothing(room: Room, disk: Disk, gate: Gate) -> None:
    await room.look()
    assert gate.admits
    disk.free = 0
    await room.look()
    disk.free = None
    await room.look()
    assert not gate.admits


def test_the_fullest_disk_counts_and_a_folder_that_is_not_there_does_not(tmp_path: Path) -> None:
    free = least_free_bytes([tmp_path, tmp_path / "nowhere"])
    assert free is not None
    assert free > 0
    assert least_free_bytes([tmp_path / "nowhere"]) is None
