"""The gateway with an unmodified client: who gets in, what they hear, how they come back."""

import asyncio
import json
import threading
import time
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest
import zstandard
from discord.gateway import KeepAliveHandler

from bot.sandbox import App, Channel, File, Permission, Person, Sandbox, Server
from bot.sandbox.gateway import serving
from tests.patience import PATIENCE_S
from tests.sandbox.conftest import TOKEN, ManualClock, Rest, Start
from tests.sandbox.pictures import png

ALL = discord.Intents.all()


@asynccontextmanager
async def socket(sandbox: Sandbox, query: str = "") -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.gateway_url + query) as found:
        yield found


async def identify(found: aiohttp.ClientWebSocketResponse, **data: Any) -> dict[str, Any]:
    assert (await found.receive_json())["op"] == 10
    await found.send_json({"op": 2, "d": {"token": TOKEN, "intents": 1, "properties": {}, **data}})
    return await found.receive_json()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"intents": 1 << 15}, 4014),
        ({"intents": 1 << 1}, 4014),
        ({"intents": 1 << 60}, 4013),
        ({"shard": [2, 2]}, 4010),
    ],
)
@pytest.mark.usefixtures("guild")
async def test_who_may_not_come_in_is_told_by_a_code(
    sandbox: Sandbox, data: dict[str, Any], code: int
) -> None:
    async with socket(sandbox) as found:
        await found.receive_json()
        await found.send_json({"op": 2, "d": {"token": TOKEN, "intents": 1, **data}})
        await found.receive()
        assert found.close_code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", 4002), ('{"op": 3, "d": {}}', 4003), ('{"op": 1, "d": "' + "x" * 5000 + '"}', 4002)],
)
async def test_nonsense_closes_the_connection(sandbox: Sandbox, text: str, code: int) -> None:
    async with socket(sandbox) as found:
        await found.receive_json()
        await found.send_str(text)
        await found.receive()
        assert found.close_code == code


@pytest.mark.usefixtures("guild")
async def test_one_connection_identifies_once_and_speaks_known_operations(sandbox: Sandbox) -> None:
    for message, code in (({"op": 2, "d": {"token": TOKEN, "intents": 0}}, 4005), ({"op": 99}, 4001)):
        async with socket(sandbox) as found:
            ready = await identify(found, intents=0)
            assert ready["t"] == "READY"
            await found.send_json(message)
            await found.receive()
            assert found.close_code == code


async def test_too_many_messages_close_the_connection(sandbox: Sandbox) -> None:
    async with socket(sandbox) as found:
        await found.receive_json()
        for _ in range(121):
            await found.send_json({"op": 1, "d": None})
        while (await found.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert found.close_code == 4008


async def test_a_client_knows_its_guilds(
    start: Start, app: App, guild: Server, channel: Channel, mia: Person
) -> None:
    await mia.open_thread(channel, "old one")
    async with start() as bot:
        await app.ready(commands=False)
        found = bot.get_guild(guild.id)
        assert found
        assert found.me.guild_permissions.attach_files
        assert not found.me.guild_permissions.manage_guild
        assert [text.name for text in found.text_channels] == ["general"]
        assert [thread.name for thread in found.threads] == ["old one"]
        assert found.filesize_limit == 10 << 20
        assert bot.application
        assert not bot.application.flags.gateway_message_content_limited
        assert bot.user
        assert bot.user.id == app.user.id


@pytest.mark.parametrize("compress", ["zlib-stream", "zstd-stream"])
async def test_frames_are_compressed_as_asked(sandbox: Sandbox, guild: Server, compress: str) -> None:

    zlib_stream, zstd_stream = zlib.decompressobj(), zstandard.ZstdDecompressor().decompressobj()
    stream: Any = zlib_stream if compress == "zlib-stream" else zstd_stream
    async with socket(sandbox, f"?v=10&encoding=json&compress={compress}") as found:
        hello = json.loads(stream.decompress(await found.receive_bytes()))
        await found.send_json({"op": 2, "d": {"token": TOKEN, "intents": 1}})
        ready = json.loads(stream.decompress(await found.receive_bytes()))
        created = json.loads(stream.decompress(await found.receive_bytes()))
    assert (hello["op"], ready["t"], ready["s"]) == (10, "READY", 1)
    assert (created["d"]["id"], created["s"]) == (str(guild.id), 2)


async def test_a_client_hears_of_all_that_happens(
    sandbox: Sandbox, start: Start, guild: Server, channel: Channel, mia: Person
) -> None:
    del sandbox
    async with start() as bot:
        sent = await mia.send(channel, "hello")
        await mia.edit(sent, "hello there")
        await mia.delete(sent)
        thread = await mia.open_thread(channel, "talk")
        await mia.archive(thread)
        other = guild.add_channel("other")
        guild.set_overwrite(other, guild.everyone, deny=Permission.SEND_MESSAGES)
        guild.remove_channel(thread)
        guild.remove_channel(other)
        role = guild.add_role("new")
        guild.change_role(role, Permission.MANAGE_GUILD)
        guild.remove_role(role)
        await bot.hears("raw_message_edit")
        for event in (
            "message",
            "raw_message_delete",
            "thread_create",
            "raw_thread_update",
            "raw_thread_delete",
            "guild_channel_create",
            "guild_channel_update",
            "guild_channel_delete",
            "guild_role_create",
            "guild_role_update",
            "guild_role_delete",
        ):
            await bot.hears(event)


async def test_a_bot_hears_of_its_own_roles_and_guilds(
    sandbox: Sandbox, start: Start, app: App, guild: Server
) -> None:
    async with start() as bot:
        role = guild.add_role("extra", permissions=Permission.MANAGE_MESSAGES)
        guild.set_roles(guild.members[app.user.id], [guild.app_role(app), role])
        await bot.hears("member_update")
        found = bot.get_guild(guild.id)
        assert found
        assert found.me.guild_permissions.manage_messages
        second = sandbox.add_guild("Second", app=app)
        await bot.hears("guild_join", lambda joined: joined.id == second.id)
        second.remove_app(app)
        await bot.hears("guild_remove")


async def test_hidden_channels_are_silent(
    start: Start, guild: Server, channel: Channel, mia: Person, app: App
) -> None:
    hidden = guild.add_channel(
        "hidden", overwrites={guild.app_role(app): (Permission.NONE, Permission.VIEW_CHANNEL)}
    )
    async with start() as bot:
        await mia.send(hidden, "a")
        await mia.send(channel, "b")
        message = await bot.hears("message")
        assert message.channel.id == channel.id


async def test_content_comes_with_the_intent_only(
    sandbox: Sandbox, start: Start, channel: Channel, mia: Person, app: App
) -> None:
    del sandbox
    async with start() as bot:
        await mia.send(channel, "secret", files=[File("cat.png", png(2, 2))])
        blind = await bot.hears("message")
        assert (blind.content, blind.attachments) == ("", [])
        await mia.send(channel, f"{app.user.mention} look", files=[File("cat.png", png(2, 2))])
        seen = await bot.hears("message", lambda message: message.mentions)
        assert [file.width for file in seen.attachments] == [2]
        assert await seen.attachments[0].read() == png(2, 2)


async def test_with_the_switch_on_everything_is_readable(
    app: App, start: Start, channel: Channel, mia: Person
) -> None:
    app.message_content = app.members = app.presences = True
    async with start(intents=ALL) as bot:
        assert bot.application
        assert bot.application.flags.gateway_message_content_limited
        await mia.send(channel, "secret")
        assert (await bot.hears("message")).content == "secret"


async def test_a_switch_that_is_off_is_an_error_at_the_start(start: Start, guild: Server) -> None:
    del guild
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with start(intents=discord.Intents(guilds=True, message_content=True)):
            pass


async def test_direct_messages_are_readable(start: Start, app: App, mia: Person) -> None:
    async with start() as bot:
        await mia.send(mia.direct(app), "hello")
        message = await bot.hears("message")
        assert message.content == "hello"
        await message.channel.send("hi")
        assert mia.direct(app).messages[-1].text == "hi"


@pytest.mark.usefixtures("channel")
@pytest.mark.parametrize("way", ["disconnect", "cut", "ask_to_reconnect"])
async def test_what_happened_in_between_is_told_after_a_resume(
    sandbox: Sandbox, start: Start, app: App, mia: Person, way: str
) -> None:
    [channel] = sandbox.world.hub.channels.values()
    async with start() as bot:
        await app.ready(commands=False)
        getattr(sandbox.gateway, way)()
        await bot.hears("disconnect")
        await mia.send(channel, f"{app.user.mention} are you there?")
        await bot.hears("resumed")
        message = await bot.hears("message")
        assert message.content.endswith("there?")
        assert len(sandbox.gateway.sessions) == 1


async def test_sequence_numbers_that_were_never_sent_end_the_session(sandbox: Sandbox, guild: Server) -> None:
    del guild
    async with socket(sandbox) as found:
        session_id = (await identify(found))["d"]["session_id"]
        sandbox.gateway.cut()
        await found.receive()
        while not found.closed:
            await found.receive()
    resume = {"token": TOKEN, "session_id": session_id}
    async with socket(sandbox) as found:
        await found.receive_json()
        await found.send_json({"op": 6, "d": {**resume, "seq": 99}})
        await found.receive()
        assert found.close_code == 4007
    async with socket(sandbox) as found:
        await found.receive_json()
        await found.send_json({"op": 6, "d": {**resume, "session_id": "gone", "seq": 1}})
        assert await found.receive_json() == {"op": 9, "d": False, "s": None, "t": None}


async def test_an_invalid_session_is_not_resumed(sandbox: Sandbox, guild: Server) -> None:
    del guild
    async with socket(sandbox) as found:
        await identify(found)
        await found.receive_json()
        sandbox.gateway.invalidate()
        assert (await found.receive_json())["op"] == 9
        assert sandbox.gateway.sessions == []
        await found.send_json({"op": 2, "d": {"token": TOKEN, "intents": 0}})
        assert (await found.receive_json())["t"] == "READY"


async def test_heartbeats_are_answered_until_a_test_says_no(sandbox: Sandbox) -> None:
    async with socket(sandbox) as found:
        await found.receive_json()
        await found.send_json({"op": 1, "d": None})
        assert (await found.receive_json())["op"] == 11
        sandbox.gateway.acknowledges_heartbeats = False
        await found.send_json({"op": 1, "d": None})
        await found.send_json({"op": 6, "d": {"token": TOKEN, "session_id": "gone", "seq": 1}})
        assert (await found.receive_json())["op"] == 9
        sandbox.gateway.acknowledges_heartbeats = True
        await found.send_json({"op": 1, "d": None})
        assert (await found.receive_json())["op"] == 11
        sandbox.gateway.disconnect()
        assert (await found.receive()).type is aiohttp.WSMsgType.CLOSE


@pytest.mark.usefixtures("guild")
async def test_a_client_has_noted_its_heartbeat_before_it_is_acknowledged(
    sandbox: Sandbox,
    app: App,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    acknowledged = asyncio.Event()
    acknowledge = KeepAliveHandler.ack

    def note_late(self: KeepAliveHandler, name: str, value: object) -> None:
        if name == "_last_send" and threading.current_thread() is self:
            time.sleep(0.02)
        object.__setattr__(self, name, value)

    def begin(self: KeepAliveHandler) -> dict[str, Any]:
        if threading.current_thread() is self and not sandbox.gateway.acknowledges_heartbeats:
            sandbox.gateway.acknowledges_heartbeats = True
            object.__setattr__(self, "_last_send", self._last_send - 3600)  # as if that was an hour ago
        return {"op": 1, "d": None}

    def hear(self: KeepAliveHandler) -> None:
        acknowledge(self)
        acknowledged.set()

    monkeypatch.setattr(serving, "_ACK_AFTER_S", 5.0)  # a starved thread takes its time
    monkeypatch.setattr(KeepAliveHandler, "__setattr__", note_late, raising=False)
    monkeypatch.setattr(KeepAliveHandler, "get_payload", begin)
    monkeypatch.setattr(KeepAliveHandler, "ack", hear)
    sandbox.gateway.acknowledges_heartbeats, sandbox.gateway.heartbeat_interval_ms = False, 100
    async with start(), asyncio.timeout(PATIENCE_S):
        await app.ready(commands=False)
        await acknowledged.wait()
    assert "Can't keep up" not in caplog.text


async def test_every_shard_has_its_own_guilds(sandbox: Sandbox, app: App, rest: Rest) -> None:
    app.recommended_shards = 2
    guilds = [sandbox.add_guild(f"g{number}", app=app, guild_id=(1000 + number) << 22) for number in range(4)]
    _, advice = await rest("GET", "/gateway/bot")
    assert advice["shards"] == 2
    heard: list[list[int]] = []
    for shard in range(2):
        async with socket(sandbox) as found:
            ready = await identify(found, shard=[shard, 2])
            heard.append([int(guild["id"]) for guild in ready["d"]["guilds"]])
    assert heard == [[guilds[0].id, guilds[2].id], [guilds[1].id, guilds[3].id]]


async def test_a_sharded_client_runs(sandbox: Sandbox, app: App, start: Start) -> None:
    del start

    class Sharded(discord.AutoShardedClient):
        async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
            """Not the five seconds that Discord wants between two."""

    for number in range(2):
        sandbox.add_guild(f"g{number}", app=app, guild_id=(1000 + number) << 22)
    async with Sharded(intents=discord.Intents(guilds=True), shard_count=2, guild_ready_timeout=0) as bot:
        await bot.login(TOKEN)
        running = asyncio.ensure_future(bot.connect())
        await bot.wait_until_ready()
        assert sorted(guild.shard_id for guild in bot.guilds) == [0, 1]
        assert app.live_sessions == 2
        await bot.close()
        await running


async def test_what_happens_in_a_guild_is_heard_by_its_shard_alone(
    sandbox: Sandbox, app: App, start: Start
) -> None:
    del start
    odd = sandbox.add_guild("odd", app=app, guild_id=1001 << 22)
    async with socket(sandbox) as first, socket(sandbox) as second, socket(sandbox) as again:
        await identify(first, shard=[0, 2])
        for one in (second, again):  # two connections of a shard: each hears all, as at Discord
            await identify(one, shard=[1, 2])
            assert (await one.receive_json())["t"] == "GUILD_CREATE"
        odd.add_channel("here")
        for one in (second, again):
            assert (await one.receive_json())["t"] == "CHANNEL_CREATE"
        even = sandbox.add_guild("even", app=app, guild_id=1000 << 22)
        heard = await first.receive_json()
        assert (heard["t"], heard["d"]["id"]) == ("GUILD_CREATE", str(even.id))


async def test_shards_identify_one_after_another_unless_discord_lets_more_in(
    sandbox: Sandbox, app: App, clock: ManualClock, rest: Rest
) -> None:
    app.max_concurrency, sandbox.gateway.identify_every_s = 2, 5.0
    heard: list[int] = []
    for shard in (0, 1, 2):
        async with socket(sandbox) as found:
            heard.append((await identify(found, shard=[shard, 4]))["op"])
    clock.advance(5)
    async with socket(sandbox) as found:
        heard.append((await identify(found, shard=[2, 4]))["op"])
    assert heard == [0, 0, 9, 0]
    _, advice = await rest("GET", "/gateway/bot")
    limits = advice["session_start_limit"]
    assert (limits["remaining"], limits["max_concurrency"]) == (996, 2)


async def test_a_shard_holds_so_many_guilds_and_no_more(sandbox: Sandbox, app: App) -> None:
    for number in range(3):
        sandbox.add_guild(f"g{number}", app=app, guild_id=(1000 + number) << 22)
    sandbox.gateway.max_guilds = 2
    async with socket(sandbox) as found:
        await found.receive_json()
        await found.send_json({"op": 2, "d": {"token": TOKEN, "intents": 1}})
        await found.receive()
        assert found.close_code == 4011
    async with socket(sandbox) as found:
        assert (await identify(found, shard=[0, 2]))["t"] == "READY"


async def test_a_bot_that_left_is_not_ready(start: Start, app: App, guild: Server) -> None:
    del guild
    async with start():
        await app.ready(commands=False)
    with pytest.raises(TimeoutError, match="Kinora to be connected"):
        await app.ready(commands=False, timeout_s=0.01)


async def test_members_can_be_asked_for(sandbox: Sandbox, guild: Server, mia: Person, app: App) -> None:
    app.members = True
    async with socket(sandbox) as found:
        await identify(found, intents=3)
        await found.receive_json()
        request = {"guild_id": str(guild.id), "user_ids": [str(mia.id), "5"], "nonce": "n", "limit": 0}
        await found.send_json({"op": 8, "d": request})
        chunk = (await found.receive_json())["d"]
        assert [member["user"]["username"] for member in chunk["members"]] == ["mia"]
        assert chunk["not_found"] == ["5"]
        await found.send_json({"op": 8, "d": {"guild_id": str(guild.id), "query": "m", "limit": 5}})
        assert len((await found.receive_json())["d"]["members"]) == 1


async def test_a_shard_that_identifies_anew_gives_up_its_old_session(sandbox: Sandbox, guild: Server) -> None:
    del guild
    for _ in range(2):
        async with socket(sandbox) as found:
            await identify(found)
            sandbox.gateway.cut()
            while not found.closed:
                await found.receive()
    assert len(sandbox.gateway.sessions) == 1
    sandbox.gateway.forget_sessions()
    assert sandbox.gateway.sessions == []
