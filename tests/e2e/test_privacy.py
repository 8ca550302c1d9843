"""What members decide about what is kept of them."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing

import pytest

from bot.app import running
from bot.db import audit, erasures, privacy
from bot.domain.jobs import TERMINAL, JobState
from bot.sandbox import Answer, Hold, Message, Person, shows
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio
from tests.patience import PATIENCE_S

MESSAGE = "/channels/{channel_id}/messages/{message_id}"
MESSAGES = "/channels/{channel_id}/messages"


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


@asynccontextmanager
async def started(scene: Scene) -> AsyncGenerator[Bot]:
    async with running(scene.settings) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await app.db.read(audit.discrepancies()) == 0


async def asked(scene: Scene, person: Person | None = None, **options: object) -> Message:
    """A card."""
    used = await (person or scene.mia).slash(
        "animate", scene.channel, image=PICTURE, **{"prompt": "a secret", **options}
    )
    return await used.response()


async def forget(scene: Scene) -> Message:
    """Use the command and press the button."""
    question = await (await scene.mia.slash("privacy forget", scene.channel)).response()
    used = await scene.mia.click(question, "Forget everything")
    return await used.response(lambda shown: "You are forgotten" in shown.text)


async def until(is_so: Callable[[], bool], awaited: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)
    assert is_so(), awaited


def said(scene: Scene) -> list[str]:
    """Everything that is to be read in the guild, thread names included."""
    places = [*scene.guild.channels.values(), *scene.guild.threads]
    return [place.name for place in places] + [message.text for place in places for message in place.messages]


async def is_silent(scene: Scene, word: str = "a secret") -> None:
    await until(lambda: not any(word in text for text in said(scene)), f"nobody says {word}")


def traces(scene: Scene, word: str) -> set[str]:
    """The columns in which a word stands."""
    with closing(sqlite3.connect(scene.settings.data_dir / "kinora.db")) as connection:
        connection.row_factory = sqlite3.Row
        tables = [
            row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            f"{table}.{name}"
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")
            for name in row.keys()  # noqa: SIM118 - a Row iterates over its values
            if word in str(row[name])
        }


async def test_the_question_says_what_will_happen_and_nothing_does_until_it_is_answered(
    scene: Scene, bot: Bot
) -> None:
    await scene.clip_of(await asked(scene))
    question = await (await scene.mia.slash("privacy forget", scene.channel)).response()
    assert "1 request in 1 server" in question.text
    assert "cannot be undone" in question.text
    assert question.ephemeral_to is scene.mia.user
    kept = await (await scene.mia.click(question, "Keep everything")).response(
        lambda shown: "Everything is kept" in shown.text
    )
    assert kept.buttons == []
    assert (await bot.job()).request.prompt == "a secret"


async def test_the_clip_its_card_and_the_words_of_its_thread_are_gone(scene: Scene, bot: Bot) -> None:
    await scene.clip_of(await asked(scene))
    await forget(scene)
    await is_silent(scene)
    await until(lambda: not scene.clips(), "no clip is left")
    assert traces(scene, "a secret") == set()
    assert traces(scene, str(scene.mia.id)) == {"ledger.user_id", "balances.subject_id"}
    assert [thread.name for thread in scene.guild.threads] == ["Clips"]
    assert (await bot.job()).state is JobState.DONE
    answer = await (await scene.mia.slash("jobs", scene.channel)).response()
    assert "None yet" in answer.text
    answer = await (await scene.mia.slash("job", scene.channel, id=1)).response()
    assert "no such job" in answer.text


@pytest.mark.usefixtures("bot")
async def test_what_was_used_counts_against_the_caps_as_before(scene: Scene) -> None:
    await scene.clip_of(await asked(scene))
    await forget(scene)
    balance = await (await scene.mia.slash("quota me", scene.channel)).response()
    assert "495" in balance.text


@pytest.mark.usefixtures("bot")
async def test_others_keep_theirs(scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    await scene.clip_of(await asked(scene, leo, prompt="a tree"))
    await scene.clip_of(await asked(scene))
    await forget(scene)
    await is_silent(scene)
    assert len(scene.clips()) == 1
    assert "a tree" in (await (await leo.slash("jobs", scene.channel)).response()).text


@pytest.mark.usefixtures("bot")
async def test_a_clip_that_was_shared_is_deleted_there_as_well(scene: Scene) -> None:
    await scene.clip_of(await asked(scene))
    elsewhere = scene.guild.add_channel("elsewhere")
    shared = await (await scene.mia.slash("job", elsewhere, id=1, share=True)).response(
        lambda shown: shown.files
    )
    await forget(scene)
    await until(lambda: shared.is_deleted, "the shared clip is deleted")


async def test_running_and_waiting_clips_are_stopped_and_charged_to_nobody(
    scene: Scene, bot: Bot, provider: Studio
) -> None:
    provider.hold()
    for _ in range(3):
        await asked(scene)
    await provider.has_taken(2)
    question = await (await scene.mia.slash("privacy forget", scene.channel)).response()
    assert "1 waiting clip is cancelled" in question.text
    assert "2 clips that are being made are stopped" in question.text
    await scene.mia.click(question, "Forget everything")
    await is_silent(scene)
    for number in (1, 2, 3):
        assert (await bot.job(number)).state is JobState.CANCELLED
    assert len(provider.cancelled) == 2
    assert scene.clips() == []


async def test_what_cannot_be_stopped_is_finished_for_nobody_and_forgotten_then(
    scene: Scene, bot: Bot, provider: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: str) -> bool:
        return False

    monkeypatch.setattr(provider, "cancel", refuse)
    provider.hold()
    await asked(scene)
    await provider.has_taken(1)
    done = await forget(scene)
    assert "1 clip is still being made" in done.text
    provider.release()
    await studio.ends(bot, JobState.FAILED)
    assert scene.clips() == []
    bot.app.client.services.privacy._due.set()  # it looks again every half minute
    await until(lambda: traces(scene, "a secret") == set(), "the database has forgotten")
    await is_silent(scene)


async def test_a_clip_that_is_posted_while_its_member_is_being_forgotten_is_found_and_deleted(
    scene: Scene, bot: Bot
) -> None:
    held = scene.sandbox.faults.add("POST", MESSAGES, Hold(after_effect=True))
    await asked(scene)
    async with asyncio.timeout(PATIENCE_S):
        await held.struck.wait()
    await forget(scene)
    held.release()
    await studio.ends(bot, JobState.FAILED)
    bot.app.client.services.privacy._due.set()
    await until(lambda: not scene.clips() and not traces(scene, "a secret"), "nothing is left")


async def test_a_restart_goes_on_deleting_what_discord_did_not_delete(scene: Scene) -> None:
    async with started(scene):
        await scene.clip_of(await asked(scene))
        scene.sandbox.faults.add("DELETE", MESSAGE, Answer(500), times=None)
        await forget(scene)
        await until(lambda: traces(scene, "a secret") == set(), "the database has forgotten")
        assert scene.clips() != []
    scene.sandbox.faults.clear()
    with closing(sqlite3.connect(scene.settings.data_dir / "kinora.db")) as connection:
        connection.execute("UPDATE erasures SET run_at_ms = 0")
        connection.commit()
    async with started(scene):
        await until(lambda: not scene.clips(), "no clip is left")
        await is_silent(scene)


async def test_a_crash_right_after_the_answer_forgets_all_the_same(scene: Scene) -> None:
    async with started(scene) as bot:
        await scene.clip_of(await asked(scene))
        await bot.app.db.write(privacy.forget(scene.mia.id, now_ms=1_790_000_000_000))
    async with started(scene):
        await is_silent(scene)
        assert traces(scene, "a secret") == set()


async def test_a_clip_that_is_still_being_made_is_forgotten_after_a_restart(
    scene: Scene, provider: Studio
) -> None:
    async with started(scene):
        provider.hold()
        provider.answers.clear()  # so that it is not known whether the order was taken
        await asked(scene)
        await provider.has_taken(1)
        await forget(scene)
        assert traces(scene, "a secret") == {"jobs.request"}
        assert "jobs.user_id" not in traces(scene, str(scene.mia.id))
    provider.answers.set()
    async with started(scene) as bot:
        provider.release()
        async with asyncio.timeout(PATIENCE_S):
            while (await bot.job()).state not in TERMINAL:  # noqa: ASYNC110 - a row rings no bell
                await asyncio.sleep(0.02)
        bot.app.client.services.privacy._due.set()
        await until(lambda: traces(scene, "a secret") == set(), "the database has forgotten")
    assert scene.clips() == []


async def test_a_message_that_may_not_be_deleted_is_left_alone(scene: Scene, bot: Bot) -> None:
    await scene.clip_of(await asked(scene))
    scene.sandbox.faults.add(
        "DELETE", MESSAGE, Answer(403, {"message": "Missing Access", "code": 50001}), times=None
    )
    await forget(scene)
    await until(lambda: traces(scene, "a secret") == set(), "the database has forgotten")
    async with asyncio.timeout(PATIENCE_S):
        while await bot.app.db.read(erasures.next_ms()) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("bot")
async def test_a_question_of_long_ago_forgets_nobody(scene: Scene) -> None:
    await scene.clip_of(await asked(scene))
    question = await (await scene.mia.slash("privacy forget", scene.channel)).response()
    for button in question.components[-1]["components"]:
        button["custom_id"] = f"forget:1000:{button['custom_id'].rpartition(':')[2]}"
    answer = await (await scene.mia.click(question, "Forget everything")).response()
    assert "too old" in answer.text
    assert traces(scene, "a secret") != set()


async def test_a_forgotten_member_starts_anew(scene: Scene, bot: Bot) -> None:
    await scene.clip_of(await asked(scene))
    await forget(scene)
    await is_silent(scene)
    await scene.clip_of(await asked(scene, prompt="a new life"))
    assert (await bot.job(2)).origin.user_id == scene.mia.id


async def test_direct_messages_are_sent_to_who_wants_them(scene: Scene, bot: Bot) -> None:
    said = await (await scene.mia.slash("privacy direct", scene.channel, allow=True)).response()
    assert "direct messages from now on" in said.text
    assert await bot.app.client.services.privacy.allows_direct(scene.mia.id)
    await (await scene.mia.slash("privacy direct", scene.channel, allow=False)).response()
    assert not await bot.app.client.services.privacy.allows_direct(scene.mia.id)


async def test_a_card_of_a_question_that_waits_for_a_word_is_deleted(scene: Scene, bot: Bot) -> None:
    await bot.app.db.write(confirm_all(scene.guild.id))
    question = await asked(scene)
    await shows(question, lambda shown: "a secret" in shown.text)
    await forget(scene)
    await until(lambda: question.is_deleted, "the question is deleted")


def confirm_all(guild_id: int):  # noqa: ANN201 - a transaction
    yield "INSERT INTO guilds (guild_id) VALUES (:id) ON CONFLICT DO NOTHING", {"id": guild_id}
    yield "UPDATE guilds SET confirm_above = 0 WHERE guild_id = :id", {"id": guild_id}
