from typing import Any

import pytest

from bot.sandbox.rules import violations
from tests.discord_payloads import MESSAGE, MESSAGES

V2 = 1 << 15
TEXT = {"type": 10, "content": "x"}
GO = {"type": 2, "style": 1, "custom_id": "go", "label": "Go"}
THUMBNAIL = {"type": 11, "media": {"url": "https://x.org/x.png"}}
ITEM = {"media": {"url": "https://x.org/x.mp4"}}
OPTION = {"label": "x", "value": "x"}


def sent(*components: object) -> list[str]:
    return violations("POST", MESSAGES, {"flags": V2, "components": list(components)}, ["clip.mp4"])


def row(*children: object) -> dict[str, Any]:
    return {"type": 1, "components": list(children)}


def button(**keys: Any) -> dict[str, Any]:
    return row({**GO, **keys})


def link(**keys: Any) -> dict[str, Any]:
    return row({"type": 2, "style": 5, "url": "https://x.org", "label": "Go", **keys})


def premium(**keys: Any) -> dict[str, Any]:
    return row({"type": 2, "style": 6, "sku_id": "1", **keys})


def select(*values: str, **keys: Any) -> dict[str, Any]:
    options = [{"label": value, "value": value} for value in values]
    return row({"type": 3, "custom_id": "s", "options": options, **keys})


def users(**keys: Any) -> dict[str, Any]:
    return row({"type": 5, "custom_id": "u", **keys})


def container(*children: object, **keys: Any) -> dict[str, Any]:
    return {"type": 17, "components": list(children), **keys}


def section(*texts: object, **keys: Any) -> dict[str, Any]:
    return {"type": 9, "components": list(texts), "accessory": THUMBNAIL, **keys}


def gallery(*items: object) -> dict[str, Any]:
    return {"type": 12, "items": list(items)}


def shown(url: str) -> dict[str, Any]:
    return {"type": 13, "file": {"url": url}}


def buttons(count: int) -> list[dict[str, Any]]:
    return [{**GO, "custom_id": f"go:{number}"} for number in range(count)]


EACH: dict[str, tuple[Any, Any, str]] = {
    "unknown type": ({"type": 99}, TEXT, "components[0] cannot be a component of type 99 here."),
    "no type": ({"content": "x"}, TEXT, "components[0] cannot be a component of type None here."),
    "type of a wrong kind": ({"type": [10]}, TEXT, "cannot be a component of type [10] here."),
    "misspelt key": (button(lable="x"), button(), "components[0].components[0].lable is a key that Discord does not know"),
    "button outside a row": (GO, row(GO), "components[0] cannot be a component of type 2 here."),
    "modal's field in a message": (row({"type": 4, "custom_id": "x", "style": 1}), row(GO), "components[0].components[0] cannot be a component of type 4"),
    "empty row": (row(), row(GO), "components[0].components must have 1 to 5 entries; it has 0."),
    "six buttons": (row(*buttons(6)), row(*buttons(5)), "components[0].components must have 1 to 5 entries; it has 6."),
    "two selects": (row(users()["components"][0], {"type": 6, "custom_id": "r"}), users(), "must hold up to 5 buttons or a single select"),
    "button beside a select": (row(GO, users()["components"][0]), row(GO), "must hold up to 5 buttons or a single select"),
    "button without custom_id": (button(custom_id=None), button(), "components[0].components[0] is a button of style 1 and needs custom_id."),
    "button with a url": (button(url="https://x.org"), button(url=None), "is a button of style 1 and cannot have url."),
    "link without a url": (link(url=None), link(), "is a button of style 5 and needs url."),
    "link with custom_id": (link(custom_id="x"), link(), "is a button of style 5 and cannot have custom_id."),
    "link to a script": (link(url="javascript://x"), link(url="discord://-/x"), "url must be a URL that starts with"),
    "long link": (link(url="https://x.org/" + "x" * 499), link(url="https://x.org/" + "x" * 498), "url must have at most 512 characters; it has 513."),
    "premium with a label": (premium(label="Buy"), premium(), "is a button of style 6 and cannot have label."),
    "premium without a sku": (premium(sku_id=None), premium(), "is a button of style 6 and needs sku_id."),
    "button of no style": (button(style=7), button(style=4), "style must be a whole number from 1 to 6, not 7."),
    "button that says nothing": (button(label=None), button(label=None, emoji={"name": "🔁"}), "needs a label or an emoji."),
    "emoji of nothing": (button(emoji={"animated": True}), button(emoji={"id": "1"}), "emoji needs an id or a name."),
    "label length": (button(label="x" * 81), button(label="x" * 80), "label must have 0 to 80 characters; it has 81."),
    "custom_id length": (button(custom_id="x" * 101), button(custom_id="x" * 100), "custom_id must have 1 to 100 characters; it has 101."),
    "empty custom_id": (button(custom_id=""), button(custom_id="x"), "custom_id must have 1 to 100 characters; it has 0."),
    "disabled": (button(disabled="yes"), button(disabled=True), "disabled must be true or false."),
    "no options": (select(), select("a"), "options must have 1 to 25 entries; it has 0."),
    "26 options": (select(*map(str, range(26))), select(*map(str, range(25))), "options must have 1 to 25 entries; it has 26."),
    "same option": (select("a", "a"), select("a", "b"), "options uses the value 'a' twice."),
    "option label": (select(options=[{**OPTION, "label": "x" * 101}]), select(options=[{**OPTION, "label": "x" * 100}]), "options[0].label must have 1 to 100"),
    "two defaults for one": (select(options=[{**OPTION, "default": True}, {"label": "y", "value": "y", "default": True}]), select(options=[{**OPTION, "default": True}]), "has more defaults than max_values, which is 1."),
    "more to pick than there is": (select("a", max_values=2), select("a", "b", max_values=2), "options must have at least 2 entries, as many as max_values."),
    "26 picked": (users(max_values=26), users(max_values=25), "max_values must be a whole number from 1 to 25, not 26."),
    "minimum above maximum": (users(min_values=3, max_values=2), users(min_values=2, max_values=2), "min_values is 3, above max_values, which is 2."),
    "minimum above the default": (users(min_values=2), users(min_values=0), "min_values is 2, above max_values, which is 1."),
    "too many defaults": (users(default_values=[{"id": "1", "type": "user"}, {"id": "2", "type": "user"}]), users(default_values=[{"id": "1", "type": "user"}]), "default_values must have as many entries as may be picked, at most 1."),
    "default of a wrong kind": (users(default_values=[{"id": "1", "type": "role"}]), users(default_values=[]), "default_values[0].type must be one of user, not 'role'."),
    "placeholder": (users(placeholder="x" * 151), users(placeholder="x" * 150), "placeholder must have 0 to 150"),
    "empty text": ({"type": 10, "content": ""}, TEXT, "components[0].content must have 1 to 4000 characters; it has 0."),
    "section without texts": (section(), section(TEXT), "components[0].components must have 1 to 3 entries; it has 0."),
    "section of four texts": (section(*[TEXT] * 4), section(*[TEXT] * 3), "components[0].components must have 1 to 3 entries; it has 4."),
    "button among the texts": (section(GO), section(TEXT, accessory=GO), "components[0].components[0] cannot be a component of type 2"),
    "section without accessory": ({"type": 9, "components": [TEXT]}, section(TEXT), "components[0].accessory is missing."),
    "select as accessory": (section(TEXT, accessory=users()["components"][0]), section(TEXT), "components[0].accessory cannot be an accessory of type 5 here."),
    "empty gallery": (gallery(), gallery(ITEM), "components[0].items must have 1 to 10 entries; it has 0."),
    "gallery of eleven": (gallery(*[ITEM] * 11), gallery(*[ITEM] * 10), "components[0].items must have 1 to 10 entries; it has 11."),
    "alt text": (gallery({**ITEM, "description": "x" * 1025}), gallery({**ITEM, "description": "x" * 1024}), "components[0].items[0].description must have 1 to 1024"),
    "gallery from the disk": (gallery({"media": {"url": "clip.mp4"}}), gallery({"media": {"url": "attachment://clip.mp4"}}), "items[0].media.url must be a URL that starts with"),
    "file from elsewhere": (shown("https://x.org/x.zip"), shown("attachment://clip.mp4"), "components[0].file.url must be a URL that starts with attachment://."),
    "file that is not there": (shown("attachment://x.mp4"), shown("attachment://clip.mp4"), "components[0].file.url names x.mp4, but no such file is uploaded."),
    "separator": ({"type": 14, "spacing": 3}, {"type": 14, "spacing": 2}, "components[0].spacing must be one of 1, 2, not 3."),
    "empty container": (container(), container(TEXT), "components[0].components must have 1 to 40 entries; it has 0."),
    "container in a container": (container(container(TEXT)), container(TEXT), "components[0].components[0] cannot be a component of type 17"),
    "accent": (container(TEXT, accent_color=-1), container(TEXT, accent_color=0), "accent_color must be a whole number"),
}  # fmt: skip


@pytest.mark.parametrize(("broken", "kept", "reason"), EACH.values(), ids=EACH)
def test_a_component_that_breaks_a_rule_is_refused(broken: Any, kept: Any, reason: str) -> None:
    assert reason in " ".join(sent(broken))
    assert sent(kept) == []


def test_forty_components_count_with_the_nested_ones() -> None:
    sections = [section(TEXT) for _ in range(13)]  # three each
    assert sent(container(*sections)) == []
    (reason,) = sent(container(*sections, TEXT))
    assert reason == "components may have 40 components with the nested ones; it has 41."


def test_the_texts_of_a_message_share_4000_characters() -> None:
    half, more = {"type": 10, "content": "x" * 2000}, {"type": 10, "content": "x" * 2001}
    assert sent(container(half), section(half)) == []
    assert sent(container(half), section(more)) == [
        "components may have 4000 characters of text in all; it has 4001."
    ]


@pytest.mark.parametrize("key", ["custom_id", "id"])
def test_no_two_components_share_an_id(key: str) -> None:
    first, second, third = ({**GO, "custom_id": f"go:{number}", "id": 5 + number} for number in range(3))
    assert sent(row(first, second), section(TEXT, accessory=third)) == []
    (reason,) = sent(row(first, second), section(TEXT, accessory={**third, key: first[key]}))
    assert (
        reason
        == f"components[0].components[0] and components[1].accessory have the same {key}, '{first[key]}'."
    )


def test_an_id_of_zero_stands_for_none() -> None:
    assert sent({**TEXT, "id": 0}, {**TEXT, "id": 0}) == []


def test_a_message_without_the_flag_has_five_rows() -> None:
    rows = [button(custom_id=f"go:{number}") for number in range(6)]
    for method, route in (("POST", MESSAGES), ("PATCH", MESSAGE)):
        assert violations(method, route, {"content": "x", "components": rows[:5]}, []) == []
        (reason,) = violations(method, route, {"content": "x", "components": rows}, [])
        assert reason == "components may have 5 action rows in a message without the V2 flag; it has 6."
    assert sent(*rows) == []
