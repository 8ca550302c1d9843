import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests import discord_document, discord_payloads, discord_schema
from tests.discord_payloads import CALLBACK, COMMANDS, FOLLOW_UP, MESSAGE, MESSAGES, ORIGINAL, THREADS
from tests.discord_schema import DiscordSchema

MANY = [{"type": 10, "content": "x"}] * 41


@pytest.fixture(scope="module")
def schema() -> DiscordSchema:
    document = discord_schema.find_document()
    if document is None:
        pytest.skip(discord_schema.ABSENT)
    return discord_schema.load(document)


def at(template: str) -> str:
    return re.sub(r"\{\w+\}", "123", template)


async def test_what_discord_py_sends_passes(schema: DiscordSchema) -> None:
    problems = [
        problem
        for sent in discord_payloads.everything()
        for problem in schema.problems(sent.method, at(sent.route), sent.body, sent.files)
    ]
    assert problems == []


def command(**keys: Any) -> list[dict[str, Any]]:
    return [{"name": "animate", "description": "Make a video", **keys}]


def option(**keys: Any) -> list[dict[str, Any]]:
    return command(options=[{"type": 3, "name": "prompt", "description": "Words", **keys}])


def modal(*components: Any, **keys: Any) -> dict[str, Any]:
    return {"type": 9, "data": {"custom_id": "ask", "title": "Ask", "components": [*components], **keys}}


def field(**keys: Any) -> dict[str, Any]:
    return modal({"type": 18, "label": "Prompt", "component": {"custom_id": "prompt", **keys}})


def row(**keys: Any) -> dict[str, Any]:
    return {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "go", **keys}]}]}


REFUSED: dict[str, tuple[str, str, Any, str]] = {
    "misspelt key": ("POST", MESSAGES, {"contnt": "x"}, "'contnt' was unexpected"),
    "misspelt key deep inside": ("POST", MESSAGES, row(lable="Go"), "components[0].components[0]: Additional"),
    "no body": ("POST", MESSAGES, None, "the body is missing"),
    "wrong kind of body": ("POST", MESSAGES, [], "is not of type 'object'"),
    "content of a wrong type": ("POST", MESSAGES, {"content": 5}, "content: 5 is not of type"),
    "content above 4000": ("POST", MESSAGES, {"content": "x" * 4001}, "content: 'xxx"),
    "eleven embeds": ("POST", MESSAGES, {"embeds": [{"title": "x"}] * 11}, "embeds: "),
    "embed title too long": ("POST", MESSAGES, {"embeds": [{"title": "x" * 257}]}, "embeds[0].title"),
    "field without a value": ("POST", MESSAGES, {"embeds": [{"fields": [{"name": "x"}]}]}, "'value' is a required"),
    "nonce too long": ("POST", MESSAGES, {"content": "x", "nonce": "x" * 26}, "nonce: "),
    "mention that is no id": ("POST", MESSAGES, {"allowed_mentions": {"users": ["mia"]}}, "allowed_mentions.users[0]"),
    "unknown mention type": ("POST", MESSAGES, {"allowed_mentions": {"parse": ["here"]}}, "allowed_mentions.parse[0]"),
    "reference without a message": ("POST", MESSAGES, {"message_reference": {"channel_id": "1"}}, "message_reference: "),
    "attachment without an id": ("POST", MESSAGES, {"attachments": [{"filename": "x"}]}, "'id' is a required"),
    "41 components": ("POST", MESSAGES, {"components": MANY}, "components: "),
    "button outside a row": ("POST", MESSAGES, {"components": [{"type": 2}]}, "components[0].type: 2 is not one of"),
    "component without a type": ("POST", MESSAGES, {"components": [{}]}, "components[0]: 'type' is a required"),
    "label too long": ("POST", MESSAGES, row(label="x" * 81), "components[0].components[0].label: 'xxx"),
    "custom id too long": ("PATCH", MESSAGE, row(custom_id="x" * 101), "components[0].components[0].custom_id: 'xxx"),
    "unknown button style": ("PATCH", MESSAGE, row(style=7), "components[0].components[0].style: 7"),
    "six buttons": ("PATCH", MESSAGE, {"components": [{"type": 1, "components": row()["components"][0]["components"] * 6}]}, "components[0].components: "),
    "empty gallery": ("PATCH", MESSAGE, {"components": [{"type": 12, "items": []}]}, "components[0].items: "),
    "section without an accessory": ("PATCH", MESSAGE, {"components": [{"type": 9, "components": MANY[:1]}]}, "'accessory' is a required"),
    "container inside a container": ("PATCH", MESSAGE, {"components": [{"type": 17, "components": [{"type": 17, "components": MANY[:1]}]}]}, "components[0].components[0].type: 17"),
    "nonce in an edit": ("PATCH", MESSAGE, {"nonce": "1"}, "'nonce' was unexpected"),
    "content above 2000 through a webhook": ("PATCH", ORIGINAL, {"content": "x" * 2001}, "content: "),
    "username too long": ("POST", FOLLOW_UP, {"content": "x", "username": "x" * 81}, "username: "),
    "unknown callback type": ("POST", CALLBACK, {"type": 3}, "type: 3 is not one of"),
    "callback without a type": ("POST", CALLBACK, {"data": {}}, "'type' is a required"),
    "choices without a value": ("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "x"}]}}, "'value' is a required"),
    "26 choices": ("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "x", "value": "x"}] * 26}}, "data.choices: "),
    "modal without a title": ("POST", CALLBACK, {"type": 9, "data": {"custom_id": "x", "components": MANY[:1]}}, "'title' is a required"),
    "modal title too long": ("POST", CALLBACK, modal(MANY[0], title="x" * 46), "data.title: "),
    "button in a modal": ("POST", CALLBACK, modal({"type": 2}), "data.components[0].type: 2"),
    "button in a label": ("POST", CALLBACK, field(type=2), "data.components[0].component.type: 2"),
    "eleven uploads": ("POST", CALLBACK, field(type=19, max_values=11), "data.components[0].component.max_values: 11"),
    "unknown file type": ("POST", CALLBACK, field(type=19, file_types=["png"]), "file_types[0]: 'png' does not match"),
    "single radio option": ("POST", CALLBACK, field(type=21, options=[{"label": "x", "value": "x"}]), "component.options: "),
    "thread without a name": ("POST", f"{MESSAGE}/threads", {"auto_archive_duration": 60}, "'name' is a required"),
    "thread name too long": ("POST", f"{MESSAGE}/threads", {"name": "x" * 101}, "name: "),
    "archiving after half an hour": ("POST", f"{MESSAGE}/threads", {"name": "x", "auto_archive_duration": 30}, "auto_archive_duration: "),
    "thread of a channel type": ("POST", THREADS, {"name": "x", "type": 0}, "type: 0"),
    "six tags": ("POST", THREADS, {"name": "x", "message": {"content": "x"}, "applied_tags": ["1"] * 6}, "applied_tags: "),
    "command name too long": ("PUT", COMMANDS, command(name="x" * 33), "[0].name: "),
    "unknown option type": ("PUT", COMMANDS, option(type=12), "[0].options[0].type: 12"),
    "bounds of a text on a boolean": ("PUT", COMMANDS, option(type=5, min_length=1), "'min_length' was unexpected"),
    "option without a description": ("PUT", COMMANDS, option(description=""), "[0].options[0].description: "),
    "group inside a group": ("PUT", COMMANDS, option(type=2, options=[{"type": 2, "name": "x", "description": "x"}]), "options[0].options[0]"),
    "permissions in words": ("PUT", COMMANDS, command(default_member_permissions="admin"), "default_member_permissions: "),
    "body where none is taken": ("DELETE", MESSAGE, {"content": "x"}, "no body is taken"),
    "unknown method": ("PUT", MESSAGE, {}, "no such method"),
    "unknown path": ("GET", "/channels/1/massages", None, "no such path"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "route", "body", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bad_request_is_named(
    schema: DiscordSchema, method: str, route: str, body: Any, reason: str
) -> None:
    (problem,) = schema.problems(method, at(route), body)
    assert reason in problem
    assert problem.startswith(f"{method} ")
    assert len(problem) < 400


ACCEPTED: dict[str, tuple[str, str, Any]] = {
    "attachment id as an integer": ("POST", MESSAGES, {"attachments": [{"id": 0}]}),
    "attachment id as a text": ("POST", MESSAGES, {"attachments": [{"id": "0"}]}),
    "mentioned ids as integers": ("POST", MESSAGES, {"content": "x", "allowed_mentions": {"users": [12]}}),
    "whole attachment that is kept": ("PATCH", MESSAGE, {"attachments": [{"id": 12, "url": "x", "size": 1}]}),
    "tts in an edit": ("PATCH", MESSAGE, {"content": "x", "tts": False}),
    "tts in a webhook edit": ("PATCH", ORIGINAL, {"content": "x", "tts": False}),
    "tts in an update": ("POST", CALLBACK, {"type": 7, "data": {"tts": False}}),
    "tts in a forum post": ("POST", THREADS, {"name": "x", "type": 11, "message": {"content": "x", "tts": False}}),
    "flags of an embed": ("POST", MESSAGES, {"embeds": [{"title": "x", "flags": 0}]}),
    "forward": ("POST", MESSAGES, {"message_reference": {"type": 1, "message_id": "1", "channel_id": "2"}}),
    "nsfw command": ("PUT", COMMANDS, command(nsfw=True)),
    "nsfw in one new command": ("POST", COMMANDS, command(nsfw=True)[0]),
    "nsfw in a changed command": ("PATCH", f"{COMMANDS}/{{command_id}}", {"nsfw": True}),
    "permissions as an integer": ("PUT", COMMANDS, command(default_member_permissions=32)),
    "permissions as a text": ("PUT", COMMANDS, command(default_member_permissions="32")),
    "file types of an option": ("PUT", COMMANDS, option(type=11, file_types=["image", ".png"])),
    "file types of an upload": ("POST", CALLBACK, field(type=19, file_types=["video"])),
    "null for what is optional": ("POST", MESSAGES, {"content": "x", "embeds": None, "allowed_mentions": None}),
    "no body where none is taken": ("DELETE", MESSAGE, None),
    "prefix and query": ("POST", f"/api/v10{FOLLOW_UP}?wait=true", {"content": "x"}),
}  # fmt: skip


@pytest.mark.parametrize(("method", "route", "body"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_document_does_not_know_is_accepted(
    schema: DiscordSchema, method: str, route: str, body: Any
) -> None:
    assert schema.problems(method, at(route), body) == []


def test_files_are_counted_and_only_taken_where_a_form_is(schema: DiscordSchema) -> None:
    body = {"content": "x"}
    assert schema.problems("POST", at(MESSAGES), body, ["a.png"] * 10) == []
    assert schema.problems("POST", at(MESSAGES), None, ["a.png"]) == []
    (too_many,) = schema.problems("POST", at(MESSAGES), body, ["a.png"] * 11)
    (not_here,) = schema.problems("POST", at(f"{MESSAGE}/threads"), {"name": "x"}, ["a.png"])
    assert "10 files, not 11" in too_many
    assert "files are not taken here" in not_here


def test_a_literal_segment_wins_over_a_parameter(schema: DiscordSchema) -> None:
    assert "@me" in schema.problems("PUT", "/users/@me", {})[0]
    assert "@original" in schema.problems("PATCH", "/webhooks/1/token/messages/@original", {"content": 5})[0]
    assert "{message_id}" in schema.problems("PATCH", "/webhooks/1/token/messages/2", {"content": 5})[0]


def test_a_path_made_of_a_missing_value_is_a_problem(schema: DiscordSchema) -> None:
    (problem,) = schema.problems("POST", "/channels/None/messages", {"content": "x"})
    assert "channel_id in the path is not an id: 'None'" in problem


def test_an_observer_keeps_the_problems_of_all_requests(schema: DiscordSchema) -> None:
    observer = discord_schema.observer()
    assert observer is not None
    for content in ("x", 5, 6):
        request: Any = SimpleNamespace(method="POST", path=at(MESSAGES), body={"content": content}, files=())
        observer(request)
    assert ["content: 5" in observer.problems[0], "content: 6" in observer.problems[1]] == [True, True]
    assert observer.schema is schema
    assert len(observer.problems) == 2


def test_without_the_document_nothing_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (discord_document, discord_schema):
        monkeypatch.setattr(module, "__file__", str(tmp_path / "repository" / "tests" / "module.py"))
    assert discord_schema.find_document() is None
    assert discord_schema.observer() is None


def test_the_parts_of_an_all_of_stay_open_and_the_whole_is_closed() -> None:
    schemas: Any = {"Named": {"type": "object", "properties": {"name": {"type": "string"}}}}
    parts = [
        {"$ref": "#/components/schemas/Named"},
        {"type": "object", "properties": {"age": {"type": "integer"}}},
    ]
    validator: Any = Draft202012Validator(discord_document.strict({"allOf": parts}, schemas))
    assert validator.is_valid({"name": "mia", "age": 5})
    assert not validator.is_valid({"name": "mia", "age": 5, "nane": "mia"})
    assert not validator.is_valid({"name": "mia", "age": "five"})
