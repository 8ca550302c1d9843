"""The drawer's switches as the page turns them: Discord's own, and how all of them are told of."""

from typing import Any

import aiohttp
import pytest

from bot.sandbox import Channel, ClientRefused, File, Person, Sandbox, Server

TOKEN = "a-token-for-tests"


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.add_guild("Film club", app=sandbox.add_application("Kinora", token=TOKEN))


@pytest.fixture
def channel(server: Server) -> Channel:
    return server.add_channel("general")


@pytest.fixture
def mia(server: Server) -> Person:
    return server.add_member("mia")


def switch(sandbox: Sandbox, name: str) -> dict[str, Any]:
    known = sandbox.backstage.describe()
    return next(one for group in known["groups"] for one in group["switches"] if one["name"] == name)


async def posted(sandbox: Sandbox, channel: Channel) -> int:
    """The status of a post; 0 where the connection was cut."""
    headers = {"Authorization": f"Bot {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{sandbox.api_url}/channels/{channel.id}/messages"
        try:
            async with session.post(url, json={"content": "hello"}) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0


async def test_some_requests_are_answered_503_and_then_it_works_again(
    sandbox: Sandbox, channel: Channel
) -> None:
    heard: list[object] = []
    sandbox.backstage.watch(lambda: heard.append(switch(sandbox, "discord.api")["value"]))
    await sandbox.backstage.set("discord.api", "some_503")
    assert [await posted(sandbox, channel) for _ in range(6)] == [503] * 5 + [200]
    assert heard == ["some_503", "fine"]


async def test_everything_is_answered_503_until_that_is_switched_off(
    sandbox: Sandbox, channel: Channel
) -> None:
    await sandbox.backstage.set("discord.api", "503")
    assert [await posted(sandbox, channel) for _ in range(8)] == [503] * 8
    await sandbox.backstage.set("discord.api", "fine")
    assert await posted(sandbox, channel) == 200


@pytest.mark.parametrize(("mood", "arrived"), [("drop_before", 0), ("drop_after", 1)])
async def test_connections_are_cut_before_or_after_the_effect(
    sandbox: Sandbox, channel: Channel, mood: str, arrived: int
) -> None:
    await sandbox.backstage.set("discord.api", mood)
    assert await posted(sandbox, channel) == 0
    assert len(channel.messages) == arrived


async def test_pictures_are_there_in_any_weather(sandbox: Sandbox, channel: Channel, mia: Person) -> None:
    message = await mia.send(channel, files=[File("a.txt", b"hello")])
    await sandbox.backstage.set("discord.api", "503")
    async with aiohttp.ClientSession() as session, session.get(message.files[0].url) as answer:
        assert await answer.read() == b"hello"


async def test_files_are_limited_to_a_megabyte_and_then_no_longer(sandbox: Sandbox, server: Server) -> None:
    usual = server.upload_limit
    await sandbox.backstage.set("discord.small_files", value=True)
    assert (server.upload_limit, switch(sandbox, "discord.small_files")["value"]) == (1 << 20, True)
    await sandbox.backstage.set("discord.small_files", value=False)
    assert (server.upload_limit, switch(sandbox, "discord.small_files")["value"]) == (usual, False)


async def test_the_thread_that_is_open_is_archived_locked_and_deleted(
    sandbox: Sandbox, server: Server, channel: Channel, mia: Person
) -> None:
    thread = await mia.open_thread(channel, "clips")
    assert thread.thread is not None
    await sandbox.backstage.set("thread.lock", str(thread.id))
    assert thread.thread.is_locked
    await sandbox.backstage.set("thread.archive", str(thread.id))
    assert thread.thread.is_archived
    await sandbox.backstage.set("thread.delete", str(thread.id))
    assert thread.is_deleted
    assert server.threads == []


@pytest.mark.parametrize("value", [None, "", "general", "9" * 30, "-1", 7, True])
async def test_what_is_no_thread_is_refused_in_words(
    sandbox: Sandbox, channel: Channel, value: object
) -> None:
    for name in ("thread.archive", "thread.lock", "thread.delete"):
        with pytest.raises(ClientRefused, match="thread"):
            await sandbox.backstage.set(name, value)
    with pytest.raises(ClientRefused, match="This is no thread"):
        await sandbox.backstage.set("thread.delete", str(channel.id))
    assert not channel.is_deleted


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("discord.api", "sunny", "no such choice"),
        ("discord.api", None, "no such choice"),
        ("discord.small_files", "yes", "on or off"),
        ("discord.everything", True, "no such switch"),
    ],
)
async def test_what_a_switch_does_not_take_is_refused_in_words(
    sandbox: Sandbox, name: str, value: object, complaint: str
) -> None:
    with pytest.raises(ClientRefused, match=complaint):
        await sandbox.backstage.set(name, value)


async def test_only_those_who_watch_are_told(sandbox: Sandbox) -> None:
    heard: list[str] = []
    seen: list[bool] = []
    sandbox.backstage.on_watch.append(lambda: seen.append(sandbox.backstage.is_watched))
    end_one = sandbox.backstage.watch(lambda: heard.append("one"))
    end_other = sandbox.backstage.watch(lambda: heard.append("other"))
    sandbox.backstage.changed()
    end_one()
    end_one()
    sandbox.backstage.changed()
    end_other()
    sandbox.backstage.changed()
    assert heard == ["one", "other", "other"]
    assert seen == [True, True, True, False]


async def test_every_switch_says_what_is_promised(sandbox: Sandbox) -> None:
    groups = sandbox.backstage.describe()["groups"]
    for one in (one for group in groups for one in group["switches"]):
        assert one["promise"].endswith("."), one["name"]
        assert one["kind"] in ("toggle", "choice", "press")
