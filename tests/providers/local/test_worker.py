import errno
import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from bot.providers.local.encode import Clip, temporary
from bot.providers.local.scene import INTERRUPTED, NO_ROOM, Scene
from bot.providers.local.worker import FILE_BYTES, MEMORY_BYTES, Progress, main

COMMAND = (sys.executable, "-m", "bot.providers.local.worker")
# A parent that starts a worker, says its process id and waits to be killed.
PARENT = """
import subprocess, sys
worker = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
worker.stdout.readline()
print(worker.pid, flush=True)
worker.wait()
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Scene], str]:
    def write(scene: Scene) -> str:
        path = tmp_path / "scene.json"
        path.write_text(scene.to_json())
        return str(path)

    return write


@pytest.fixture
def long(scene: Scene) -> Scene:
    """A scene that takes far longer than any test."""
    return replace(scene, seconds=60, width=1280, height=720)


@contextmanager
def working(path: str) -> Generator[Popen[bytes]]:
    """A worker that has begun to make frames."""
    with Popen((*COMMAND, path), stdin=PIPE, stdout=PIPE, stderr=PIPE) as worker:
        assert worker.stdout is not None
        try:
            assert json.loads(worker.stdout.readline())["done"] > 0
            yield worker
        finally:
            worker.kill()


def test_it_makes_the_clip_and_tells_how_far_it_is(scene: Scene, written: Callable[[Scene], str]) -> None:
    with Popen((*COMMAND, written(scene)), stdin=PIPE, stdout=PIPE, stderr=PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        lines = [json.loads(line) for line in worker.stdout]
        assert worker.stderr.read() == b""
        assert worker.wait() == 0
    assert lines[-1] == {"done": 30, "total": 30}
    assert [line["done"] for line in lines] == sorted({line["done"] for line in lines})
    assert Path(scene.out).stat().st_size > 1000
    assert not temporary(scene.out).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of processes")
def test_it_is_confined(long: Scene, written: Callable[[Scene], str]) -> None:
    with working(written(long)) as worker:
        about = Path("/proc", str(worker.pid))
        limits = dict(
            re.findall(r"^(.+?) {2,}(\S+) +\S+", about.joinpath("limits").read_text("utf-8"), re.MULTILINE)
        )
        assert int(about.joinpath("oom_score_adj").read_text("utf-8")) > 0
    assert limits["Max core file size"] == "0"
    assert MEMORY_BYTES < int(limits["Max data size"]) < MEMORY_BYTES + 1_000_000_000
    assert int(limits["Max file size"]) == FILE_BYTES


def test_it_does_not_wait_for_its_input(scene: Scene, written: Callable[[Scene], str]) -> None:
    subprocess.run((*COMMAND, written(scene)), stdin=DEVNULL, stdout=DEVNULL, check=True)
    assert Path(scene.out).exists()


@pytest.mark.parametrize("missing", ["image", "end_frame", "out", "scene"])
def test_a_failure_is_one_plain_line(scene: Scene, written: Callable[[Scene], str], missing: str) -> None:
    path = "nowhere.json" if missing == "scene" else written(replace(scene, **{missing: "/nowhere/a.png"}))
    failed = subprocess.run((*COMMAND, path), stdin=DEVNULL, capture_output=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.count(b"\n") == 1
    assert b"Traceback" not in failed.stderr
    assert not Path(scene.out).exists()


def test_it_says_how_it_is_used() -> None:
    failed = subprocess.run(COMMAND, stdin=PIPE, stderr=PIPE, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith(b"Usage:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_terminated_it_leaves_no_file(
    long: Scene, written: Callable[[Scene], str], number: signal.Signals
) -> None:
    with working(written(long)) as worker:
        assert temporary(long.out).exists()
        worker.send_signal(number)
        assert worker.stderr is not None
        assert worker.stderr.read() == b"The rendering was cancelled.\n"
        assert worker.wait() == INTERRUPTED
    assert not temporary(long.out).exists()
    assert not Path(long.out).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_where_no_more_can_be_written_nothing_half_written_stays(
    scene: Scene, written: Callable[[Scene], str]
) -> None:
    scene = replace(scene, seconds=5)
    with working(written(scene)) as worker:
        hard = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1000, hard))
        assert worker.stdout is not None
        assert worker.stderr is not None
        worker.stdout.read()
        assert worker.stderr.read().count(b"\n") == 1
        assert worker.wait() != 0
    assert not temporary(scene.out).exists()
    assert not Path(scene.out).exists()


def test_closing_its_input_ends_it_and_leaves_no_file(long: Scene, written: Callable[[Scene], str]) -> None:
    with working(written(long)) as worker:
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(timeout=30) != 0
    assert not temporary(long.out).exists()


def test_nobody_reading_its_progress_ends_it(long: Scene, written: Callable[[Scene], str]) -> None:
    with working(written(long)) as worker:
        assert worker.stdout is not None
        worker.stdout.close()
        assert worker.wait(timeout=30) == 1
    assert not temporary(long.out).exists()


@pytest.mark.skipif(not hasattr(signal, "pidfd_send_signal"), reason="needs Linux's process handles")
def test_it_does_not_outlive_a_killed_parent(long: Scene, written: Callable[[Scene], str]) -> None:

    with Popen((sys.executable, "-c", PARENT, *COMMAND, written(long)), stdout=PIPE) as parent:
        assert parent.stdout is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            gone, _, _ = select.select([handle], [], [], 30)
            assert gone
        finally:
            os.close(handle)
    assert not temporary(long.out).exists()


def test_progress_is_told_at_most_ten_times_a_second(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(frame / 100 for frame in range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    progress = Progress(100)
    for done in range(1, 101):
        progress(done)
    told = [json.loads(line)["done"] for line in capsys.readouterr().out.splitlines()]
    assert told[0] == 1
    assert told[-1] == 100
    assert len(told) <= 11


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Run the worker in this process."""
    handler, interrupt = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)

        def run(path: str) -> None:
            monkeypatch.setattr("sys.argv", ["worker", path])
            main()

        yield run
    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, interrupt)


def test_in_one_process_it_works_as_well(
    scene: Scene,
    written: Callable[[Scene], str],
    here: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    here(written(scene))
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"done": 30, "total": 30}
    assert Path(scene.out).exists()


def test_a_disk_that_fills_up_is_said_in_one_line(
    scene: Scene,
    written: Callable[[Scene], str],
    here: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(_self: Clip, _fill: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Clip, "add", full)
    with pytest.raises(SystemExit) as left:
        here(written(scene))
    assert left.value.code == NO_ROOM
    assert "No space left on device" in capsys.readouterr().err
    assert not temporary(scene.out).exists()
    assert not Path(scene.out).exists()
