"""Messages over the API, as the answers' codes and bodies show them."""

from typing import Any

import pytest

from bot.sandbox import App, Channel, File, Permission, Person, Refusal, Sandbox, Server
from tests.sandbox.conftest import ManualClock, Rest
from tests.sandbox.pictures import png

V2 = 1 << 15


def messages_of(channel: Channel) -> str:
    return f"/channels/{channel.id}/messages"


async def test_a_nonce_makes_one_message_of_two_requests(rest: Rest, channel: Channel) -> None:
    body = {"content": "clip", "nonce": "j1.0", "enforce_nonce": True}
    _, first = await rest("POST", messages_of(channel), body)
    status, second = await rest("POST", messages_of(channel), body)

    assert status == 200
    assert second["id"] == first["id"]
    assert second["nonce"] == "j1.0"
    assert len(channel.messages) == 1


async def test_a_message_that_was_refused_leaves_its_nonce_unused(
    rest: Rest, guild: Server, channel: Channel, app: App, mia: Person
) -> None:
    asked = await mia.send(channel, "hello")
    guild.set_overwrite(channel, guild.app_role(app), deny=Permission.READ_MESSAGE_HISTORY)
    body = {"content": "clip", "nonce": "j1.0", "enforce_nonce": True}
    reply = {**body, "message_reference": {"message_id": str(asked.id)}}
    assert await rest.code("POST", messages_of(channel), reply) == (400, 160002)
    assert await rest.code("POST", messages_of(channel), body) == (200, 0)


async def test_a_nonce_that_is_not_enforced_makes_two(rest: Rest, channel: Channel) -> None:
    for _ in range(2):
        await rest("POST", messages_of(channel), {"content": "clip", "nonce": "j1.0"})
    assert len(channel.messages) == 2


async def test_a_nonce_is_forgotten_after_some_minutes(
    rest: Rest, channel: Channel, clock: ManualClock
) -> None:
    body = {"content": "clip", "nonce": "j1.0", "enforce_nonce": True}
    await rest("POST", messages_of(channel), body)
    clock.advance(600)
    await rest("POST", messages_of(channel), body)
    assert len(channel.messages) == 2


async def test_a_nonce_of_a_deleted_message_is_unknown(rest: Rest, channel: Channel) -> None:
    body = {"content": "clip", "nonce": "j1.0", "enforce_nonce": True}
    _, first = await rest("POST", messages_of(channel), body)
    assert await rest("DELETE", f"{messages_of(channel)}/{first['id']}") == (204, None)
    assert await rest.code("POST", messages_of(channel), body) == (404, 10008)


@pytest.mark.parametrize(
    ("allowed", "pinged"),
    [
        (None, True),
        ({"parse": []}, False),
        ({"parse": ["users"]}, True),
        ({"parse": [], "users": ["<mia>"]}, True),
        ({"parse": ["roles"]}, False),
    ],
)
async def test_allowed_mentions_decide_who_is_pinged(
    rest: Rest, channel: Channel, mia: Person, allowed: Any, *, pinged: bool
) -> None:
    if allowed and "users" in allowed:
        allowed = {**allowed, "users": [str(mia.id)]}
    body: dict[str, object] = {"content": f"{mia.mention} your clip"}
    if allowed is not None:
        body["allowed_mentions"] = allowed
    _, sent = await rest("POST", messages_of(channel), body)

    assert (mia.id in channel.messages[0].pinged) is pinged
    assert bool(sent["mentions"]) is pinged


async def test_a_text_display_pings_too(rest: Rest, channel: Channel, mia: Person) -> None:
    body = {"flags": V2, "components": [{"type": 10, "content": mia.mention}]}
    await rest("POST", messages_of(channel), body)
    assert channel.messages[0].pinged == {mia.id}


async def test_an_edit_pings_nobody(rest: Rest, channel: Channel, mia: Person) -> None:
    _, sent = await rest("POST", messages_of(channel), {"content": "soon"})
    await rest("PATCH", f"{messages_of(channel)}/{sent['id']}", {"content": mia.mention})
    [message] = channel.messages
    assert message.text == mia.mention
    assert message.pinged == frozenset()
    assert [version.text for version in message.edits] == ["soon"]


async def test_everyone_is_pinged_only_by_those_who_may(rest: Rest, guild: Server, mia: Person) -> None:
    channel = guild.add_channel("news")
    await rest("POST", messages_of(channel), {"content": "@everyone"})
    role = guild.add_role("loud", permissions=Permission.MENTION_EVERYONE)
    guild.set_roles(mia, [role])
    loud = await mia.send(channel, "@everyone look")
    assert channel.messages[0].pinged == frozenset()
    assert loud.pinged >= {guild.owner.id}
    assert mia.id not in loud.pinged


async def test_a_reply_pings_unless_told_otherwise(
    rest: Rest, channel: Channel, mia: Person, guild: Server
) -> None:
    asked = await mia.send(channel, "make it move")
    reference = {"message_id": str(asked.id)}
    _, sent = await rest("POST", messages_of(channel), {"content": "ok", "message_reference": reference})
    quiet: dict[str, Any] = {
        "content": "ok",
        "message_reference": reference,
        "allowed_mentions": {"parse": []},
    }
    await rest("POST", messages_of(channel), quiet)

    assert sent["type"] == 19
    assert sent["referenced_message"]["id"] == str(asked.id)
    assert sent["message_reference"]["guild_id"] == str(guild.id)
    assert [message.pinged for message in channel.messages[1:]] == [{mia.id}, frozenset()]


async def test_a_reply_to_what_is_gone_is_refused_unless_it_may_fail(
    rest: Rest, channel: Channel, mia: Person
) -> None:
    asked = await mia.send(channel, "hello")
    await mia.delete(asked)
    reference: dict[str, object] = {"message_id": str(asked.id)}
    body = {"content": "ok", "message_reference": reference}
    assert await rest.code("POST", messages_of(channel), body) == (400, 50035)
    reference["fail_if_not_exists"] = False
    status, sent = await rest("POST", messages_of(channel), body)
    assert (status, sent["type"]) == (200, 0)


async def test_lists_go_both_ways(rest: Rest, channel: Channel, mia: Person) -> None:
    ids = [(await mia.send(channel, str(number))).id for number in range(10)]

    async def listed(query: str) -> list[int]:
        _, page = await rest("GET", f"{messages_of(channel)}?{query}")
        return [int(message["id"]) for message in page]

    assert await listed("limit=3") == ids[:-4:-1]
    assert await listed(f"before={ids[5]}&limit=2") == [ids[4], ids[3]]
    assert await listed(f"after={ids[5]}&limit=2") == [ids[7], ids[6]]
    assert await listed(f"around={ids[5]}&limit=3") == [ids[6], ids[5], ids[4]]
    assert await rest.code("GET", f"{messages_of(channel)}?limit=101") == (400, 50035)


async def test_what_others_wrote_is_hidden_without_the_intent(
    rest: Rest, channel: Channel, mia: Person, app: App
) -> None:
    secret = await mia.send(channel, "secret", files=[File("cat.png", png(2, 2))])
    spoken = await mia.send(channel, f"{app.user.mention} look", files=[File("cat.png", png(2, 2))])
    answer = await mia.send(channel, f"{app.user.mention} that one", reply_to=secret)

    _, hidden = await rest("GET", f"{messages_of(channel)}/{secret.id}")
    _, seen = await rest("GET", f"{messages_of(channel)}/{spoken.id}")
    _, reply = await rest("GET", f"{messages_of(channel)}/{answer.id}")
    assert (hidden["content"], hidden["attachments"]) == ("", [])
    assert seen["content"].endswith("look")
    assert seen["attachments"][0]["width"] == 2
    assert reply["content"].endswith("that one")
    assert reply["referenced_message"]["attachments"] == []


async def test_a_reply_to_the_bots_own_message_is_readable_if_it_pings(
    rest: Rest, channel: Channel, mia: Person
) -> None:
    await rest("POST", messages_of(channel), {"content": "a clip"})
    [clip] = channel.messages
    loud = await mia.send(channel, "again", reply_to=clip)
    quiet = await mia.send(channel, "again", reply_to=clip, ping=False)
    assert (await rest("GET", f"{messages_of(channel)}/{loud.id}"))[1]["content"] == "again"
    assert (await rest("GET", f"{messages_of(channel)}/{quiet.id}"))[1]["content"] == ""


async def test_a_forward_is_hidden_as_other_messages_are(
    rest: Rest, sandbox: Sandbox, guild: Server, channel: Channel
) -> None:
    reader = sandbox.add_application("Reader", token="reads.all", message_content=True)
    guild.add_app(reader)
    mia = guild.add_member("mia")
    first = await mia.send(channel, "look", files=[File("cat.png", png(2, 2))])
    forward = await mia.forward(first, channel)
    _, blind = await rest("GET", f"{messages_of(channel)}/{forward.id}")
    _, seeing = await rest("GET", f"{messages_of(channel)}/{forward.id}", token="reads.all")
    assert blind["message_snapshots"][0]["message"]["attachments"] == []
    assert seeing["message_snapshots"][0]["message"]["attachments"][0]["filename"] == "cat.png"
    assert "author" not in seeing["message_snapshots"][0]["message"]


async def test_a_reply_to_a_forward_brings_what_was_forwarded(
    rest: Rest, sandbox: Sandbox, guild: Server, channel: Channel
) -> None:
    guild.add_app(sandbox.add_application("Reader", token="reads.all", message_content=True))
    mia = guild.add_member("mia")
    forward = await mia.forward(await mia.send(channel, "look", files=[File("cat.png", png(2, 2))]), channel)
    reply = await mia.send(channel, "this one", reply_to=forward)
    _, seen = await rest("GET", f"{messages_of(channel)}/{reply.id}", token="reads.all")
    brought = seen["referenced_message"]
    assert brought["message_reference"]["type"] == 1
    assert brought["message_snapshots"][0]["message"]["attachments"][0]["filename"] == "cat.png"
    assert "referenced_message" not in brought


async def test_a_reply_may_come_without_the_message_that_it_is_to(
    rest: Rest, channel: Channel, mia: Person
) -> None:
    reply = await mia.send(channel, "this one", reply_to=await mia.send(channel, "look"))
    reply.brings_referenced = False
    _, seen = await rest("GET", f"{messages_of(channel)}/{reply.id}")
    assert "referenced_message" not in seen
    assert seen["message_reference"]["message_id"] == str(reply.reference and reply.reference.message_id)


async def test_files_that_components_show_are_not_attachments(rest: Rest, channel: Channel) -> None:
    gallery = {"type": 12, "items": [{"media": {"url": "attachment://cat.png"}}]}
    body = {"flags": V2, "components": [gallery, {"type": 13, "file": {"url": "attachment://a.txt"}}]}
    _, sent = await rest("POST", messages_of(channel), body, files={"cat.png": png(4, 3), "a.txt": b"words"})
    [message] = channel.messages

    assert sent["attachments"] == []
    media = sent["components"][0]["items"][0]["media"]
    assert (media["width"], media["height"], media["content_type"]) == (4, 3, "image/png")
    assert media["url"].startswith("http")
    assert sent["components"][1]["name"] == "a.txt"
    assert sent["components"][1]["size"] == 5
    assert [file.data for file in message.files] == [png(4, 3), b"words"]


async def test_an_edit_can_only_show_files_that_its_message_has(rest: Rest, channel: Channel) -> None:
    def shown(name: str) -> dict[str, object]:
        return {
            "flags": V2,
            "components": [{"type": 12, "items": [{"media": {"url": f"attachment://{name}"}}]}],
        }

    _, sent = await rest("POST", messages_of(channel), shown("cat.png"), files={"cat.png": png(4, 3)})
    path = f"{messages_of(channel)}/{sent['id']}"
    assert await rest.code("PATCH", path, shown("dog.png")) == (400, 50035)
    status, _ = await rest("PATCH", path, shown("cat.png"))
    assert status == 200
    assert len(channel.messages[0].files) == 1


async def test_an_edit_keeps_the_files_it_names(rest: Rest, channel: Channel) -> None:
    _, sent = await rest(
        "POST", messages_of(channel), {"content": "two"}, files={"a.txt": b"a", "b.txt": b"b"}
    )
    kept = sent["attachments"][1]["id"]
    path = f"{messages_of(channel)}/{sent['id']}"
    await rest("PATCH", path, {"content": "none given"})
    _, edited = await rest("PATCH", path, {"attachments": [{"id": kept}]})
    assert [file["filename"] for file in edited["attachments"]] == ["b.txt"]
    assert edited["edited_timestamp"]


async def test_the_v2_flag_comes_with_an_edit_and_stays(rest: Rest, channel: Channel) -> None:
    _, sent = await rest("POST", messages_of(channel), {"content": "old"})
    path = f"{messages_of(channel)}/{sent['id']}"
    shown = {"flags": V2, "components": [{"type": 10, "content": "new"}]}
    assert await rest.code("PATCH", path, shown) == (400, 50035)
    _, edited = await rest("PATCH", path, {**shown, "content": None, "embeds": []})
    assert edited["flags"] & V2
    _, again = await rest("PATCH", path, {"flags": 0, "components": [{"type": 10, "content": "newer"}]})
    assert again["flags"] & V2
    assert channel.messages[0].text == "newer"


async def test_a_file_above_the_limit_is_refused_and_the_client_hears_of_it(
    rest: Rest, guild: Server, channel: Channel
) -> None:
    guild.upload_limit = 1000
    files = {"clip.mp4": b"x" * 3_000_000}
    assert await rest.code("POST", messages_of(channel), {}, files=files) == (413, 40005)
    status, _ = await rest("POST", messages_of(channel), {}, files={"clip.mp4": b"x" * 1000})
    assert status == 200
    assert [message.files[0].size for message in channel.messages] == [1000]


async def test_a_broken_rule_is_told_with_its_reason(rest: Rest, channel: Channel) -> None:
    status, answer = await rest("POST", messages_of(channel), {"content": "x" * 2001})
    assert (status, answer["code"]) == (400, 50035)
    assert "2001" in answer["errors"]["0"]["_errors"][0]["message"]


async def test_a_body_that_is_not_json_is_refused(rest: Rest, channel: Channel) -> None:
    assert await rest.code("POST", messages_of(channel), raw=b"{") == (400, 50109)


async def test_permissions_are_asked_for(rest: Rest, guild: Server, app: App, mia: Person) -> None:
    channel = guild.add_channel("quiet")
    role = guild.app_role(app)
    own = await mia.send(channel, "hello")
    post = "POST", messages_of(channel), {"content": "hi"}
    guild.set_overwrite(channel, role, deny=Permission.ATTACH_FILES)
    assert await rest.code("POST", messages_of(channel), {}, files={"a.txt": b"a"}) == (403, 50013)
    guild.set_overwrite(channel, role, deny=Permission.SEND_MESSAGES)
    assert await rest.code(*post) == (403, 50013)
    guild.set_overwrite(channel, role, deny=Permission.READ_MESSAGE_HISTORY)
    assert await rest("GET", messages_of(channel)) == (200, [])
    guild.set_overwrite(channel, role, deny=Permission.VIEW_CHANNEL)
    assert await rest.code(*post) == (403, 50001)
    guild.set_overwrite(channel, role)
    assert (await rest(*post))[0] == 200
    assert await rest.code("PATCH", f"{messages_of(channel)}/{own.id}", {"content": "mine"}) == (403, 50005)
    assert await rest.code("DELETE", f"{messages_of(channel)}/{own.id}") == (403, 50013)


async def test_forums_and_unknown_channels_take_no_messages(rest: Rest, guild: Server) -> None:
    forum = guild.add_channel("ideas", kind="forum")
    assert await rest.code("POST", messages_of(forum), {"content": "hi"}) == (400, 40058)
    assert await rest.code("POST", "/channels/42/messages", {"content": "hi"}) == (404, 10003)
    assert await rest.code("GET", f"{messages_of(forum)}/1") == (404, 10008)


async def test_direct_messages_reach_those_who_accept_them(rest: Rest, guild: Server, mia: Person) -> None:
    hermit = guild.add_member("hermit", accepts_dms=False)
    _, made = await rest("POST", "/users/@me/channels", {"recipient_id": str(mia.id)})
    _, again = await rest("POST", "/users/@me/channels", {"recipient_id": str(mia.id)})
    assert made["id"] == again["id"]
    assert (await rest("POST", f"/channels/{made['id']}/messages", {"content": "your clip"}))[0] == 200
    _, closed = await rest("POST", "/users/@me/channels", {"recipient_id": str(hermit.id)})
    path = f"/channels/{closed['id']}/messages"
    assert await rest.code("POST", path, {"content": "your clip"}) == (403, 50007)


async def test_people_are_held_to_their_permissions_too(guild: Server, mia: Person) -> None:
    channel = guild.add_channel(
        "locked", overwrites={guild.everyone: (Permission.NONE, Permission.SEND_MESSAGES)}
    )
    with pytest.raises(Refusal) as refused:
        await mia.send(channel, "hello")
    assert refused.value.code == 50013
