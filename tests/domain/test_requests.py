from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.requests import (
    USUAL_AMOUNT,
    Aspect,
    CameraControl,
    CameraMove,
    CameraPreset,
    Options,
    Picture,
    Task,
    VideoRequest,
    camera_control,
    first_problem,
)
from tests import builders


def problem(error: pytest.ExceptionInfo[ValidationError]) -> str:
    return first_problem(error.value)


@pytest.mark.parametrize("move", CameraMove)
def test_a_simple_move_goes_the_usual_way_when_nobody_says(move: CameraMove) -> None:
    assert camera_control(move.value, None) == CameraControl(move=move, amount=USUAL_AMOUNT)


@pytest.mark.parametrize("preset", CameraPreset)
def test_a_composed_move_takes_no_amount(preset: CameraPreset) -> None:
    assert camera_control(preset.value, None) == CameraControl(move=preset)
    with pytest.raises(ValidationError) as error:
        camera_control(preset.value, 3)
    assert problem(error) == f"The {preset} move takes no amount; leave it out."


@pytest.mark.parametrize(
    ("typed", "echoed"),
    [
        ("[click](https://evil.example)", "click_https_evil_example"),
        ("**down__back**", "down_back"),
        ("||", "…"),
        ("x" * 1_900, "x" * 32),
    ],
)
def test_a_move_that_is_none_is_echoed_harmlessly(typed: str, echoed: str) -> None:
    with pytest.raises(ValidationError) as error:
        camera_control(typed, None)
    assert problem(error).startswith(f"camera: there is no move {echoed}; choose one of ")


def test_a_move_of_nothing_is_none() -> None:
    with pytest.raises(ValidationError) as error:
        camera_control("pan", 0)
    assert problem(error) == "Give the pan move an amount from -10 to 10 that is not 0."


@given(st.floats(-10, 10).filter(bool))
def test_any_amount_up_to_ten_will_do(amount: float) -> None:
    assert camera_control("zoom", amount) == CameraControl(move=CameraMove.ZOOM, amount=amount)


@pytest.mark.parametrize("amount", [-10.1, 11, float("nan")])
def test_an_amount_out_of_bounds_is_refused(amount: float) -> None:
    with pytest.raises(ValidationError):
        camera_control("zoom", amount)


def test_no_move_is_no_camera() -> None:
    assert camera_control(None, None) is None


def test_an_amount_without_a_move_is_not_dropped_in_silence() -> None:
    with pytest.raises(ValidationError) as error:
        camera_control(None, 5)
    assert problem(error) == "Choose the camera move that the amount is for."


def test_an_unknown_move_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError) as error:
        camera_control("spin", None)
    assert problem(error).startswith("camera: there is no move spin; choose one of horizontal, ")
    assert "left_turn_forward" in problem(error)


def test_an_end_frame_needs_a_picture() -> None:
    with pytest.raises(ValidationError) as error:
        VideoRequest.of(Options(prompt="x"), end_frame=builders.PICTURE)
    assert problem(error) == "An end frame needs a picture to start from."


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_without_a_picture_there_must_be_words(prompt: str) -> None:
    with pytest.raises(ValidationError) as error:
        VideoRequest(prompt=prompt)
    assert problem(error) == "Say in the prompt what the video shows."
    assert VideoRequest(prompt=prompt, image=builders.PICTURE).task is Task.IMAGE_TO_VIDEO


def test_words_alone_are_text_to_video() -> None:
    assert builders.request().task is Task.TEXT_TO_VIDEO


def test_options_and_pictures_are_joined_without_loss() -> None:
    options = Options(prompt="x", camera=camera_control("pan", 2), voices=("anna",), draft=True, guidance=0)
    joined = VideoRequest.of(options, image=builders.PICTURE, end_frame=builders.PICTURE)
    assert Options(**joined.model_dump(exclude={"image", "end_frame", "motion"})) == options
    assert (joined.image, joined.end_frame) == (builders.PICTURE, builders.PICTURE)


@given(
    st.builds(
        VideoRequest,
        prompt=st.text(min_size=1, max_size=50).filter(str.strip),
        camera=st.sampled_from([None, camera_control("pan", -3), camera_control("down_back", None)]),
        aspect=st.sampled_from([None, *Aspect]),
        image=st.sampled_from([None, builders.PICTURE]),
        guidance=st.none() | st.floats(0, 1),
        voices=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    )
)
def test_a_request_survives_being_kept(request: VideoRequest) -> None:
    assert VideoRequest.model_validate_json(request.model_dump_json(exclude_defaults=True)) == request


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"voices": ("a", "b", "c")}, "voices: "),
        ({"prompt": "x" * 2501}, "prompt: "),
        ({"duration_s": 61}, "duration: "),
        ({"guidance": 1.5}, "guidance: "),
        ({"negative_prompt": "x" * 2501}, "negative prompt: "),
        ({"quality": "8k"}, "quality: "),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as error:
        builders.request(**wrong)
    assert problem(error).startswith(sentence)
    assert problem(error).endswith(".")
    assert "\n" not in problem(error)


def test_nothing_unknown_is_taken() -> None:
    with pytest.raises(ValidationError):
        builders.request(promt="x")


def test_a_request_does_not_change() -> None:
    with pytest.raises(ValidationError):
        builders.request().prompt = "another"


@pytest.mark.parametrize("wrong", [{"blob": "../etc/passwd"}, {"width": 0}, {"media_type": "image/gif"}])
def test_a_picture_is_one_of_the_store(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Picture(**builders.PICTURE.model_dump() | wrong)


@pytest.mark.parametrize(
    ("aspect", "ratio"), [(Aspect.WIDE, 16 / 9), (Aspect.TALL, 9 / 16), (Aspect.SQUARE, 1)]
)
def test_an_aspect_is_width_to_height(aspect: Aspect, ratio: float) -> None:
    assert aspect.ratio == ratio
