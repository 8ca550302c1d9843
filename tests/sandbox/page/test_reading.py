"""What a window is told while it looks."""

from typing import Any

import pytest

from bot.sandbox import App, Channel, File, Permission, Person, Sandbox, Server
from bot.sandbox.page import views
from tests.sandbox.conftest import Rest
from tests.sandbox.page.client import Client, Refused, Windows
from tests.sandbox.pictures import png

NOTHING = (Permission.NONE, Permission.VIEW_CHANNEL)


async def test_messages_come_with_what_one_may_do_with_them(
    windows: Windows, window: Client, guild: Server, channel: Channel, mia: Person
) -> None:
    leo = guild.add_member("leo")
    ada = guild.add_member("ada", roles=[guild.add_role("mods", permissions=Permission.MANAGE_MESSAGES)])
    others, moderators = await windows.open(leo), await windows.open(ada)
    message = await mia.send(channel, f"hello {leo.mention}", files=[File("cat.png", png(2, 2))])
    mine, his, hers = [(await each.hears("message"))["message"] for each in (window, others, moderators)]
    assert mine["content"] == his["content"] == f"hello {leo.mention}"
    assert mine["attachments"][0]["filename"] == "cat.png"
    assert (mine["pings_me"], his["pings_me"], hers["pings_me"]) == (False, True, False)
    assert mine["may"] == {"delete": True, "edit": True, "reply": True, "thread": True}
    assert his["may"] == {"delete": False, "edit": False, "reply": True, "thread": True}
    assert hers["may"] == {"delete": True, "edit": False, "reply": True, "thread": True}
    await mia.edit(message, "bye")
    assert (await others.hears("message_update"))["message"]["content"] == "bye"
    assert (await others.hears("message_update"))["message"]["pings_me"]
    await mia.delete(message)
    told = await others.hears("message_delete")
    assert told == {"on": "message_delete", "channel": str(channel.id), "message": str(message.id)}


async def test_changes_of_one_turn_are_told_once(window: Client, channel: Channel, mia: Person) -> None:
    message = await mia.send(channel, "0")
    for number in range(1, 50):
        await mia.edit(message, str(number))
    assert (await window.hears("message"))["message"]["content"] == "49"
    await window.settled()
    assert not window.heard("message_update")


async def test_events_that_come_together_travel_together(
    window: Client, channel: Channel, mia: Person
) -> None:
    before = window.texts
    for number in range(20):
        await mia.send(channel, str(number))
    await window.hears("message", lambda event: event["message"]["content"] == "19")
    assert len(window.heard("message")) == 20
    assert window.texts == before + 1


async def test_nothing_comes_of_what_one_does_not_see(
    windows: Windows, window: Client, guild: Server
) -> None:
    ada = guild.add_member("ada", roles=[guild.add_role("staff")])
    hidden = guild.add_channel("hidden", overwrites={guild.everyone: NOTHING})
    hers = await windows.open(ada)
    with pytest.raises(Refused, match="Unknown Channel"):
        await hers.ask("history", channel=str(hidden.id))
    owner = guild.members[guild.owner.id]
    assert isinstance(owner, Person)
    message = await owner.send(hidden, "secret")
    await owner.edit(message, "more secret")
    thread = await owner.open_thread(hidden, "plans", on=message)
    await owner.send(thread, "plot")
    await owner.delete(message)
    guild.remove_channel(hidden)
    visible = guild.add_channel("visible")
    await hers.hears("channel", lambda event: event["channel"]["id"] == str(visible.id))
    for told in (window, hers):
        await told.settled()
        assert "hidden" not in str(told.events)
        assert str(hidden.id) not in str(told.events)
        assert "secret" not in str(told.events)
        assert "pl" not in " ".join(str(event.get("message", "")) for event in told.events)


async def test_channels_and_threads_come_and_go(
    window: Client, guild: Server, channel: Channel, mia: Person
) -> None:
    message = await mia.send(channel, "hello")
    await window.hears("message")
    thread = await mia.open_thread(channel, "talk", on=message)
    told = (await window.hears("channel"))["channel"]
    assert (told["id"], told["type"], told["parent_id"], told["joined"]) == (
        str(thread.id), 11, str(channel.id), True,
    )  # fmt: skip
    assert told["may"] == {"read": True, "send": True, "attach": True, "thread": False, "archive": True}
    changed = await window.hears("message_update", lambda event: event["message"].get("thread"))
    assert changed["message"]["thread"]["id"] == str(thread.id)
    assert not changed["message"]["may"]["thread"]
    await mia.archive(thread)
    archived = await window.hears("channel", lambda e: e["channel"]["thread_metadata"]["archived"])
    assert not archived["channel"]["may"]["archive"]
    guild.remove_channel(thread)
    assert await window.hears("channel_delete") == {"on": "channel_delete", "channel": str(thread.id)}


async def test_a_private_thread_is_there_once_one_is_in_it(
    windows: Windows, window: Client, guild: Server, channel: Channel
) -> None:
    opens = guild.add_role("openers", permissions=Permission.CREATE_PRIVATE_THREADS)
    ada = guild.add_member("ada", roles=[opens])
    await windows.open(ada)
    thread = await ada.open_thread(channel, "us", private=True)
    await window.settled()
    assert not window.heard("channel")
    mia = guild.members[int(window.events[0]["me"]["id"])]
    await ada.bring_in(thread, mia)
    assert (await window.hears("channel"))["channel"]["joined"]
    guild.set_overwrite(channel, guild.everyone, deny=Permission.VIEW_CHANNEL)
    await window.hears("guild", lambda event: not event["channels"])


async def test_roles_change_what_one_may(
    window: Client, guild: Server, channel: Channel, mia: Person
) -> None:
    guild.change_role(guild.everyone, Permission.VIEW_CHANNEL)
    told = await window.hears("guild")
    assert told["channels"][0]["may"] == dict.fromkeys(("read", "send", "attach", "thread", "archive"), False)
    assert await window.ask("history", channel=str(channel.id)) == []
    with pytest.raises(Refused, match="Missing Permissions"):
        await window.ask("send", channel=str(channel.id), text="x")
    mods = guild.add_role("mods", permissions=Permission.ADMINISTRATOR)
    guild.set_roles(mia, [mods])
    told = await window.hears("guild", lambda event: event["me"]["is"] == "moderator")
    assert told["channels"][0]["may"]["send"]


async def test_direct_messages_show_the_other_one(window: Client, app: App, mia: Person, rest: Rest) -> None:
    _, direct = await rest("POST", "/users/@me/channels", {"recipient_id": str(mia.id)})
    told = (await window.hears("channel"))["channel"]
    assert (told["id"], [user["id"] for user in told["recipients"]]) == (direct["id"], [str(app.user.id)])
    await rest("POST", f"/channels/{direct['id']}/messages", {"content": "psst"})
    assert (await window.hears("message"))["message"]["content"] == "psst"
    sent = await window.ask("send", channel=direct["id"], text="what?")
    assert sent["may"]["edit"]


async def test_history_is_paged_from_the_newest(window: Client, channel: Channel, mia: Person) -> None:
    for number in range(7):
        await mia.send(channel, str(number))
    place = str(channel.id)
    newest = await window.ask("history", channel=place, limit=3)
    assert [message["content"] for message in newest] == ["4", "5", "6"]
    older = await window.ask("history", channel=place, limit=3, before=newest[0]["id"])
    assert [message["content"] for message in older] == ["1", "2", "3"]
    oldest = await window.ask("history", channel=place, limit=3, before=older[0]["id"])
    assert [message["content"] for message in oldest] == ["0"]
    assert newest[0]["may"]["edit"]


async def test_bots_come_and_go_and_register(
    window: Client, app: App, rest: Rest, start: Any, sandbox: Sandbox
) -> None:
    before = window.events[0]["commands"]
    async with start():
        assert (await window.hears("application"))["application"]["online"]
        await rest("PUT", f"/applications/{app.id}/commands", [{"name": "ping", "description": "d"}])
        assert (await window.hears("commands"))["revision"] > before
    await window.hears("application", lambda event: not event["application"]["online"])
    assert sandbox.world.hub.observers


async def test_who_reads_too_slowly_is_cut_off_and_nobody_else(
    windows: Windows, window: Client, channel: Channel, mia: Person, sandbox: Sandbox
) -> None:
    slow = await windows.session.ws_connect(f"{sandbox.page_url}page/live?as={mia.id}", max_msg_size=0)
    transport = slow.get_extra_info("socket")
    assert transport is not None
    reader = slow._conn.protocol if slow._conn else None
    assert reader is not None
    reader.pause_reading()
    page_windows = sandbox.page._audience._windows
    assert len(page_windows) == 2
    for _ in range(400):
        for _ in range(100):
            await mia.send(channel, "x" * 2000)
        await window.settled()
        if len(page_windows) == 1:
            break
    assert len(page_windows) == 1
    last = await mia.send(channel, "the last")
    await window.hears("message", lambda event: event["message"]["id"] == str(last.id))
    reader.resume_reading()
    await slow.close()


def _api(description: Any) -> object:
    switches = (switch for group in description["groups"] for switch in group["switches"])
    return next(switch["value"] for switch in switches if switch["name"] == "discord.api")


async def test_the_backstage_is_told_of_while_it_is_open(
    windows: Windows, window: Client, mia: Person
) -> None:
    other = await windows.open(mia)
    assert _api(await window.ask("backstage", open=True)) == "fine"
    assert await other.ask("set", switch="discord.api", value="503") is None
    assert _api((await window.hears("backstage"))["backstage"]) == "503"
    assert _api(await window.ask("backstage", open=False)) == "503"
    await other.ask("set", switch="discord.api", value="fine")
    await window.settled()
    assert len(window.heard("backstage")) == 1
    assert not other.heard("backstage")


async def test_what_happens_in_a_channel_that_is_gone_is_not_told(
    window: Client, guild: Server, mia: Person
) -> None:
    place = guild.add_channel("short")
    await mia.send(place, "hello")
    guild.remove_channel(place)
    await window.settled()
    assert not window.heard("message")
    assert not window.heard("channel")


async def test_archived_threads_that_one_does_not_see_hide_none_of_ones_own(
    windows: Windows, guild: Server, channel: Channel, mia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_MAX_ARCHIVED", 2)
    guild.change_role(guild.everyone, guild.everyone.permissions | Permission.CREATE_PRIVATE_THREADS)
    leo = guild.add_member("leo")
    for person, name, is_private in ((mia, "mine", False), (leo, "his", True), (leo, "his too", True)):
        await person.archive(await person.open_thread(channel, name, private=is_private))
    hello = (await windows.open(mia)).events[0]
    assert [one["name"] for one in hello["channels"]] == ["general", "mine"]
