"""What several processes open: files of one installation lie in one place."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from structlog.testing import capture_logs

from bot.db import installation
from bot.db.transaction import Database
from bot.media.blobs import Blobs
from bot.media.errors import StoreUnavailable
from bot.settings import Settings, SettingsInvalid
from bot.stores import ensure_one_place, open_stores
from tests.services.databases import processes


@pytest.fixture
async def db(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncGenerator[Database]:
    async with processes("postgres", tmp_path, request) as (opened, _):
        yield opened


def in_folder(path: Path) -> Blobs:
    return Blobs.open(path)


def marks(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("kinora-*")]


async def test_who_comes_first_marks_the_place_and_whoever_has_another_is_refused(
    db: Database, tmp_path: Path
) -> None:
    for _ in range(2):
        await ensure_one_place(db, in_folder(tmp_path / "one"), "one")
    [mark] = marks(tmp_path / "one")
    with pytest.raises(SettingsInvalid, match=f"elsewhere than in other: the file {mark}"):
        await ensure_one_place(db, in_folder(tmp_path / "other"), "other")
    assert not marks(tmp_path / "other")


async def test_a_place_that_was_moved_with_all_that_lay_in_it_is_the_same(
    db: Database, tmp_path: Path
) -> None:
    await ensure_one_place(db, in_folder(tmp_path / "one"), "one")
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    await ensure_one_place(db, in_folder(tmp_path / "other"), "other")


async def test_of_two_places_that_are_marked_at_the_same_moment_one_is_refused(
    db: Database, tmp_path: Path
) -> None:
    places = [tmp_path / name for name in ("one", "other")]
    outcomes = await asyncio.gather(
        *(ensure_one_place(db, in_folder(place), place.name) for place in places), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "SettingsInvalid"]
    assert len(marks(tmp_path)) == 1


async def test_a_bucket_is_marked_beside_its_blobs(db: Database, tmp_path: Path) -> None:
    blobs = Blobs(MemoryStore(), folder=None, spool=tmp_path)
    for _ in range(2):
        await ensure_one_place(db, blobs, "bucket")
    assert [found async for page in blobs.listed() for found in page] == []
    with pytest.raises(SettingsInvalid):
        await ensure_one_place(db, Blobs(MemoryStore(), folder=None, spool=tmp_path), "another")


async def test_a_bucket_that_is_away_keeps_nobody_from_starting(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_self: Blobs, _name: str) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Blobs, "mark", away)
        await ensure_one_place(db, in_folder(tmp_path / "one"), "one")
    assert [entry["event"] for entry in logs] == ["not known whether all processes have one place for files"]
    assert await db.read(installation.recall(installation.FILES)) is None


async def test_a_process_with_a_folder_of_its_own_does_not_open_what_others_have(
    postgres_url: str, tmp_path: Path
) -> None:
    for name, place in (("one", ""), ("one", ""), ("other", ""), ("other", str(tmp_path / "one" / "blobs"))):
        settings = Settings.model_validate(
            {"data_dir": tmp_path / name, "database_url": postgres_url, "blob_url": place}
        )
        async with AsyncExitStack() as stack:
            if name == "other" and not place:
                with pytest.raises(SettingsInvalid, match="BLOB_URL"):
                    await open_stores(settings, stack)
            else:
                await open_stores(settings, stack)


async def test_a_process_that_is_alone_with_its_database_marks_nothing(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        stores = await open_stores(Settings.model_validate({"data_dir": tmp_path}), stack)
        assert await stores.db.read(installation.recall(installation.FILES)) is None
    assert not marks(tmp_path)
