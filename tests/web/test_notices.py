import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.news import Notice
from bot.web.callbacks import NotANotice, Sender, callback_url, notice

KEY = "kinora-abc123-17-2"
LONG = 827996385395363846_1234567890  # beyond what a float holds


def of(body: Any) -> Notice:
    return notice(json.dumps(body).encode())


FLAT = {
    "task_id": "827",
    "task_status": "succeed",
    "task_status_msg": "",
    "created_at": 1769763600123,
    "task_info": {"parent_video": {"id": "999", "url": "https://cdn.example/v.mp4"}, "external_task_id": KEY},
    "task_result": {"images": [], "videos": [{"id": "9b1", "url": "https://cdn.example/v.mp4"}]},
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (FLAT, Notice(KEY, ("827",))),
        ({"code": 0, "message": "SUCCEED", "request_id": "r", "data": FLAT}, Notice(KEY, ("827",))),
        (
            {"id": "899", "status": "succeeded", "external_id": KEY, "outputs": [{"id": "1"}]},
            Notice(KEY, ("899",)),
        ),
        ({"code": 0, "data": {"id": "899", "external_id": KEY}}, Notice(KEY, ("899",))),
        (
            {"code": "success", "data": {"task_id": "task_1", "data": {"code": 0, "data": FLAT}}},
            Notice(None, ("task_1",)),
        ),
        ({"id": "outer", "data": FLAT}, Notice(KEY, ("outer", "827"))),
        ({"task_id": "1", "id": "1", "data": {"id": "1"}}, Notice(None, ("1",))),
        ({"task_id": LONG}, Notice(None, (str(LONG),))),
        ({"task_id": 7, "external_task_id": 8}, Notice("8", ("7",))),
        ({"task_id": "827", "task_info": {"external_task_id": ""}}, Notice(None, ("827",))),
        ({"task_id": "827", "task_info": None}, Notice(None, ("827",))),
        ({}, Notice(None, ())),
    ],
)
def test_a_notice_names_its_task_in_every_shape(body: Any, expected: Notice) -> None:
    assert of(body) == expected


@pytest.mark.parametrize(
    "value",
    [None, True, [], {}, ["827"], {"id": "827"}, "", " ", "a b", "a\nb", "\x00", "\ud800", "ß", "x" * 129],
)
def test_what_can_be_no_id_is_left_out(value: Any) -> None:
    body = {"task_id": value, "id": value, "external_id": value, "task_info": {"external_task_id": value}}
    assert of(body) == Notice(None, ())


@pytest.mark.parametrize(
    "value", [None, True, 1, [], [{"task_id": "1"}], "text", {"data": {"data": {"id": "1"}}}]
)
def test_an_envelope_with_something_else_in_it_holds_no_notice(value: Any) -> None:
    assert of({"data": value, "task_info": value}) == Notice(None, ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'[{"task_id":"1"}]',
        b'"task"',
        b"12",
        b'{"task_id":"1"',
        b'{"task_id":"1"} x',
        b"task_id=1",
        b"\xff\xfe\x00",
        b'{"task_id":"\xff"}',
        b"[" * 100_000,
        b'{"data":' * 30_000 + b"{}" + b"}" * 30_000,
    ],
)
def test_what_is_no_json_object_is_no_notice(body: bytes) -> None:
    with pytest.raises(NotANotice):
        notice(body)


def test_a_number_that_is_too_long_to_be_an_id_does_no_harm() -> None:
    assert notice(b'{"task_id":%s,"id":"1"}' % (b"9" * 200_000)) == Notice(None, ("1",))


@given(st.binary(max_size=200) | st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["data", "id", "task_id", "task_info", "external_id", "external_task_id"]), inner)).map(
        lambda body: json.dumps(body).encode()))  # fmt: skip
def test_whatever_comes_is_a_bounded_notice_or_none(body: bytes) -> None:
    try:
        found = notice(body)
    except NotANotice:
        return
    assert len(found.task_ids) <= 6
    assert all(0 < len(text) <= 128 and text.isascii() for text in (*found.task_ids, found.key or "-"))


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        ("https://kinora.example", "https://kinora.example/callbacks/kling/s3cret"),
        ("https://kinora.example/", "https://kinora.example/callbacks/kling/s3cret"),
        (
            "https://example.org:8443/bots/kinora",
            "https://example.org:8443/bots/kinora/callbacks/kling/s3cret",
        ),
        ("https://example.org/bots/kinora/", "https://example.org/bots/kinora/callbacks/kling/s3cret"),
    ],
)
def test_the_callback_url_lies_below_the_public_one(public_url: str, expected: str) -> None:
    assert callback_url(public_url, "kling", "s3cret") == expected


def test_a_sender_does_not_show_its_secrets() -> None:
    shown = repr(Sender("a-long-enough-secret", b"and-a-key"))
    assert "enough" not in shown
    assert "and-a-key" not in shown


@pytest.mark.parametrize("secret", ["", "short", "x" * 15])
def test_a_sender_needs_a_secret_that_cannot_be_guessed(secret: str) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        Sender(secret)
