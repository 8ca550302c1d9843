"""Whatever arrives, the rules answer in sentences: the sandbox must not break on what a bot sends it."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.rules import violations
from tests import discord_payloads
from tests.discord_payloads import CALLBACK, Payload

WORDS = """
    accessory allowed_mentions attachments choices component components content custom_id data default_values
    description embeds fields flags id items label max_values media message min_values name options parse poll
    required style title type url users value
"""
SCALARS = st.none() | st.booleans() | st.integers(-3, 40) | st.floats(allow_nan=False) | st.text(max_size=5)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=5)
    ),
    max_leaves=12,
)
PAYLOADS: list[Payload] = []


@pytest.fixture(autouse=True)
async def payloads() -> None:
    """discord.py builds its views on a running loop only."""
    PAYLOADS[:] = PAYLOADS or discord_payloads.everything()


def places(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(node, dict | list):
        entries = cast("Any", node)
        for key in entries if isinstance(node, dict) else range(len(entries)):
            yield from places(entries[key], (*place, key))


def replaced(node: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy: Any = node.copy()
    copy[place[0]] = replaced(node[place[0]], place[1:], value)
    return copy


@given(st.data())
@settings(max_examples=200)
def test_a_request_with_one_odd_value_is_judged(data: st.DataObject) -> None:
    sent = data.draw(st.sampled_from(PAYLOADS))
    place = data.draw(st.sampled_from(list(places(sent.body))))
    body = replaced(sent.body, place, data.draw(ANY_JSON))
    files = data.draw(st.just(sent.files) | st.lists(st.text(max_size=4), max_size=2))
    assert all(reason.endswith(".") for reason in violations(sent.method, sent.route, body, files))


@given(st.integers(0, 12), ANY_JSON)
def test_an_answer_with_any_data_is_judged(kind: int, data: Any) -> None:
    found = violations("POST", CALLBACK, {"type": kind, "data": data}, [])
    assert all(reason.endswith(".") for reason in found)
