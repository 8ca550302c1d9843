"""A database that others lock or take away under a running bot: people are told in words, jobs wait, it heals."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from bot.app import running
from bot.db.errors import DatabaseLost
from bot.domain.jobs import JobState
from bot.sandbox import Message
from bot.services import ordering
from bot.services.runner import embedded
from tests.e2e.scenes import Bot, Scene
from tests.e2e.studio import Studio, ends, everybody_is_answered, opened
from tests.held import held
from tests.patience import PATIENCE_S
from tests.vendors.opened import eventually, ledger

AWAY = (
    "The bot cannot reach its database, so it accepts nothing; please try again later. Nothing was charged."
)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    for module in (ordering, embedded):
        monkeypatch.setattr(module, "_DATABASE_PAUSE_MS", 200)
    return opened(monkeypatch)


@contextmanager
def locked(scene: Scene) -> Generator[None]:
    """Another program writes to the database, and does not come to an end."""
    with closing(
        sqlite3.connect(scene.settings.database_path, isolation_level=None, timeout=PATIENCE_S)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def taken_away(scene: Scene) -> Generator[None]:
    path = scene.settings.database_path
    elsewhere = path.with_name("elsewhere.db")
    path.rename(elsewhere)
    yield
    elsewhere.rename(path)


async def ask(scene: Scene) -> Message:
    used = await scene.mia.slash("video", scene.channel, prompt="a paper boat")
    return await used.response()


@pytest.mark.parametrize("trouble", [locked, taken_away])
async def test_people_are_told_in_time_what_runs_waits_and_all_goes_on_afterwards(
    scene: Scene, studio: Studio, bot: Bot, trouble: Callable[[Scene], AbstractContextManager[None]]
) -> None:
    studio.answers.clear()
    card = await ask(scene)
    await studio.has_taken(1)
    with trouble(scene):
        studio.answers.set()  # what the provider says cannot be written down yet
        refused = await ask(scene)
        assert AWAY in refused.text
        assert "Queue" in (await (await scene.mia.slash("queue", scene.channel)).response()).text
        assert (await bot.job()).state is JobState.SUBMITTING
    await scene.clip_of(card)
    assert len(studio.submitted) == 1

    async def is_settled() -> bool:
        return await bot.app.db.read(ledger()) == [("reserve", 5), ("settle", 5)]

    await eventually(is_settled)
    await everybody_is_answered(bot, scene)


@pytest.mark.usefixtures("studio")
async def test_a_database_that_is_gone_is_not_begun_anew_while_files_of_its_jobs_are_left(
    scene: Scene,
) -> None:
    path = scene.settings.database_path
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await ask(scene)
        await ends(Bot(app), JobState.DONE)
    elsewhere = path.rename(path.with_name("elsewhere"))
    for _ in range(2):
        with pytest.raises(DatabaseLost, match="put it or a backup back"):
            async with running(scene.settings):
                pass
    assert not path.exists()
    elsewhere.rename(path)
    async with running(scene.settings) as app:
        assert (await Bot(app).job()).state is JobState.DONE
