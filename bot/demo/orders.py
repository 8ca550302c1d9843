"""What a create in Kling's protocol asks for, read back into a request: the other way round from the provider.

Public source: Kling API, "Image to Video", "Text to Video".
"""

import base64
import binascii
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from typing import Annotated, Any, Literal, cast

from PIL import Image
from pydantic import BaseModel, Field, ValidationError

from bot.domain import requests, rows
from bot.domain.models import ModelSpec, Price, fits
from bot.domain.requests import (
    CameraControl,
    CameraMove,
    CameraPreset,
    MotionBrush,
    Picture,
    Quality,
    Stroke,
    Task,
    VideoRequest,
)

KINDS = {"image2video": Task.IMAGE_TO_VIDEO, "text2video": Task.TEXT_TO_VIDEO}
"""By the last part of the path."""

MAX_PICTURE_BYTES = 10_000_000
"""Of one picture (Kling API, Image to Video)."""

_MEDIA_TYPES: Mapping[str, Literal["image/jpeg", "image/png"]] = {"JPEG": "image/jpeg", "PNG": "image/png"}


class Unfit(Exception):
    """The vendor does not take this: its HTTP status, code and message (Kling API, Error Codes)."""

    def __init__(self, message: str, *, status: int = 400, code: int = 1201) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Point(BaseModel):
    x: int
    y: int


class _Moving(BaseModel):
    mask: str
    trajectories: Annotated[list[_Point], Field(max_length=100)]


class _Camera(BaseModel):
    type: str
    config: dict[str, float] = {}


class _Shot(BaseModel):
    prompt: str
    duration: str


class _Voice(BaseModel):
    voice_id: str


class _Mark(BaseModel):
    enabled: bool = False


class Create(BaseModel):
    """The body of a create, as far as it is heeded here."""

    model_name: str = "kling-v1"
    mode: Quality | None = None
    duration: str = "5"
    image: str | None = None
    image_tail: str | None = None
    prompt: str = ""
    negative_prompt: str | None = None
    cfg_scale: float | None = None
    static_mask: str | None = None
    dynamic_masks: Annotated[list[_Moving], Field(max_length=6)] = []
    camera_control: _Camera | None = None
    sound: Literal["on", "off"] = "off"
    voice_list: Annotated[list[_Voice], Field(max_length=2)] = []
    multi_prompt: Annotated[list[_Shot], Field(max_length=6)] = []
    aspect_ratio: requests.Aspect | None = None
    watermark_info: _Mark = _Mark()
    callback_url: Annotated[str | None, Field(max_length=2000)] = None
    external_task_id: Annotated[str | None, Field(max_length=200)] = None


@dataclass(frozen=True, slots=True)
class Order:
    """A clip that was ordered."""

    request: VideoRequest
    """Complete: with the quality that it is made in."""
    spec: ModelSpec
    units: Decimal
    """What it costs, in Kling's units."""
    files: Mapping[str, bytes] = field(repr=False)
    """The pictures, by blob hash."""
    key: str | None
    """The customer's name for it."""
    callback_url: str | None


def kling_models() -> list[ModelSpec]:
    """The models that Kling itself offers, as the catalogue has them."""
    text = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return [spec for spec in rows.parse(text, source="catalogue.toml") if spec.provider == "kling"]


def order_of(body: object, task: Task, models: Sequence[ModelSpec]) -> Order:
    """Read a create; it decodes pictures' heads, so not in the event loop.

    Raises:
        Unfit: it is none, or asks for what the model does not do.
    """
    try:
        create = Create.model_validate(body)
        pictures = _Pictures()
        request = _request(create, task, pictures)
    except ValidationError as error:
        raise Unfit(requests.first_problem(error)) from error
    spec = next((spec for spec in models if spec.id == create.model_name and task in spec.tasks), None)
    if spec is None:
        raise Unfit("model is not supported for this API", status=404, code=1203)
    if problems := fits(request, spec):
        raise Unfit(problems[0])
    quality = spec.quality_of(request)
    units = _units(spec.price, quality, request)
    made = request.model_copy(update={"quality": quality if quality is not Quality.UHD else Quality.PRO})
    return Order(made, spec, units, pictures.files, create.external_task_id, create.callback_url)


def _units(price: Price, quality: Quality, request: VideoRequest) -> Decimal:
    hundredths = price.model_copy(update={"unit_credits": Decimal(100)})
    cost = hundredths.credits(quality, request.duration_s, sound=request.sound, voices=bool(request.voices))
    return Decimal(cost or 0) / 100


def _request(create: Create, task: Task, pictures: "_Pictures") -> VideoRequest:
    is_of_picture = task is Task.IMAGE_TO_VIDEO
    image = pictures.read(create.image)
    if is_of_picture and image is None:
        raise Unfit("image is required")
    known: dict[str, Any] = {
        "prompt": create.prompt,
        "negative_prompt": create.negative_prompt,
        "duration_s": create.duration,
        "quality": create.mode,
        "aspect": None if is_of_picture else create.aspect_ratio,
        "guidance": create.cfg_scale,
        "camera": _camera(create.camera_control),
        "sound": create.sound == "on",
        "voices": [voice.voice_id for voice in create.voice_list],
        "shots": [{"prompt": shot.prompt, "duration_s": shot.duration} for shot in create.multi_prompt],
        "watermark": create.watermark_info.enabled,
        "image": image if is_of_picture else None,
        "end_frame": pictures.read(create.image_tail),
        "motion": _motion(create, image, pictures),
    }
    return VideoRequest.model_validate(known)


def _camera(camera: _Camera | None) -> CameraControl | None:
    if camera is None:
        return None
    if camera.type != "simple":
        return CameraControl(move=CameraPreset(camera.type)) if camera.type in tuple(CameraPreset) else _odd()
    moves = [(name, amount) for name, amount in camera.config.items() if amount]
    if len(moves) != 1 or moves[0][0] not in tuple(CameraMove):
        return _odd()
    return CameraControl(move=CameraMove(moves[0][0]), amount=moves[0][1])


def _odd() -> None:
    raise Unfit("camera_control is invalid")


def _motion(create: Create, image: Picture | None, pictures: "_Pictures") -> MotionBrush | None:
    if image is None or (create.static_mask is None and not create.dynamic_masks):
        return None
    strokes = [_stroke(moving, image.height, pictures) for moving in create.dynamic_masks]
    return MotionBrush(still=pictures.read(create.static_mask), moving=tuple(strokes))


def _stroke(moving: _Moving, height: int, pictures: "_Pictures") -> Stroke:
    """Paths come counted from the bottom left corner (Kling API, Image to Video)."""
    mask = pictures.read(moving.mask)
    path = [{"x": point.x, "y": height - 1 - point.y} for point in moving.trajectories]
    return Stroke.model_validate({"mask": mask, "path": path})


class _Pictures:
    """The pictures of a create, by the hash of their bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, text: str | None) -> Picture | None:
        """The picture that bare base64 stands for."""
        if text is None:
            return None
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Unfit("a picture is not base64") from None
        if len(data) > MAX_PICTURE_BYTES:
            raise Unfit("a picture is larger than 10 MB")
        kind, (width, height) = _looked_at(data)
        blob = hashlib.sha256(data).hexdigest()
        self.files[blob] = data
        return Picture(blob=blob, media_type=_MEDIA_TYPES[kind], width=width, height=height)


def _looked_at(data: bytes) -> tuple[str, tuple[int, int]]:
    try:
        with Image.open(io.BytesIO(data), formats=list(_MEDIA_TYPES)) as picture:
            return cast("str", picture.format), picture.size
    except (OSError, ValueError, Image.DecompressionBombError):
        raise Unfit("a picture is neither JPEG nor PNG") from None
