"""Threads and posts over the API."""

import pytest

from bot.sandbox import App, Channel, Kind, Permission, Person, Server
from tests.sandbox.conftest import ManualClock, Rest, Start

PUBLIC = {"name": "clip", "type": 11}


async def opened(rest: Rest, channel: Channel, **body: object) -> int:
    status, thread = await rest("POST", f"/channels/{channel.id}/threads", {**PUBLIC, **body})
    assert status == 200
    return int(thread["id"])


async def test_a_thread_on_a_message_has_its_id_and_there_is_only_one(
    rest: Rest, channel: Channel, mia: Person, guild: Server
) -> None:
    message = await mia.send(channel, "hello")
    path = f"/channels/{channel.id}/messages/{message.id}"
    status, thread = await rest("POST", f"{path}/threads", {"name": "clip"})
    assert (status, thread["id"], thread["type"]) == (200, str(message.id), 11)
    assert await rest.code("POST", f"{path}/threads", {"name": "clip"}) == (400, 160004)
    _, starter = await rest("GET", path)
    assert starter["thread"]["id"] == thread["id"]
    assert starter["flags"] & (1 << 5)
    assert [found.name for found in guild.threads] == ["clip"]
    assert (await rest("GET", f"/channels/{message.id}"))[1]["thread_metadata"]["archived"] is False


async def test_threads_are_private_unless_said_otherwise(rest: Rest, channel: Channel, guild: Server) -> None:
    assert await rest.code("POST", f"/channels/{channel.id}/threads", {"name": "x"}) == (403, 50013)
    thread_id = await opened(rest, channel)
    assert guild.all_threads[thread_id].kind is Kind.PUBLIC_THREAD
    assert channel.messages == []


@pytest.mark.parametrize("kind", ["voice", "stage"])
async def test_there_are_no_threads_in_voice_channels(rest: Rest, guild: Server, kind: str) -> None:
    channel = guild.add_channel("talk", kind=kind)
    assert await rest.code("POST", f"/channels/{channel.id}/threads", PUBLIC) == (400, 50024)


async def test_there_are_no_threads_in_threads_and_dms(rest: Rest, channel: Channel, mia: Person) -> None:
    thread_id = await opened(rest, channel)
    assert await rest.code("POST", f"/channels/{thread_id}/threads", PUBLIC) == (400, 50024)
    _, inside = await rest("POST", f"/channels/{thread_id}/messages", {"content": "hi"})
    path = f"/channels/{thread_id}/messages/{inside['id']}/threads"
    assert await rest.code("POST", path, {"name": "deeper"}) == (400, 50024)
    _, direct = await rest("POST", "/users/@me/channels", {"recipient_id": str(mia.id)})
    assert await rest.code("POST", f"/channels/{direct['id']}/threads", PUBLIC) == (400, 50024)


async def test_an_announcement_channel_has_announcement_threads(rest: Rest, guild: Server) -> None:
    news = guild.add_channel("news", kind="announcement")
    _, sent = await rest("POST", f"/channels/{news.id}/messages", {"content": "today"})
    _, thread = await rest("POST", f"/channels/{news.id}/messages/{sent['id']}/threads", {"name": "x"})
    assert thread["type"] == 10


async def test_a_post_is_a_thread_with_its_first_message(rest: Rest, guild: Server) -> None:
    forum = guild.add_channel("ideas", kind="forum")
    body = {"name": "post", "message": {"content": "first"}}
    status, post = await rest("POST", f"/channels/{forum.id}/threads", body, files={"a.txt": b"a"})
    assert status == 200
    assert post["message"]["id"] == post["id"]
    assert guild.threads[0].messages[0].files[0].data == b"a"
    forum.needs_tag = True
    assert await rest.code("POST", f"/channels/{forum.id}/threads", body) == (400, 40067)


async def test_an_archived_thread_takes_messages_but_no_edits(
    rest: Rest, channel: Channel, guild: Server
) -> None:
    thread_id = await opened(rest, channel)
    thread = guild.all_threads[thread_id]
    _, sent = await rest("POST", f"/channels/{thread_id}/messages", {"content": "clip"})
    await rest("PATCH", f"/channels/{thread_id}", {"archived": True})
    assert thread.thread
    assert thread.thread.is_archived
    path = f"/channels/{thread_id}/messages/{sent['id']}"
    assert await rest.code("PATCH", path, {"content": "better"}) == (400, 50083)
    assert await rest.code("PATCH", f"/channels/{thread_id}", {"name": "other"}) == (400, 50083)
    assert (await rest("POST", f"/channels/{thread_id}/messages", {"content": "next"}))[0] == 200
    assert not thread.thread.is_archived
    assert (await rest("PATCH", path, {"content": "better"}))[0] == 200


async def test_a_locked_thread_takes_nothing(
    rest: Rest, channel: Channel, guild: Server, mia: Person
) -> None:
    thread_id = await opened(rest, channel)
    moderator = guild.add_role("mod", permissions=Permission.MANAGE_THREADS)
    guild.set_roles(mia, [moderator])
    await mia.archive(guild.all_threads[thread_id], lock=True)
    path = f"/channels/{thread_id}/messages"
    assert await rest.code("POST", path, {"content": "clip"}) == (403, 160005)
    assert await rest.code("PATCH", f"/channels/{thread_id}", {"archived": False}) == (403, 160005)


async def test_only_moderators_lock(rest: Rest, channel: Channel, guild: Server, app: App) -> None:
    thread_id = await opened(rest, channel)
    assert await rest.code("PATCH", f"/channels/{thread_id}", {"locked": True}) == (403, 50013)
    assert await rest.code("DELETE", f"/channels/{thread_id}") == (403, 50013)
    role = guild.app_role(app)
    guild.change_role(role, role.permissions | Permission.MANAGE_THREADS)
    assert (await rest("PATCH", f"/channels/{thread_id}", {"locked": True}))[0] == 200
    assert (await rest("DELETE", f"/channels/{thread_id}"))[0] == 200
    assert await rest.code("GET", f"/channels/{thread_id}") == (404, 10003)


async def test_quiet_threads_archive_themselves(
    rest: Rest, channel: Channel, guild: Server, clock: ManualClock
) -> None:
    thread_id = await opened(rest, channel, auto_archive_duration=60)
    clock.advance(59 * 60)
    await rest("POST", f"/channels/{thread_id}/messages", {"content": "still here"})
    clock.advance(59 * 60)
    assert not (await rest("GET", f"/channels/{thread_id}"))[1]["thread_metadata"]["archived"]
    clock.advance(120)
    assert (await rest("GET", f"/channels/{thread_id}"))[1]["thread_metadata"]["archived"]
    assert guild.active == {}


async def test_there_is_room_for_so_many_active_threads(
    rest: Rest, channel: Channel, guild: Server, clock: ManualClock
) -> None:
    guild.max_active_threads = 2
    first = await opened(rest, channel)
    await opened(rest, channel)
    path = f"/channels/{channel.id}/threads"
    assert await rest.code("POST", path, PUBLIC) == (400, 160006)
    await rest("PATCH", f"/channels/{first}", {"archived": True})
    await opened(rest, channel)
    assert await rest.code("POST", path, PUBLIC) == (400, 160006)
    clock.advance(2 * 24 * 3600)
    await opened(rest, channel)


async def test_threads_need_their_own_permissions(
    rest: Rest, channel: Channel, guild: Server, app: App
) -> None:
    role = guild.app_role(app)
    thread_id = await opened(rest, channel)
    guild.set_overwrite(channel, role, deny=Permission.SEND_MESSAGES)
    assert (await rest("POST", f"/channels/{thread_id}/messages", {"content": "hi"}))[0] == 200
    guild.set_overwrite(channel, role, deny=Permission.SEND_MESSAGES_IN_THREADS)
    assert await rest.code("POST", f"/channels/{thread_id}/messages", {"content": "hi"}) == (403, 50013)
    guild.set_overwrite(channel, role, deny=Permission.CREATE_PUBLIC_THREADS)
    assert await rest.code("POST", f"/channels/{channel.id}/threads", PUBLIC) == (403, 50013)


async def test_people_join_and_leave(rest: Rest, channel: Channel, mia: Person, app: App) -> None:
    thread_id = await opened(rest, channel)
    members = f"/channels/{thread_id}/thread-members"
    assert await rest("PUT", f"{members}/{mia.id}") == (204, None)
    assert {int(m["user_id"]) for m in (await rest("GET", members))[1]} == {mia.id, app.user.id}
    assert await rest.code("DELETE", f"{members}/{mia.id}") == (403, 50013)
    assert await rest("DELETE", f"{members}/@me") == (204, None)
    assert await rest.code("GET", f"{members}/{app.user.id}") == (404, 10007)


async def test_a_deleted_channel_takes_its_threads_along(rest: Rest, channel: Channel, guild: Server) -> None:
    thread_id = await opened(rest, channel)
    guild.remove_channel(channel)
    assert await rest.code("GET", f"/channels/{channel.id}") == (404, 10003)
    assert await rest.code("POST", f"/channels/{thread_id}/messages", {"content": "x"}) == (404, 10003)
    assert guild.threads == []


async def test_a_bot_that_is_let_into_a_private_thread_is_told_of_it(
    start: Start, guild: Server, channel: Channel, app: App
) -> None:
    everyone = guild.everyone
    guild.change_role(everyone, everyone.permissions | Permission.CREATE_PRIVATE_THREADS)
    ada = guild.add_member("ada")
    async with start() as bot:
        thread = await ada.open_thread(channel, "secret", private=True)
        known = bot.get_guild(guild.id)
        assert known
        assert known.get_thread(thread.id) is None
        await ada.bring_in(thread, guild.members[app.user.id])
        joined = await bot.hears("thread_join")
        assert (joined.id, joined.is_private(), joined.me is not None) == (thread.id, True, True)


async def test_people_open_posts_as_well(rest: Rest, guild: Server, mia: Person) -> None:
    forum = guild.add_channel("films", kind="forum")
    post = await mia.open_post(forum, "My film", "Look!")
    _, seen = await rest("GET", f"/channels/{post.id}")
    assert (seen["parent_id"], seen["last_message_id"]) == (str(forum.id), str(post.messages[-1].id))
    assert [message.text for message in post.messages] == ["Look!"]
