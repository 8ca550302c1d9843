"""What is sent to Kling and kkiai: field by field, and what a row's `wire` changes."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path as File
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.domain.provider import Accepted, Refusal, Rejected, Submission
from bot.domain.requests import (
    Aspect,
    CameraControl,
    CameraMove,
    CameraPreset,
    MotionBrush,
    Picture,
    Point,
    Quality,
    Shot,
    Stroke,
    VideoRequest,
)
from bot.providers import registry
from bot.providers.download import Downloads
from bot.providers.http import Inline
from bot.providers.kling import KlingProvider
from bot.providers.kling_calls import KKIAI, OFFICIAL, Flavour, create_call
from bot.providers.kling_signing import jwt
from tests.shell import require
from tests.vendors.kling import SPEC, KlingVendor, Said, provider

KEY = "kinora-ab12-7-1"


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with registry.session() as session:
        yield session


@pytest.fixture
async def downloads() -> AsyncGenerator[Downloads]:
    async with Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as downloads:
        yield downloads


@pytest.fixture(params=["kling", "kkiai"])
async def vendor(request: pytest.FixtureRequest) -> AsyncGenerator[KlingVendor]:
    vendor = KlingVendor(flavour=request.param)
    async with vendor.serve():
        yield vendor
    assert vendor.problems == []


@pytest.fixture
def kling(vendor: KlingVendor, session: aiohttp.ClientSession, downloads: Downloads) -> KlingProvider:
    return provider(vendor, session, downloads)


class Desk:
    """Makes pictures, and submissions with them."""

    def __init__(self, folder: File) -> None:
        self._folder = folder
        self.files: dict[str, File] = {}

    def picture(
        self, color: str = "teal", *, size: tuple[int, int] = (480, 320), kind: str = "png"
    ) -> Picture:
        file = self._folder / f"{color} of '{size[0]}'.{kind}"
        Image.new("RGB", size, color).save(file)
        blob = hashlib.sha256(file.read_bytes()).hexdigest()
        self.files[blob] = file
        media_type = "image/png" if kind == "png" else "image/jpeg"
        return Picture(blob=blob, media_type=media_type, width=size[0], height=size[1])

    def base64(self, picture: Picture) -> str:
        return base64.b64encode(self.files[picture.blob].read_bytes()).decode()

    def submission(
        self,
        *,
        model: str = SPEC.id,
        wire: dict[str, str] | None = None,
        callback_url: str | None = None,
        **known: Any,
    ) -> Submission:
        request = VideoRequest(**known)
        spec = SPEC.model_copy(update={"id": model, "wire": wire or {}, "only": {}})
        return Submission(KEY, spec, request, self.files, callback_url)

    def body(self, flavour: Flavour = OFFICIAL, **known: Any) -> dict[str, Any]:
        call = create_call(self.submission(**known), flavour)
        assert call.body is not None
        return dict(call.body)


@pytest.fixture
def desk(tmp_path: File) -> Desk:
    return Desk(tmp_path)


def stroke(mask: Picture, *points: tuple[int, int]) -> Stroke:
    return Stroke(mask=mask, path=tuple(Point(x=x, y=y) for x, y in points))


# The body.


def test_a_picture_alone_makes_the_shortest_body(desk: Desk) -> None:
    image = desk.picture()
    assert desk.body(image=image) == {
        "model_name": "kling-v2-5-turbo",
        "mode": "std",
        "duration": "5",
        "image": Inline(image),
        "external_task_id": KEY,
    }


def test_words_alone_go_to_the_other_path_with_an_aspect_only_if_asked(desk: Desk) -> None:
    call = create_call(desk.submission(prompt="a boat", aspect=Aspect.TALL), OFFICIAL)
    assert call.path == "/v1/videos/text2video"
    assert call.body == {
        "model_name": "kling-v2-5-turbo",
        "mode": "std",
        "duration": "5",
        "prompt": "a boat",
        "aspect_ratio": "9:16",
        "external_task_id": KEY,
    }
    assert "aspect_ratio" not in desk.body(prompt="a boat")


def test_pictures_go_to_their_own_path_without_an_aspect(desk: Desk) -> None:
    call = create_call(desk.submission(image=desk.picture(), aspect=Aspect.WIDE), OFFICIAL)
    assert call.body is not None
    assert (call.method, call.path) == ("POST", "/v1/videos/image2video")
    assert "aspect_ratio" not in call.body


def test_the_whole_of_a_usual_request(desk: Desk) -> None:
    image, end = desk.picture(), desk.picture("red")
    body = desk.body(
        image=image,
        end_frame=end,
        prompt="the boat drifts",
        negative_prompt="blur",
        guidance=0.0,
        quality=Quality.PRO,
        duration_s=10,
        watermark=True,
        callback_url="https://kinora.example/callbacks/kling/abc",
    )
    assert body == {
        "model_name": "kling-v2-5-turbo",
        "mode": "pro",
        "duration": "10",
        "image": Inline(image),
        "image_tail": Inline(end),
        "prompt": "the boat drifts",
        "negative_prompt": "blur",
        "cfg_scale": 0.0,
        "watermark_info": {"enabled": True},
        "callback_url": "https://kinora.example/callbacks/kling/abc",
        "external_task_id": KEY,
    }


def test_blank_words_are_left_out(desk: Desk) -> None:
    body = desk.body(image=desk.picture(), prompt="  ", negative_prompt="")
    assert body.keys().isdisjoint({"prompt", "negative_prompt"})


def test_a_model_without_modes_gets_none_except_at_kkiai(desk: Desk) -> None:
    known: dict[str, Any] = {"model": "kling-v2-master", "wire": {"mode": "omit"}, "prompt": "a boat"}
    assert "mode" not in desk.body(**known)
    assert desk.body(KKIAI, **known)["mode"] == "std"


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("wire", [{}, {"sound": "explicit"}])
def test_silence_is_said_only_where_the_row_wants_it(
    desk: Desk, wire: dict[str, str], *, asked: bool
) -> None:
    expected = "on" if asked else "off" if wire else None
    assert desk.body(prompt="a boat", sound=asked, wire=wire).get("sound") == expected


def test_voices_are_a_list_of_ids(desk: Desk) -> None:
    body = desk.body(prompt="<<<voice_1>>> sings", sound=True, voices=("v-1", "v-2"))
    assert body["voice_list"] == [{"voice_id": "v-1"}, {"voice_id": "v-2"}]


def test_shots_take_the_place_of_the_prompt(desk: Desk) -> None:
    shots = (Shot(prompt="near", duration_s=2), Shot(prompt="far", duration_s=3))
    body = desk.body(prompt="ignored", shots=shots, wire={"multi_shot": "explicit"})
    assert "prompt" not in body
    assert (body["multi_shot"], body["shot_type"]) == (True, "customize")
    assert body["multi_prompt"] == [
        {"index": 1, "prompt": "near", "duration": "2"},
        {"index": 2, "prompt": "far", "duration": "3"},
    ]


def test_no_shots_are_said_only_where_the_row_wants_it(desk: Desk) -> None:
    assert desk.body(prompt="a boat", wire={"multi_shot": "explicit"})["multi_shot"] is False
    assert desk.body(prompt="a boat").keys().isdisjoint({"multi_shot", "shot_type", "multi_prompt"})


def test_paths_are_counted_from_the_bottom(desk: Desk) -> None:
    image, mask, still = desk.picture(), desk.picture("white"), desk.picture("black")
    motion = MotionBrush(still=still, moving=(stroke(mask, (0, 0), (479, 319)),))
    body = desk.body(image=image, motion=motion)
    assert body["static_mask"] == Inline(still)
    assert body["dynamic_masks"] == [
        {"mask": Inline(mask), "trajectories": [{"x": 0, "y": 319}, {"x": 479, "y": 0}]}
    ]


def test_what_nobody_painted_is_left_out(desk: Desk) -> None:
    image, mask = desk.picture(), desk.picture("white")
    assert "dynamic_masks" not in desk.body(image=image, motion=MotionBrush(still=mask))
    only_moving = MotionBrush(moving=(stroke(mask, (0, 0), (1, 1)),))
    assert "static_mask" not in desk.body(image=image, motion=only_moving)


@pytest.mark.parametrize("move", CameraMove)
def test_a_simple_move_has_all_six_amounts_and_one_that_counts(desk: Desk, move: CameraMove) -> None:
    camera = desk.body(prompt="a boat", camera=CameraControl(move=move, amount=-2.5))["camera_control"]
    assert camera["type"] == "simple"
    assert set(camera["config"]) == {"horizontal", "vertical", "pan", "tilt", "roll", "zoom"}
    assert {name: amount for name, amount in camera["config"].items() if amount} == {move.value: -2.5}


@pytest.mark.parametrize("move", CameraPreset)
def test_a_composed_move_has_no_amounts_unless_the_row_wants_them(desk: Desk, move: CameraPreset) -> None:
    camera = CameraControl(move=move)
    assert desk.body(prompt="a boat", camera=camera)["camera_control"] == {"type": move.value}
    wanted = desk.body(prompt="a boat", camera=camera, wire={"preset_config": "zeros"})["camera_control"]
    assert wanted["type"] == move.value
    assert set(wanted["config"].values()) == {0.0}
    assert len(wanted["config"]) == 6


def test_nothing_empty_is_ever_sent(desk: Desk) -> None:
    for flavour in (OFFICIAL, KKIAI):
        body = desk.body(flavour, image=desk.picture(), prompt="", negative_prompt=" ")
        assert not [name for name, value in body.items() if value in (None, "", [], {})]


# What the vendors take.


def requests_of(desk: Desk) -> dict[str, dict[str, Any]]:
    """One request for each thing that can be asked for."""
    image, mask = desk.picture(), desk.picture("white")
    shots = (Shot(prompt="near", duration_s=2), Shot(prompt="far", duration_s=3))
    motion = MotionBrush(still=desk.picture("black"), moving=(stroke(mask, (0, 0), (479, 319)),))
    explicit = {"sound": "explicit", "multi_shot": "explicit"}
    move, preset = CameraControl(move=CameraMove.ZOOM, amount=3), CameraControl(move=CameraPreset.FORWARD_UP)
    return {
        "picture": {"image": desk.picture(kind="jpg"), "duration_s": 10},
        "end frame": {
            "image": image,
            "end_frame": desk.picture("red"),
            "quality": Quality.PRO,
            "watermark": True,
        },
        "words": {"prompt": "a boat", "aspect": Aspect.SQUARE, "callback_url": "https://kinora.example/c"},
        "guidance": {"prompt": "a boat", "model": "kling-v1-6", "guidance": 0.7, "negative_prompt": "blur"},
        "motion": {"image": image, "motion": motion, "model": "kling-v1"},
        "camera": {"prompt": "a boat", "camera": move, "model": "kling-v1"},
        "preset": {"prompt": "a boat", "camera": preset, "model": "kling-v1"},
        "shots": {"image": image, "shots": shots, "model": "kling-v3", "wire": explicit},
        "no shots": {"prompt": "a boat", "model": "kling-v3", "wire": explicit},
        "voices": {
            "image": image,
            "prompt": "<<<voice_1>>> sings",
            "sound": True,
            "voices": ("v-1",),
            "quality": Quality.PRO,
            "model": "kling-v2-6",
        },
    }


async def test_everything_that_can_be_asked_for_is_taken(
    kling: KlingProvider, vendor: KlingVendor, desk: Desk
) -> None:
    for number, (what, known) in enumerate(requests_of(desk).items()):
        submission = desk.submission(**known)
        answer = await kling.submit(
            Submission(f"{KEY}-{number}", submission.spec, submission.request, desk.files)
        )
        assert isinstance(answer, Accepted), what
    assert len(vendor.bill) == len(requests_of(desk))


async def test_pictures_arrive_as_bare_base64(kling: KlingProvider, vendor: KlingVendor, desk: Desk) -> None:
    image = desk.picture()
    await kling.submit(desk.submission(image=image))
    assert vendor.seen[0].body["image"] == desk.base64(image)
    assert vendor.seen[0].headers["Authorization"] == "Bearer a-secret-key"


async def test_a_master_model_is_taken_with_or_without_a_mode(
    kling: KlingProvider, vendor: KlingVendor, desk: Desk
) -> None:
    submission = desk.submission(prompt="a boat", model="kling-v2-master", wire={"mode": "omit"})
    assert isinstance(await kling.submit(submission), Accepted)
    assert ("mode" in vendor.seen[0].body) is (vendor.flavour == "kkiai")


def test_the_flavours_lead_to_their_own_servers() -> None:
    assert (OFFICIAL.name, OFFICIAL.base_url) == ("kling", "https://api-singapore.klingai.com")
    assert (KKIAI.name, KKIAI.base_url) == ("kkiai", "https://www.kkiai.com/kling")


# The preview.


async def said_by(script: str, keys: dict[str, str]) -> bytes:
    """What the vendor answers where bash runs a preview."""
    require("bash", "curl", "openssl")
    ran = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        env={**keys, "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await ran.communicate()
    return said


@pytest.mark.parametrize(
    "what", ["picture", "end frame", "words", "motion", "camera", "preset", "shots", "voices", "guidance"]
)
async def test_a_preview_makes_the_same_request_when_it_is_run(
    kling: KlingProvider, vendor: KlingVendor, desk: Desk, what: str
) -> None:
    submission = desk.submission(**requests_of(desk)[what])
    variable = "KKIAI_API_KEY" if vendor.flavour == "kkiai" else "KLING_API_KEY"
    said = await said_by(kling.preview(submission), {variable: vendor.key})
    assert json.loads(said)["code"] == 0
    vendor.tasks.clear()
    await kling.submit(submission)
    by_curl, by_us = vendor.seen
    assert (by_curl.path, by_curl.body) == (by_us.path, by_us.body)


def test_a_preview_names_no_secret(kling: KlingProvider, vendor: KlingVendor, desk: Desk) -> None:
    shown = kling.preview(desk.submission(prompt="a boat"))
    assert vendor.key not in shown
    assert vendor.seen == []


# Signing in.

BY_OPENSSL = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhbi1hY2Nlc3Mta2V5IiwiZXhwIjoxNzk1MDAxODAwLCJuYmYiOjE3OTQ5OTk5OTV9.J-F2NkeizkGepdwpoPaXEIcsr1yqmN4urfht6A15Lt8"
"""Made by `openssl dgst -sha256 -hmac a-signing-key` for the moment 1795000000."""


class Clock:
    now_ms = 1_795_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def test_a_token_is_what_openssl_makes_of_the_same_claims() -> None:
    assert jwt("an-access-key", "a-signing-key", Clock())() == {"Authorization": f"Bearer {BY_OPENSSL}"}


def claims(headers: Any) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(headers["Authorization"].split(".")[1] + "=="))


def test_a_token_is_kept_until_well_before_its_end() -> None:
    clock = Clock()
    sign_in = jwt("an-access-key", "a-signing-key", clock)
    first = sign_in()
    clock.now_ms += 1_199_000
    assert sign_in() == first
    clock.now_ms += 1_000
    assert claims(sign_in()) == {
        "iss": "an-access-key",
        "exp": clock.now_ms // 1000 + 1800,
        "nbf": clock.now_ms // 1000 - 5,
    }


def test_a_token_is_made_anew_when_the_clock_was_put_back_or_somebody_says_so() -> None:
    clock = Clock()
    sign_in = jwt("an-access-key", "a-signing-key", clock)
    first = sign_in()
    clock.now_ms -= 60_000
    back = sign_in()
    assert claims(back)["nbf"] == claims(first)["nbf"] - 60
    clock.now_ms += 2_000
    assert sign_in() == back
    sign_in.renew()
    assert sign_in() != back


@pytest.fixture
async def signing(
    session: aiohttp.ClientSession, downloads: Downloads
) -> AsyncGenerator[tuple[KlingVendor, KlingProvider]]:
    vendor = KlingVendor()
    async with vendor.serve():
        sign_in = jwt(vendor.access_key, vendor.secret_key, lambda: vendor.now_ms)
        yield vendor, provider(vendor, session, downloads, sign_in=sign_in)
    assert vendor.problems == []


Signing = tuple[KlingVendor, KlingProvider]


async def test_a_signed_create_and_question_are_taken(signing: Signing, desk: Desk) -> None:
    vendor, kling = signing
    accepted = await kling.submit(desk.submission(prompt="a boat"))
    assert isinstance(accepted, Accepted)
    await kling.poll(accepted.task_id)
    assert len(vendor.bill) == 1


async def test_a_preview_signs_in_with_a_pair_of_keys(signing: Signing, desk: Desk) -> None:
    vendor, kling = signing
    vendor.now_ms = int(time.time() * 1000)
    script = kling.preview(desk.submission(prompt="a boat"))
    assert vendor.secret_key not in script
    keys = {"KLING_ACCESS_KEY": vendor.access_key, "KLING_SECRET_KEY": vendor.secret_key}
    assert json.loads(await said_by(script, keys))["code"] == 0
    assert len(vendor.bill) == 1


EXPIRED = Said(401, {"code": 1004, "message": "token is expired", "request_id": "r"})
TOO_EARLY = Said(401, {"code": 1003, "message": "token is not valid yet", "request_id": "r"})


@pytest.mark.parametrize("refusal", [EXPIRED, TOO_EARLY])
async def test_a_refused_token_is_renewed_once_for_a_create(
    signing: Signing, desk: Desk, refusal: Said
) -> None:
    vendor, kling = signing
    vendor.instead_of_create.append(refusal)
    assert isinstance(await kling.submit(desk.submission(prompt="a boat")), Accepted)
    assert len(vendor.bill) == 1
    assert len(vendor.seen) == 2


async def test_a_renewed_token_is_another_one(signing: Signing, desk: Desk) -> None:
    vendor, kling = signing
    accepted = await kling.submit(desk.submission(prompt="a boat"))
    assert isinstance(accepted, Accepted)
    vendor.now_ms += 60_000
    vendor.instead_of_query.append(EXPIRED)
    await kling.poll(accepted.task_id)
    tokens = [seen.headers["Authorization"] for seen in vendor.seen]
    assert tokens[0] == tokens[1] != tokens[2]


async def test_no_other_refusal_is_answered_with_a_new_token(signing: Signing, desk: Desk) -> None:
    vendor, kling = signing
    for status, code in ((401, 1002), (429, 1303), (500, 5000)):
        vendor.instead_of_create.append(Said(status, {"code": code, "message": "no"}))
        await kling.submit(desk.submission(prompt="a boat"))
    assert len(vendor.seen) == 3


async def test_a_token_that_is_refused_again_is_not_tried_a_third_time(signing: Signing, desk: Desk) -> None:
    vendor, kling = signing
    vendor.instead_of_create.extend([EXPIRED, EXPIRED])
    answer = await kling.submit(desk.submission(prompt="a boat"))
    assert isinstance(answer, Rejected)
    assert answer.why is Refusal.ACCOUNT
    assert len(vendor.seen) == 2


async def test_a_key_is_not_tried_twice(kling: KlingProvider, vendor: KlingVendor, desk: Desk) -> None:
    vendor.instead_of_create.append(EXPIRED)
    await kling.submit(desk.submission(prompt="a boat"))
    assert len(vendor.seen) == 1
