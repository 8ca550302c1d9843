"""`/doctor`: how the bot is doing, for its operator alone."""

import shutil
from pathlib import Path

import pytest

from bot.app import running
from bot.clock import SystemClock
from bot.db import processes
from bot.domain.duties import Role
from bot.domain.shares import Process
from bot.sandbox import Permission, Person
from bot.services.gate import Closure
from tests.e2e.scenes import Scene
from tests.held import held


@pytest.fixture
def olga(scene: Scene) -> Person:
    """The operator, who may do everything here."""
    role = scene.guild.add_role("Admins", permissions=Permission.ADMINISTRATOR)
    olga = scene.guild.add_member("olga", roles=[role])
    scene.settings = scene.settings.model_copy(update={"owner_ids": (olga.user.id,)})
    return olga


async def told(person: Person, scene: Scene) -> str:
    answer = await (await person.slash("doctor", scene.channel)).response()
    assert answer.ephemeral_to is person.user
    return answer.text


async def test_the_operator_sees_how_the_bot_is_doing(scene: Scene, olga: Person) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await app.client.wait_until_ready()
        text = await told(olga, scene)
        assert "✓ local: 0 running, 0 waiting" in text
        assert "GB free" in text
        assert "✓ Files up to 10 MB" in text
        assert "✓ Everything it needs is allowed" in text
        assert max(map(len, text.splitlines())) < 90
        app.gate.shut(Closure.DRAINING)
        assert "! Paused by the bot's operator." in await told(olga, scene)


async def test_where_there_are_several_processes_they_are_counted(scene: Scene, olga: Person) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await app.client.wait_until_ready()
        assert "Processes" not in await told(olga, scene)
        now_ms = SystemClock().now_ms()
        there = [(Role.GATEWAY, "0-1/4", "1.0"), (Role.GATEWAY, "3/4", "1.0"), (Role.WORKER, None, "1.1")]
        for number, (role, shards, version) in enumerate(there):
            process = Process(f"p{number}", "machine:1", role, shards, version, began_at_ms=now_ms)
            await app.db.write(processes.appear(process, now_ms=now_ms))
        text = await told(olga, scene)
    assert "✓ Processes: 2 gateway, 1 worker" in text
    assert "! They are of different versions: 1.0, 1.1" in text
    assert "! No process connects these shards: 2\n" in text


async def test_a_full_disk_is_no_tick(scene: Scene, olga: Person) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await app.client.wait_until_ready()
        app.gate.shut(Closure.DISK_FULL)
        assert "! Disk: " in await told(olga, scene)


async def test_a_disk_that_does_not_tell_its_room_is_no_tick(
    scene: Scene, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_folder: Path) -> None:
        raise OSError

    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await app.client.wait_until_ready()
        monkeypatch.setattr(shutil, "disk_usage", failing)
        assert "! Disk: ? GB free" in await told(olga, scene)


async def test_channels_in_which_no_clip_could_be_posted_are_named_with_what_is_lacking(
    scene: Scene, olga: Person
) -> None:
    mute = scene.guild.add_channel("mute")
    hidden = scene.guild.add_channel("hidden")
    role = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(mute, role, deny=Permission.ATTACH_FILES)
    scene.guild.set_overwrite(hidden, role, deny=Permission.VIEW_CHANNEL)
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await app.client.wait_until_ready()
        text = await told(olga, scene)
    assert f"! Attach Files: <#{mute.id}>" in text
    assert f"<#{hidden.id}>" not in text


async def test_channels_that_lack_the_same_are_told_in_one_line(scene: Scene, olga: Person) -> None:
    role = scene.guild.app_role(scene.application)
    for number in range(12):
        mute = scene.guild.add_channel(f"mute-{number}")
        denied = Permission.ATTACH_FILES | Permission.EMBED_LINKS
        scene.guild.set_overwrite(mute, role, deny=denied)
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await app.client.wait_until_ready()
        text = await told(olga, scene)
    [line] = [line for line in text.splitlines() if "Attach Files" in line]
    assert line.startswith("! Attach Files, Embed Links: <#")
    assert line.count("<#") == 5
    assert line.endswith(" and 7 more channels")


async def test_others_are_told_nothing(scene: Scene, olga: Person) -> None:
    role = scene.guild.add_role("More admins", permissions=Permission.ADMINISTRATOR)
    adam = scene.guild.add_member("adam", roles=[role])
    async with held(running(scene.settings)):
        await scene.application.ready()
        assert "Only the operator" in await told(adam, scene)
    assert olga.user.id != adam.user.id
