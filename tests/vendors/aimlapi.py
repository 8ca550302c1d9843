"""AI/ML API as it documents itself: both families of paths, a schema for each model, the log of requests.

Public sources: docs.aimlapi.com, the OpenAPI file of each Kling model (of v1 pro: as of 2025-07, of v2.1 pro: as of
2025-11, for the legacy path), "Errors", "Usage Logs", "Request Tracing and Cost Headers".
"""

import base64
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, cast
from uuid import UUID

import aiohttp
from aiohttp import web
from jsonschema import Draft202012Validator, ValidationError

from bot.domain.models import ModelSpec, Price
from bot.domain.requests import Quality
from bot.domain.requests import Task as Kind
from bot.providers.aimlapi import AimlapiProvider, bearer
from bot.providers.download import Downloads
from bot.providers.http import Account, dig
from tests.vendors.vendor import FAILURE, OnCreate, OnPoll, Outcome, Seen, Task, Vendor, hang_up, html

LEGACY = "/v2/generate/video/kling/generation"
UNIVERSAL = "/v2/video/generations"

V1_PRO = "kling-video/v1/pro/image-to-video"
V2_1_PRO = "kling-video/v2.1/pro/image-to-video"

SPEC = ModelSpec(
    provider="aimlapi",
    id="klingai/v2.5-turbo/pro/image-to-video",
    name="Kling 2.5 turbo",
    tasks=(Kind.IMAGE_TO_VIDEO,),
    qualities=(Quality.PRO,),
    durations_s=(5, 10),
    parameters=("prompt", "negative_prompt", "guidance"),
    required=("prompt",),
    price=Price(per_second={"pro": Decimal(7)}),
)


def provider(
    vendor: "AimlapiVendor", session: aiohttp.ClientSession, downloads: Downloads
) -> AimlapiProvider:
    """One account at `vendor`."""
    account = Account(session, base_url=vendor.url, sign_in=bearer(vendor.key), now_ms=lambda: vendor.now_ms)
    return AimlapiProvider(account, downloads=downloads, concurrency=3)


@dataclass(frozen=True)
class Said:
    """An answer word for word, in the place of the next one; nothing is taken."""

    status: int
    body: Any = None
    """JSON, or a page as text."""
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def response(self) -> web.Response:
        if isinstance(self.body, str):
            return web.Response(status=self.status, text=self.body, headers=self.headers)
        return web.json_response(self.body, status=self.status, headers=self.headers)


@dataclass
class AimlapiVendor(Vendor):
    """Takes what the documentation takes; what it would drop without a word is a `problem`."""

    now_ms: int = 1_795_000_000_000
    lists_running: bool = False
    """Whether the log shows a task before it has ended: the documentation does not say."""
    instead_of_create: deque[Said] = field(default_factory=deque[Said])
    instead_of_poll: deque[Said] = field(default_factory=deque[Said])
    instead_of_log: deque[Said] = field(default_factory=deque[Said])
    usage: str = "credits"
    """How a cost is told: `credits`, `tokens`, `headers`, or not at all."""
    video: str = "object"
    """How a clip is told: `object`, `array` or `text`."""
    balance: float = 12.5
    families: dict[str, str] = field(default_factory=dict[str, str])
    """The path on which each task was made."""
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Failed and foreign requests in the log, the oldest first."""
    _numbers: Iterable[int] = field(default_factory=count)

    def routes(self) -> list[web.RouteDef]:
        return [
            *(web.post(path, self.create) for path in (LEGACY, UNIVERSAL)),
            *(web.get(path, self.poll) for path in (LEGACY, UNIVERSAL)),
            web.get("/v2/logs", self.log),
            web.get("/v2/billing", self.billing),
        ]

    async def billing(self, request: web.Request) -> web.StreamResponse:
        """What is left, as docs.aimlapi.com shows it."""
        seen = await self.record(request)
        if refusal := self._auth_problem(seen):
            return _error(seen, *refusal)
        return web.json_response({"current_balance": self.balance, "currency": "USD"})

    def link(self, task: Task) -> str:
        """A clip's name is not its task's id, which may hold slashes."""
        return f"{self.url}/files/{list(self.tasks).index(task.id)}.mp4"

    async def create(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        if self.instead_of_create:
            return self.instead_of_create.popleft().response
        how = self.on_create.popleft() if self.on_create else None
        if how is OnCreate.CUT_BEFORE:
            return hang_up(request)
        refusal = self._auth_problem(seen) or _REFUSALS.get(how) or self._body_problem(seen)
        if refusal:
            self._log_failure(seen)
            return _error(seen, *refusal)
        return self._taken(request, self._take(seen), how)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        if self.instead_of_poll:
            return self.instead_of_poll.popleft().response
        how = self.on_poll.popleft() if self.on_poll else None
        if how is OnPoll.CUT:
            return hang_up(request)
        refusal = self._auth_problem(seen) or _POLL_REFUSALS.get(how)
        if refusal:
            return _error(seen, *refusal)
        return html(502) if how is OnPoll.HTML else self._answer(seen)

    async def log(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        if refusal := self._auth_problem(seen) or _log_problem(seen.query):
            return _error(seen, *refusal)
        if self.instead_of_log:
            return self.instead_of_log.popleft().response
        limit, offset = int(seen.query.get("limit", "50")), int(seen.query.get("offset", "0"))
        rows = self._log_rows()
        page = {"limit": limit, "offset": offset, "total": len(rows), "has_more": offset + limit < len(rows)}
        return web.json_response({"data": rows[offset : offset + limit], "pagination": page})

    def _taken(self, request: web.Request, task: Task, how: OnCreate | None) -> web.StreamResponse:
        match how:
            case OnCreate.CUT_AFTER:
                return hang_up(request)
            case OnCreate.GATEWAY_TIMEOUT:
                return html(504)
            case OnCreate.NONSENSE:
                return html(200)
            case _:
                answer = {"id": task.id, "status": "queued", "meta": {"usage": {"tokens_used": 1_207_500}}}
                is_old = (request.path, task.body["model"]) == (LEGACY, V1_PRO)
                return web.json_response(answer, status=201 if is_old else 200)

    def _auth_problem(self, seen: Seen) -> tuple[int, str] | None:
        if seen.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return _REFUSALS[OnCreate.REFUSE_KEY]

    def _body_problem(self, seen: Seen) -> tuple[int, str] | None:
        key = seen.headers.get("X-Client-Request-Id", "")
        if not re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", key):
            self.problems.append(f"this X-Client-Request-Id would be dropped: {key!r}")
        schemas = _LEGACY_SCHEMAS if seen.path == LEGACY else _UNIVERSAL_SCHEMAS
        model = str(dig(seen.body, "model"))
        if model not in schemas:
            known = " | ".join(f"'{name}'" for name in schemas)
            return (400, f"Body validation error\nInvalid enum value. Expected {known}, received '{model}'")
        wrong = list(_wrong(seen.body, schemas[model]))
        self.problems.extend(text for _, text in wrong)
        refused = [text for is_refused, text in wrong if is_refused]
        return (400, f"Body validation error\n{refused[0]}") if refused else None

    def _take(self, seen: Seen) -> Task:
        number = next(iter(self._numbers))
        uuid = UUID(int=0x60AC7C34_3224_4B14_8E7D_0AA0DB708325 + number)
        task_id = (
            f"-g6lldgKC2tRmvJ{number:05}_",
            str(uuid),
            f"{uuid}:kling-video/v2/master/image-to-video",
        )[number % 3]
        key = seen.headers.get("X-Client-Request-Id")
        task = Task(task_id, seen.path, key, self.next_outcome(), body=seen.body)
        self.tasks[task_id], self.families[task_id] = task, seen.path
        return task

    def _answer(self, seen: Seen) -> web.Response:
        task = self.tasks.get(seen.query.get("generation_id", ""))
        if task is None or self.families[task.id] != seen.path:
            return _error(seen, 404, "Generation not found")
        task.polls += 1
        answer: dict[str, Any] = {"id": task.id, "status": "completed", "video": None, "error": None}
        headers: dict[str, str] = {}
        match task.outcome:
            case Outcome.READY:
                credits_used = 60_000 * int(task.body["duration"])
                answer |= {"model": task.body["model"], "video": self._clip(task)}
                answer["meta"], headers = _cost(self.usage, credits_used)
            case Outcome.SLOW:
                answer["status"] = "generating" if task.polls > 1 else "queued"
            case Outcome.FAILED:
                answer |= {"status": "error", "error": {"name": "Error", "message": FAILURE}}
            case Outcome.STRANGE_STATUS:
                answer["status"] = "pondering"
            case Outcome.NO_LINK:
                pass
        return web.json_response(answer, headers=headers)

    def _clip(self, task: Task) -> Any:
        link = self.link(task)
        return {"object": {"url": link}, "array": [{"url": link}], "text": link}[self.video]

    def _log_failure(self, seen: Seen) -> None:
        number = next(iter(self._numbers))
        self.rows.append(_row(f"failed-{number}", seen.headers.get("X-Client-Request-Id"), "failed", 0))

    def _log_rows(self) -> list[dict[str, Any]]:
        """Newest first."""
        ended = [
            task for task in self.tasks.values() if self.lists_running or task.outcome is not Outcome.SLOW
        ]
        statuses = {task.id: "failed" if task.outcome is Outcome.FAILED else "succeeded" for task in ended}
        tasks = [
            _row(task.id, task.key, statuses[task.id], 0 if statuses[task.id] == "failed" else 300_000)
            for task in ended
        ]
        return [*reversed(tasks), *reversed(self.rows)]


_NO_KEY = "This request requires a valid API key. You can create a new API key on the Billing page: https://aimlapi.com/app/keys"
_NO_CREDIT = "You've run out of credits. Please top up your balance or update your payment method to continue: https://aimlapi.com/app/billing/"

_REFUSALS: dict[OnCreate | None, tuple[int, str]] = {
    OnCreate.REFUSE_KEY: (401, _NO_KEY),
    OnCreate.REFUSE_PAYMENT: (403, _NO_CREDIT),
    OnCreate.REFUSE_INPUT: (400, "Body validation error\nExpected number, received string"),
    OnCreate.REFUSE_CONTENT: (400, "Failure to pass the risk control system"),  # Kling's words for it
    OnCreate.BUSY: (429, "Too Many Requests"),
    OnCreate.OUT_OF_ORDER: (500, "Internal server error"),
}
_POLL_REFUSALS: dict[OnPoll | None, tuple[int, str]] = {
    OnPoll.OUT_OF_ORDER: (500, "Something wrong with the server. Please, try again later."),
    OnPoll.TOO_FAST: (429, "Too Many Requests"),
    OnPoll.NOT_FOUND: (404, "Generation not found"),
}


def _error(seen: Seen, status: int, message: str) -> web.Response:
    body = {
        "message": message,
        "path": seen.path,
        "requestId": "798b860e-98c2-4e8e-8c50-550bcfc2eccc",
        "statusCode": status if status % 2 else str(status),  # documented as a number, shown as a string
        "timestamp": "2026-02-11T07:13:27.813Z",
    }
    return web.json_response(body, status=status, headers={"x-inference-id": "failed"})


def _log_problem(query: dict[str, str]) -> tuple[int, str] | None:
    bounds = {"limit": range(1, 101), "offset": range(1_000_000)}
    wrong = [
        name
        for name, allowed in bounds.items()
        if not query.get(name, "1").isdecimal() or int(query[name]) not in allowed
    ]
    if not re.fullmatch(r"[1-9]\d*[hd]", query.get("period", "")):
        wrong.append("period")
    return (400, f"Query validation error: {', '.join(wrong)}") if wrong else None


def _row(inference_id: str, key: str | None, status: str, credits_used: int) -> dict[str, Any]:
    return {
        "created": "2026-07-02T03:04:05.000Z",
        "status": status,
        "origin": "api",
        "model": "klingai/some-model",
        "cost": {"usd": credits_used / 2_000_000, "credits": credits_used},
        "tokens": {"input": 0, "output": 0, "total": 0},
        "request_id": f"req-{inference_id}",
        "inference_id": inference_id,
        "client_request_id": key,
    }


def foreign_row(number: int) -> dict[str, Any]:
    """A row of the log that is not ours."""
    return _row(f"other-{number}", None, "succeeded", 2480)


def _cost(how: str, credits_used: int) -> tuple[Any, dict[str, str]]:
    usd = credits_used / 2_000_000
    match how:
        case "credits":
            return {"usage": {"credits_used": credits_used, "usd_spent": usd}}, {}
        case "tokens":
            return {"usage": {"tokens_used": credits_used}}, {}
        case "headers":
            headers = {"x-aimlapi-credits-used": str(credits_used), "x-aimlapi-usd-spent": f"{usd:.9f}"}
            return None, headers
        case _:
            return None, {}


def _wrong(body: Any, schema: dict[str, Any]) -> Iterable[tuple[bool, str]]:
    """What is wrong with a body, and whether it is refused for that: unknown fields are dropped without a word."""
    errors = cast("Iterable[ValidationError]", Draft202012Validator(schema).iter_errors(body))  # type: ignore[reportUnknownMemberType]
    for error in errors:
        where = "/".join(map(str, error.absolute_path))
        yield error.validator != "additionalProperties", f"{where}: {error.message[:200]}"
    for name, value in _texts(body, ""):
        if not value.strip():
            yield False, f"{name} is empty"
        if value.startswith("data:") and not _is_picture(value):
            yield True, f"{name} is no picture"


def _texts(value: Any, name: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _texts(item, f"{name}/{key}")
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _texts(item, name)


def _is_picture(uri: str) -> bool:
    head, _, data = uri.partition(";base64,")
    magic = {"data:image/png": b"\x89PNG\r\n", "data:image/jpeg": b"\xff\xd8\xff"}.get(head)
    try:
        return magic is not None and base64.b64decode(data, validate=True).startswith(magic)
    except ValueError:
        return False


# The schemas, field by field.

_TEXT = {"type": "string"}
_PROMPT = {"type": "string", "maxLength": 2500}
_PICTURE = {"type": "string", "pattern": r"^(https?://|data:image/(png|jpeg);base64,)"}
_SCALE = {"type": "number", "minimum": 0, "maximum": 1}
_AMOUNT = {"type": "number", "minimum": -10, "maximum": 10}
_SHORT = {"type": "integer", "enum": [5, 10]}
_LONG = {"type": "integer", "enum": list(range(3, 16))}
_ASPECT = {"type": "string", "enum": ["16:9", "9:16", "1:1"]}
_UPSTREAM = {"type": "string", "enum": ["auto", "kling", "klingai", "fal"]}
_PRESETS = ["down_back", "forward_up", "right_turn_forward", "left_turn_forward"]
_MOVES = ["horizontal", "vertical", "pan", "tilt", "roll", "zoom"]
_BOOLEAN = {"type": "boolean"}


def _object(required: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": required.split(),
        "additionalProperties": False,
    }


_POINT = _object("x y", x={"type": "integer"}, y={"type": "integer"})
_PATH = {"type": "array", "items": _POINT, "minItems": 2, "maxItems": 77}
_CAMERA = _object(
    "",
    type={"type": "string", "enum": ["simple", *_PRESETS]},
    config=_object("", **dict.fromkeys(_MOVES, _AMOUNT)),
)
_MASKS = {
    "type": "array",
    "items": _object("mask trajectories", mask=_PICTURE, trajectories=_PATH),
    "maxItems": 6,
}
_OLD_MASK = _object(
    "mask_url trajectories", mask_url=_PICTURE, trajectories={"type": "array", "items": _POINT}
)
_MOTION = {"static_mask": _PICTURE, "dynamic_masks": _MASKS, "camera_control": _CAMERA}
_USUAL = {"model": _TEXT, "prompt": _TEXT, "negative_prompt": _TEXT, "cfg_scale": _SCALE, "duration": _SHORT}
_TEXT_CAMERA = {
    "camera_control": {"type": "string", "enum": _PRESETS},
    "advanced_camera_control": _object(
        "movement_type movement_value",
        movement_type={"type": "string", "enum": _MOVES},
        movement_value={"type": "integer", "minimum": -10, "maximum": 10},
    ),
}
_SHOTS = {"multi_prompt": {"type": "array", "items": _TEXT, "minItems": 1}}
_THREE = {**_USUAL, **_SHOTS, "duration": _LONG, "generate_audio": _BOOLEAN, "provider": _UPSTREAM}
_EITHER = {"oneOf": [{"required": ["prompt"]}, {"required": ["multi_prompt"]}]}
_TURBO = {
    "model": _TEXT,
    "prompt": {"type": "string", "maxLength": 3072},
    "multi_prompt": {
        "type": "array",
        "minItems": 1,
        "maxItems": 6,
        "items": _object(
            "prompt",
            prompt={"type": "string", "maxLength": 3072},
            duration={"type": "integer", "minimum": 1, "maximum": 15},
        ),
    },
    "duration": _LONG,
}
_O1 = {"model": _TEXT, "prompt": _PROMPT, "duration": _SHORT, "provider": _UPSTREAM}

_LEGACY_SCHEMAS = {
    V1_PRO: _object(
        "model image_url prompt",
        **_USUAL,
        image_url=_PICTURE,
        tail_image_url=_PICTURE,
        static_mask_url=_PICTURE,
        dynamic_masks={"type": "array", "items": _OLD_MASK},
    ),
    V2_1_PRO: _object(
        "model image_url",
        **_USUAL,
        **_MOTION,
        image_url=_PICTURE,
        type={"type": "string", "enum": ["image-to-video"]},
        external_task_id=_TEXT,
    ),
}

_TAIL_IS_SILENT = {
    "if": {"required": ["tail_image_url"]},
    "then": {"properties": {"generate_audio": {"const": False}}, "required": ["generate_audio"]},
}
_IMAGE = {"image_url": _PICTURE}
_TAIL = {"tail_image_url": _PICTURE}
_PROVIDER = {"provider": _UPSTREAM}
_AUDIO = {"generate_audio": _BOOLEAN}
_RATIO = {"aspect_ratio": _ASPECT}
_SHOT_TYPE = {"shot_type": {"type": "string", "enum": ["customize", "intelligent"]}}
_2_6 = {
    "model": _TEXT,
    "prompt": _PROMPT,
    "negative_prompt": _TEXT,
    "duration": _SHORT,
    **_AUDIO,
    **_PROVIDER,
}


def _models(names: str, schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict.fromkeys(names.split(), schema)


_UNIVERSAL_SCHEMAS = {
    **_models(
        "kling-video/v1/standard/image-to-video kling-video/v1/pro/image-to-video"
        " kling-video/v1.5/standard/image-to-video kling-video/v1.5/pro/image-to-video"
        " kling-video/v1.6/pro/image-to-video",
        _object("model image_url", **_USUAL, **_MOTION, **_IMAGE, **_TAIL),
    ),
    **_models(
        "kling-video/v2.1/standard/image-to-video kling-video/v2.1/pro/image-to-video",
        _object("model image_url", **_USUAL, **_MOTION, **_IMAGE),
    ),
    **_models(
        "klingai/v2-master-image-to-video klingai/v2.1-master-image-to-video",
        _object("model image_url", **_USUAL, **_MOTION, **_IMAGE, **_PROVIDER),
    ),
    **_models(
        "kling-video/v1.6/standard/image-to-video klingai/v2.5-turbo/pro/image-to-video",
        _object("model image_url prompt", **_USUAL, **_IMAGE, **_PROVIDER),
    ),
    **_models("klingai/video-v2-6-pro-image-to-video", _object("model image_url prompt", **_2_6, **_IMAGE)),
    **_models(
        "klingai/video-v3-standard-image-to-video klingai/video-v3-pro-image-to-video",
        _object("model image_url", **_THREE, **_IMAGE, **_TAIL, **_SHOT_TYPE) | _EITHER,
    ),
    **_models(
        "klingai/video-v3-omni-720p-image-to-video klingai/video-v3-omni-1080p-image-to-video",
        _object("model image_url", **_THREE, **_IMAGE, **_TAIL, **_SHOT_TYPE) | _EITHER | _TAIL_IS_SILENT,
    ),
    **_models(
        "klingai/video-v3-standard-turbo-image-to-video klingai/video-v3-turbo-pro-image-to-video",
        _object("model image_url", **_TURBO, **_IMAGE) | _EITHER,
    ),
    **_models(
        "klingai/video-o1-image-to-video",
        _object("model image_url prompt", **_O1, **_IMAGE, last_image_url=_PICTURE),
    ),
    **_models(
        "kling-video/v1/standard/text-to-video kling-video/v1/pro/text-to-video"
        " kling-video/v1.5/pro/text-to-video kling-video/v1.6/pro/text-to-video",
        _object("model prompt", **_USUAL, **_TEXT_CAMERA, **_RATIO),
    ),
    **_models(
        "klingai/v2-master-text-to-video klingai/v2.1-master-text-to-video",
        _object("model prompt", **_USUAL, **_TEXT_CAMERA, **_RATIO, **_PROVIDER),
    ),
    **_models(
        "kling-video/v1.6/standard/text-to-video klingai/v2.5-turbo/pro/text-to-video",
        _object("model prompt", **_USUAL, **_RATIO, **_PROVIDER),
    ),
    **_models("kling-video/v1.5/standard/text-to-video", _object("model prompt", **_USUAL, **_RATIO)),
    **_models(
        "klingai/video-v2-6-pro-text-to-video",
        _object("model prompt", **_2_6, **_RATIO, cfg_scale=_SCALE),
    ),
    **_models(
        "klingai/video-v3-standard-text-to-video klingai/video-v3-pro-text-to-video"
        " klingai/video-v3-omni-720p-text-to-video klingai/video-v3-omni-1080p-text-to-video",
        _object("model", **_THREE, **_RATIO, **_SHOT_TYPE) | _EITHER,
    ),
    **_models(
        "klingai/video-v3-standard-turbo-text-to-video klingai/video-v3-turbo-pro-text-to-video",
        _object("model", **_TURBO, **_RATIO) | _EITHER,
    ),
}
