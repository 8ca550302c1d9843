"""Files of jobs that are gone or damaged: whoever needs them is told, nobody pays, nothing goes round in circles."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from bot.domain.jobs import JobState
from bot.sandbox import Answer, Message, shows
from bot.services.gate import Closure
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, ends, everybody_is_answered, film, opened
from tests.vendors.opened import ledger

MESSAGE = ("POST", "/channels/{channel_id}/messages")
REFUNDED = [("reserve", 5), ("refund", 5)]
SETTLED = [("reserve", 5), ("settle", 5)]


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
async def _all_is_well_afterwards(studio: Studio, bot: Bot, scene: Scene) -> AsyncGenerator[None]:
    yield
    await everybody_is_answered(bot, scene)
    assert len(set(studio.submitted)) == len(studio.submitted)


def gone(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = pytest.mark.parametrize("damage", [gone, cut_short, flipped])


def kept(scene: Scene, blob: str | None) -> Path:
    assert blob is not None
    return scene.settings.data_dir / "blobs" / blob[:2] / blob[2:]


async def picture_of(scene: Scene, bot: Bot) -> Path:
    image = (await bot.job()).request.image
    assert image is not None
    return kept(scene, image.blob)


async def ask(scene: Scene) -> Message:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    return await used.response(lambda card: "Job 1" in card.text)


async def done(scene: Scene) -> Message:
    card = await ask(scene)
    return await scene.clip_of(card)


@DAMAGES
async def test_a_picture_that_is_lost_while_its_job_waits_ends_the_job_before_anything_is_paid(
    scene: Scene, bot: Bot, studio: Studio, damage: Callable[[Path], None]
) -> None:
    bot.app.gate.shut(Closure.DRAINING)
    card = await ask(scene)
    damage(await picture_of(scene, bot))
    bot.app.gate.open(Closure.DRAINING)
    await shows(card, lambda shown: "The picture is no longer kept here; please ask again" in shown.text)
    assert "Nothing was charged." in card.text
    assert studio.submitted == []
    assert await bot.app.db.read(ledger()) == REFUNDED


@DAMAGES
async def test_a_clip_that_is_lost_before_it_is_posted_is_refunded(
    scene: Scene, bot: Bot, damage: Callable[[Path], None]
) -> None:
    fault = scene.sandbox.faults.add(*MESSAGE, Answer(503), times=None)
    card = await ask(scene)
    await fault.struck.wait()
    damage(kept(scene, (await bot.job()).clip))
    scene.sandbox.faults.clear()
    await ends(bot, JobState.FAILED)
    await shows(card, lambda shown: "Nothing was charged." in shown.text)
    assert scene.clips() == []
    assert await bot.app.db.read(ledger()) == REFUNDED


@DAMAGES
async def test_the_original_of_a_clip_that_is_lost_is_said_to_be_gone(
    scene: Scene, bot: Bot, damage: Callable[[Path], None]
) -> None:
    scene.guild.upload_limit = int(len(film()) * 0.7)  # so that what was posted is smaller
    clip = await done(scene)
    damage(kept(scene, (await bot.job()).clip))
    answer = await (await scene.mia.click(clip, "Original")).response()
    assert "original" in answer.text, answer.text
    assert "kept" in answer.text, answer.text
    assert not answer.files
    assert await bot.app.db.read(ledger()) == SETTLED


@DAMAGES
async def test_what_would_come_out_of_lost_files_is_refused_and_costs_nothing(
    scene: Scene, bot: Bot, studio: Studio, damage: Callable[[Path], None]
) -> None:
    clip = await done(scene)
    damage(await picture_of(scene, bot))
    damage(kept(scene, (await bot.job()).clip))
    again = await (await scene.mia.click(clip, "Again")).response(lambda card: "charged" in card.text)
    assert "kept" in again.text, again.text
    answer = await (await scene.mia.slash("jobs", scene.channel)).response()
    assert "`1`" in answer.text
    assert len(studio.submitted) == 1
