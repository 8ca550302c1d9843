"""What a worker does in Discord, which never tells it of servers, and how it begins: processes of one installation, in this one."""

import asyncio
import shutil
from collections.abc import AsyncGenerator

import pytest

from bot.app import App, running
from bot.db import guilds, processes
from bot.domain.duties import Duty, Role
from bot.domain.places import ThreadStyle
from bot.sandbox import Permission
from bot.sandbox.faults import Hold
from bot.services.processes import Processes
from bot.settings import Settings, SettingsInvalid
from tests import builders
from tests.e2e.scenes import Scene
from tests.e2e.studio import opened
from tests.held import held
from tests.patience import PATIENCE_S


@pytest.fixture
def settings(scene: Scene, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    opened(monkeypatch)
    known = scene.settings.model_dump() | {
        "discord_token": scene.settings.token,
        "database_url": postgres_url,
        "blob_url": str(scene.settings.data_dir / "files"),
        "discord_requests_per_second": 1000,
    }
    return Settings.model_validate(known)


@pytest.fixture
async def apps(scene: Scene, settings: Settings) -> AsyncGenerator[tuple[App, App]]:
    own = settings.model_copy(update={"data_dir": settings.data_dir / "worker"})
    async with (
        held(running(settings, Duty(Role.GATEWAY))) as gateway,
        held(running(own, Duty(Role.WORKER))) as worker,
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


async def test_a_process_hears_of_the_others_while_it_waits_for_its_login(
    scene: Scene, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hears = asyncio.Event()

    async def run(_processes: Processes) -> None:
        hears.set()

    monkeypatch.setattr(Processes, "run", run)
    login = scene.sandbox.faults.add("GET", "/users/@me", Hold())
    beginning = held(running(settings, Duty(Role.WORKER)))
    begun = asyncio.ensure_future(beginning.__aenter__())
    async with asyncio.timeout(PATIENCE_S):
        await login.struck.wait()
        await hears.wait()
        assert not begun.done()
        login.release()
        await begun
    await beginning.__aexit__(None, None, None)


async def test_one_process_with_a_folder_of_its_own_does_not_begin_beside_gateways_and_workers(
    settings: Settings, apps: tuple[App, App]
) -> None:
    _, worker = apps
    alone = settings.model_copy(update={"data_dir": settings.data_dir / "alone", "blob_url": ""})
    shutil.copytree(settings.blob_location, alone.blob_location)  # the mark, too
    with pytest.raises(SettingsInvalid, match="where every process finds them"):
        async with running(alone):
            pass
    there = await worker.db.read(processes.live(now_ms=0))
    assert {process.role for process in there} == {Role.GATEWAY, Role.WORKER}
