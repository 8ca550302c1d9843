"""What a client offers and refuses before anything is sent."""

from typing import Any

import pytest

from bot.sandbox import App, Channel, ClientRefused, File, Permission, Person, Sandbox, Server
from tests.sandbox.pictures import png

ANIMATE = {
    "name": "animate",
    "description": "d",
    "options": [
        {"type": 11, "name": "image", "description": "d", "required": True},
        {"type": 3, "name": "prompt", "description": "d", "max_length": 10},
        {"type": 4, "name": "duration", "description": "d", "min_value": 1, "max_value": 10},
        {"type": 10, "name": "guidance", "description": "d", "max_value": 1},
        {"type": 5, "name": "sound", "description": "d"},
        {"type": 3, "name": "quality", "description": "d", "choices": [{"name": "Standard", "value": "std"}]},
        {"type": 3, "name": "model", "description": "d", "autocomplete": True},
        {"type": 6, "name": "who", "description": "d"},
        {"type": 7, "name": "where", "description": "d", "channel_types": [0]},
        {"type": 9, "name": "whom", "description": "d"},
    ],
}
QUOTA = {
    "name": "quota",
    "description": "d",
    "options": [
        {"type": 1, "name": "me", "description": "d"},
        {
            "type": 2,
            "name": "of",
            "description": "d",
            "options": [
                {
                    "type": 1,
                    "name": "user",
                    "description": "d",
                    "options": [{"type": 6, "name": "user", "description": "d", "required": True}],
                }
            ],
        },
    ],
}
CAT = File("cat.png", png(2, 2))


@pytest.fixture
def offered(sandbox: Sandbox, app: App) -> list[dict[str, Any]]:
    commands: list[dict[str, Any]] = [
        ANIMATE,
        QUOTA,
        {
            "name": "secret",
            "description": "d",
            "default_member_permissions": str(int(Permission.MANAGE_GUILD)),
        },
        {"name": "admins", "description": "d", "default_member_permissions": "0"},
        {"name": "adult", "description": "d", "nsfw": True},
        {"name": "guilds", "description": "d", "contexts": [0]},
        {"name": "Animate", "type": 3},
        {"name": "Who", "type": 2},
    ]
    app.replace_commands(None, commands, sandbox.world.hub.new_id)
    return commands


pytestmark = pytest.mark.usefixtures("offered")


async def test_options_are_typed_as_they_are_registered(mia: Person, channel: Channel) -> None:
    options: dict[str, Any] = {"prompt": "a cat", "duration": 5, "quality": "Standard", "sound": True}
    used = await mia.slash(
        "animate", channel, image=CAT, who=mia, where=channel, whom=mia, guidance=1, **options
    )
    data = used.interaction.data
    values = {option["name"]: option["value"] for option in data["options"]}
    attachment = data["resolved"]["attachments"][values["image"]]
    assert values | options == values | {"quality": "Standard"} | options
    assert (values["duration"], values["sound"], values["who"]) == (5, True, str(mia.id))
    assert attachment["size"] == CAT.size
    assert "/ephemeral-attachments/" in attachment["url"]
    assert data["resolved"]["members"][str(mia.id)]["permissions"]
    assert data["resolved"]["channels"][str(channel.id)]["name"] == "general"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"image": "cat.png"},
        {"image": CAT, "prompt": "x" * 11},
        {"image": CAT, "duration": 11},
        {"image": CAT, "duration": "5"},
        {"image": CAT, "duration": True},
        {"image": CAT, "guidance": 1.5},
        {"image": CAT, "quality": "4k"},
        {"image": CAT, "colour": "red"},
        {"image": File("huge.png", bytes(11 << 20))},
    ],
    ids=lambda options: "-".join(options) or "nothing",
)
async def test_what_cannot_be_entered_is_not_sent(
    mia: Person, channel: Channel, sandbox: Sandbox, options: dict[str, object]
) -> None:
    with pytest.raises(ClientRefused):
        await mia.slash("animate", channel, **options)
    assert not sandbox.world.interactions


async def test_the_kind_of_a_channel_option_is_checked(mia: Person, channel: Channel, guild: Server) -> None:
    with pytest.raises(ClientRefused, match="VOICE"):
        await mia.slash("animate", channel, image=CAT, where=guild.add_channel("talk", kind="voice"))


async def test_sub_commands_are_part_of_the_name(mia: Person, channel: Channel) -> None:
    me = await mia.slash("quota me", channel)
    user = await mia.slash("quota of user", channel, user=mia)
    assert me.interaction.data["options"] == [{"name": "me", "type": 1, "options": []}]
    assert user.interaction.data["options"][0]["options"][0]["options"][0]["value"] == str(mia.id)
    for name in ("quota", "quota you", "quota of"):
        with pytest.raises(ClientRefused):
            await mia.slash(name, channel)


async def test_hidden_commands_cannot_be_used(mia: Person, channel: Channel, guild: Server) -> None:
    for name in ("secret", "admins", "nothing"):
        with pytest.raises(ClientRefused):
            await mia.slash(name, channel)
    guild.set_roles(mia, [guild.add_role("mod", permissions=Permission.MANAGE_GUILD)])
    await mia.slash("secret", channel)
    with pytest.raises(ClientRefused):
        await mia.slash("admins", channel)
    guild.set_roles(mia, [guild.add_role("admin", permissions=Permission.ADMINISTRATOR)])
    await mia.slash("admins", channel)


async def test_admins_show_and_hide_commands_whatever_their_default(
    mia: Person, channel: Channel, guild: Server, app: App
) -> None:
    helpers, guests = guild.add_role("helpers"), guild.add_role("guests")
    guild.set_roles(mia, [helpers, guests])
    guild.show_command(app, "secret", helpers)
    guild.show_command(app, "secret", guests, shown=False)
    await mia.slash("secret", channel)
    guild.set_roles(mia, [guests])
    with pytest.raises(ClientRefused, match="hidden"):
        await mia.slash("secret", channel)
    guild.show_command(app, "secret", mia)
    await mia.slash("secret", channel)
    guild.show_command(app, "quota", guild.everyone, shown=False)
    with pytest.raises(ClientRefused, match="hidden"):
        await mia.slash("quota me", channel)
    with pytest.raises(ClientRefused, match="no command"):
        guild.show_command(app, "missing", mia)


async def test_channels_decide_as_well(mia: Person, channel: Channel, guild: Server, app: App) -> None:
    with pytest.raises(ClientRefused, match="age-restricted"):
        await mia.slash("adult", channel)
    await mia.slash("adult", guild.add_channel("late", nsfw=True))
    with pytest.raises(ClientRefused, match="direct messages"):
        await mia.slash("guilds", mia.direct(app))
    nowhere = {guild.everyone: (Permission.NONE, Permission.VIEW_CHANNEL)}
    with pytest.raises(ClientRefused, match="not visible"):
        await mia.slash("quota me", guild.add_channel("hidden", overwrites=nowhere))
    mute = {guild.everyone: (Permission.NONE, Permission.USE_APPLICATION_COMMANDS)}
    with pytest.raises(ClientRefused, match="may not use commands"):
        await mia.slash("quota me", guild.add_channel("mute", overwrites=mute))


async def test_suggestions_are_only_asked_where_they_are_offered(mia: Person, channel: Channel) -> None:
    with pytest.raises(ClientRefused, match="no suggestions"):
        await mia.autocomplete("animate", channel, focused="prompt", value="x")


async def test_menus_bring_their_target_whatever_the_intents(mia: Person, channel: Channel) -> None:
    message = await mia.send(channel, "secret", files=[CAT])
    used = await mia.menu("Animate", message)
    resolved = used.interaction.data["resolved"]["messages"][str(message.id)]
    assert resolved["content"] == "secret"
    assert resolved["attachments"][0]["filename"] == "cat.png"
    who = await mia.menu("Who", mia, channel)
    assert who.interaction.data["target_id"] == str(mia.id)
    with pytest.raises(ClientRefused):
        await mia.menu("Who", mia)


async def test_only_own_messages_are_edited(mia: Person, channel: Channel, guild: Server) -> None:
    message = await mia.send(channel, "hello")
    with pytest.raises(ClientRefused):
        await guild.add_member("tom").edit(message, "bye")
    assert (await mia.edit(message, "bye")).text == "bye"


async def test_a_button_of_a_person_is_none(mia: Person, channel: Channel) -> None:
    message = await mia.send(channel, "hello")
    with pytest.raises(ClientRefused, match="no button"):
        await mia.click(message, "Go")
