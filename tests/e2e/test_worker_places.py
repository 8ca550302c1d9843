"""What a worker does in Discord, which never tells it of servers: two processes of one installation, in this one."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from bot.app import App, running
from bot.db import guilds, processes
from bot.domain.duties import Duty, Role
from bot.domain.places import ThreadStyle
from bot.sandbox import Permission
from bot.settings import Settings
from tests import builders
from tests.e2e.scenes import Scene
from tests.e2e.studio import opened
from tests.held import held


@pytest.fixture
async def apps(
    scene: Scene, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[tuple[App, App]]:
    opened(monkeypatch)
    known = scene.settings.model_dump() | {
        "discord_token": scene.settings.token,
        "database_url": postgres_url,
        "discord_requests_per_second": 1000,
    }
    settings = Settings.model_validate(known)
    async with (
        held(running(settings, Duty(Role.GATEWAY))) as gateway,
        held(running(settings, Duty(Role.WORKER))) as worker,
    ):
        await scene.application.ready()
        yield gateway, worker


async def test_a_worker_posts_where_the_server_wants_its_clips_and_few_see_no_more(
    scene: Scene, apps: tuple[App, App]
) -> None:
    gateway, worker = apps
    assert not worker.client.guilds
    there = await worker.db.read(processes.live(now_ms=0))
    assert {process.role for process in there} == {Role.GATEWAY, Role.WORKER}
    gallery, staff = scene.guild.add_channel("gallery"), scene.guild.add_channel("staff")
    crew = scene.guild.add_role("crew")
    scene.guild.set_overwrite(staff, scene.guild.everyone, deny=Permission.VIEW_CHANNEL)
    for role in (crew, scene.guild.app_role(scene.application)):
        scene.guild.set_overwrite(staff, role, allow=Permission.VIEW_CHANNEL)
    columns = {"thread_style": int(ThreadStyle.GALLERY), "gallery_channel_id": gallery.id}
    await gateway.db.write(guilds.prefer(scene.guild.id, columns, defaults=builders.NO_CAPS))
    ada = scene.guild.add_member("ada", roles=[crew])
    cards = [
        await (await person.slash("video", channel, prompt="a boat", draft=True)).response()
        for person, channel in ((scene.mia, scene.channel), (ada, staff))
    ]
    await asyncio.gather(*(scene.clip_of(card) for card in cards))
    [shown, hidden] = sorted(scene.clips(), key=lambda clip: clip.channel_id != gallery.id)
    assert shown.channel_id == gallery.id
    assert [thread.parent for thread in scene.guild.threads if thread.id == hidden.channel_id] == [staff]
