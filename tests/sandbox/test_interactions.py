"""Interactions: windows, double answers, ephemeral messages, follow-ups; the bot is played by hand."""

import asyncio
from typing import Any

import pytest

from bot.sandbox import App, Channel, ClientRefused, Permission, Person, Sandbox, Server, Used
from bot.sandbox.model.interactions import Interaction
from tests.sandbox.conftest import ManualClock, Rest

PING = {"name": "ping", "description": "Ping", "type": 1}
V2 = 1 << 15


@pytest.fixture
async def used(rest: Rest, app: App, channel: Channel, mia: Person) -> Used:
    await rest("PUT", f"/applications/{app.id}/commands", [PING])
    return await mia.slash("ping", channel)


def callback(interaction: Interaction, *, response: bool = False) -> str:
    suffix = "?with_response=1" if response else ""
    return f"/interactions/{interaction.id}/{interaction.token}/callback{suffix}"


def webhook(interaction: Interaction, rest: str = "") -> str:
    return f"/webhooks/{interaction.app.id}/{interaction.token}{rest}"


async def answer(rest: Rest, used: Used, kind: int, **data: Any) -> Any:
    body = {"type": kind, **({"data": data} if data else {})}
    status, found = await rest("POST", callback(used.interaction, response=True), body, token=None)
    assert status == 200, found
    return found


async def test_three_seconds_are_the_limit(rest: Rest, used: Used, clock: ManualClock) -> None:
    clock.advance(3.1)
    path = callback(used.interaction)
    assert await rest.code("POST", path, {"type": 5}, token=None) == (404, 10062)


async def test_nobody_answers_twice(rest: Rest, used: Used) -> None:
    path = callback(used.interaction)
    assert await rest("POST", path, {"type": 5}, token=None) == (204, None)
    assert await rest.code("POST", path, {"type": 5}, token=None) == (400, 40060)


async def test_who_is_left_without_an_answer_is_known(
    sandbox: Sandbox, rest: Rest, used: Used, guild: Server, channel: Channel
) -> None:
    assert sandbox.unanswered() == [used.interaction]
    await answer(rest, used, 5)
    assert sandbox.unanswered() == [used.interaction]
    await rest("PATCH", webhook(used.interaction, "/messages/@original"), {"content": "done"}, token=None)
    assert sandbox.unanswered() == []
    again = await guild.add_member("leo").slash("ping", channel)
    assert sandbox.unanswered() == [again.interaction]
    guild.remove_channel(channel)
    assert sandbox.unanswered() == []


async def test_an_unknown_interaction_is_unknown(rest: Rest) -> None:
    assert await rest.code("POST", "/interactions/1/x/callback", {"type": 5}, token=None) == (404, 10062)
    assert await rest.code("GET", "/webhooks/1/x/messages/@original", token=None) == (404, 10015)


async def test_the_token_dies_after_a_quarter_of_an_hour(rest: Rest, used: Used, clock: ManualClock) -> None:
    await answer(rest, used, 5)
    clock.advance(901)
    path = webhook(used.interaction, "/messages/@original")
    assert await rest.code("PATCH", path, {"content": "late"}, token=None) == (401, 50027)
    assert await rest.code("POST", webhook(used.interaction), {"content": "x"}, token=None) == (401, 50027)


async def test_the_bots_token_outlives_the_interaction(
    rest: Rest, used: Used, clock: ManualClock, channel: Channel
) -> None:
    receipt = await answer(rest, used, 5)
    message_id = receipt["interaction"]["response_message_id"]
    clock.advance(901)
    status, _ = await rest("PATCH", f"/channels/{channel.id}/messages/{message_id}", {"content": "done"})
    assert status == 200
    assert (await used.response()).text == "done"


async def test_a_deferral_tells_the_message(rest: Rest, used: Used, channel: Channel) -> None:
    receipt = await answer(rest, used, 5)
    ack = await used.acknowledged()
    assert receipt["interaction"]["response_message_loading"] is True
    assert receipt["resource"]["message"]["id"] == str(channel.messages[0].id)
    assert (ack.type, ack.ephemeral) == (5, False)
    assert ack.latency_s > 0
    assert channel.messages[0].is_loading


async def test_the_first_follow_up_fills_in_the_loading_message(
    rest: Rest, used: Used, channel: Channel
) -> None:
    await answer(rest, used, 5)
    await rest("POST", webhook(used.interaction), {"content": "first"}, token=None)
    _, second = await rest("POST", webhook(used.interaction), {"content": "second"}, token=None)
    assert [message.text for message in channel.messages] == ["first", "second"]
    assert (await used.follow_up()).text == "second"
    path = webhook(used.interaction, f"/messages/{second['id']}")
    assert (await rest("PATCH", path, {"content": "2nd"}, token=None))[1]["content"] == "2nd"
    assert await rest("DELETE", path, token=None) == (204, None)
    assert await rest.code("GET", path, token=None) == (404, 10008)


async def test_there_is_no_follow_up_before_an_answer(rest: Rest, used: Used) -> None:
    assert await rest.code("POST", webhook(used.interaction), {"content": "x"}, token=None) == (404, 10015)


async def test_an_ephemeral_answer_stays_so_and_is_for_one_person(
    rest: Rest, used: Used, channel: Channel, mia: Person, guild: Server
) -> None:
    button = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    await answer(rest, used, 5, flags=64)
    path = webhook(used.interaction, "/messages/@original")
    await rest("PATCH", path, {"content": "for you", "components": [button]}, token=None)
    message = await used.response()
    assert message.ephemeral_to is mia.user
    assert message.flags & 64
    assert channel.messages == []
    assert await rest.code("GET", f"/channels/{channel.id}/messages/{message.id}") == (404, 10008)
    assert await rest.code("PATCH", f"/channels/{channel.id}/messages/{message.id}", {}) == (404, 10008)
    with pytest.raises(ClientRefused, match="does not see"):
        await guild.add_member("tom").click(message, "Go")
    await mia.click(message, "Go")
    assert await rest("DELETE", path, token=None) == (204, None)
    assert await rest.code("GET", path, token=None) == (404, 10008)


async def test_interaction_answers_ping_users_but_not_everyone(
    rest: Rest, used: Used, guild: Server, app: App, mia: Person
) -> None:
    role = guild.app_role(app)
    guild.change_role(role, role.permissions | Permission.MENTION_EVERYONE)
    await answer(rest, used, 4, content=f"@everyone {mia.mention}")
    assert (await used.response()).pinged == {mia.id}


async def test_callback_types_fit_the_interaction(rest: Rest, used: Used) -> None:
    path = callback(used.interaction)
    assert await rest.code("POST", path, {"type": 12}, token=None) == (400, 50035)
    bodies: tuple[dict[str, Any], ...] = (
        {"type": 6},
        {"type": 7, "data": {"content": "x"}},
        {"type": 8, "data": {"choices": []}},
    )
    for body in bodies:
        assert await rest.code("POST", path, body, token=None) == (400, 50035)


async def test_buttons_change_their_own_message(
    rest: Rest, used: Used, mia: Person, channel: Channel
) -> None:
    row = {
        "type": 1,
        "components": [
            {"type": 2, "style": 1, "label": "Go", "custom_id": "go"},
            {"type": 2, "style": 1, "label": "Off", "custom_id": "off", "disabled": True},
            {"type": 2, "style": 5, "label": "Site", "url": "https://example.org"},
        ],
    }
    await answer(rest, used, 4, content="choose", components=[row])
    message = await used.response()
    assert [button.label for button in message.buttons] == ["Go", "Off", "Site"]
    for label in ("Off", "Site", "Nowhere"):
        with pytest.raises(ClientRefused):
            await mia.click(message, label)
    pressed = await mia.click(message, "go")
    await answer(rest, pressed, 7, content="gone", components=[])
    assert (await pressed.response()).text == "gone"
    assert channel.messages == [message]
    assert [version.text for version in message.edits] == ["choose"]


async def test_a_deferred_update_leaves_the_message_as_it_is(
    rest: Rest, used: Used, mia: Person, channel: Channel
) -> None:
    select = {"type": 3, "custom_id": "s", "options": [{"label": "A", "value": "a"}]}
    await answer(rest, used, 4, content="choose", components=[{"type": 1, "components": [select]}])
    message = await used.response()
    with pytest.raises(ClientRefused, match="offers no"):
        await mia.choose(message, "s", "B")
    chosen = await mia.choose(message, "s", "A")
    assert chosen.interaction.data["values"] == ["a"]
    await answer(rest, chosen, 6)
    await rest(
        "PATCH", webhook(chosen.interaction, "/messages/@original"), {"content": "A it is"}, token=None
    )
    assert channel.messages[0].text == "A it is"


async def test_waiting_says_what_is_there(used: Used) -> None:
    with pytest.raises(TimeoutError, match="an answer to <Interaction COMMAND ping by mia>"):
        await used.acknowledged(timeout_s=0.01)
    with pytest.raises(TimeoutError, match="There is: None"):
        await used.response(timeout_s=0.01)


async def test_waiting_ends_with_the_change(rest: Rest, used: Used) -> None:
    waiting = asyncio.ensure_future(used.response(until=lambda message: "100" in message.text))
    await answer(rest, used, 5)
    path = webhook(used.interaction, "/messages/@original")
    for percent in ("50 %", "100 %"):
        await rest("PATCH", path, {"content": percent}, token=None)
    assert (await waiting).text == "100 %"


async def test_the_payload_brings_what_discord_brings(
    sandbox: Sandbox, rest: Rest, app: App, guild: Server, channel: Channel
) -> None:
    del rest
    events: list[Any] = []
    sandbox.world.hub.listeners.append(events.append)
    app.replace_commands(None, [PING], sandbox.world.hub.new_id)
    mia = guild.add_member("mia", locale="de")
    await mia.slash("ping", channel)
    event = events[-1]
    body = event.payload(None)
    assert event.name == "INTERACTION_CREATE"
    assert body["attachment_size_limit"] == guild.upload_limit
    assert body["authorizing_integration_owners"] == {"0": str(guild.id)}
    assert body["context"] == 0
    assert body["locale"] == "de"
    assert body["entitlements"] == []
    assert int(body["app_permissions"]) & Permission.ATTACH_FILES
    assert int(body["member"]["permissions"]) & Permission.SEND_MESSAGES
    assert body["channel"]["id"] == str(channel.id)
