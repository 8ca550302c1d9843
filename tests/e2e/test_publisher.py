"""What the publisher does long after an interaction has ended."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.errors import DestinationForbidden, DestinationGone
from bot.sandbox import Hold, Permission
from bot.services.ports import Place, PlaceKind, Sent
from bot.ui.threads import DiscordPublisher
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.patience import PATIENCE_S
from tests.ui.conftest import make_job

pytestmark = pytest.mark.usefixtures("way")

CHANNEL = "/channels/{channel_id}"


def publisher_of(bot: Bot) -> DiscordPublisher:
    return bot.app.client.desk._publisher


async def test_the_thread_is_archived_once_it_has_lingered(
    bot: Bot, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.stages.THREAD_LINGERS_MS", 0)
    archived = scene.sandbox.faults.add("PATCH", CHANNEL, Hold(after_effect=True))
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, draft=True)
    await scene.clip_of(await used.response())
    await asyncio.wait_for(archived.struck.wait(), PATIENCE_S)
    (thread,) = scene.guild.threads
    assert thread.thread is not None
    assert thread.thread.is_archived
    archived.release()
    assert (await bot.job()).thread_id == thread.id


async def test_a_clip_that_was_posted_is_found_again_and_another_is_not(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, draft=True, spoiler=True)
    clip = await scene.clip_of(await used.response())
    job, publisher = await bot.job(), publisher_of(bot)
    await scene.mia.send(scene.guild.threads[0], "nice", files=[])
    found = await publisher.find(job, Place(clip.channel_id), after_ms=job.created_at_ms)
    assert found == Sent(clip.id, clip.files[0].size)
    assert await publisher.find(job, Place(scene.channel.id), after_ms=job.created_at_ms) is None


async def test_a_thread_asked_for_twice_is_one(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, draft=True)
    await scene.clip_of(await used.response())
    job = await bot.job()
    assert job.thread_id == job.origin.card_id
    await publisher_of(bot).open_thread(job, Place(job.origin.card_id, PlaceKind.THREAD))
    assert len(scene.guild.threads) == 1


async def test_files_may_be_as_large_as_the_servers_boosts_allow(bot: Bot, scene: Scene) -> None:
    origin = make_job().origin
    limits: list[int] = []
    for tier in (0, 2, 3):
        guild = scene.sandbox.add_guild(f"Tier {tier}", app=scene.application, premium_tier=tier)
        job = make_job(origin=replace(origin, guild_id=guild.id, upload_limit=10**9))
        limits.append(await publisher_of(bot).upload_limit(job, Place(1)))
    assert limits == [20 << 20, 50 << 20, 100 << 20]
    assert await publisher_of(bot).upload_limit(job, Place(1, PlaceKind.DIRECT)) == 20 << 20


async def test_a_place_that_is_closed_or_gone_is_told_apart(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, draft=True)
    await scene.clip_of(await used.response())
    job, publisher = await bot.job(), publisher_of(bot)
    scene.guild.set_overwrite(
        scene.channel, scene.guild.app_role(scene.application), deny=Permission.VIEW_CHANNEL
    )
    with pytest.raises(DestinationForbidden):
        await publisher.find(job, Place(scene.channel.id), after_ms=job.created_at_ms)
    scene.guild.remove_channel(scene.channel)
    with pytest.raises(DestinationGone):
        await publisher.find(job, Place(scene.channel.id), after_ms=job.created_at_ms)
