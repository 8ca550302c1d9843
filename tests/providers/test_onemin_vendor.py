"""The server on the loopback is as strict as the documents: what it takes, 1min.ai would take."""

from typing import Any

import pytest

from tests.vendors.onemin import create_problems, upload_problems

PICTURE = {
    "imageUrl": "images/a.png",
    "duration": 5,
    "aspect_ratio": "16:9",
    "mode": "pro",
    "version": "2.1",
    "cfg_scale": 0.5,
}
TEXT = {"prompt": "a boat", "duration": 10, "mode": "std"}


def envelope(feature: str, prompt: Any) -> dict[str, Any]:
    return {"type": feature, "model": "kling", "conversationId": feature, "promptObject": prompt}


def picture(**changes: Any) -> list[str]:
    return create_problems(envelope("IMAGE_TO_VIDEO", PICTURE | changes), {"images/a.png": None})


def text(**changes: Any) -> list[str]:
    return create_problems(envelope("TEXT_TO_VIDEO", TEXT | changes), {})


def test_what_is_documented_is_taken() -> None:
    assert picture() == text() == []
    assert picture(camera_control_type="roll", camera_control_value=-2.5, negative_prompt="") == []
    assert text(camera_control_type="default", version="1.0") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"imageUrl": "images/never-uploaded.png"},
        {"duration": "5"},
        {"duration": 7},
        {"aspect_ratio": "4:3"},
        {"mode": "4k"},
        {"mode": "std", "version": "2.5"},
        {"mode": "std", "version": "2.0"},
        {"version": 2.1},
        {"version": "3.0"},
        {"cfg_scale": 1.1},
        {"cfg_scale": True},
        {"prompt": None},
        {"version": "1.5", "camera_control_type": "zoom", "camera_control_value": 5},
        {"camera_control_type": "default", "camera_control_value": 5},
        {"camera_control_value": 5},
        {"camera_control_type": "down_back"},
        {"camera_control_type": "zoom", "camera_control_value": 11},
        {"seed": 7},
    ],
)
def test_what_is_not_documented_of_a_picture_is_refused(wrong: dict[str, Any]) -> None:
    assert picture(**wrong)


@pytest.mark.parametrize("wrong", [{"version": "2.1"}, {"prompt": 7}, {"duration": 5.0}])
def test_what_is_not_documented_of_text_is_refused(wrong: dict[str, Any]) -> None:
    assert len(text(**wrong)) == 1


@pytest.mark.parametrize("missing", sorted(PICTURE))
def test_what_a_picture_requires_must_be_there(missing: str) -> None:
    prompt = {name: value for name, value in PICTURE.items() if name != missing}
    problems = create_problems(envelope("IMAGE_TO_VIDEO", prompt), {"images/a.png": None})
    assert problems == [f"{missing} is missing"]


@pytest.mark.parametrize(
    "body",
    [
        envelope("VIDEO", TEXT),
        envelope("TEXT_TO_VIDEO", None),
        envelope("TEXT_TO_VIDEO", TEXT) | {"model": "luma"},
        envelope("TEXT_TO_VIDEO", TEXT) | {"conversationId": "mine"},
        envelope("TEXT_TO_VIDEO", TEXT) | {"stream": True},
    ],
)
def test_the_envelope_is_as_documented(body: Any) -> None:
    assert len(create_problems(body, {})) == 1


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("application/json", {}),
        ("multipart/form-data", {"file": ("a.png", "image/png", b"x")}),
        (
            "multipart/form-data",
            {"asset": ("a.png", "image/png", b"x"), "more": ("a.png", "image/png", b"x")},
        ),
        ("multipart/form-data", {"asset": ("a", "image/png", b"x")}),
        ("multipart/form-data", {"asset": ("a.png", "image/jpeg", b"x")}),
        ("multipart/form-data", {"asset": ("a.png", "application/octet-stream", b"x")}),
        ("multipart/form-data", {"asset": ("a.png", "image/png", b"")}),
    ],
)
def test_an_upload_is_one_named_picture(content_type: str, form: Any) -> None:
    assert len(upload_problems(content_type, form)) == 1
