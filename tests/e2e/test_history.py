"""Past jobs: listed page by page, and brought back with their clips and their buttons."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from bot.app import running
from bot.db import guilds, jobs
from bot.db.transaction import Transaction
from bot.domain.jobs import Aftercare, JobState
from bot.domain.limits import Limits
from bot.domain.requests import VideoRequest
from bot.sandbox import Answer, Channel, Message, Permission, Person
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import opened as opened_studio
from tests.histories import History, Past

AMONG_ADULTS = "This clip was made in an age-restricted channel; use this in one of those."
ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    opened_studio(monkeypatch)


def lived_here(scene: Scene, *past: Past) -> None:
    """Jobs of mia's from before the bot was started."""
    scene.settings.data_dir.mkdir(parents=True, exist_ok=True)
    history = History(scene.settings.data_dir / "kinora.db")
    history.add(*past)
    history.connection.execute("UPDATE jobs SET aftercare = 2, provider = 'local'")
    for number in range(1, len(past) + 1):
        request = VideoRequest(prompt=f"scene {number}").model_dump_json(exclude_defaults=True)
        history.connection.execute("UPDATE jobs SET request = ? WHERE id = ?", (request, number))
    history.connection.close()


def past(scene: Scene, count: int, **known: Any) -> list[Past]:
    return [Past(guild_id=scene.guild.id, user_id=scene.mia.id, **known) for _ in range(count)]


@asynccontextmanager
async def started(scene: Scene) -> AsyncGenerator[Bot]:
    async with running(scene.settings) as app:
        await scene.application.ready()
        yield Bot(app)


def listed(message: Message) -> list[int]:
    """The numbers of the scenes on a page."""
    words = message.text.replace("`", " ").split()
    return [int(number) for word, number in pairwise(words) if word == "scene"]


async def opened(scene: Scene, person: Person | None = None, **options: object) -> Message:
    return await (await (person or scene.mia).slash("jobs", scene.channel, **options)).response()


async def turned(person: Person, page: Message, way: str) -> Message:
    before = page.text
    return await (await person.click(page, way)).response(lambda shown: shown.text != before)


async def animated(scene: Scene, channel: Channel | None = None, **options: object) -> Message:
    """A finished clip of mia's; returns its message."""
    used = await scene.mia.slash("animate", channel or scene.channel, image=PICTURE, **options)
    return await scene.clip_of(await used.response())


async def test_twelve_jobs_are_three_pages_and_their_buttons_outlive_a_restart(scene: Scene) -> None:
    lived_here(scene, *past(scene, 12))
    async with started(scene):
        first = await opened(scene)
        assert first.ephemeral_to is scene.mia.user
        assert listed(first) == [12, 11, 10, 9, 8]
        second = await turned(scene.mia, first, "Older")
        assert listed(second) == [7, 6, 5, 4, 3]
    async with started(scene):
        third = await turned(scene.mia, second, "Older")
        assert listed(third) == [2, 1]
        assert listed(await turned(scene.mia, third, "Newer")) == [7, 6, 5, 4, 3]


async def test_jobs_are_listed_by_what_became_of_them(scene: Scene) -> None:
    lived_here(scene, *past(scene, 2), *past(scene, 1, end=JobState.FAILED), *past(scene, 1))
    async with started(scene):
        assert listed(await opened(scene, only="failed")) == [3]
        assert listed(await opened(scene, only="done")) == [4, 2, 1]
        assert "There are none." in (await opened(scene, only="open")).text


async def test_only_moderators_see_somebody_elses_jobs(scene: Scene) -> None:
    lived_here(scene, *past(scene, 7))
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    leo, ada = scene.guild.add_member("leo"), scene.guild.add_member("ada", roles=[crew])
    async with started(scene):
        assert "Only moderators" in (await opened(scene, leo, member=scene.mia)).text
        page = await opened(scene, ada, member=scene.mia)
        assert listed(page) == [7, 6, 5, 4, 3]
        assert listed(await turned(ada, page, "Older")) == [2, 1]
        scene.guild.set_roles(ada, [])
        assert "Only moderators" in (await (await ada.click(page, "Newer")).response()).text


async def test_a_page_that_a_stranger_replays_is_refused(scene: Scene) -> None:
    lived_here(scene, *past(scene, 7))
    async with started(scene):
        mine = await opened(scene)
        leo = scene.guild.add_member("leo")
        mine.ephemeral_to = leo.user
        answer = await (await leo.click(mine, "Older")).response()
        assert "Only moderators" in answer.text


@pytest.mark.usefixtures("bot")
async def test_who_has_none_is_told_how_to_make_one(scene: Scene) -> None:
    assert "None yet" in (await opened(scene)).text


@pytest.mark.usefixtures("bot")
async def test_a_listed_job_shows_its_picture_its_cost_and_where_its_clip_is(scene: Scene) -> None:
    clip = await animated(scene, prompt="the boat drifts")
    page = await opened(scene)
    assert [file.filename for file in page.files] == ["job-1.jpg"]
    assert f"discord.com/channels/{scene.guild.id}/{clip.channel_id}/{clip.id}" in page.text
    assert "5 credits" in page.text
    assert "the boat drifts" in page.text


@pytest.mark.usefixtures("bot")
async def test_a_job_comes_back_with_its_clip_and_its_buttons_in_another_channel(scene: Scene) -> None:
    clip = await animated(scene, prompt="the boat drifts")
    elsewhere = scene.guild.add_channel("elsewhere")
    again = await (await scene.mia.slash("job", elsewhere, id=1)).response(lambda shown: shown.files)
    assert again.ephemeral_to is scene.mia.user
    assert clip.files[0].data in [file.data for file in again.files]
    assert "the boat drifts" in again.text
    await scene.mia.click(again, "Show request")
    assert {"Again", "Edit", "Extend", "Original", "Delete", "Report"} <= labels(again)


@pytest.mark.usefixtures("bot")
async def test_a_number_is_suggested_by_the_words_of_its_prompt(scene: Scene) -> None:
    await animated(scene, prompt="the boat drifts")
    await animated(scene, prompt="a dog barks")
    found = await scene.mia.autocomplete("job", scene.channel, focused="id", value="BOAT")
    assert [(choice.name, choice.value) for choice in found] == [("1 · Done · the boat drifts", 1)]
    everything = await scene.mia.autocomplete("job", scene.channel, focused="id", value="")
    assert [choice.value for choice in everything] == [2, 1]
    leo = scene.guild.add_member("leo")
    assert await leo.autocomplete("job", scene.channel, focused="id", value="") == []


async def test_a_shared_clip_is_posted_for_everybody_as_hidden_as_it_was_and_told_to_the_log(
    scene: Scene, bot: Bot
) -> None:
    record = scene.guild.add_channel("record")
    await bot.app.db.write(log_to(scene.guild.id, record.id))
    clip = await animated(scene, prompt="the boat drifts", spoiler=True)
    elsewhere = scene.guild.add_channel("elsewhere")
    used = await scene.mia.slash("job", elsewhere, id=1, share=True)
    shared = await used.response(lambda shown: shown.files)
    assert shared.ephemeral_to is None
    assert shared.files[0].data == clip.files[0].data
    assert shared.files[0].filename.startswith("SPOILER_")
    assert not shared.pinged
    assert "Again" in labels(shared)
    told = await record.bell.until(lambda: list(record.messages) or None, awaited="a word in the log")
    assert (
        f"<@{scene.mia.id}> has posted the clip of job 1 again: https://discord.com/channels/"
        in told[-1].text
    )


@pytest.mark.usefixtures("bot")
async def test_a_clip_is_shared_by_who_asked_for_it_or_moderates_and_may_post_there(scene: Scene) -> None:
    await animated(scene)
    leo = scene.guild.add_member("leo")
    refused = await (await leo.slash("job", scene.channel, id=1, share=True)).response()
    assert "Only who asked for a clip may post it again" in refused.text
    assert refused.ephemeral_to is leo.user
    quiet = scene.guild.add_channel(
        "quiet", overwrites={scene.guild.everyone: (Permission.NONE, Permission.SEND_MESSAGES)}
    )
    refused = await (await scene.mia.slash("job", quiet, id=1, share=True)).response()
    assert "You may not post files in this channel yourself" in refused.text
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    ada = scene.guild.add_member("ada", roles=[crew])
    assert (await (await ada.slash("job", scene.channel, id=1, share=True)).response()).files


@pytest.mark.usefixtures("bot")
async def test_a_clip_for_adults_stays_where_adults_are(scene: Scene) -> None:
    adults = scene.guild.add_channel("adults", nsfw=True)
    await animated(scene, adults)
    for share in (True, False):
        for person in (scene.mia, scene.guild.add_member("leo")):
            refused = await (await person.slash("job", scene.channel, id=1, share=share)).response()
            assert refused.text == AMONG_ADULTS
            assert (refused.ephemeral_to, refused.files) == (person.user, [])
    assert not (await opened(scene)).files
    late = scene.guild.add_channel("late", nsfw=True)
    assert (await (await scene.mia.slash("job", late, id=1)).response()).files
    assert (await (await scene.mia.slash("job", late, id=1, share=True)).response()).files


@pytest.mark.usefixtures("bot")
async def test_where_only_adults_are_now_clips_stay_among_them(scene: Scene) -> None:
    place = scene.guild.add_channel("late")
    await animated(scene, place)
    leo = scene.guild.add_member("leo")
    recalled = await (await leo.slash("job", scene.channel, id=1)).response(lambda shown: shown.files)
    used = await scene.mia.slash("job", scene.channel, id=1, share=True)
    shared = await used.response(lambda shown: shown.files)
    place.is_nsfw = True
    scene.guild.tell("CHANNEL_UPDATE", place.payload)
    for label in ("Again", "Edit", "Extend", "Animate"):
        used = await (leo.menu(label, shared) if label == "Animate" else leo.click(recalled, label))
        refused = await used.response()
        assert refused.text == (
            "This clip was made in an age-restricted channel; ask in one of those. Nothing was charged."
        )
    assert (await (await leo.click(recalled, "Original")).response()).text == AMONG_ADULTS
    assert (await (await leo.slash("job", scene.channel, id=1)).response()).text == AMONG_ADULTS


async def test_a_clip_is_shared_where_the_server_wants_clips_and_only_if_its_rules_let_it(
    scene: Scene, bot: Bot
) -> None:
    await animated(scene, prompt="the boat drifts")
    elsewhere = scene.guild.add_channel("elsewhere")
    await bot.app.db.write(prefer(scene.guild.id, allowed_channels=str(scene.channel.id)))
    refused = await (await scene.mia.slash("job", elsewhere, id=1, share=True)).response()
    assert f"<#{scene.channel.id}>, and not here" in refused.text
    await bot.app.db.write(prefer(scene.guild.id, blocked_words="boat | no boats"))
    refused = await (await scene.mia.slash("job", scene.channel, id=1, share=True)).response()
    assert "no boats" in refused.text
    assert refused.ephemeral_to is scene.mia.user


async def test_words_that_automod_does_not_let_pass_are_left_out(scene: Scene, bot: Bot) -> None:
    await animated(scene, prompt="the boat drifts")
    scene.sandbox.faults.add(
        "PATCH", ORIGINAL, Answer(400, {"message": "Blocked by AutoMod", "code": 200000})
    )
    used = await scene.mia.slash("job", scene.channel, id=1, share=True)
    shared = await used.response(lambda shown: shown.files)
    assert "the boat drifts" not in shared.text
    assert bot.app.connection


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.usefixtures("bot")
async def test_a_clip_that_discord_finds_too_large_is_made_smaller(scene: Scene, *, share: bool) -> None:
    clip = await animated(scene)
    too_large = Answer(413, {"message": "Request entity too large", "code": 40005})
    scene.sandbox.faults.add("PATCH", ORIGINAL, too_large)
    shown = await (await scene.mia.slash("job", scene.channel, id=1, share=share)).response()
    sizes = [len(file.data) for file in shown.files if file.filename.endswith(".mp4")]
    assert len(sizes) == 1
    assert sizes[0] < len(clip.files[0].data)


@pytest.mark.usefixtures("bot")
async def test_a_clip_that_does_not_fit_is_refused_to_its_member_alone_in_their_language(
    scene: Scene,
) -> None:
    lena = scene.guild.add_member("lena", locale="de")
    used = await lena.slash("animate", scene.channel, image=PICTURE)
    await scene.clip_of(await used.response())
    scene.guild.upload_limit = 2000
    used = await lena.slash("job", scene.channel, id=1, share=True)
    refused = await used.follow_up()
    assert refused.ephemeral_to is lena.user
    assert "lässt sich nicht kleiner als" in refused.text
    assert "berechnet" not in refused.text
    assert used.interaction.original
    assert used.interaction.original.is_deleted


async def test_what_is_kept_no_more_is_said_with_a_link_to_what_was_posted(scene: Scene, bot: Bot) -> None:
    clip = await animated(scene)
    await bot.app.db.write(changed(clip=None))
    answer = await (await scene.mia.slash("job", scene.channel, id=1)).response()
    assert "no longer kept" in answer.text
    assert f"/{clip.channel_id}/{clip.id}" in answer.text
    refused = await (await scene.mia.slash("job", scene.channel, id=1, share=True)).response()
    assert "There is no clip to post" in refused.text


async def test_a_clip_that_its_member_deleted_comes_back_to_them_alone(scene: Scene, bot: Bot) -> None:
    clip = await animated(scene)
    await bot.app.db.write(changed(withdrawn_at_ms=1, withdrawn_by=scene.mia.id))
    mine = await (await scene.mia.slash("job", scene.channel, id=1)).response(lambda shown: shown.files)
    assert clip.files[0].data in [file.data for file in mine.files]
    leo = scene.guild.add_member("leo")
    theirs = await (await leo.slash("job", scene.channel, id=1)).response()
    assert clip.files[0].data not in [file.data for file in theirs.files]
    assert "deleted by the member" in theirs.text
    refused = await (await scene.mia.slash("job", scene.channel, id=1, share=True)).response()
    assert "There is no clip to post" in refused.text


async def test_a_clip_that_a_moderator_deleted_comes_back_to_nobody(scene: Scene, bot: Bot) -> None:
    clip = await animated(scene)
    await bot.app.db.write(changed(withdrawn_at_ms=1, withdrawn_by=1))
    answer = await (await scene.mia.slash("job", scene.channel, id=1)).response()
    assert "deleted by a moderator" in answer.text
    assert clip.files[0].data not in [file.data for file in answer.files]


def changed(**known: object) -> Transaction[None]:
    job = yield from jobs.get(1)
    yield from jobs.move(job, job.state, now_ms=0, aftercare=Aftercare.NONE, **known)


def prefer(guild_id: int, **changed: object) -> Transaction[None]:
    yield from guilds.prefer(guild_id, changed, defaults=Limits())


def log_to(guild_id: int, channel_id: int) -> Transaction[None]:
    yield "INSERT INTO guilds (guild_id) VALUES (:id) ON CONFLICT DO NOTHING", {"id": guild_id}
    yield (
        "UPDATE guilds SET log_channel_id = :channel WHERE guild_id = :id",
        {"id": guild_id, "channel": channel_id},
    )


def labels(message: Message) -> set[str | None]:
    """Of every button of a message."""
    return {button.label for button in message.buttons}
