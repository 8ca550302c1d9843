"""Commands, menus, buttons, selects and modals from the page; the bot is played by hand."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from bot.sandbox import Channel, Permission, Person, Server
from bot.sandbox.page import dealings
from tests.patience import PATIENCE_S
from tests.sandbox.page.bot import CHOICES, COMMANDS, DEFERRED, EPHEMERAL, MESSAGE, MODAL, UPDATE, Bot
from tests.sandbox.page.client import Client, Refused, Windows
from tests.sandbox.pictures import png


@dataclass(frozen=True)
class Room:
    """Everybody and everything that a test may need."""

    windows: Windows
    window: Client
    bot: Bot
    guild: Server
    channel: Channel
    mia: Person


@pytest.fixture
def room(windows: Windows, window: Client, bot: Bot, channel: Channel, mia: Person) -> Room:
    guild = bot.sandbox.world.guilds[channel.guild_id or 0]
    assert isinstance(guild, Server)
    return Room(windows, window, bot, guild, channel, mia)


async def test_only_what_one_may_use_is_offered(room: Room) -> None:
    offer = await room.window.ask("offer", channel=str(room.channel.id))
    assert [command["name"] for command in offer["commands"]] == ["animate", "quota"]
    assert offer["commands"][0]["options"] == COMMANDS[0]["options"]
    assert offer["menus"] == []
    message = await room.mia.send(room.channel, "hello")
    assert (await room.window.ask("offer", channel=str(room.channel.id), message=str(message.id)))[
        "menus"
    ] == ["Animate"]
    role = room.guild.add_role("mods", permissions=Permission.MANAGE_GUILD)
    moderator = await room.windows.open(room.guild.add_member("ada", roles=[role]))
    offer = await moderator.ask("offer", channel=str(room.channel.id))
    assert [command["name"] for command in offer["commands"]] == ["animate", "quota", "settings"]
    with pytest.raises(Refused, match="hidden from this person"):
        await room.window.ask("slash", channel=str(room.channel.id), name="settings")


async def test_a_slash_command_brings_files_people_and_places(room: Room) -> None:
    ticket = await room.windows.ticket(room.mia, room.channel, "cat.png", png(2, 2))
    role = room.guild.add_role("friends")
    options = {
        "image": ticket,
        "prompt": "a cat",
        "seconds": 5,
        "who": str(room.mia.id),
        "where": str(room.channel.id),
        "role": str(role.id),
        "whom": str(role.id),
        "strength": 0.5,
    }
    begun = await room.window.ask("slash", channel=str(room.channel.id), name="animate", options=options)
    interaction = await room.bot.gets()
    assert begun == {"interaction": str(interaction.id)}
    values = {option["name"]: option["value"] for option in interaction.data["options"]}
    attachment = interaction.data["resolved"]["attachments"][values["image"]]
    assert (attachment["filename"], attachment["width"]) == ("cat.png", 2)
    assert values == options | {"image": values["image"]}
    assert interaction.user is room.mia.user
    with pytest.raises(Refused, match="no longer there"):
        await room.window.ask(
            "slash", channel=str(room.channel.id), name="animate", options={"image": ticket}
        )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "needs the option image"),
        ({"seconds": 11}, "must be from"),
        ({"seconds": "5"}, "cannot be"),
        ({"strength": 10**400}, "too large"),
        ({"who": "1"}, "no user 1"),
        ({"who": {"id": 1}}, "no user"),
        ({"where": "1"}, "no channel 1"),
        ({"role": "x"}, "no role x"),
        ({"whom": None, "colour": "red"}, "no option colour"),
    ],
    ids=str,
)
async def test_what_a_command_does_not_take_is_refused_and_the_file_kept(
    room: Room, options: dict[str, object], sentence: str
) -> None:
    ticket = await room.windows.ticket(room.mia, room.channel, "cat.png", png(2, 2))
    given = {"image": ticket} | options if options else {}
    with pytest.raises(Refused, match=sentence):
        await room.window.ask("slash", channel=str(room.channel.id), name="animate", options=given)
    assert not room.bot.begun
    await room.window.ask("slash", channel=str(room.channel.id), name="animate", options={"image": ticket})


async def test_sub_commands_are_part_of_the_name(
    window: Client, bot: Bot, channel: Channel, mia: Person
) -> None:
    await window.ask("slash", channel=str(channel.id), name="quota of", options={"user": str(mia.id)})
    interaction = await bot.gets()
    (sub,) = interaction.data["options"]
    assert (sub["name"], sub["options"][0]["value"]) == ("of", str(mia.id))
    await bot.answers(interaction, MESSAGE, content="3 left")
    said = (await window.hears("message"))["message"]["interaction_metadata"]
    assert (said["name"], said["command_type"]) == ("quota of", 1)
    for name in ("quota", "quota you", "quota me you"):
        with pytest.raises(Refused):
            await window.ask("slash", channel=str(channel.id), name=name)


async def test_an_answer_goes_through_thinking(window: Client, bot: Bot, channel: Channel) -> None:
    begun = await window.ask("slash", channel=str(channel.id), name="quota me")
    interaction = await bot.gets()
    await bot.answers(interaction, DEFERRED)
    thinking = await window.hears("interaction")
    message = (await window.hears("message"))["message"]
    assert thinking == {
        "on": "interaction",
        "interaction": begun["interaction"],
        "state": "thinking",
        "channel": str(channel.id),
        "message": message["id"],
    }
    assert message["flags"] & (1 << 7)
    await bot.edits(interaction, content="done")
    answered = await window.hears("interaction", lambda event: event["state"] == "answered")
    assert answered["message"] == message["id"]
    assert (await window.hears("message_update"))["message"]["content"] == "done"


async def test_an_interaction_that_nobody_answers_has_failed(
    window: Client, bot: Bot, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bot
    monkeypatch.setattr(dealings, "ACK_WINDOW_S", 0.01)
    begun = await window.ask("slash", channel=str(channel.id), name="quota me")
    failed = await window.hears("interaction")
    assert (failed["interaction"], failed["state"]) == (begun["interaction"], "failed")


async def test_thinking_for_ever_has_failed_too(
    window: Client, bot: Bot, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dealings, "TOKEN_LIFE_S", 0.01)
    await window.ask("slash", channel=str(channel.id), name="quota me")
    await bot.answers(await bot.gets(), DEFERRED)
    await window.hears("interaction", lambda event: event["state"] == "failed")


async def test_ephemeral_messages_are_seen_by_one_person_until_dismissed(room: Room) -> None:
    leo = await room.windows.open(room.guild.add_member("leo"))
    again = await room.windows.open(room.mia)
    place = str(room.channel.id)
    await room.mia.send(room.channel, "before")
    await room.window.ask("slash", channel=place, name="quota me")
    interaction = await room.bot.gets()
    await room.bot.answers(interaction, MESSAGE, content="3 left", flags=EPHEMERAL)
    whisper = (await room.window.hears("message", lambda e: e["message"]["flags"] & EPHEMERAL))["message"]
    assert whisper["may"] == {"delete": True, "edit": False, "reply": False, "thread": False}
    await again.hears("message", lambda event: event["message"]["id"] == whisper["id"])
    await room.bot.edits(interaction, content="2 left")
    assert (await room.window.hears("message_update"))["message"]["content"] == "2 left"
    await room.mia.send(room.channel, "after")
    assert [m["content"] for m in await room.window.ask("history", channel=place)] == [
        "before",
        "2 left",
        "after",
    ]
    assert [m["content"] for m in await leo.ask("history", channel=place)] == ["before", "after"]
    for verb in ("delete", "offer"):
        with pytest.raises(Refused, match="Unknown Message"):
            await leo.ask(verb, channel=place, message=whisper["id"])
    assert (await room.window.ask("offer", channel=place, message=whisper["id"]))["menus"] == []
    with pytest.raises(Refused, match="no such menu"):
        await room.window.ask("menu", channel=place, message=whisper["id"], name="Animate")
    await room.window.ask("delete", channel=place, message=whisper["id"])
    assert (await again.hears("message_delete"))["message"] == whisper["id"]
    await room.bot.edits(interaction, content="1 left")
    assert [m["content"] for m in await room.window.ask("history", channel=place)] == ["before", "after"]
    await leo.settled()
    assert "left" not in str(leo.events)


async def test_suggestions_come_from_the_bot_and_the_newest_question_wins(
    windows: Windows, window: Client, bot: Bot, channel: Channel, mia: Person
) -> None:
    ticket = await windows.ticket(mia, channel, "cat.png", png(2, 2))
    ask: dict[str, Any] = {"channel": str(channel.id), "name": "animate", "focused": "prompt"}
    ask["options"] = {"image": ticket, "prompt": "old", "seconds": 5}
    first = await window.begin("complete", value="c", **ask)
    await bot.gets()
    second = await window.begin("complete", value="ca", **ask)
    interaction = await bot.gets(2)
    given = {option["name"]: option["value"] for option in interaction.data["options"]}
    assert given == {"prompt": "ca", "seconds": 5}
    await bot.answers(bot.begun[0], CHOICES, choices=[{"name": "Stale", "value": "stale"}])
    await bot.answers(interaction, CHOICES, choices=[{"name": "Cat", "value": "cat"}])
    assert await window.answer(first) is None
    assert await window.answer(second) == [{"name": "Cat", "value": "cat"}]
    assert not window.heard("interaction")
    await window.ask("slash", channel=str(channel.id), name="animate", options={"image": ticket})


async def test_suggestions_that_do_not_come_are_said_to_have_failed(
    window: Client, bot: Bot, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bot
    monkeypatch.setattr("bot.sandbox.page.using.ACK_WINDOW_S", 0.01)
    with pytest.raises(Refused, match="failed"):
        await window.ask("complete", channel=str(channel.id), name="animate", focused="prompt", value="x")
    with pytest.raises(Refused, match="no suggestions"):
        await window.ask("complete", channel=str(channel.id), name="animate", focused="seconds", value=5)


async def test_the_menu_of_a_message(window: Client, bot: Bot, channel: Channel, mia: Person) -> None:
    message = await mia.send(channel, "hello")
    begun = await window.ask("menu", channel=str(channel.id), message=str(message.id), name="Animate")
    interaction = await bot.gets()
    assert (begun["interaction"], interaction.data["target_id"]) == (str(interaction.id), str(message.id))
    with pytest.raises(Refused, match="No bot here"):
        await window.ask("menu", channel=str(channel.id), message=str(message.id), name="Who")


BUTTON = {"type": 2, "style": 1, "custom_id": "again", "label": "Again"}
SELECTS = [
    {"type": 3, "custom_id": "size", "options": [{"label": "Big", "value": "b"}]},
    {"type": 5, "custom_id": "user"},
    {"type": 6, "custom_id": "role"},
    {"type": 7, "custom_id": "whom", "max_values": 2},
]
ROWS = [{"type": 1, "components": [found]} for found in (BUTTON, *SELECTS)]


@pytest.fixture
async def posted(bot: Bot, channel: Channel) -> str:
    """A bot's message with a button and selects."""
    _, message = await bot.rest(
        "POST", f"/channels/{channel.id}/messages", {"content": "x", "components": ROWS}
    )
    return message["id"]


async def test_a_button_says_how_it_stands(window: Client, bot: Bot, posted: str, channel: Channel) -> None:
    place = {"channel": str(channel.id), "message": posted}
    await window.ask("click", custom_id="again", **place)
    await bot.answers(await bot.gets(), UPDATE, content="pressed")
    told = await window.hears("interaction")
    assert (told["state"], told["custom_id"], told["message"]) == ("answered", "again", posted)
    assert (await window.hears("message_update"))["message"]["content"] == "pressed"
    with pytest.raises(Refused, match="no button"):
        await window.ask("click", custom_id="missing", **place)


async def test_selects_of_every_kind(room: Room, posted: str) -> None:
    place = {"channel": str(room.channel.id), "message": posted}
    role = str(room.guild.add_role("friends").id)
    choices = [
        ("size", ["b"]),
        ("user", [str(room.mia.id)]),
        ("role", [role]),
        ("whom", [str(room.mia.id), role]),
    ]
    for number, (custom_id, values) in enumerate(choices, 1):
        await room.window.ask("choose", custom_id=custom_id, values=values, **place)
        assert (await room.bot.gets(number)).data["values"] == values
    for custom_id, values in (
        ("size", ["x"]),
        ("size", []),
        ("user", ["1"]),
        ("user", [role]),
        ("role", ["x"]),
    ):
        with pytest.raises(Refused):
            await room.window.ask("choose", custom_id=custom_id, values=values, **place)


FORM = {
    "custom_id": "form",
    "title": "Form",
    "components": [
        {
            "type": 18,
            "label": "Name",
            "component": {"type": 4, "custom_id": "name", "style": 1, "max_length": 5},
        },
        {"type": 18, "label": "Who", "component": {"type": 5, "custom_id": "who", "max_values": 2}},
        {"type": 18, "label": "Files", "component": {"type": 19, "custom_id": "files", "required": False}},
        {
            "type": 18,
            "label": "Size",
            "component": {"type": 3, "custom_id": "size", "options": [{"label": "Big", "value": "b"}]},
        },
        {"type": 18, "label": "Agreed", "component": {"type": 23, "custom_id": "agreed"}},
    ],
}


async def test_a_modal_opens_where_it_was_asked_for_and_is_sent_off(room: Room) -> None:
    other, leo = await room.windows.open(room.mia), await room.windows.open(room.guild.add_member("leo"))
    begun = await room.window.ask("slash", channel=str(room.channel.id), name="quota me")
    await room.bot.answers(await room.bot.gets(), MODAL, **FORM)
    opened = await room.window.hears("modal")
    assert (opened["interaction"], opened["modal"]) == (begun["interaction"], FORM)
    assert (await room.window.hears("interaction"))["state"] == "answered"
    ticket = await room.windows.ticket(room.mia, room.channel, "cat.png", png(2, 2))
    values = {"name": "Mia", "who": [str(room.mia.id)], "files": [ticket], "size": "b", "agreed": True}
    with pytest.raises(Refused, match="Name takes"):
        await room.window.ask("submit", modal=opened["interaction"], values=values | {"name": "too long"})
    with pytest.raises(Refused, match="no longer open"):
        await leo.ask("submit", modal=opened["interaction"], values=values)
    await room.window.ask("submit", modal=opened["interaction"], values=values)
    sent = await room.bot.gets(2)
    answers = [row["component"] for row in sent.data["components"]]
    assert [answer.get("value", answer.get("values")) for answer in answers] == [
        "Mia",
        [str(room.mia.id)],
        [next(iter(sent.data["resolved"]["attachments"]))],
        ["b"],
        True,
    ]
    await room.bot.answers(sent, MESSAGE, content="thanks")
    await room.window.hears("message")
    with pytest.raises(Refused, match="no longer open"):
        await room.window.ask("submit", modal=opened["interaction"], values=values)
    await other.settled()
    assert not other.heard("modal")


async def test_a_modal_that_was_sent_off_in_vain_is_sent_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.window.ask("slash", channel=str(room.channel.id), name="quota me")
    await room.bot.answers(await room.bot.gets(), MODAL, **FORM)
    modal = (await room.window.hears("modal"))["interaction"]
    values = {"name": "Mia", "who": [str(room.mia.id)], "size": "b"}
    with monkeypatch.context() as hurried:
        hurried.setattr(dealings, "ACK_WINDOW_S", 0.01)
        failed = await room.window.ask("submit", modal=modal, values=values)
    await room.window.hears(
        "interaction", lambda e: (e["interaction"], e["state"]) == (failed["interaction"], "failed")
    )
    await room.window.ask("submit", modal=modal, values=values)
    with pytest.raises(Refused, match="no longer open"):
        await room.window.ask("submit", modal=modal, values=values)
    await room.bot.answers(await room.bot.gets(3), MESSAGE, content="thanks")
    await room.window.hears("message")
    with pytest.raises(Refused, match="no longer open"):
        await room.window.ask("submit", modal=modal, values=values)


async def test_two_windows_are_two_people(
    windows: Windows, window: Client, bot: Bot, guild: Server, channel: Channel
) -> None:
    leo = await windows.open(guild.add_member("leo"))
    await window.ask("slash", channel=str(channel.id), name="quota me")
    await bot.answers(await bot.gets(), MESSAGE, content="for all")
    await leo.hears("message")
    await leo.settled()
    assert not leo.heard("interaction")


async def test_threads_posts_and_archives(
    window: Client, channel: Channel, mia: Person, guild: Server
) -> None:
    message = await mia.send(channel, "hello")
    thread = await window.ask("thread", channel=str(channel.id), name="talk", message=str(message.id))
    assert (thread["id"], thread["name"]) == (str(message.id), "talk")
    assert await window.ask("send", channel=thread["id"], text="here")
    alone = await window.ask("thread", channel=str(channel.id), name="alone")
    assert alone["type"] == 11
    archived = await window.ask("archive", channel=thread["id"])
    assert archived["thread_metadata"]["archived"]
    with pytest.raises(Refused, match="Missing Permissions"):
        await window.ask("archive", channel=alone["id"], locked=True)
    with pytest.raises(Refused, match="Only threads"):
        await window.ask("archive", channel=str(channel.id))
    forum = guild.add_channel("ideas", kind="forum")
    post = await window.ask("thread", channel=str(forum.id), name="idea", text="what if")
    (first,) = await window.ask("history", channel=post["id"])
    assert first["content"] == "what if"


async def test_one_replies_edits_and_deletes(window: Client, channel: Channel, guild: Server) -> None:
    leo = guild.add_member("leo")
    theirs = await leo.send(channel, "hello")
    place = str(channel.id)
    reply = await window.ask("send", channel=place, text="hi", reply_to=str(theirs.id), ping=False)
    assert (reply["type"], reply["referenced_message"]["content"]) == (19, "hello")
    assert channel.messages[-1].pinged == frozenset()
    await window.ask("send", channel=place, text="hi", reply_to=str(theirs.id))
    assert channel.messages[-1].pinged == {leo.id}
    assert (await window.ask("edit", channel=place, message=reply["id"], text="hi!"))["content"] == "hi!"
    for verb, fields in (("edit", {"text": "x"}), ("delete", {})):
        with pytest.raises(Refused, match="one's own"):
            await window.ask(verb, channel=place, message=str(theirs.id), **fields)
    await window.ask("delete", channel=place, message=reply["id"])
    guild.change_role(guild.everyone, guild.everyone.permissions | Permission.MANAGE_MESSAGES)
    await window.ask("delete", channel=place, message=str(theirs.id))
    assert len(channel.messages) == 1


async def test_a_window_may_close_in_the_middle_of_a_question(room: Room) -> None:
    other = await room.windows.open(room.mia)
    place = str(room.channel.id)
    await room.window.begin("complete", channel=place, name="animate", focused="prompt", value="x")
    await room.bot.gets()
    await room.window.close()
    async with asyncio.timeout(PATIENCE_S):
        while len(room.bot.sandbox.page._audience._windows) > 1:
            await other.settled()
