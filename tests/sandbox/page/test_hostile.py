"""Texts that no page sends: each is refused in a sentence, and the connection stands."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox import Channel, Person, Sandbox, Server
from bot.sandbox.page import protocol, using, writing
from tests.sandbox.page.bot import DEFERRED, EPHEMERAL, MESSAGE, Bot
from tests.sandbox.page.client import Client, Refused, Windows

UNREADABLE = [
    "",
    "not JSON",
    "[]",
    "7",
    "null",
    "{}",
    '{"id": "7", "do": "history"}',
    '{"id": true, "do": "history"}',
    '{"id": -1, "do": "history"}',
    '{"id": 1e400, "do": "history"}',
    '{"id": 7, "do": "history", "limit": NaN}',
    "[" * 50_000,
    '{"id": 7, "do": "send", "text": "' + "x" * 70_000 + '"}',
    '{"id": ' + "9" * 5000 + "}",
]


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_what_is_no_question_is_refused(window: Client, text: str) -> None:
    await window.socket.send_str(text)
    with pytest.raises(Refused, match=r"\.$"):
        await window.answer(None)
    await window.settled()


async def test_bytes_are_refused(window: Client) -> None:
    await window.socket.send_bytes(b"\x00")
    with pytest.raises(Refused, match="texts"):
        await window.answer(None)


@pytest.mark.parametrize("verb", ["nothing", "", "__class__", "x" * 1000, None, 7, ["send"]])
async def test_unknown_verbs_are_refused(window: Client, verb: object) -> None:
    await window.socket.send_json({"id": 1, "do": verb})
    with pytest.raises(Refused, match="no verb"):
        await window.answer(1)


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("history", {"channel": 7}),
        ("history", {"channel": "١٢"}),
        ("history", {"channel": "9" * 30}),
        ("history", {"channel": "1"}),
        ("history", {"limit": 0}),
        ("history", {"limit": 101}),
        ("history", {"limit": True}),
        ("history", {"limit": "50"}),
        ("history", {"before": 5}),
        ("send", {"text": 5}),
        ("send", {"text": ""}),
        ("send", {"text": "  \n"}),
        ("send", {"text": "x", "files": [5]}),
        ("send", {"text": "x", "files": {"a": 1}}),
        ("send", {"text": "x", "files": ["no ticket"]}),
        ("send", {"text": "x", "ping": "yes"}),
        ("send", {"text": "x", "reply_to": "1"}),
        ("edit", {"message": "1", "text": "x"}),
        ("delete", {"message": "1"}),
        ("slash", {}),
        ("slash", {"name": " "}),
        ("slash", {"name": "missing"}),
        ("slash", {"name": "missing", "options": [1]}),
        ("complete", {"name": "missing", "focused": "x", "value": None}),
        ("complete", {"name": "missing", "focused": "x", "value": {}}),
        ("menu", {"message": "1", "name": "Animate"}),
        ("click", {"message": "1", "custom_id": "x"}),
        ("choose", {"message": "1", "custom_id": "x", "values": ["a"]}),
        ("submit", {"modal": "1", "values": {}}),
        ("submit", {"modal": None}),
        ("thread", {"name": ""}),
        ("thread", {"name": "x" * 101}),
        ("thread", {"name": "x", "message": "1"}),
        ("archive", {}),
        ("archive", {"locked": 1}),
        ("offer", {"message": "1"}),
        ("backstage", {"open": 1}),
        ("set", {"value": "fine"}),
        ("set", {"switch": "nothing", "value": "fine"}),
        ("set", {"switch": "discord.api", "value": {}}),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
async def test_questions_with_wrong_fields_are_refused(
    window: Client, channel: Channel, verb: str, fields: dict[str, object]
) -> None:
    with pytest.raises(Refused, match=r"[.]$"):
        await window.ask(verb, **{"channel": str(channel.id), **fields})
    await window.settled()


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = (
    *(
        "channel",
        "message",
        "text",
        "files",
        "reply_to",
        "ping",
        "name",
        "options",
        "focused",
        "value",
        "values",
    ),
    *("custom_id", "modal", "limit", "before", "locked", "open", "switch"),
)


_VERBS = {*writing.VERBS, *using.VERBS}
_FIELDS = st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=5)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.tuples(st.sampled_from(sorted(_VERBS)), _FIELDS), max_size=20))
async def test_any_question_is_answered_or_refused(
    asked: list[tuple[str, dict[str, Any]]], windows: Windows, channel: Channel, mia: Person
) -> None:
    window = await windows.open(mia)
    for verb, fields in asked:
        with suppress(Refused):
            await window.ask(verb, **{"channel": str(channel.id)} | fields)
    await window.close()


async def test_a_text_that_is_far_too_large_ends_the_connection_and_nothing_else(
    windows: Windows, mia: Person, channel: Channel, guild: Server
) -> None:
    window, other = await windows.open(mia), await windows.open(guild.add_member("leo"))
    await window.socket.send_str("x" * (2 << 20))
    assert await window.ended() == 1009
    assert await other.ask("history", channel=str(channel.id)) == []


SECRET = "said to mia alone"
LINK = {"type": 2, "style": 5, "label": SECRET, "url": "http://127.0.0.1/a-link-of-mias"}


async def test_nothing_of_what_is_said_to_one_person_is_in_any_text_to_another(
    windows: Windows, window: Client, bot: Bot, channel: Channel, guild: Server
) -> None:
    other, place = guild.add_member("leo"), str(channel.id)
    leo = await windows.open(other)
    secret = {"content": SECRET, "components": [{"type": 1, "components": [LINK]}], "flags": EPHEMERAL}
    for number, kind in enumerate((MESSAGE, DEFERRED), 1):
        await window.ask("slash", channel=place, name="quota me")
        interaction = await bot.gets(number)
        await bot.answers(interaction, kind, **(secret if kind == MESSAGE else {"flags": EPHEMERAL}))
        await bot.edits(interaction, content=f"{SECRET}, once more", components=secret["components"])
        await bot.follows_up(interaction, **secret)
        await bot.follows_up(interaction, content=f"for all {number}")
        await leo.hears("message", lambda e, number=number: e["message"]["content"] == f"for all {number}")
    told = [leo.events, await leo.ask("history", channel=place), (await windows.open(other)).events]
    assert "for all 2" in str(told)
    assert not [words for words in (SECRET, "a-link-of-mias") if words in str(told)]
    await window.hears("message", lambda e: SECRET in str(e["message"].get("referenced_message")))


async def test_what_cannot_be_told_hides_nothing_else(
    window: Client, sandbox: Sandbox, channel: Channel, mia: Person, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.world.hub.changed(object(), is_new=True)
    await mia.send(channel, "hello")
    await window.hears("message", lambda event: event["message"]["content"] == "hello")
    assert "The page was not told of a object." in caplog.text


def test_every_verb_and_event_is_described() -> None:
    text = protocol.__doc__ or ""
    for verb in _VERBS:
        assert f"\n{verb} " in text
