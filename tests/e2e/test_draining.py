"""`/drain` and `/resume`, with clips under way and people who go on asking."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bot.app import running
from bot.domain.jobs import JobState
from bot.sandbox import Message, Permission, Person, shows
from tests.e2e.scenes import Bot, Scene
from tests.e2e.studio import Studio, ends, opened
from tests.held import held

PAUSED = "Paused by the bot's operator."


@pytest.fixture
def olga(scene: Scene) -> Person:
    role = scene.guild.add_role("operators", permissions=Permission.ADMINISTRATOR)
    return scene.guild.add_member("olga", roles=[role])


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@asynccontextmanager
async def started(scene: Scene, *operators: Person) -> AsyncGenerator[Bot]:
    named = {"owner_ids": tuple(person.user.id for person in operators)}
    async with held(running(scene.settings.model_copy(update=named))) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await Bot(app).is_sound()


async def told(person: Person, scene: Scene, command: str) -> Message:
    answer = await (await person.slash(command, scene.channel)).response()
    assert answer.ephemeral_to is person.user or command == "queue"
    return answer


async def ask(scene: Scene, number: int) -> Message:
    used = await scene.mia.slash("video", scene.channel, prompt="a paper boat")
    return await used.response(lambda card: f"Job {number}" in card.text)


async def test_what_runs_ends_what_waits_keeps_its_place_and_resume_goes_on(
    scene: Scene, studio: Studio, olga: Person
) -> None:
    studio.hold()
    async with started(scene, olga) as bot:
        first = await ask(scene, 1)
        await studio.has_taken(1)
        answer = await told(olga, scene, "drain")
        assert "1 clip is still being made; this message says when it has ended." in answer.text
        second = await ask(scene, 2)
        await shows(second, lambda card: PAUSED in card.text)
        assert PAUSED in (await told(scene.mia, scene, "queue")).text
        studio.release()
        await scene.clip_of(first)
        await shows(answer, lambda message: "Nothing runs any more: the bot can be stopped." in message.text)
        assert "1 clip waits and keeps its place" in answer.text
        assert len(studio.submitted) == 1
    async with started(scene, olga) as bot:
        await shows(second, lambda card: PAUSED in card.text)
        assert (await bot.job(2)).state is JobState.QUEUED
        assert "1 waiting clip is begun in its turn" in (await told(olga, scene, "resume")).text
        await scene.clip_of(second)
    assert len(studio.submitted) == 2


@pytest.mark.usefixtures("studio")
async def test_a_bot_that_makes_nothing_is_drained_at_once(scene: Scene, olga: Person) -> None:
    async with started(scene, olga):
        assert "Nothing runs any more" in (await told(olga, scene, "drain")).text
        assert "`/animate` starts at once" not in (await told(scene.mia, scene, "queue")).text
        assert "No clip waits." in (await told(olga, scene, "resume")).text
        again = await told(olga, scene, "resume")
        assert again.text == (
            "The bot is not drained; waiting clips are begun in their turn. Nothing was changed."
        )


@pytest.mark.usefixtures("studio")
async def test_nobody_but_the_operator_drains_or_resumes(scene: Scene, olga: Person) -> None:
    async with started(scene, scene.mia) as bot:
        for command in ("drain", "resume"):
            assert "Only the operator of this bot" in (await told(olga, scene, command)).text
        assert bot.app.gate.admits


@pytest.mark.usefixtures("studio")
async def test_a_waiting_job_can_be_cancelled_while_the_bot_is_drained(scene: Scene, olga: Person) -> None:
    async with started(scene, olga) as bot:
        await told(olga, scene, "drain")
        card = await ask(scene, 1)
        await shows(card, lambda shown: PAUSED in shown.text)
        await scene.mia.click(card, "Cancel")
        await ends(bot, JobState.CANCELLED)
