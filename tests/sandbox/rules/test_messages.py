"""Every rule both ways: a body that breaks it, and its neighbour that just keeps it."""

from typing import Any

import pytest
from hypothesis import strategies as st

from bot.sandbox.rules import violations
from tests import discord_payloads
from tests.discord_payloads import FOLLOW_UP, MESSAGE, MESSAGES, ORIGINAL, THREADS

V2 = 1 << 15
TEXT = {"type": 10, "content": "x"}
ROW = {"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "go", "label": "Go"}]}


def created(body: object, *files: str) -> list[str]:
    return violations("POST", MESSAGES, body, files)


def edited(body: object, *files: str) -> list[str]:
    return violations("PATCH", MESSAGE, body, files)


def embed(**keys: Any) -> dict[str, Any]:
    return {"embeds": [{"title": "x", **keys}]}


def gallery(url: str) -> dict[str, Any]:
    return {"flags": V2, "components": [{"type": 12, "items": [{"media": {"url": url}}]}]}


def poll(**keys: Any) -> dict[str, Any]:
    return {"poll": {"question": {"text": "?"}, "answers": [{"poll_media": {"text": "Yes"}}], **keys}}


CREATED: dict[str, tuple[Any, Any, str]] = {
    "not an object": ([], {"content": "x"}, "The body must be an object."),
    "content length": ({"content": "x" * 2001}, {"content": "x" * 2000}, "content must have 0 to 2000 characters; it has 2001."),
    "content type": ({"content": 5}, {"content": "5"}, "content must be a text."),
    "empty": ({}, {"content": "x"}, "The message is empty."),
    "nothing but spaces": ({"content": " \n"}, {"content": " x\n"}, "The message is empty."),
    "nothing but empty lists": ({"embeds": [], "components": None}, {"sticker_ids": ["1"]}, "The message is empty."),
    "unknown key": ({"contnt": "x"}, {"content": "x"}, "contnt is a key that Discord does not know here."),
    "nonce length": ({"content": "x", "nonce": "n" * 26}, {"content": "x", "nonce": "n" * 25}, "nonce must have 0 to 25"),
    "nonce type": ({"content": "x", "nonce": 1.5}, {"content": "x", "nonce": 15}, "nonce must be a text."),
    "enforce_nonce": ({"content": "x", "enforce_nonce": 1}, {"content": "x", "enforce_nonce": True}, "enforce_nonce must be true or false."),
    "flag of an answer": ({"content": "x", "flags": 64}, {"content": "x", "flags": 4096 | 4}, "flags has bits that cannot be set here: 64."),
    "flags sign": ({"content": "x", "flags": -1}, {"content": "x", "flags": 0}, "flags must be a whole number"),
    "V2 with content": ({"content": "x", "flags": V2, "components": [TEXT]}, {"content": None, "flags": V2, "components": [TEXT]}, "content cannot be used together with V2"),
    "V2 with embeds": ({**embed(), "flags": V2, "components": [TEXT]}, {"embeds": [], "flags": V2, "components": [TEXT]}, "embeds cannot be used"),
    "V2 with a poll": ({**poll(), "flags": V2, "components": [TEXT]}, poll(), "poll cannot be used"),
    "V2 with stickers": ({"sticker_ids": ["1"], "flags": V2, "components": [ROW]}, {"sticker_ids": ["1"], "components": [ROW]}, "sticker_ids cannot be used"),
    "V2 without components": ({"flags": V2, "components": []}, {"flags": V2, "components": [ROW]}, "The message is empty."),
    "V2 without the flag": ({"components": [TEXT]}, {"components": [TEXT], "flags": V2}, "components has V2 components, which need the flag 32768 in flags."),
    "four stickers": ({"sticker_ids": list("1234")}, {"sticker_ids": list("123")}, "sticker_ids must have 0 to 3 entries; it has 4."),
    "mentions twice over": ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, {"content": "x", "allowed_mentions": {"parse": ["users"], "users": [], "roles": ["1"]}}, "allowed_mentions.parse allows all users, so allowed_mentions.users cannot name some."),
    "roles twice over": ({"content": "x", "allowed_mentions": {"parse": ["roles"], "roles": [1]}}, {"content": "x", "allowed_mentions": {"parse": ["everyone"], "roles": [1]}}, "allows all roles"),
    "unknown mention": ({"content": "x", "allowed_mentions": {"parse": ["here"]}}, {"content": "x", "allowed_mentions": {"parse": []}}, "allowed_mentions.parse[0] must be one of everyone, users, roles, not 'here'."),
    "same mention": ({"content": "x", "allowed_mentions": {"users": ["1", "1"]}}, {"content": "x", "allowed_mentions": {"users": ["1", "2"]}}, "allowed_mentions.users names an entry twice."),
    "101 mentions": ({"content": "x", "allowed_mentions": {"users": list(range(101))}}, {"content": "x", "allowed_mentions": {"users": list(range(100))}}, "allowed_mentions.users must have 0 to 100 entries"),
    "mention of a name": ({"content": "x", "allowed_mentions": {"users": ["mia"]}}, {"content": "x", "allowed_mentions": {"users": ["12"]}}, "allowed_mentions.users[0] must be an id, not 'mia'."),
    "reply to nothing": ({"content": "x", "message_reference": {}}, {"content": "x", "message_reference": {"message_id": 1}}, "message_reference.message_id is missing."),
    "forward from nowhere": ({"message_reference": {"type": 1, "message_id": 1}}, {"message_reference": {"type": 1, "message_id": 1, "channel_id": 2}}, "message_reference.channel_id is missing; a forward needs it."),
    "eleven embeds": ({"embeds": embed()["embeds"] * 11}, {"embeds": embed()["embeds"] * 10}, "embeds must have 0 to 10 entries; it has 11."),
    "embed of nothing": ({"embeds": [{"color": 1}]}, {"embeds": [{"color": 1, "title": "x"}]}, "embeds[0] is an embed that shows nothing."),
    "embed title": (embed(title="x" * 257), embed(title="x" * 256), "embeds[0].title must have 0 to 256"),
    "embed description": (embed(description="x" * 4097), embed(description="x" * 4096), "embeds[0].description must have 0 to 4096"),
    "embed fields": (embed(fields=[{"name": "x", "value": "x"}] * 26), embed(fields=[{"name": "x", "value": "x"}] * 25), "embeds[0].fields must have 0 to 25"),
    "embed field value": (embed(fields=[{"name": "x", "value": "x" * 1025}]), embed(fields=[{"name": "x", "value": "x" * 1024}]), "embeds[0].fields[0].value must have 1 to 1024"),
    "embed field without a name": (embed(fields=[{"value": "x"}]), embed(fields=[{"name": "x", "value": "x"}]), "embeds[0].fields[0].name is missing."),
    "embed footer": (embed(footer={"text": "x" * 2049}), embed(footer={"text": "x" * 2048}), "embeds[0].footer.text must have 1 to 2048"),
    "embed author": (embed(author={"name": "x" * 257}), embed(author={"name": "x" * 256}), "embeds[0].author.name must have 1 to 256"),
    "embed sum": ({"embeds": [{"description": "x" * 3000}, {"description": "x" * 3001}]}, {"embeds": [{"description": "x" * 3000}] * 2}, "embeds may have 6000 characters in all; they have 6001."),
    "embed sum of every part": (embed(description="x" * 4000, footer={"text": "x" * 1000}, author={"name": "x" * 200}, fields=[{"name": "x" * 200, "value": "x" * 600}]), embed(description="x" * 4000), "embeds may have 6000 characters in all; they have 6001."),
    "embed colour": (embed(color=0x1000000), embed(color=0xFFFFFF), "embeds[0].color must be a whole number from 0 to 16777215"),
    "embed time": (embed(timestamp="today"), embed(timestamp="2026-01-01T00:00:00+00:00"), "embeds[0].timestamp must be a time in ISO 8601"),
    "embed picture scheme": (embed(image={"url": "file:///x.png"}), embed(image={"url": "https://x.org/x.png"}), "embeds[0].image.url must be a URL that starts with"),
    "poll without answers": (poll(answers=[]), poll(), "poll.answers must have 1 to 10 entries; it has 0."),
    "poll of 33 days": (poll(duration=769), poll(duration=768.0), "poll.duration must be a whole number from 1 to 768, not 769."),
    "same attachment": ({"content": "x", "attachments": [{"id": 0}, {"id": "0"}]}, {"content": "x", "attachments": []}, "attachments has the id 0 twice."),
    "entry without a file": ({"content": "x", "attachments": [{"id": 0}]}, {"content": "x"}, "attachments has the id 0, but no file of that number is uploaded."),
    "attachment of another message": ({"content": "x", "attachments": [{"id": "900000000000000001"}]}, {"content": "x"}, "attachments names attachments of another message: 900000000000000001."),
    "alt text": ({"content": "x", "attachments": [{"id": 0, "description": "x" * 1025}]}, {"content": "x"}, "attachments[0].description must have 0 to 1024"),
}  # fmt: skip


@pytest.mark.parametrize(("broken", "kept", "reason"), CREATED.values(), ids=CREATED)
def test_a_message_that_breaks_a_rule_is_refused(broken: Any, kept: Any, reason: str) -> None:
    assert reason in " ".join(created(broken))
    assert created(kept) == []


def test_a_file_is_content_enough() -> None:
    assert created(None, "cat.png") == []
    assert created({}, "cat.png") == []


def test_there_are_at_most_ten_files() -> None:
    names = [f"{number}.png" for number in range(11)]
    assert created({}, *names[:10]) == []
    assert created({}, *names) == ["A message may have 10 files; this one has 11."]


@pytest.mark.parametrize("name", ["", "../cat.png", "a\\b.png", "cat\n.png"])
def test_what_is_not_a_file_name_is_refused(name: str) -> None:
    assert created({}, name) == [f"{name!r} is not a file name."]


@pytest.mark.parametrize(
    "body", [gallery("attachment://clip.mp4"), embed(image={"url": "attachment://clip.mp4"})]
)
def test_an_attachment_url_needs_the_file_it_names(body: Any) -> None:
    assert created(body, "clip.mp4") == []
    (reason,) = created(body, "clip.mov")
    assert reason.endswith("url names clip.mp4, but no such file is uploaded.")


def test_the_name_in_the_attachments_stands_in_for_that_of_the_upload() -> None:
    renamed = {"attachments": [{"id": 0, "filename": "clip.mp4"}]}
    assert created({**gallery("attachment://clip.mp4"), **renamed}, "upload.bin") == []
    assert created({**gallery("attachment://upload.bin"), **renamed}, "upload.bin") != []


def test_a_name_that_discord_rewrites_cannot_be_named() -> None:
    (reason,) = created(gallery("attachment://café.mp4"), "café.mp4")
    assert "which Discord will store under another name" in reason


def test_an_edit_may_show_a_file_that_the_message_has() -> None:
    shown = gallery("attachment://clip.mp4")
    kept = {"attachments": [{"id": "900000000000000001"}]}
    assert edited(shown) == []
    assert edited({**shown, **kept}) == []
    assert "no such file" in edited({**shown, "attachments": []})[0]


def test_kept_and_new_files_of_an_edit_are_at_most_ten_together() -> None:
    kept = [{"id": 900000000000000000 + number} for number in range(9)]
    assert edited({"content": "x", "attachments": [*kept, {"id": 0}]}, "a.png") == []
    assert edited({"content": "x", "attachments": kept}, "a.png", "b.png") != []


def test_an_edit_may_change_one_thing_but_not_empty_the_message() -> None:
    emptied: dict[str, Any] = {"content": "", "embeds": [], "components": [], "attachments": []}
    assert edited({"content": None, "embeds": []}) == []
    assert edited({**emptied, "content": "x"}) == []
    assert edited(emptied) == ["The edit leaves an empty message."]


def test_an_edit_may_leave_the_v2_flag_out_but_not_mix_v2_with_content() -> None:
    assert edited({"components": [TEXT]}) == []
    assert edited({"components": [TEXT], "content": None, "embeds": []}) == []
    assert "content cannot be used together" in edited({"components": [TEXT], "content": "x"})[0]


def test_a_nonce_belongs_to_create_message_only() -> None:
    for method, route in (("PATCH", MESSAGE), ("POST", FOLLOW_UP), ("PATCH", ORIGINAL)):
        assert violations(method, route, {"content": "x", "nonce": "1"}, []) != []


def test_a_follow_up_may_be_ephemeral_and_must_not_be_empty() -> None:
    assert violations("POST", FOLLOW_UP, {"content": "x", "flags": 64}, []) == []
    assert violations("POST", FOLLOW_UP, {"flags": 64}, []) == ["The message is empty."]


def test_a_forum_post_is_checked_with_its_message() -> None:
    post: dict[str, Any] = {"name": "Cats", "message": {"content": "x"}}
    assert violations("POST", THREADS, post, []) == []
    assert violations("POST", THREADS, {**post, "message": {}}, ["cat.png"]) == []
    assert violations("POST", THREADS, {**post, "message": {}}, []) == ["message is empty."]
    assert (
        "message.content" in violations("POST", THREADS, {**post, "message": {"content": "x" * 2001}}, [])[0]
    )


async def test_what_discord_py_sends_is_accepted() -> None:
    sent = discord_payloads.everything()
    assert [
        reason for each in sent for reason in violations(each.method, each.route, each.body, each.files)
    ] == []


def test_other_routes_have_no_rules() -> None:
    assert violations("POST", "/channels/{channel_id}/typing", None, []) == []
    assert violations("GET", MESSAGES, None, []) == []


WORDS = """
    accessory allowed_mentions attachments choices component components content custom_id data default_values
    description embeds fields flags id items label max_values media message min_values name options parse poll
    required style title type url users value
"""
KEYS = st.sampled_from(WORDS.split())


def test_files_alone_do_not_make_a_v2_message() -> None:
    (reason,) = created({"flags": V2}, "clip.mp4")
    assert reason == "components is missing; the flags say that the message consists of V2 components."
