"""What a process that is not connected to the gateway knows of servers and channels."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

import discord
import pytest

from bot.client import point_discord_at
from bot.sandbox import Drop, Hold, Permission
from bot.ui import directory
from bot.ui.checks import is_age_restricted, own_permissions
from bot.ui.directory import Directory
from tests.e2e.scenes import TOKEN, Scene
from tests.patience import PATIENCE_S

GUILD, MEMBER = "/guilds/{guild_id}", "/guilds/{guild_id}/members/{user_id}"
CHANNEL = "/channels/{channel_id}"


@pytest.fixture
async def client(scene: Scene) -> AsyncGenerator[discord.Client]:
    point_discord_at(scene.sandbox.api_url, scene.sandbox.gateway_url)
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login(TOKEN)
        scene.sandbox.requests.clear()
        yield client


@pytest.fixture
def known(client: discord.Client) -> Directory:
    return Directory(client)


def asked(scene: Scene) -> Counter[str]:
    return Counter(request.route for request in scene.sandbox.requests)


async def test_rights_are_those_that_discord_enforces(scene: Scene, known: Directory) -> None:
    ours = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(scene.channel, ours, deny=Permission.ATTACH_FILES)
    channel = await known.channel(scene.guild.id, scene.channel.id)
    assert isinstance(channel, discord.TextChannel)
    granted = own_permissions(channel)
    assert granted is not None
    assert (granted.attach_files, granted.send_messages) == (False, True)


async def test_a_thread_knows_the_channel_above_it_and_whether_the_bot_is_in_it(
    scene: Scene, known: Directory
) -> None:
    late = scene.guild.add_channel("late", nsfw=True)
    thread = await scene.mia.open_thread(late, "boats")
    found = await known.channel(scene.guild.id, thread.id)
    assert isinstance(found, discord.Thread)
    assert is_age_restricted(found)
    assert found.parent is not None
    assert (found.parent.id, found.me) == (late.id, None)
    await scene.mia.bring_in(thread, scene.guild.members[scene.application.user.id])
    found = await known.channel(scene.guild.id, thread.id)
    assert isinstance(found, discord.Thread)
    assert found.me is not None
    assert asked(scene) == {GUILD: 1, MEMBER: 1, CHANNEL: 3}
    assert known.name_of(thread.id) == "boats"
    assert known.name_of(1) is None


async def test_many_who_ask_at_once_are_answered_by_one_request(scene: Scene, known: Directory) -> None:
    held = scene.sandbox.faults.add("GET", GUILD, Hold())
    asking = [asyncio.ensure_future(known.channel(scene.guild.id, scene.channel.id)) for _ in range(20)]
    await asyncio.wait_for(held.struck.wait(), PATIENCE_S)
    held.release()
    found = await asyncio.gather(*asking)
    assert all(channel is found[0] for channel in found)
    assert asked(scene) == {GUILD: 1, MEMBER: 1, CHANNEL: 1}


async def test_who_stops_asking_stops_nobody_else(scene: Scene, known: Directory) -> None:
    held = scene.sandbox.faults.add("GET", GUILD, Hold())
    first = asyncio.ensure_future(known.guild(scene.guild.id))
    await asyncio.wait_for(held.struck.wait(), PATIENCE_S)
    others = [asyncio.ensure_future(known.guild(scene.guild.id)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    guilds = await asyncio.gather(*others)
    assert [guild.name for guild in guilds] == ["Film club", "Film club"]
    assert first.cancelled()
    assert asked(scene)[MEMBER] == 1


async def test_a_refusal_is_everybodys_who_asked_and_is_not_remembered(
    scene: Scene, known: Directory
) -> None:
    missing = scene.guild.id + 1
    answers = await asyncio.gather(*(known.guild(missing) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [discord.NotFound] * 3
    with pytest.raises(discord.NotFound):
        await known.guild(missing)
    assert asked(scene) == {GUILD: 2}


async def test_what_is_older_than_somebody_wants_is_asked_for_again(scene: Scene, known: Directory) -> None:
    before = await known.channel(scene.guild.id, scene.channel.id)
    assert await known.channel(scene.guild.id, scene.channel.id) is before
    scene.channel.is_nsfw = True
    after = await known.channel(scene.guild.id, scene.channel.id, most_s=0)
    assert [is_age_restricted(channel) for channel in (before, after)] == [False, True]
    assert asked(scene) == {GUILD: 2, MEMBER: 2, CHANNEL: 2}


async def test_servers_are_named_as_far_as_discord_says(scene: Scene, known: Directory) -> None:
    other = scene.sandbox.add_guild("Chess club", app=scene.application)
    elsewhere = scene.sandbox.add_guild("Secret club")
    names = await known.names([scene.guild.id, other.id, elsewhere.id, 1])
    assert names == {scene.guild.id: "Film club", other.id: "Chess club"}
    scene.sandbox.faults.add("GET", GUILD, Drop(), times=None)
    assert await known.names([scene.guild.id, elsewhere.id]) == {scene.guild.id: "Film club"}


async def test_only_so_many_servers_are_remembered(
    scene: Scene, known: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_MOST", 2)
    guilds = [scene.sandbox.add_guild(f"Club {number}", app=scene.application) for number in range(3)]
    for guild in (*guilds, guilds[2], guilds[1], guilds[0]):
        await known.guild(guild.id)
    assert asked(scene)[GUILD] == 4
