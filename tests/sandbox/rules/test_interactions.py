from typing import Any

import pytest

from bot.sandbox.rules import violations
from tests.discord_payloads import CALLBACK

RADIO = [{"label": value, "value": value} for value in ("std", "pro")]


def answered(body: object, *files: str) -> list[str]:
    return violations("POST", CALLBACK, body, files)


def choices(*values: Any) -> dict[str, Any]:
    return {"type": 8, "data": {"choices": [{"name": "x", "value": value} for value in values]}}


def modal(*components: Any, **keys: Any) -> dict[str, Any]:
    return {"type": 9, "data": {"custom_id": "ask", "title": "Ask", "components": list(components), **keys}}


def label(component: Any, **keys: Any) -> dict[str, Any]:
    return {"type": 18, "label": "Prompt", "component": component, **keys}


def text_input(**keys: Any) -> dict[str, Any]:
    return {"type": 4, "custom_id": "prompt", "style": 1, **keys}


def field(kind: int, **keys: Any) -> dict[str, Any]:
    return modal(label({"type": kind, "custom_id": "x", **keys}))


def row(*fields: Any) -> dict[str, Any]:
    return {"type": 1, "components": list(fields)}


WORDS = label(text_input())
TEXTS = [{"type": 10, "content": "x"}] * 6

EACH: dict[str, tuple[Any, Any, str]] = {
    "no type": ({"data": {}}, {"type": 6}, "type is missing."),
    "unknown type": ({"type": 3}, {"type": 5}, "type must be one of 1, 4, 5"),
    "answer without data": ({"type": 4}, {"type": 4, "data": {"content": "x"}}, "data must be an object."),
    "empty answer": ({"type": 4, "data": {"flags": 64}}, {"type": 4, "data": {"flags": 64, "content": "x"}}, "data is empty."),
    "answer with a nonce": ({"type": 4, "data": {"content": "x", "nonce": "1"}}, {"type": 4, "data": {"content": "x"}}, "data.nonce is a key that Discord does not know here."),
    "content of an update": ({"type": 7, "data": {"content": "x" * 2001}}, {"type": 7}, "data.content must have 0 to 2000"),
    "V2 in a deferral": ({"type": 5, "data": {"flags": 64 | 1 << 15}}, {"type": 5, "data": {"flags": 64}}, "data.flags may only be 64 in a deferral"),
    "words in a deferral": ({"type": 5, "data": {"content": "x"}}, {"type": 5, "data": {}}, "data.content is a key that Discord does not know here."),
    "data of a deferred update": ({"type": 6, "data": {"flags": 64}}, {"type": 6, "data": None}, "data has nothing to say in a deferred update."),
    "26 choices": (choices(*["x"] * 26), choices(*["x"] * 25), "data.choices must have 0 to 25 entries; it has 26."),
    "long choice": (choices("x" * 101), choices("x" * 100), "data.choices[0].value must have 1 to 100 characters; it has 101."),
    "choice above JavaScript": (choices(2**53), choices(2**53 - 1), "data.choices[0].value must be a text or a number"),
    "choice of a wrong kind": (choices(True), choices(1.5), "data.choices[0].value must be a text or a number"),
    "choices of two kinds": (choices("x", 1), choices(2, 1), "data.choices mixes texts and numbers."),
    "no choices": ({"type": 8, "data": {}}, choices(), "data.choices is missing."),
    "modal without custom_id": (modal(WORDS, custom_id=None), modal(WORDS), "data.custom_id is missing."),
    "modal title": (modal(WORDS, title="x" * 46), modal(WORDS, title="x" * 45), "data.title must have 1 to 45 characters; it has 46."),
    "modal of nothing": (modal(), modal(WORDS), "data.components must have 1 to 5 entries; it has 0."),
    "modal of six": (modal(*TEXTS), modal(*TEXTS[:5]), "data.components must have 1 to 5 entries; it has 6."),
    "button in a modal": (modal(row({"type": 2, "style": 1, "custom_id": "x", "label": "x"})), modal(row(text_input(label="Name"))), "data.components[0].components[0] cannot be a component of type 2"),
    "gallery in a modal": (modal({"type": 12, "items": []}), modal(TEXTS[0]), "data.components[0] cannot be a component of type 12"),
    "two inputs in a row": (modal(row(text_input(label="a"), text_input(label="b", custom_id="b"))), modal(row(text_input(label="a"))), "data.components[0].components must have 1 to 1 entries; it has 2."),
    "unlabelled input in a row": (modal(row(text_input())), modal(row(text_input(label="a"))), "data.components[0].components[0].label is missing."),
    "label length": (modal(label(text_input(), label="x" * 46)), modal(label(text_input(), label="x" * 45)), "data.components[0].label must have 1 to 45"),
    "label description": (modal(label(text_input(), description="x" * 101)), modal(label(text_input(), description="x" * 100)), "data.components[0].description must have 1 to 100"),
    "label of nothing": (modal({"type": 18, "label": "x"}), modal(WORDS), "data.components[0].component is missing."),
    "same field": (modal(WORDS, WORDS), modal(WORDS, label(text_input(custom_id="b"))), "data.components[0].component and data.components[1].component have the same custom_id, 'prompt'."),
    "input style": (modal(label(text_input(style=3))), modal(label(text_input(style=2))), "data.components[0].component.style must be one of 1, 2, not 3."),
    "input value": (modal(label(text_input(value="x" * 4001))), modal(label(text_input(value="x" * 4000))), "component.value must have 0 to 4000"),
    "value above max_length": (modal(label(text_input(value="xxx", max_length=2))), modal(label(text_input(value="xx", max_length=2))), "component.value must have 0 to 2 characters; it has 3."),
    "min_length above max_length": (modal(label(text_input(min_length=3, max_length=2))), modal(label(text_input(min_length=2, max_length=2))), "component.min_length is 3, above max_length, which is 2."),
    "placeholder": (modal(label(text_input(placeholder="x" * 101))), modal(label(text_input(placeholder="x" * 100))), "component.placeholder must have 0 to 100"),
    "eleven uploads": (field(19, max_values=11), field(19, max_values=10), "component.max_values must be a whole number from 1 to 10, not 11."),
    "required upload of none": (field(19, min_values=0), field(19, min_values=0, required=False), "component.min_values is 0, so data.components[0].component.required must be false."),
    "uploads turned round": (field(19, min_values=2), field(19, min_values=2, max_values=2), "component.min_values is 2, above max_values, which is 1."),
    "file types": (field(19, file_types=["png"]), field(19, file_types=[".png", "image"]), "component.file_types[0] must be image, video, audio or an extension"),
    "one radio": (field(21, options=RADIO[:1]), field(21, options=RADIO), "component.options must have 2 to 10 entries; it has 1."),
    "same radio": (field(21, options=RADIO[:1] * 2), field(21, options=RADIO), "component.options uses the value 'std' twice."),
    "two radios on": (field(21, options=[{**each, "default": True} for each in RADIO]), field(21, options=[{**RADIO[0], "default": True}, RADIO[1]]), "component.options has more than one default."),
    "eleven boxes": (field(22, options=[{"label": "x", "value": str(n)} for n in range(11)]), field(22, options=RADIO), "component.options must have 1 to 10 entries; it has 11."),
    "more boxes than there are": (field(22, options=RADIO, max_values=3), field(22, options=RADIO, max_values=2), "component.options must have at least 3 entries, as many as max_values."),
    "too few boxes allowed": (field(22, options=RADIO, min_values=3), field(22, options=RADIO, min_values=2), "component.min_values is 3, above max_values, which is 2."),
    "box with options": (field(23, options=RADIO), field(23, default=True), "component.options is a key that Discord does not know here."),
    "disabled select": (field(3, options=RADIO, disabled=True), field(3, options=RADIO, disabled=False), "component.disabled must not be set; a modal has no disabled components."),
    "required select of none": (field(5, min_values=0), field(5, min_values=0, required=False), "component.min_values is 0"),
}  # fmt: skip


@pytest.mark.parametrize(("broken", "kept", "reason"), EACH.values(), ids=EACH)
def test_an_answer_that_breaks_a_rule_is_refused(broken: Any, kept: Any, reason: str) -> None:
    assert reason in " ".join(answered(broken))
    assert answered(kept) == []


@pytest.mark.parametrize("kind", [4, 7])
def test_messages_take_files(kind: int) -> None:
    assert answered({"type": kind, "data": {}}, "clip.mp4") == []


@pytest.mark.parametrize("kind", [5, 6])
def test_deferrals_take_no_files(kind: int) -> None:
    assert answered({"type": kind}, "clip.mp4") == [f"type {kind} takes no files."]
