import asyncio
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot import signals
from bot.signals import Stop, heeded, notify
from tests.patience import PATIENCE_S


async def test_what_is_starting_is_cancelled_by_a_signal_and_what_is_up_is_not() -> None:
    async def start(stops: list[Stop]) -> None:
        stops.append(Stop())
        await asyncio.Event().wait()

    stops: list[Stop] = []
    starting = asyncio.ensure_future(start(stops))
    await asyncio.sleep(0)
    stops[0].ask()
    with pytest.raises(asyncio.CancelledError):
        await starting
    up = Stop()
    up.up()
    up.ask()
    await asyncio.sleep(0)
    assert up.asked.is_set()


async def test_the_second_signal_hurries() -> None:
    stop = Stop()
    stop.up()
    stop.ask()
    assert not stop.hurried.is_set()
    stop.ask()
    assert stop.hurried.is_set()


@pytest.mark.parametrize("number", signals.SIGNALS)
async def test_signals_are_heeded(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr(signals, "_end_after", limits.append)
    stop = Stop()
    stop.up()
    loop = asyncio.get_running_loop()
    try:
        with heeded(stop, within_s=9.5):
            for event in (stop.asked, stop.hurried):
                os.kill(os.getpid(), number)
                await asyncio.wait_for(event.wait(), PATIENCE_S)
    finally:
        for each in signals.SIGNALS:
            loop.remove_signal_handler(each)
    assert limits == [9.5]


def test_what_does_not_close_in_time_is_ended_without_a_fault() -> None:
    ended, statuses = threading.Event(), list[int]()

    def end(status: int) -> None:
        statuses.append(status)
        ended.set()

    with capture_logs() as logs:
        signals._end_after(0.01, end)
        assert ended.wait(PATIENCE_S)
    assert statuses == [0]
    assert [entry["event"] for entry in logs] == ["did not close in time"]


@pytest.mark.parametrize("address", ["notify.sock", "@kinora-tests"])
def test_the_service_manager_is_told(tmp_path: Path, address: str) -> None:
    is_abstract = address.startswith("@")
    named = f"{address}-{os.getpid()}" if is_abstract else str(tmp_path / address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{named[1:]}" if is_abstract else named)
        manager.settimeout(PATIENCE_S)
        notify(named, "READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", [None, ""])
def test_nobody_is_told_where_nobody_asks(address: str | None) -> None:
    with capture_logs() as logs:
        notify(address, "READY=1")
    assert logs == []


def test_a_service_manager_that_is_not_there_is_no_reason_to_fail(tmp_path: Path) -> None:
    with capture_logs() as logs:
        notify(str(tmp_path / "nobody"), "READY=1")
    assert [entry["event"] for entry in logs] == ["service manager not told"]
