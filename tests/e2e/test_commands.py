"""What the commands beside a request show."""

import pytest

from bot.sandbox import Permission, shows
from tests.e2e.scenes import PICTURE, Bot, Scene

pytestmark = pytest.mark.usefixtures("bot")

SLOW = {"duration": 10, "quality": "pro"}


async def test_an_empty_queue_says_so(scene: Scene) -> None:
    answer = await (await scene.mia.slash("queue", scene.channel)).response()
    assert "nothing waits" in answer.text
    assert answer.ephemeral_to is not None


async def test_the_queue_counts_what_runs_and_what_waits(scene: Scene) -> None:
    for _ in range(4):
        await (await scene.mia.slash("animate", scene.channel, image=PICTURE, **SLOW)).response()
    await shows(scene.channel.messages[0], lambda card: "Rendering" in card.text)
    answer = await (await scene.mia.slash("queue", scene.channel)).response()
    assert "2 being made, 2 waiting" in answer.text


async def test_a_card_in_line_says_how_many_go_before(scene: Scene) -> None:
    cards = [
        await (await scene.mia.slash("animate", scene.channel, image=PICTURE, **SLOW)).response()
        for _ in range(4)
    ]
    assert "1 job before yours" in cards[-1].text


async def test_ones_own_jobs_are_listed_and_a_strangers_are_not(scene: Scene) -> None:
    stranger = scene.guild.add_member("leo")
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="the boat drifts")
    await scene.clip_of(await used.response())
    mine = await (await scene.mia.slash("jobs", scene.channel)).response()
    assert "the boat drifts" in mine.text
    assert "discord.com/channels/" in mine.text
    theirs = await (await stranger.slash("jobs", scene.channel)).response()
    assert "None yet" in theirs.text


async def test_a_past_job_is_shown_again_with_its_clip(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    clip = await scene.clip_of(await used.response())
    again = await (await scene.mia.slash("job", scene.channel, id=1)).response(lambda shown: shown.files)
    assert clip.files[0].data in [file.data for file in again.files]
    assert again.ephemeral_to is not None


async def test_a_job_asked_in_a_private_channel_is_nobody_elses_business(scene: Scene) -> None:
    private = scene.guild.add_channel(
        "private", overwrites={scene.guild.everyone: (Permission.NONE, Permission.VIEW_CHANNEL)}
    )
    role = scene.guild.app_role(scene.application)
    friends = scene.guild.add_role("friends")
    scene.guild.set_overwrite(private, role, allow=Permission.VIEW_CHANNEL)
    scene.guild.set_overwrite(private, friends, allow=Permission.VIEW_CHANNEL)
    scene.guild.set_roles(scene.mia, [friends])
    await (await scene.mia.slash("animate", private, image=PICTURE, prompt="a secret", draft=True)).response()
    stranger = scene.guild.add_member("leo")
    answer = await (await stranger.slash("job", scene.channel, id=1)).response()
    assert "no such job" in answer.text
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    moderator = scene.guild.add_member("ada", roles=[crew])
    assert "a secret" in (await (await moderator.slash("job", scene.channel, id=1)).response()).text


async def test_a_job_of_another_guild_does_not_exist(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    await used.response()
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    channel, leo = elsewhere.add_channel("general"), elsewhere.add_member("leo")
    for command in ("job", "cancel"):
        answer = await (await leo.slash(command, channel, id=1)).response()
        assert "no such job" in answer.text
    await scene.mia.slash("cancel", scene.channel, id=1)


async def test_credits_are_shown_reserved_and_then_used(scene: Scene) -> None:
    before = await (await scene.mia.slash("quota me", scene.channel)).response()
    assert "500 left of 500" in before.text
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    card = await used.response()
    during = await (await scene.mia.slash("quota me", scene.channel)).response()
    assert "5 reserved" in during.text
    await scene.clip_of(card)
    after = await (await scene.mia.slash("quota me", scene.channel)).response()
    assert "495 left of 500 · 5 used" in after.text
    assert after.ephemeral_to is not None


async def test_a_thread_is_put_away_only_when_it_is_the_bots_own(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    await scene.clip_of(await used.response())
    job = await bot.job()
    assert job.thread_id == job.origin.card_id
    (thread,) = scene.guild.threads
    assert thread.thread is not None
    assert thread.thread.auto_archive_min == 60


async def test_commands_are_synced_once_and_not_again(scene: Scene) -> None:
    syncs = [request for request in scene.sandbox.requests if request.method == "PUT"]
    assert len(syncs) == 1
