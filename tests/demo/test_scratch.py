"""What demos that were killed have left behind."""

import tempfile
from pathlib import Path

import pytest

from bot.db.lock import FileLock
from bot.demo.scratch import scratch


def test_what_a_killed_demo_left_behind_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed, alive, strange = (tmp_path / f"kinora-demo-{name}" for name in ("killed", "alive", "strange"))
    for folder in (killed, alive, strange):
        folder.mkdir()
        (folder / "clip.mp4").touch()
    (killed / "demo.lock").touch()
    lock = FileLock.acquire(alive / "demo.lock")
    with scratch() as mine, scratch() as another:
        assert {*tmp_path.iterdir()} == {alive, strange, mine, another}
    assert {*tmp_path.iterdir()} == {alive, strange}
    lock.release()
