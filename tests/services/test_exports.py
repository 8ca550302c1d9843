"""Exports: however much is kept of a member, nobody else waits for it."""

import threading
from pathlib import Path

import pytest

from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import Job
from bot.media.archives import Archives
from bot.media.blobs import Blobs
from bot.services import exports
from bot.services.exports import Exports
from tests import builders
from tests.services.doubles import TurnedClock

MIA = 100


async def test_what_takes_long_is_done_in_threads_and_the_folder_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    described, cleanup = exports.described, exports.TemporaryDirectory[str].cleanup

    def noted(job: Job) -> dict[str, object]:
        threads.append(threading.current_thread())
        return described(job)

    def cleaned(folder: "exports.TemporaryDirectory[str]") -> None:
        threads.append(threading.current_thread())
        cleanup(folder)

    monkeypatch.setattr(exports, "described", noted)
    monkeypatch.setattr(exports.TemporaryDirectory, "cleanup", cleaned)
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("local"))
    origin, request = builders.origin(user_id=MIA), builders.request(image=None)
    accepted = jobs.accept(origin, request, builders.choice(), defaults=builders.NO_CAPS, now_ms=1)
    await db.write(accepted)
    async with Archives() as archives:
        making = Exports(
            db=db,
            blobs=Blobs.open(tmp_path / "blobs"),
            archives=archives,
            clock=TurnedClock(),
            secret="of the installation",
            public_url=None,
        )
        held = await making.gathered(origin.guild_id, MIA)
        folders = [part.path.parent async for part in making.parts(held, 10**7)]
    assert [folder.exists() for folder in folders] == [False]
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    await db.close()
