"""What a bot may look up, and the smaller things it may do."""

from typing import Any

import pytest

from bot.sandbox import App, Channel, File, Kind, Permission, Person, Sandbox, Server
from tests.sandbox.conftest import Rest, Start


async def test_people_are_looked_up(rest: Rest, app: App, guild: Server, mia: Person) -> None:
    _, user = await rest("GET", f"/users/{mia.id}")
    assert (user["username"], user["global_name"], user["bot"]) == ("mia", "Mia", False)
    assert await rest.code("GET", "/users/5") == (404, 10013)
    _, member = await rest("GET", f"/guilds/{guild.id}/members/{mia.id}")
    assert member["user"]["id"] == str(mia.id)
    assert await rest.code("GET", f"/guilds/{guild.id}/members/5") == (404, 10007)
    assert await rest.code("GET", f"/guilds/{guild.id}/members") == (403, 50001)
    app.members = True
    _, page = await rest("GET", f"/guilds/{guild.id}/members?limit=1&after={guild.owner.id}")
    assert len(page) == 1


async def test_a_guild_is_looked_up_by_those_in_it(
    rest: Rest, sandbox: Sandbox, guild: Server, channel: Channel
) -> None:
    _, found = await rest("GET", f"/guilds/{guild.id}")
    assert (found["name"], found["approximate_member_count"]) == ("Film club", 2)
    _, channels = await rest("GET", f"/guilds/{guild.id}/channels")
    assert [entry["id"] for entry in channels] == [str(channel.id)]
    _, roles = await rest("GET", f"/guilds/{guild.id}/roles")
    assert [role["name"] for role in roles] == ["@everyone", "Kinora"]
    assert await rest.code("GET", f"/guilds/{sandbox.add_guild('Other').id}") == (403, 50001)
    assert await rest.code("GET", "/guilds/5") == (404, 10004)
    assert await rest.code("GET", "/guilds/five") == (400, 50035)


async def test_active_threads_are_those_that_the_bot_sees(
    rest: Rest, guild: Server, channel: Channel, mia: Person, app: App
) -> None:
    hidden = guild.add_channel(
        "hidden", overwrites={guild.app_role(app): (Permission.NONE, Permission.VIEW_CHANNEL)}
    )
    seen = await mia.open_thread(channel, "seen")
    await mia.open_thread(hidden, "unseen")
    await mia.archive(await mia.open_thread(channel, "old"))
    _, answer = await rest("GET", f"/guilds/{guild.id}/threads/active")
    assert [thread["id"] for thread in answer["threads"]] == [str(seen.id)]
    assert answer["members"] == []
    await rest("PUT", f"/channels/{seen.id}/thread-members/@me")
    _, answer = await rest("GET", f"/guilds/{guild.id}/threads/active")
    assert len(answer["members"]) == 1


async def test_private_threads_are_for_those_in_them(
    rest: Rest, guild: Server, app: App, mia: Person
) -> None:
    channel = guild.add_channel("quiet")
    role = guild.app_role(app)
    guild.change_role(role, role.permissions | Permission.CREATE_PRIVATE_THREADS)
    _, made = await rest("POST", f"/channels/{channel.id}/threads", {"name": "secret"})
    thread = guild.all_threads[int(made["id"])]
    assert thread.kind is Kind.PRIVATE_THREAD
    assert not guild.sees(mia.id, thread)
    await rest("PUT", f"/channels/{thread.id}/thread-members/{mia.id}")
    assert guild.sees(mia.id, thread)
    assert guild.sees(guild.owner.id, thread)
    assert not guild.sees(5, thread)


async def test_channels_are_changed_by_those_who_may(
    rest: Rest, guild: Server, channel: Channel, app: App
) -> None:
    path = f"/channels/{channel.id}"
    assert await rest.code("PATCH", path, {"name": "new"}) == (403, 50013)
    assert await rest.code("DELETE", path) == (403, 50013)
    role = guild.app_role(app)
    guild.change_role(role, role.permissions | Permission.MANAGE_CHANNELS)
    _, changed = await rest("PATCH", path, {"name": "new", "nsfw": True, "rate_limit_per_user": 5})
    assert (changed["name"], changed["nsfw"], changed["rate_limit_per_user"]) == ("new", True, 5)
    assert (await rest("DELETE", path))[0] == 200
    assert channel.is_deleted
    assert guild.channels == {}


async def test_a_direct_channel_is_left_as_it_is(rest: Rest, mia: Person, app: App) -> None:
    direct = mia.direct(app)
    assert (await rest("DELETE", f"/channels/{direct.id}"))[1]["recipients"][0]["id"] == str(mia.id)
    assert await rest.code("PATCH", f"/channels/{direct.id}", {"name": "x"}) == (400, 50024)
    await mia.send(direct, "hello")
    _, sent = await rest("POST", f"/channels/{direct.id}/messages", {"content": "hi"})
    assert await rest("DELETE", f"/channels/{direct.id}/messages/{sent['id']}") == (204, None)
    assert await rest.code("POST", "/users/@me/channels", {"recipient_id": "5"}) == (404, 10013)


async def test_kinds_of_channels_have_their_keys(rest: Rest, guild: Server) -> None:
    keys = {"forum": "available_tags", "voice": "bitrate", "category": "topic"}
    for kind, key in keys.items():
        channel = guild.add_channel(kind, kind=kind)
        _, found = await rest("GET", f"/channels/{channel.id}")
        assert key in found
    category = next(channel for channel in guild.channels.values() if channel.kind is Kind.CATEGORY)
    assert await rest.code("POST", f"/channels/{category.id}/messages", {"content": "x"}) == (400, 50008)
    assert await rest.code("GET", f"/channels/{category.id}/thread-members") == (400, 50024)


async def test_typing_is_seen(start: Start, rest: Rest, channel: Channel) -> None:
    async with start() as bot, bot.get_partial_messageable(channel.id).typing():
        pass
    assert await rest("POST", f"/channels/{channel.id}/typing") == (204, None)


async def test_embeds_of_others_are_hidden_by_moderators(
    rest: Rest, guild: Server, channel: Channel, mia: Person, app: App
) -> None:
    message = await mia.send(channel, "https://example.org")
    path = f"/channels/{channel.id}/messages/{message.id}"
    assert await rest.code("PATCH", path, {"flags": 4}) == (403, 50013)
    role = guild.app_role(app)
    guild.change_role(role, role.permissions | Permission.MANAGE_MESSAGES)
    assert (await rest("PATCH", path, {"flags": 4}))[1]["flags"] & 4
    assert await rest("DELETE", path) == (204, None)


async def test_the_notes_of_discord_are_in_the_history_but_not_edited(
    rest: Rest, guild: Server, channel: Channel
) -> None:
    await rest("POST", f"/channels/{channel.id}/threads", {"name": "x", "type": 11})
    _, [note] = await rest("GET", f"/channels/{channel.id}/messages")
    assert note["type"] == 18
    path = f"/channels/{channel.id}/messages/{note['id']}"
    assert await rest.code("PATCH", path, {"content": "y"}) == (403, 50021)
    assert channel.messages == []
    assert [thread.name for thread in guild.threads] == ["x"]


async def test_embeds_are_text_too(rest: Rest, channel: Channel) -> None:
    embed: dict[str, Any] = {
        "title": "Queue",
        "description": "Two jobs",
        "fields": [{"name": "First", "value": "a minute"}],
        "footer": {"text": "Kinora"},
    }
    await rest("POST", f"/channels/{channel.id}/messages", {"embeds": [embed]})
    assert channel.messages[0].text == "Queue\nTwo jobs\nFirst\na minute\nKinora"


async def test_without_history_old_messages_are_closed(
    rest: Rest, guild: Server, channel: Channel, mia: Person, app: App
) -> None:
    message = await mia.send(channel, "hello", files=[File("a.txt", b"a")])
    role = guild.app_role(app)
    guild.set_overwrite(channel, role, deny=Permission.READ_MESSAGE_HISTORY)
    assert await rest.code("GET", f"/channels/{channel.id}/messages/{message.id}") == (403, 50013)
    body = {"content": "x", "message_reference": {"message_id": str(message.id)}}
    assert await rest.code("POST", f"/channels/{channel.id}/messages", body) == (400, 160002)


@pytest.mark.parametrize("path", ["entitlements", "skus"])
async def test_there_is_nothing_to_buy(rest: Rest, app: App, path: str) -> None:
    assert await rest("GET", f"/applications/{app.id}/{path}") == (200, [])
    _, answer = await rest("GET", "/gateway")
    assert answer["url"].startswith("ws://127.0.0.1:")


async def test_a_body_of_enormous_json_is_not_read(rest: Rest, channel: Channel) -> None:
    body = {"content": "x" * (5 << 20)}
    path = f"/channels/{channel.id}/messages"
    assert await rest.code("POST", path, body, files={"a.txt": b"a"}) == (413, 40005)


async def test_a_sandbox_that_is_not_served_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="not being served"):
        _ = Sandbox().api_url
