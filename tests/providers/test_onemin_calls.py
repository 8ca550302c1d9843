"""What is asked of 1min.ai, against the examples and tables of its documents."""

from pathlib import Path
from typing import Any

import pytest

from bot.domain.provider import Submission
from bot.domain.requests import Aspect, CameraControl, CameraMove, Picture, Quality
from bot.providers.http import Uploaded
from bot.providers.onemin import api_key, calls
from tests.builders import PICTURE, request
from tests.vendors.onemin import SPEC

WAVES = "gentle waves rolling on a peaceful beach with soft sunlight"
CITY = "a futuristic city with flying cars at sunset"


def submission(model: str = "kling/2.1", **known: Any) -> Submission:
    spec = SPEC.model_copy(update={"id": model})
    return Submission("kinora-abc-1-1", spec, request(**known), {PICTURE.blob: Path("picture.png")})


def body(model: str = "kling/2.1", **known: Any) -> dict[str, Any]:
    """What a create holds."""
    create = calls(submission(model, **known))[-1]
    assert (create.method, create.path, create.upload) == ("POST", "/api/features", None)
    assert create.body is not None
    return dict(create.body)


def prompt(model: str = "kling/2.1", **known: Any) -> dict[str, Any]:
    return body(model, **known)["promptObject"]


def picture(width: int, height: int) -> Picture:
    return PICTURE.model_copy(update={"width": width, "height": height})


def test_the_documented_example_of_image_to_video_comes_out_field_by_field() -> None:
    assert body(
        "kling/1.5",
        image=PICTURE,
        prompt=WAVES,
        aspect=Aspect.WIDE,
        quality=Quality.PRO,
        guidance=0.5,
        negative_prompt="people, buildings",
    ) == {
        "type": "IMAGE_TO_VIDEO",
        "model": "kling",
        "conversationId": "IMAGE_TO_VIDEO",
        "promptObject": {
            "imageUrl": Uploaded(PICTURE),
            "prompt": WAVES,
            "duration": 5,
            "aspect_ratio": "16:9",
            "mode": "pro",
            "version": "1.5",
            "cfg_scale": 0.5,
            "negative_prompt": "people, buildings",
        },
    }


def test_the_documented_example_of_text_to_video_comes_out_field_by_field() -> None:
    assert body("kling/1.0", prompt=CITY, aspect=Aspect.WIDE, negative_prompt="blurry, low quality") == {
        "type": "TEXT_TO_VIDEO",
        "model": "kling",
        "conversationId": "TEXT_TO_VIDEO",
        "promptObject": {
            "prompt": CITY,
            "duration": 5,
            "negative_prompt": "blurry, low quality",
            "aspect_ratio": "16:9",
            "mode": "std",
            "version": "1.0",
        },
    }


def test_a_picture_goes_up_before_the_create() -> None:
    upload, create = calls(submission(image=PICTURE))
    assert (upload.method, upload.path, upload.upload) == ("POST", "/api/assets", ("asset", PICTURE))
    assert (upload.body, create.path) == (None, "/api/features")


def test_text_needs_one_request() -> None:
    assert [call.path for call in calls(submission())] == ["/api/features"]


def test_what_a_picture_requires_is_sent_even_if_nobody_asked_for_it() -> None:
    assert prompt(image=PICTURE, prompt="") == {
        "imageUrl": Uploaded(PICTURE),
        "duration": 5,
        "aspect_ratio": "16:9",
        "mode": "std",
        "version": "2.1",
        "cfg_scale": 0.5,
    }


def test_of_text_only_what_was_given_is_sent() -> None:
    assert prompt() == {"prompt": "the boat drifts", "duration": 5, "mode": "std", "version": "2.1"}


@pytest.mark.parametrize(
    ("width", "height", "aspect"),
    [
        (1920, 1080, "16:9"),
        (1080, 1920, "9:16"),
        (800, 800, "1:1"),
        (2500, 1000, "16:9"),
        (1000, 2500, "9:16"),
        (1320, 1000, "1:1"),  # 4:3 is as far from both
        (1340, 1000, "16:9"),
        (1000, 1340, "9:16"),
    ],
)
def test_a_picture_without_an_aspect_takes_the_nearest(width: int, height: int, aspect: str) -> None:
    assert prompt(image=picture(width, height))["aspect_ratio"] == aspect


def test_an_aspect_asked_for_wins_over_the_shape_of_the_picture() -> None:
    assert prompt(image=picture(1920, 1080), aspect=Aspect.TALL)["aspect_ratio"] == "9:16"


@pytest.mark.parametrize("image", [PICTURE, None])
def test_guidance_asked_for_is_sent(image: Picture | None) -> None:
    assert prompt(image=image, guidance=0.25)["cfg_scale"] == 0.25
    assert prompt(image=image, guidance=0)["cfg_scale"] == 0


@pytest.mark.parametrize(
    ("model", "version"),
    [("kling/2.1-master", "2.1-master"), ("kling/1.0", "1.0"), ("2.6", "2.6")],
)
def test_the_version_is_a_string_from_the_end_of_the_models_id(model: str, version: str) -> None:
    fields = body(model)
    assert (fields["model"], fields["promptObject"]["version"]) == ("kling", version)


def test_the_duration_is_a_number() -> None:
    duration = prompt(duration_s=10)["duration"]
    assert (type(duration), duration) == (int, 10)


@pytest.mark.parametrize(("amount", "written"), [(5.0, "5"), (-10.0, "-10"), (2.5, "2.5")])
def test_a_simple_camera_move_is_a_type_and_a_number(amount: float, written: str) -> None:
    fields = prompt("kling/1.0", camera=CameraControl(move=CameraMove.ZOOM, amount=amount))
    assert fields["camera_control_type"] == "zoom"
    assert str(fields["camera_control_value"]) == written


def test_the_quality_is_the_models_own_if_nobody_asked_for_one() -> None:
    assert prompt("kling/2.1", quality=None)["mode"] == "std"
    assert prompt("kling/2.1", quality=Quality.PRO)["mode"] == "pro"


def test_the_key_stands_in_a_header_of_its_own_beside_an_honest_name() -> None:
    headers = api_key("s3cret")()
    assert headers["API-KEY"] == "s3cret"
    assert headers["User-Agent"].startswith("Kinora")
    assert set(headers) == {"API-KEY", "User-Agent"}
