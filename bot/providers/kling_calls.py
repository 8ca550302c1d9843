"""Requests in the words of Kling's API and of kkiai's, which differs from it in little.

What a catalogue row may say in `wire`:

`mode`: `omit` where the model has no mode (the master models); kkiai wants one always and gets it.
`sound`: `explicit` says `off` outright where no sound is asked for.
`multi_shot`: `explicit` says `false` outright where there are no shots.
`preset_config`: `zeros` sends an empty `config` along with a composed camera move. Kling itself wants none, but
    docs.kkiai.com marks it as required.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from bot.domain.provider import (
    Submission,
)
from bot.domain.requests import (
    CameraControl,
    CameraMove,
    MotionBrush,
    Picture,
    Shot,
    Stroke,
    Task,
    VideoRequest,
)
from bot.providers.http import Call, Inline

WIRE: Mapping[str, frozenset[str] | None] = {
    "mode": frozenset({"omit"}),
    "sound": frozenset({"explicit"}),
    "multi_shot": frozenset({"explicit"}),
    "preset_config": frozenset({"zeros"}),
}
"""What a catalogue row may say in `wire`; None stands for any text."""

KINDS = {Task.IMAGE_TO_VIDEO: "image2video", Task.TEXT_TO_VIDEO: "text2video"}


@dataclass(frozen=True, slots=True)
class Flavour:
    """Whose server it is, as far as that makes a difference."""

    name: str
    """The name of the provider."""
    title: str
    """What people call it."""
    base_url: str
    key_variable: str
    """What stands for the key in a preview."""
    always_mode: bool
    knows_keys: bool
    """Whether a task that cannot be found by our key certainly does not exist."""
    unit_usd: Decimal | None
    """The price of a unit; None where it is not published."""


OFFICIAL = Flavour(
    name="kling",
    title="Kling",
    base_url="https://api-singapore.klingai.com",
    key_variable="KLING_API_KEY",
    always_mode=False,
    knows_keys=True,
    unit_usd=Decimal("0.14"),
)
KKIAI = Flavour(
    name="kkiai",
    title="kkiai",
    base_url="https://www.kkiai.com/kling",
    key_variable="KKIAI_API_KEY",
    always_mode=True,
    knows_keys=False,
    unit_usd=None,
)


def create_call(submission: Submission, flavour: Flavour) -> Call:
    """The request that makes the clip; nothing stands in it that was not asked for."""
    spec, request = submission.spec, submission.request
    is_modeless = spec.wire.get("mode") == "omit" and not flavour.always_mode
    fields: dict[str, Any] = {
        "model_name": spec.id,
        "mode": None if is_modeless else spec.quality_of(request).value,
        "duration": str(request.duration_s),
        "image": _base64(request.image),
        "image_tail": _base64(request.end_frame),
        **_words(request, spec.wire),
        "negative_prompt": request.negative_prompt,
        "cfg_scale": request.guidance,
        **_motion(request.motion),
        "camera_control": _camera(request.camera, spec.wire),
        **_sound(request, spec.wire),
        "aspect_ratio": request.aspect if request.task is Task.TEXT_TO_VIDEO else None,
        "watermark_info": {"enabled": True} if request.watermark else None,
        "callback_url": submission.callback_url,
        "external_task_id": submission.key,
    }
    body = {name: value for name, value in fields.items() if not _is_empty(value)}
    return Call("POST", f"/v1/videos/{KINDS[request.task]}", body)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _base64(picture: Picture | None) -> Inline | None:
    """Bare base64: Kling takes no `data:` before it."""
    return Inline(picture) if picture else None


def _words(request: VideoRequest, wire: Mapping[str, str]) -> dict[str, Any]:
    """The prompt, or the shots that take its place."""
    if request.shots:
        shots = [_shot(number, shot) for number, shot in enumerate(request.shots, 1)]
        return {"multi_shot": True, "shot_type": "customize", "multi_prompt": shots}
    return {"prompt": request.prompt, "multi_shot": False if wire.get("multi_shot") == "explicit" else None}


def _shot(number: int, shot: Shot) -> dict[str, Any]:
    return {"index": number, "prompt": shot.prompt, "duration": str(shot.duration_s)}


def _sound(request: VideoRequest, wire: Mapping[str, str]) -> dict[str, Any]:
    silence = "off" if wire.get("sound") == "explicit" else None
    voices = [{"voice_id": voice} for voice in request.voices]
    return {"sound": "on" if request.sound else silence, "voice_list": voices or None}


def _motion(motion: MotionBrush | None) -> dict[str, Any]:
    if motion is None:
        return {}
    moving = [_moving(stroke) for stroke in motion.moving]
    return {"static_mask": _base64(motion.still), "dynamic_masks": moving or None}


def _moving(stroke: Stroke) -> dict[str, Any]:
    """A mask and its path, which Kling counts from the bottom left corner (Kling API, Image to Video)."""
    bottom = stroke.mask.height - 1
    path = [{"x": point.x, "y": bottom - point.y} for point in stroke.path]
    return {"mask": _base64(stroke.mask), "trajectories": path}


def _camera(camera: CameraControl | None, wire: Mapping[str, str]) -> dict[str, Any] | None:
    if camera is None:
        return None
    zeros = dict.fromkeys((move.value for move in CameraMove), 0.0)
    if camera.amount is not None:
        return {"type": "simple", "config": zeros | {camera.move.value: camera.amount}}
    config = {"config": zeros} if wire.get("preset_config") == "zeros" else {}
    return {"type": camera.move.value, **config}


def query_call(kind: str, name: str) -> Call:
    """Ask about a task by its id or by our key."""
    return Call("GET", f"/v1/videos/{kind}/{quote(name, safe='')}")
