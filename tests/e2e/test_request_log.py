"""The log channel hears who asks for what, quietly and harmlessly, after a restart too."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bot.app import running
from bot.db import guilds
from bot.sandbox import Channel, Message, Permission, Person
from bot.sandbox.model.channels import Kind
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio
from tests.held import held
from tests.vendors.opened import QuickClock

SUPPRESS_NOTIFICATIONS = 1 << 12
HOSTILE = "@everyone <@1> **bold** ```\ncode``` [link](https://discord.gg/x) \u202egnp.exe"


@pytest.fixture(autouse=True)
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


@pytest.fixture
def log(scene: Scene) -> Channel:
    return scene.guild.add_channel("log")


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@asynccontextmanager
async def up(scene: Scene) -> AsyncGenerator[Bot]:
    async with held(running(scene.settings, clock=QuickClock())) as app:
        await scene.application.ready()
        yield Bot(app)


async def prefer(bot: Bot, scene: Scene, **columns: object) -> None:
    await bot.app.db.write(guilds.prefer(scene.guild.id, columns, defaults=scene.settings.default_limits))


async def asked(scene: Scene, **options: object) -> Message:
    wanted: dict[str, object] = {"image": PICTURE, "prompt": "a boat"} | options
    return await (await scene.mia.slash("animate", scene.channel, **wanted)).response()


async def hears(log: Channel, *parts: str) -> Message:
    """The newest message that has all of these in it."""
    return await log.next_message(lambda message: all(part in message.text for part in parts), since=0)


async def test_every_request_is_told_with_who_where_what_and_for_how_much(scene: Scene, log: Channel) -> None:
    async with up(scene) as bot:
        await prefer(bot, scene, log_channel_id=log.id)
        card = await asked(scene, prompt=HOSTILE)
        told = await hears(log, "job 1")
        place = f"{scene.guild.id}/{scene.channel.id}/{card.id}"
        assert told.text.startswith(
            f"<@{scene.mia.id}> asks in <#{scene.channel.id}>: [job 1](<https://discord.com/channels/{place}>)\n```\n"
        )
        assert "local · local-camera · 5 s · std · 5 credits" in told.text
        assert told.flags & SUPPRESS_NOTIFICATIONS
        assert not told.mentions.pinged
        assert told.text.count("```") == 2
        assert "\u202e" not in told.text


async def test_drafts_and_what_comes_out_of_other_jobs_are_told_as_such(scene: Scene, log: Channel) -> None:
    async with up(scene) as bot:
        await prefer(bot, scene, log_channel_id=log.id)
        clip = await scene.clip_of(await asked(scene, draft=True))
        assert "free draft" in (await hears(log, "job 1")).text
        for number, (label, words) in enumerate(
            [("Again", "Once more: job 1"), ("Extend", "Extends job 1"), ("Final", "Final of job 1")], start=2
        ):
            await (await scene.mia.click(clip, label)).response()
            assert words in (await hears(log, f"job {number}]")).text


async def test_what_breaks_a_rule_is_told_with_the_rule(scene: Scene, log: Channel) -> None:
    async with up(scene) as bot:
        await prefer(bot, scene, log_channel_id=log.id, blocked_words="blood* | Calm")
        used = await scene.mia.slash("video", scene.channel, prompt="bl00d @everyone")
        await used.response()
        told = await hears(log, "refused by the rule")
        assert told.text == (
            f"<@{scene.mia.id}> asks in <#{scene.channel.id}>: refused by the rule `blood*`\n"
            "```\nbl00d @everyone\n```\n-# Nothing was charged."
        )
        assert not told.mentions.pinged


async def test_what_is_asked_for_in_a_private_thread_is_told_without_its_words(
    scene: Scene, log: Channel
) -> None:
    async with up(scene) as bot:
        await prefer(bot, scene, log_channel_id=log.id, blocked_words="blood*")
        everyone = scene.guild.everyone
        scene.guild.change_role(everyone, everyone.permissions | Permission.CREATE_PRIVATE_THREADS)
        thread = await scene.mia.open_thread(scene.channel, "plans", private=True)
        await scene.mia.bring_in(thread, scene.guild.members[scene.application.user.id])
        for prompt in ("our secret", "bl00d"):
            used = await scene.mia.slash("video", thread, prompt=prompt, draft=True)
            await used.response()
        told = await hears(log, "job 1"), await hears(log, "refused by the rule `blood*`")
        for message in told:
            assert "What was asked for stays in its private thread." in message.text
            assert "secret" not in message.text
            assert "bl00d" not in message.text


async def test_chatter_under_a_clip_is_no_request_that_broke_a_rule(scene: Scene, log: Channel) -> None:
    async with up(scene) as bot:
        await prefer(bot, scene, log_channel_id=log.id, blocked_words="blood*")
        clip = await scene.clip_of(await asked(scene))
        place = scene.sandbox.world.channel(clip.channel_id)
        await scene.guild.add_member("leo").send(place, "haha, bloody good", reply_to=clip)
        await (await scene.mia.slash("video", scene.channel, prompt="bl00d")).response()
        await hears(log, "bl00d")
        assert not [told for told in log.messages if "bloody good" in told.text]


async def test_a_burst_of_requests_is_told_in_few_messages(scene: Scene, log: Channel) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await prefer(Bot(app), scene, log_channel_id=log.id)
        await asyncio.gather(*(asked(scene, prompt=f"boat {number} " + "x" * 300) for number in range(8)))
        await hears(log, "[job 8]")
    assert len(log.messages) < 8
    assert all(len(message.content) <= 2_000 for message in log.messages)
    told = "".join(message.text for message in log.messages)
    assert [f"[job {number}]" in told for number in range(1, 9)] == [True] * 8
    assert told.count("[job ") == 8


async def test_what_was_not_told_before_a_restart_is_told_after_it(scene: Scene, log: Channel) -> None:
    async with held(running(scene.settings)) as app:  # by the clock on the wall, so that it ends first
        await scene.application.ready()
        await prefer(Bot(app), scene, log_channel_id=log.id)
        await asked(scene)
    async with up(scene):
        await hears(log, "[job 1]")
        await asked(scene)
        await hears(log, "[job 2]")
    assert len(log.messages) == 2


async def test_a_channel_that_is_chosen_late_hears_what_comes_from_then_on(
    scene: Scene, log: Channel, ada: Person
) -> None:
    async def settled(setting: str, value: str) -> None:
        used = await ada.slash("settings set", scene.channel, setting=setting, value=value)
        assert "From now on" in (await used.response()).text

    async with up(scene):
        await asked(scene)
        await settled("log_channel", log.mention)
        await asked(scene)
        await hears(log, "[job 2]")
        await settled("log_requests", "no")
        await asked(scene)
        await settled("log_requests", "yes")
        await asked(scene)
        await hears(log, "[job 4]")
    told = "".join(message.text for message in log.messages)
    assert "[job 1]" not in told
    assert "[job 3]" not in told


async def test_a_channel_that_is_gone_disturbs_nobody(scene: Scene, log: Channel) -> None:
    async with up(scene) as bot:
        await prefer(bot, scene, log_channel_id=log.id)
        scene.guild.remove_channel(log)
        await scene.clip_of(await asked(scene))
        other = scene.guild.add_channel("other", kind=Kind.ANNOUNCEMENT)
        await prefer(bot, scene, log_channel_id=other.id)
        await asked(scene, prompt="a gull")
        await hears(other, "[job 2]")
