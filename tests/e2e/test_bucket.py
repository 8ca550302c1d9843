"""The whole bot with its files in a bucket: what it makes, what it shows again, and a store that is away meanwhile."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.domain.jobs import JobState
from bot.sandbox import Message, shows
from bot.settings import Settings
from tests.bucket import S3, Bucket, Way, leading
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, film, opened
from tests.vendors.opened import eventually, ledger


@pytest.fixture(autouse=True)
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture
async def way(s3: S3) -> AsyncGenerator[Way]:
    async with leading(s3) as made:
        yield made


@pytest.fixture
def scene(scene: Scene, bucket: Bucket, way: Way) -> Scene:
    known = scene.settings.model_dump() | bucket.at(way.endpoint).variables
    scene.settings = Settings.model_validate(known)
    return scene


async def ask(scene: Scene) -> Message:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    return await used.response(lambda card: "Job 1" in card.text)


async def test_a_clip_goes_through_a_bucket_and_nothing_stays_on_this_machine(
    scene: Scene, bot: Bot, bucket: Bucket, tmp_path: Path
) -> None:
    clip = await scene.clip_of(await ask(scene))
    assert clip.files[0].data == film()
    job = await bot.job()
    assert job.clip is not None
    assert await bucket.blobs(tmp_path).get(job.clip) == film()
    assert list((scene.settings.data_dir / "spool").iterdir()) == []
    assert not (scene.settings.data_dir / "blobs").exists()


async def test_a_job_waits_for_a_bucket_that_is_away_and_nothing_is_ordered_twice(
    scene: Scene, bot: Bot, studio: Studio, way: Way
) -> None:
    studio.hold()
    card = await ask(scene)
    await studio.has_taken(1)
    await way.cut()
    studio.release()

    async def stumbles() -> bool:
        job = await bot.job()
        assert job.state is not JobState.FAILED
        return job.state is JobState.FETCHING and job.tries > 0

    await eventually(stumbles)
    await way.mend()
    await shows(card, lambda shown: "See the clip" in shown.text, timeout_s=120)
    assert len(studio.submitted) == 1
    assert await bot.app.db.read(ledger()) == [("reserve", 5), ("settle", 5)]


@pytest.mark.usefixtures("bot")
async def test_who_asks_while_the_bucket_is_away_is_told_and_pays_nothing(scene: Scene, way: Way) -> None:
    await way.cut()
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    answer = await used.response(lambda shown: "The file store does not answer" in shown.text, timeout_s=60)
    assert "Job" not in answer.text
    await way.mend()
    await ask(scene)
