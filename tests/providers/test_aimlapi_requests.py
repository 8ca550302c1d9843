"""What is sent to AI/ML API: both documented contracts field by field, and what a row's `wire` changes."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncGenerator
from importlib import resources
from pathlib import Path as File
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.domain.models import ModelSpec, fits
from bot.domain.provider import Accepted, Submission
from bot.domain.requests import (
    Aspect,
    CameraControl,
    CameraMove,
    CameraPreset,
    MotionBrush,
    Picture,
    Point,
    Shot,
    Stroke,
    Task,
    VideoRequest,
)
from bot.domain.rows import parse
from bot.providers.aimlapi import AimlapiProvider, create_call
from bot.providers.download import Downloads
from tests.shell import require
from tests.vendors.aimlapi import LEGACY, SPEC, UNIVERSAL, V1_PRO, V2_1_PRO, AimlapiVendor, provider

KEY = "k-7-1"

LEGACY_V1_PRO = SPEC.model_copy(update={"id": V1_PRO, "wire": {"path": "legacy", "mask_names": "url"}})
LEGACY_V2_1_PRO = SPEC.model_copy(
    update={"id": V2_1_PRO, "wire": {"path": "legacy", "key": "external_task_id"}}
)


@pytest.fixture
async def vendor() -> AsyncGenerator[AimlapiVendor]:
    vendor = AimlapiVendor()
    async with vendor.serve():
        yield vendor
    assert vendor.problems == []


@pytest.fixture
async def aimlapi(vendor: AimlapiVendor) -> AsyncGenerator[AimlapiProvider]:
    hosts = frozenset({"127.0.0.1"})
    async with aiohttp.ClientSession() as session, Downloads(trusted_hosts=hosts) as downloads:
        yield provider(vendor, session, downloads)


class Desk:
    """Makes pictures, and submissions with them."""

    def __init__(self, folder: File) -> None:
        self._folder = folder
        self.inputs: dict[str, File] = {}

    def picture(self, name: str, kind: str = "png", size: tuple[int, int] = (640, 360)) -> Picture:
        file = self._folder / f"{name}.{kind}"
        Image.new("L", size, len(name)).save(file)
        blob = hashlib.sha256(file.read_bytes()).hexdigest()
        self.inputs[blob] = file
        media_type: Any = f"image/{kind}"
        return Picture(blob=blob, media_type=media_type, width=size[0], height=size[1])

    def submission(self, spec: ModelSpec = SPEC, **wanted: Any) -> Submission:
        wanted = {"image": self.picture("boat"), "prompt": "the boat drifts"} | wanted
        return Submission(KEY, spec, VideoRequest(**wanted), self.inputs)

    def data_uri(self, name: str, kind: str = "png") -> str:
        return f"data:image/{kind};base64,{base64.b64encode((self._folder / f'{name}.{kind}').read_bytes()).decode()}"


@pytest.fixture
def desk(tmp_path: File) -> Desk:
    return Desk(tmp_path)


def a_row(model: str, **wire: str) -> ModelSpec:
    return SPEC.model_copy(update={"id": model, "wire": wire})


def for_text(model: str, **wire: str) -> ModelSpec:
    return a_row(model, **wire).model_copy(update={"tasks": (Task.TEXT_TO_VIDEO,)})


def body_of(submission: Submission) -> dict[str, Any]:
    body = create_call(submission).body
    assert body is not None
    return dict(body)


async def test_v1_pro_is_asked_for_as_its_page_shows(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    brush = MotionBrush(
        still=desk.picture("still"),
        moving=(Stroke(mask=desk.picture("moving"), path=(Point(x=12, y=319), Point(x=90, y=315))),),
    )
    answer = await aimlapi.submit(
        desk.submission(
            LEGACY_V1_PRO,
            prompt="the curtain moves in the breeze",
            end_frame=desk.picture("end"),
            motion=brush,
            duration_s=5,
            negative_prompt="text",
            guidance=1,
        )
    )
    assert isinstance(answer, Accepted)
    [seen] = vendor.seen
    assert (seen.method, seen.path) == ("POST", "/v2/generate/video/kling/generation")
    assert seen.headers["Authorization"] == f"Bearer {vendor.key}"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.body == {
        "model": "kling-video/v1/pro/image-to-video",
        "tail_image_url": desk.data_uri("end"),
        "static_mask_url": desk.data_uri("still"),
        "dynamic_masks": [
            {
                "mask_url": desk.data_uri("moving"),
                "trajectories": [{"x": 12, "y": 40}, {"x": 90, "y": 44}],
            }
        ],
        "image_url": desk.data_uri("boat"),
        "prompt": "the curtain moves in the breeze",
        "duration": 5,
        "negative_prompt": "text",
        "cfg_scale": 1,
    }


async def test_v2_1_pro_is_asked_for_as_its_page_shows(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    moving = Stroke(mask=desk.picture("moving"), path=(Point(x=0, y=0), Point(x=639, y=359)))
    answer = await aimlapi.submit(
        desk.submission(
            LEGACY_V2_1_PRO,
            image=desk.picture("face", "jpeg"),
            prompt="she turns her head",
            motion=MotionBrush(still=desk.picture("still"), moving=(moving,)),
            camera=CameraControl(move=CameraMove.ZOOM, amount=-2.5),
            duration_s=10,
            negative_prompt="blur",
            guidance=0.5,
        )
    )
    assert isinstance(answer, Accepted)
    [seen] = vendor.seen
    assert (seen.method, seen.path) == ("POST", "/v2/generate/video/kling/generation")
    assert seen.body == {
        "model": "kling-video/v2.1/pro/image-to-video",
        "image_url": desk.data_uri("face", "jpeg"),
        "prompt": "she turns her head",
        "static_mask": desk.data_uri("still"),
        "dynamic_masks": [
            {"mask": desk.data_uri("moving"), "trajectories": [{"x": 0, "y": 359}, {"x": 639, "y": 0}]}
        ],
        "camera_control": {
            "type": "simple",
            "config": {"horizontal": 0, "vertical": 0, "zoom": -2.5, "pan": 0, "tilt": 0, "roll": 0},
        },
        "negative_prompt": "blur",
        "duration": 10,
        "cfg_scale": 0.5,
        "external_task_id": KEY,
    }


async def test_nothing_is_sent_that_was_not_asked_for(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    await aimlapi.submit(
        desk.submission(LEGACY_V2_1_PRO, prompt="  ", negative_prompt="", aspect=Aspect.WIDE)
    )
    assert vendor.seen[0].body.keys() == {"model", "image_url", "duration", "external_task_id"}


async def test_length_is_a_whole_number(vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk) -> None:
    await aimlapi.submit(desk.submission(duration_s=10))
    assert vendor.seen[0].body["duration"] == 10
    assert isinstance(vendor.seen[0].body["duration"], int)


def test_guidance_of_zero_is_guidance(desk: Desk) -> None:
    assert body_of(desk.submission(guidance=0))["cfg_scale"] == 0


async def test_create_carries_our_name_for_the_attempt(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    await aimlapi.submit(desk.submission())
    assert vendor.seen[0].headers["X-Client-Request-Id"] == KEY
    assert "external_task_id" not in vendor.seen[0].body


@pytest.mark.parametrize(("wire", "path"), [({}, UNIVERSAL), ({"path": "legacy"}, LEGACY)])
def test_row_chooses_the_path(desk: Desk, wire: dict[str, str], path: str) -> None:
    assert create_call(desk.submission(a_row(V1_PRO, **wire))).path == path


@pytest.mark.parametrize(
    ("wire", "suffixes"),
    [({}, [""]), ({"mask_names": "url"}, ["_url"]), ({"mask_names": "both"}, ["", "_url"])],
)
def test_row_chooses_the_names_of_masks(desk: Desk, wire: dict[str, str], suffixes: list[str]) -> None:
    stroke = Stroke(mask=desk.picture("moving"), path=(Point(x=1, y=1), Point(x=2, y=2)))
    motion = MotionBrush(still=desk.picture("still"), moving=(stroke,))
    body = body_of(desk.submission(a_row(V1_PRO, **wire), motion=motion))
    assert {name for name in body if name.startswith("static_mask")} == {
        f"static_mask{one}" for one in suffixes
    }
    assert set(body["dynamic_masks"][0]) == {*(f"mask{one}" for one in suffixes), "trajectories"}


def test_masks_that_nobody_painted_are_left_out(desk: Desk) -> None:
    stroke = Stroke(mask=desk.picture("moving"), path=(Point(x=1, y=1), Point(x=2, y=2)))
    only_moving = body_of(desk.submission(a_row(V1_PRO), motion=MotionBrush(moving=(stroke, stroke))))
    only_still = body_of(desk.submission(a_row(V1_PRO), motion=MotionBrush(still=desk.picture("still"))))
    assert "static_mask" not in only_moving
    assert len(only_moving["dynamic_masks"]) == 2
    assert "static_mask" in only_still
    assert "dynamic_masks" not in only_still


def test_path_counts_from_the_bottom_of_its_own_picture(desk: Desk) -> None:
    picture, mask = desk.picture("tall", size=(300, 500)), desk.picture("mask", size=(300, 500))
    stroke = Stroke(mask=mask, path=(Point(x=5, y=0), Point(x=6, y=499)))
    body = body_of(desk.submission(a_row(V1_PRO), image=picture, motion=MotionBrush(moving=(stroke,))))
    assert body["dynamic_masks"][0]["trajectories"] == [{"x": 5, "y": 499}, {"x": 6, "y": 0}]


@pytest.mark.parametrize(
    ("model", "wire", "name"),
    [
        ("klingai/video-v3-pro-image-to-video", {"sound": "explicit"}, "tail_image_url"),
        ("klingai/video-o1-image-to-video", {"end_frame": "last_image_url"}, "last_image_url"),
    ],
)
async def test_row_names_the_field_of_the_end_frame(
    *,
    vendor: AimlapiVendor,
    aimlapi: AimlapiProvider,
    desk: Desk,
    model: str,
    wire: dict[str, str],
    name: str,
) -> None:
    await aimlapi.submit(desk.submission(a_row(model, **wire), end_frame=desk.picture("end")))
    ends = {key for key in vendor.seen[0].body if key in ("tail_image_url", "last_image_url")}
    assert ends == {name}
    assert vendor.seen[0].body[name] == desk.data_uri("end")


def test_composed_camera_move_is_an_object_without_config_for_pictures(desk: Desk) -> None:
    camera = CameraControl(move=CameraPreset.DOWN_BACK)
    assert body_of(desk.submission(camera=camera))["camera_control"] == {"type": "down_back"}


async def test_composed_camera_move_is_a_word_for_texts(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    spec = for_text("kling-video/v1/pro/text-to-video", camera="words")
    camera = CameraControl(move=CameraPreset.RIGHT_TURN_FORWARD)
    await aimlapi.submit(desk.submission(spec, image=None, camera=camera, aspect=Aspect.TALL))
    assert vendor.seen[0].body == {
        "model": "kling-video/v1/pro/text-to-video",
        "prompt": "the boat drifts",
        "camera_control": "right_turn_forward",
        "duration": 5,
        "aspect_ratio": "9:16",
    }


@pytest.mark.parametrize(("amount", "sent"), [(5, 5), (-7.4, -7), (0.2, 1), (-0.2, -1), (10, 10)])
async def test_camera_move_for_texts_is_a_whole_number_that_moves(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk, amount: float, sent: int
) -> None:
    spec = for_text("kling-video/v1/pro/text-to-video", camera="words")
    camera = CameraControl(move=CameraMove.PAN, amount=amount)
    await aimlapi.submit(desk.submission(spec, image=None, camera=camera))
    body = vendor.seen[0].body
    assert body["advanced_camera_control"] == {"movement_type": "pan", "movement_value": sent}
    assert isinstance(body["advanced_camera_control"]["movement_value"], int)
    assert "camera_control" not in body


@pytest.mark.parametrize(
    ("wire", "sound", "sent"),
    [
        ({"sound": "explicit"}, False, {"generate_audio": False}),
        ({"sound": "explicit"}, True, {"generate_audio": True}),
        ({}, True, {"generate_audio": True}),
        ({}, False, {}),
    ],
)
async def test_silence_is_said_where_sound_is_usual(
    *,
    vendor: AimlapiVendor,
    aimlapi: AimlapiProvider,
    desk: Desk,
    wire: dict[str, str],
    sound: bool,
    sent: dict[str, bool],
) -> None:
    await aimlapi.submit(desk.submission(a_row("klingai/video-v2-6-pro-image-to-video", **wire), sound=sound))
    body = vendor.seen[0].body
    assert {name: body[name] for name in body if name == "generate_audio"} == sent


SHOTS = (Shot(prompt="rain", duration_s=2), Shot(prompt="sun", duration_s=3))


@pytest.mark.parametrize(
    ("model", "wire", "sent"),
    [
        ("klingai/video-v3-pro-image-to-video", {}, ["rain", "sun"]),
        ("klingai/video-v3-pro-image-to-video", {"shots": "words"}, ["rain", "sun"]),
        (
            "klingai/video-v3-standard-turbo-image-to-video",
            {"shots": "timed"},
            [{"prompt": "rain", "duration": 2}, {"prompt": "sun", "duration": 3}],
        ),
    ],
)
async def test_shots_take_the_place_of_the_prompt(
    *,
    vendor: AimlapiVendor,
    aimlapi: AimlapiProvider,
    desk: Desk,
    model: str,
    wire: dict[str, str],
    sent: list[Any],
) -> None:
    await aimlapi.submit(desk.submission(a_row(model, **wire), shots=SHOTS, duration_s=5))
    assert vendor.seen[0].body["multi_prompt"] == sent
    assert vendor.seen[0].body["duration"] == 5
    assert "prompt" not in vendor.seen[0].body


async def test_row_can_forbid_another_renderer(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    await aimlapi.submit(desk.submission())
    await aimlapi.submit(desk.submission(a_row(SPEC.id, upstream="kling")))
    assert [seen.body.get("provider") for seen in vendor.seen] == [None, "kling"]


SHIPPED = [
    row
    for row in parse(
        resources.files("bot.domain").joinpath("catalogue.toml").read_text(), source="catalogue.toml"
    )
    if row.provider == "aimlapi"
]


def everything(desk: Desk, spec: ModelSpec) -> list[dict[str, Any]]:
    """What the parameters of a row can be, one request each."""
    stroke = Stroke(mask=desk.picture("moving"), path=(Point(x=1, y=1), Point(x=2, y=2)))
    values: dict[str, list[dict[str, Any]]] = {
        "prompt": [{}, {"duration_s": max(spec.durations_s)}],
        "negative_prompt": [{"negative_prompt": "blur"}],
        "end_frame": [{"end_frame": desk.picture("end")}],
        "guidance": [{"guidance": 0}, {"guidance": 0.7}],
        "camera": [{"camera": CameraControl(move=move, amount=-2.5)} for move in CameraMove],
        "camera_preset": [{"camera": CameraControl(move=move)} for move in CameraPreset],
        "motion": [{"motion": MotionBrush(still=desk.picture("still"), moving=(stroke,) * 6)}],
        "sound": [{"sound": True}],
        "shots": [{"shots": SHOTS, "duration_s": 5}],
    }
    wanted = [value for parameter in spec.parameters for value in values[parameter]]
    return wanted + [{"aspect": aspect} for aspect in spec.aspects]


@pytest.mark.parametrize("spec", SHIPPED, ids=lambda spec: spec.id)
async def test_shipped_model_is_taken_with_everything_its_row_allows(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk, spec: ModelSpec
) -> None:
    is_text = spec.tasks == (Task.TEXT_TO_VIDEO,)
    requests = everything(desk, spec)
    for wanted in requests:
        submission = desk.submission(spec, **wanted | ({"image": None} if is_text else {}))
        assert fits(submission.request, spec) == []
        assert isinstance(await aimlapi.submit(submission), Accepted)
    assert len(vendor.tasks) == len(requests) > 0


async def test_vendor_would_drop_a_mask_under_the_wrong_name_and_charge_for_the_clip(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    wrong = a_row(V1_PRO, path="legacy", mask_names="plain")
    await aimlapi.submit(desk.submission(wrong, motion=MotionBrush(still=desk.picture("still"))))
    assert len(vendor.bill) == 1
    [problem] = vendor.problems
    assert "static_mask" in problem
    vendor.problems.clear()


@pytest.mark.parametrize(
    ("spec", "wanted", "problem"),
    [
        (LEGACY_V1_PRO, {"prompt": ""}, "'prompt' is a required property"),
        (LEGACY_V1_PRO, {"duration_s": 7}, "duration: 7 is not one of [5, 10]"),
        (SPEC.model_copy(update={"id": "klingai/video-o1-image-to-video"}), {"guidance": 1}, "cfg_scale"),
    ],
)
async def test_vendor_minds_what_its_documentation_says(
    *,
    vendor: AimlapiVendor,
    aimlapi: AimlapiProvider,
    desk: Desk,
    spec: ModelSpec,
    wanted: dict[str, Any],
    problem: str,
) -> None:
    await aimlapi.submit(desk.submission(spec, **wanted))
    [found] = vendor.problems
    assert problem in found
    vendor.problems.clear()


async def test_preview_is_a_command_that_sends_the_same(
    vendor: AimlapiVendor, aimlapi: AimlapiProvider, desk: Desk
) -> None:
    submission = desk.submission(prompt='it\'s $HOME, `date` and "quotes"', end_frame=desk.picture("end"))
    command = aimlapi.preview(submission)
    assert vendor.seen == []
    assert vendor.key not in command
    assert "Authorization: Bearer $AIMLAPI_API_KEY" in command
    assert f"{vendor.url}/v2/video/generations" in command
    assert f"X-Client-Request-Id: {KEY}" in command
    # The shell fills in the key and the pictures; a function stands in for curl and shows what it was given.
    shown = f'curl() {{ printf "%s\\n" "$@" >&2; cat; }}\nAIMLAPI_API_KEY=from-the-environment\n{command}'
    require("bash")
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", shown, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    body, arguments = await shell.communicate()
    assert shell.returncode == 0
    assert b"Authorization: Bearer from-the-environment" in arguments
    assert json.loads(body) == {
        "model": SPEC.id,
        "image_url": desk.data_uri("boat"),
        "tail_image_url": desk.data_uri("end"),
        "prompt": 'it\'s $HOME, `date` and "quotes"',
        "duration": 5,
    }
