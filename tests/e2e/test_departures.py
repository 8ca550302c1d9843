"""The bot is removed from a server: its jobs end, nobody pays, nothing is said there, and later it is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.app import running
from bot.db import audit, installation, jobs
from bot.db.transaction import Transaction
from bot.domain.jobs import JobState
from bot.sandbox import Answer, Drop, Permission, Person
from bot.sandbox.server import Request
from bot.settings import Settings, SettingsInvalid
from tests.e2e.clocks import OtherClock
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, ends, opened
from tests.held import held
from tests.patience import PATIENCE_S

DAY_S = 86_400
MESSAGE = ("POST", "/channels/{channel_id}/messages")


@pytest.fixture(autouse=True)
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


def table(sql: str) -> Transaction[list[dict[str, Any]]]:
    """What rows there are."""
    return [dict(row) for row in (yield sql, {})]


async def comes_true(is_so: Callable[[], Awaitable[object]]) -> None:
    """Wait for what stands in the database."""
    async with asyncio.timeout(PATIENCE_S):
        while not await is_so():  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)


def is_left(bot: Bot) -> Callable[[], Awaitable[object]]:
    return lambda: bot.app.db.read(table("SELECT 1 AS n FROM guilds WHERE left_at_ms IS NOT NULL"))


def is_forgotten(bot: Bot) -> Callable[[], Awaitable[object]]:
    return lambda: bot.app.db.read(table("SELECT 1 AS n FROM guilds WHERE forgotten_at_ms IS NOT NULL"))


async def ask(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a secret boat")
    await used.response(lambda card: "Job " in card.text)


def said_since(scene: Scene, count: int) -> list[Request]:
    """What the bot asked of Discord about channels after so many requests."""
    return [one for one in list(scene.sandbox.requests)[count:] if one.path.startswith("/api/v10/channels")]


def moderator(scene: Scene) -> Person:
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


async def leave(bot: Bot, scene: Scene) -> None:
    scene.guild.remove_app(scene.application)
    await comes_true(is_left(bot))


async def test_what_waits_and_what_runs_ends_and_is_given_back(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    for _ in range(3):  # of which two run
        await ask(scene)
    await studio.has_taken(2)
    before = len(scene.sandbox.requests)
    await leave(bot, scene)
    await ends(bot, JobState.CANCELLED)

    async def have_all_ended() -> bool:
        return all([(await bot.job(number)).state is JobState.CANCELLED for number in (1, 2, 3)])

    await comes_true(have_all_ended)
    assert sorted(studio.cancelled) == sorted(studio.submitted)
    assert len(studio.submitted) == 2
    assert said_since(scene, before) == []
    used = await bot.app.db.read(table("SELECT sum(used) AS used, sum(reserved) AS reserved FROM balances"))
    assert used == [{"used": 0, "reserved": 0}]


async def test_what_cannot_be_stopped_is_finished_for_nobody(
    bot: Bot, scene: Scene, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancel(_task_id: str) -> bool:
        return False

    monkeypatch.setattr(studio, "cancel", cancel)
    studio.hold()
    await ask(scene)
    await studio.has_taken(1)
    before = len(scene.sandbox.requests)
    await leave(bot, scene)
    studio.release()
    await ends(bot, JobState.FAILED)
    assert said_since(scene, before) == []
    assert scene.clips() == []
    costs = await bot.app.db.read(table("SELECT kind, credits, worth FROM ledger WHERE kind <> 'reserve'"))
    assert costs == [{"kind": "refund", "credits": 5, "worth": 5}]  # the operator's ceiling counts it


async def test_a_clip_that_was_just_being_posted_is_not_charged(bot: Bot, scene: Scene) -> None:
    fault = scene.sandbox.faults.add(*MESSAGE, Answer(503), times=None)
    await ask(scene)
    await fault.struck.wait()
    await leave(bot, scene)
    await ends(bot, JobState.FAILED)
    assert scene.clips() == []
    assert (await bot.job()).clip is None


async def test_a_clip_that_was_posted_in_doubt_is_taken_back_by_who_is_invited_again(
    bot: Bot, scene: Scene
) -> None:
    fault = scene.sandbox.faults.add(*MESSAGE, Drop(after_effect=True), times=None)
    await ask(scene)
    await fault.struck.wait()
    await leave(bot, scene)
    await ends(bot, JobState.FAILED)
    assert len(scene.clips()) == 1
    scene.sandbox.faults.clear()
    scene.guild.add_app(scene.application)

    async def is_taken_back() -> bool:
        return not scene.clips()

    await comes_true(is_taken_back)
    assert (await bot.job()).post_marked_at_ms is None
    assert await bot.is_sound()


async def test_a_server_that_discord_cannot_reach_is_not_left(bot: Bot, scene: Scene, studio: Studio) -> None:
    studio.hold()
    used = await scene.mia.slash("video", scene.channel, prompt="a paper boat")
    card = await used.response(lambda card: "Job 1" in card.text)
    scene.guild.fail_for(scene.application.user.id)
    scene.sandbox.gateway.invalidate()  # and the next session lists it as out of reach
    await scene.application.ready()
    scene.guild.recover_for(scene.application.user.id)
    studio.release()
    await scene.clip_of(card)
    assert not await is_left(bot)()


async def test_a_removal_while_no_process_ran_is_found_at_the_next_start(
    scene: Scene, studio: Studio
) -> None:
    studio.hold()
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await ask(scene)
        await studio.has_taken(1)
    scene.guild.remove_app(scene.application)
    async with held(running(scene.settings)) as app:
        bot = Bot(app)
        await scene.application.ready()
        await ends(bot, JobState.CANCELLED)
        assert await is_left(bot)()
        assert await app.db.read(audit.discrepancies()) == 0
        studio.release()
    assert scene.clips() == []


async def test_a_removal_while_the_gateway_was_away_is_found_by_the_next_session(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    await ask(scene)
    await studio.has_taken(1)
    scene.sandbox.gateway.invalidate()  # without a session nobody is told
    scene.guild.remove_app(scene.application)
    await ends(bot, JobState.CANCELLED)
    await comes_true(is_left(bot))


@pytest.mark.parametrize("answer", [None, Answer(503), Answer(403), Answer(404)])
async def test_a_session_that_does_not_list_a_server_ends_nothing_there(
    scene: Scene, studio: Studio, answer: Answer | None
) -> None:
    studio.hold()
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await ask(scene)
        await studio.has_taken(1)
    route = "/guilds/{guild_id}"
    if answer is not None:
        scene.sandbox.faults.add("GET", route, answer)
    scene.sandbox.gateway.unlisted = {scene.guild.id}
    async with held(running(scene.settings)) as app:
        bot = Bot(app)
        await comes_true(lambda: is_asked_for(scene, route))
        studio.release()
        await ends(bot, JobState.DONE)
        assert not await is_left(bot)()


async def is_asked_for(scene: Scene, route: str) -> bool:
    return any(one.route == route and one.status for one in scene.sandbox.requests)


async def test_who_invites_it_again_in_time_finds_everything_as_it_was(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("video", scene.channel, prompt="a secret boat")
    await scene.clip_of(await used.response())
    await leave(bot, scene)
    scene.guild.add_app(scene.application)

    async def is_back() -> bool:
        return not await is_left(bot)()

    await comes_true(is_back)
    again = scene.guild.add_channel("again")
    shown = await (await scene.mia.slash("job", again, id=1)).response()
    assert "a secret boat" in shown.text
    used = await scene.mia.slash("video", again, prompt="another boat")
    await scene.clip_of(await used.response())
    assert (await bot.job(2)).state is JobState.DONE


async def test_who_is_back_does_not_read_that_somebody_deleted_what_was_stopped(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    await ask(scene)
    await studio.has_taken(1)
    await leave(bot, scene)
    await ends(bot, JobState.CANCELLED)
    scene.guild.add_app(scene.application)
    shown = await (await scene.mia.slash("job", scene.guild.add_channel("again"), id=1)).response()
    assert "deleted" not in shown.text
    assert "Nothing was charged." in shown.text


async def test_an_invitation_while_no_process_ran_is_found_at_the_next_start(scene: Scene) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await ask(scene)
        await ends(Bot(app), JobState.DONE)
        await leave(Bot(app), scene)
    scene.guild.add_app(scene.application)
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        used = await scene.mia.slash("video", scene.guild.add_channel("again"), prompt="another boat")
        await scene.clip_of(await used.response())
        assert not await is_left(Bot(app))()


async def test_the_token_of_another_application_ends_no_server(scene: Scene) -> None:
    other = scene.sandbox.add_application("Another", token="another.token.of-a-bot")
    theirs = Settings.model_validate({**scene.settings.model_dump(), "discord_token": other.token})
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await ask(scene)
        await ends(Bot(app), JobState.DONE)
    refusal = f"belongs to the application {other.id}, but DATA_DIR to {scene.application.id}"
    with pytest.RaisesGroup(pytest.RaisesExc(SettingsInvalid, match=refusal)):
        async with running(theirs):
            pass
    assert not other.commands
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        assert not await is_left(Bot(app))()
        await app.db.write(installation.forget("application"))
    async with held(running(theirs)) as app:
        await comes_true(is_left(Bot(app)))


async def test_a_token_that_was_mistaken_for_another_can_be_corrected(scene: Scene) -> None:
    other = scene.sandbox.add_application("Another", token="another.token.of-a-bot")
    theirs = Settings.model_validate({**scene.settings.model_dump(), "discord_token": other.token})
    for settings in (theirs, scene.settings):
        async with running(settings):
            pass


async def test_a_server_is_forgotten_after_its_time_and_the_sums_stay(scene: Scene) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await ask(scene)
        await ends(Bot(app), JobState.DONE)
        ada = moderator(scene)
        await (
            await ada.slash("quota grant", scene.channel, member=scene.mia, credits=7, reason="for mia")
        ).response()
        await leave(Bot(app), scene)
        spent = await app.db.read(table("SELECT sum(credits) AS n FROM ledger WHERE kind = 'settle'"))
    later = running(scene.settings, clock=OtherClock(31 * DAY_S))
    async with held(later) as app:
        await comes_true(is_forgotten(Bot(app)))
        job = await app.db.read(jobs.get(1))
        assert "secret" not in job.request.prompt
        assert (job.clip, job.message_id, job.request.image) == (None, None, None)
        assert job.origin.user_id < 0
        assert await app.db.read(audit.discrepancies()) == 0
        ids = str(scene.mia.id), str(ada.id), "for mia"
        for name in await app.db.read(table("SELECT name FROM sqlite_master WHERE type = 'table'")):
            kept = str(await app.db.read(table(f"SELECT * FROM {name['name']}")))
            assert not [one for one in ids if one in kept], name
        assert await app.db.read(table("SELECT sum(credits) AS n FROM ledger WHERE kind = 'settle'")) == spent
        unneeded = await app.db.read(table("SELECT blob FROM unneeded_blobs"))
        assert len(unneeded) >= 2  # the picture and the clip


async def test_a_server_that_comes_back_after_its_time_begins_anew(scene: Scene) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        ada = moderator(scene)
        await (await ada.slash("settings set", scene.channel, setting="spoilers", value="always")).response()
        await ask(scene)
        await ends(Bot(app), JobState.DONE)
        fresh = await app.db.read(table("SELECT * FROM limits ORDER BY scope, measure"))
        await leave(Bot(app), scene)
    async with held(running(scene.settings, clock=OtherClock(31 * DAY_S))) as app:
        await comes_true(is_forgotten(Bot(app)))
        scene.guild.add_app(scene.application)
        await comes_true(lambda: is_back(app.db))
        assert await app.db.read(table("SELECT spoilers FROM guilds")) == [{"spoilers": 0}]
        assert await app.db.read(table("SELECT * FROM limits ORDER BY scope, measure")) == fresh


async def is_back(db: Any) -> bool:
    return not await db.read(table("SELECT 1 AS n FROM guilds WHERE left_at_ms IS NOT NULL"))
