"""Kling as it documents itself, and gateways before it in the forms of answers they are known to give.

Public sources: Kling API, "General Information", "Image to Video", "Text to Video", "Error Codes", capability map
(2026-05-19); docs.kkiai.com, image to video, text to video, query a task; github.com/QuantumNous/new-api.
"""

import base64
import hashlib
import hmac
import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, Literal, cast

import aiohttp
from aiohttp import web
from PIL import Image

from bot.domain.models import ModelSpec, Price
from bot.domain.requests import Quality
from bot.domain.requests import Task as Kind
from bot.providers.download import Downloads
from bot.providers.http import Account, dig
from bot.providers.kling import KlingProvider
from bot.providers.kling_calls import KKIAI, OFFICIAL
from bot.providers.kling_signing import api_key
from tests.vendors.vendor import FAILURE, OnCreate, OnPoll, Outcome, Seen, Task, Vendor, hang_up, html

SPEC = ModelSpec(
    provider="kling",
    id="kling-v2-5-turbo",
    name="Kling 2.5 Turbo",
    tasks=(Kind.IMAGE_TO_VIDEO,),
    qualities=(Quality.STD, Quality.PRO),
    durations_s=(5, 10),
    parameters=("prompt", "negative_prompt", "watermark", "end_frame"),
    only={"end_frame": ("pro",)},
    price=Price(
        per_clip={
            "std/5": Decimal("1.5"),
            "std/10": Decimal(3),
            "pro/5": Decimal("2.5"),
            "pro/10": Decimal(5),
        },
        unit_credits=Decimal(14),
    ),
)

UNITS = {("std", "5"): "1.5", ("std", "10"): "3", ("pro", "5"): "2.5", ("pro", "10"): "5"}

Shape = Literal["official", "new_api", "openai", "flat"]


def provider(
    vendor: "KlingVendor",
    session: aiohttp.ClientSession,
    downloads: Downloads,
    *,
    sign_in: Callable[[], Mapping[str, str]] | None = None,
) -> KlingProvider:
    """One account at `vendor`, which signs in with its key unless told otherwise."""
    account = Account(
        session,
        base_url=vendor.base_url,
        sign_in=sign_in or api_key(vendor.key),
        now_ms=lambda: vendor.now_ms,
    )
    flavour = {"kling": OFFICIAL, "kkiai": KKIAI}[vendor.flavour]
    return KlingProvider(account, flavour=flavour, downloads=downloads, concurrency=3)


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


class Refused(Exception):
    """The vendor does not take a request: status, code and message as Kling gives them."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class KlingVendor(Vendor):
    """Takes what the documentation takes; what it would drop without a word is a `problem`."""

    flavour: Literal["kling", "kkiai"] = "kling"
    shape: Shape = "official"
    now_ms: int = 1_795_000_000_000
    access_key: str = "an-access-key"
    secret_key: str = "a-signing-key"
    numeric_ids: bool = False
    """Whether ids are JSON numbers, as some gateways re-encode them."""
    instead_of_create: deque[Said] = field(default_factory=deque[Said])
    instead_of_query: deque[Said] = field(default_factory=deque[Said])
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def base_url(self) -> str:
        return self.url + self._prefix

    @property
    def keeps_keys(self) -> bool:
        """Gateways of the new-api kind have no index of our keys."""
        return self.shape == "official"

    @property
    def _prefix(self) -> str:
        return "/kling" if self.flavour == "kkiai" else ""

    def routes(self) -> list[web.RouteDef]:
        kinds = [f"{self._prefix}/v1/videos/{kind}" for kind in ("image2video", "text2video")]
        return [
            *(web.post(path, self.create) for path in kinds),
            *(web.get(f"{path}/{{name}}", self.query) for path in kinds),
            web.get(f"{self._prefix}/account/costs", self.costs),
        ]

    async def create(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        how = self.on_create.popleft() if self.on_create else None
        if how is OnCreate.CUT_BEFORE:
            return hang_up(request)
        try:
            self._sign_in(seen)
            if self.instead_of_create:
                return self.instead_of_create.popleft().response
            _refuse(_REFUSALS.get(how))
            self._check(seen)
        except Refused as refused:
            return self._refusal(refused)
        return self._taken(request, self._take(seen), how)

    async def costs(self, request: web.Request) -> web.StreamResponse:
        """Kling API, account information."""
        try:
            self._sign_in(await self.record(request))
        except Refused as refused:
            return self._refusal(refused)
        packs = [
            {"resource_pack_name": "Video", "remaining_quantity": 118.5, "status": "online"},
            {"resource_pack_name": "Old", "remaining_quantity": 3, "status": "expired"},
        ]
        data = {"code": 0, "msg": "", "resource_pack_subscribe_infos": packs}
        return web.json_response({"code": 0, "message": "SUCCEED", "request_id": "r", "data": data})

    async def query(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        how = self.on_poll.popleft() if self.on_poll else None
        if how is OnPoll.CUT:
            return hang_up(request)
        try:
            self._sign_in(seen)
            if self.instead_of_query:
                return self.instead_of_query.popleft().response
            _refuse(_POLL_REFUSALS.get(how))
            if how is OnPoll.HTML:
                return html(502)
            task = self._named(seen.path.split("/")[-2], request.match_info["name"])
        except Refused as refused:
            return self._refusal(refused)
        task.polls += 1
        return web.json_response(self._told(task))

    # What is checked.

    def _sign_in(self, seen: Seen) -> None:
        scheme, _, token = seen.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refused(401, 1001, "Authorization is empty")
        if token != self.key and not self._is_signed(token):
            raise Refused(*_REFUSALS[OnCreate.REFUSE_KEY])

    def _is_signed(self, token: str) -> bool:
        """Whether it is a token of our pair of keys; raises if it is one out of its time."""
        signed, _, signature = token.rpartition(".")
        head, _, body = signed.partition(".")
        expected = hmac.new(self.secret_key.encode(), signed.encode(), hashlib.sha256).digest()
        if self.flavour != "kling" or base64.urlsafe_b64encode(expected).decode().rstrip("=") != signature:
            return False
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body))
        if header != {"alg": "HS256", "typ": "JWT"} or set(claims) != {"iss", "exp", "nbf"}:
            self.problems.append(f"unusual token: {header} {claims}")
        if self.now_ms / 1000 < claims["nbf"]:
            raise Refused(401, 1003, "token is not valid yet")
        if self.now_ms / 1000 >= claims["exp"]:
            raise Refused(401, 1004, "token is expired")
        return claims["iss"] == self.access_key

    def _check(self, seen: Seen) -> None:
        if seen.headers.get("Content-Type") != "application/json":
            raise Refused(400, 1200, "Content-Type must be application/json")
        kind = seen.path.rpartition("/")[2]
        checks = _Checks(cast("dict[str, Any]", seen.body), kind, is_kkiai=self.flavour == "kkiai")
        self.problems.extend(checks.dropped())
        wrong = list(checks.wrong())
        if any(task.key == seen.body.get("external_task_id") for task in self.tasks.values()):
            wrong.append("external_task_id is not unique")
        if checks.model not in checks.models:
            raise Refused(404, 1203, f"model {checks.model} is not supported for this API")
        if wrong:
            self.problems.extend(wrong)
            raise Refused(400, 1201, wrong[0])

    # What is said.

    def _take(self, seen: Seen) -> Task:
        number = next(self._numbers)
        is_gateways = self.shape != "official" and not self.numeric_ids
        task_id = f"task_{number}aB-" if is_gateways else str(827_996_385_395_363_841 + number)
        task = Task(
            task_id,
            seen.path.rpartition("/")[2],
            seen.body.get("external_task_id"),
            self.next_outcome(),
            body=seen.body,
        )
        self.tasks[task_id] = task
        return task

    def _taken(self, request: web.Request, task: Task, how: OnCreate | None) -> web.StreamResponse:
        match how:
            case OnCreate.CUT_AFTER:
                return hang_up(request)
            case OnCreate.GATEWAY_TIMEOUT:
                return html(504)
            case OnCreate.NONSENSE:
                return html(200)
            case _:
                return web.json_response(self._accepted(task))

    def _named(self, kind: str, name: str) -> Task:
        for task in self.tasks.values():
            if task.kind == kind and (name == task.id or (self.keeps_keys and name == task.key)):
                return task
        raise Refused(404, 1203, "task not found")

    def _refusal(self, refused: Refused) -> web.Response:
        body: Any = {"code": refused.code, "message": refused.message, "request_id": "CjMT7WdSwWcAAAAAALvB1g"}
        if self.shape == "official":
            return web.json_response(body, status=refused.status)
        if refused.code in (1001, 1002):
            return _gateways(401, "Invalid token (request id: 20261121)", "")
        if refused.code == 1102:
            return _gateways(403, "user quota is not enough", "insufficient_user_quota")
        if refused.message == "task not found":
            unknown = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
            return web.json_response(unknown, status=400)
        hidden = {"code": "fail_to_fetch_task", "message": json.dumps(body), "data": None}
        return web.json_response(hidden, status=refused.status)

    def _accepted(self, task: Task) -> Any:
        match self.shape:
            case "official":
                return self._enveloped(task, "submitted", {})
            case "new_api":
                return self._video(task, "queued") | {"task_id": self._id(task), "created_at": 1_769_763_600}
            case "openai":
                return self._video(task, "queued")
            case "flat":
                return {"task_id": self._id(task), "status": "queued"}

    def _told(self, task: Task) -> Any:
        word = self._word(task)
        link = self.link(task) if task.outcome is Outcome.READY else ""
        reason = FAILURE if task.outcome is Outcome.FAILED else ""
        if self.shape == "official":
            return self._enveloped(task, word, self._result(task, link, reason))
        gateways = _GATEWAY_WORDS.get(word, word)
        if self.shape == "new_api":
            inner = self._enveloped(task, word, self._result(task, link, reason))
            known = {"task_id": self._id(task), "status": gateways.upper(), "progress": "30%"}
            known |= {"fail_reason": reason, "result_url": link, "submit_time": 0, "finish_time": 0}
            return {"code": "success", "message": "", "data": {**known, "data": inner}}
        error = {"message": reason, "code": "generation_failed"} if reason else None
        if self.shape == "openai":
            return self._video(task, gateways) | {"progress": 30, "metadata": {"url": link}, "error": error}
        flat = {"task_id": self._id(task), "status": gateways, "url": link, "format": "mp4"}
        return {**flat, "metadata": {"duration": 5}, "error": error}

    def _word(self, task: Task) -> str:
        match task.outcome:
            case Outcome.READY | Outcome.NO_LINK:
                return "succeed"
            case Outcome.SLOW:
                return "submitted" if task.polls == 1 else "processing"
            case Outcome.FAILED:
                return "failed"
            case Outcome.STRANGE_STATUS:
                return "pondering"

    def _result(self, task: Task, link: str, reason: str) -> dict[str, Any]:
        wants_mark = dig(task.body, "watermark_info", "enabled") is True
        known: dict[str, Any] = {"task_status_msg": reason, "watermark_info": {"enabled": wants_mark}}
        if task.outcome is not Outcome.READY:
            return known
        marked = f"{self.url}/files/{task.id}-marked.mp4" if wants_mark else ""
        video = {"id": "9b1", "url": link, "watermark_url": marked, "duration": "5.1"}
        return {
            **known,
            "final_unit_deduction": UNITS.get((task.body.get("mode"), task.body["duration"]), "10"),
            "final_balance_deduction": {"quota": "", "list_price": ""},
            "task_result": {"videos": [video]},
        }

    def _enveloped(self, task: Task, word: str, more: dict[str, Any]) -> dict[str, Any]:
        data = {
            "task_id": self._id(task),
            "task_status": word,
            "task_info": {"external_task_id": task.key},
            "created_at": 1_769_763_600_123,
            "updated_at": 1_769_763_600_123,
            **more,
        }
        return {"code": 0, "message": "SUCCEED", "request_id": "CjM", "data": data}

    def _video(self, task: Task, status: str) -> dict[str, Any]:
        model = task.body["model_name"]
        return {"id": self._id(task), "object": "video", "model": model, "status": status, "progress": 0}

    def _id(self, task: Task) -> str | int:
        return int(task.id) if self.numeric_ids else task.id


_GATEWAY_WORDS = {
    "submitted": "queued",
    "processing": "in_progress",
    "succeed": "completed",
    "failed": "failure",
}

_REFUSALS: dict[OnCreate | None, tuple[int, int, str]] = {
    OnCreate.REFUSE_KEY: (401, 1002, "Authorization is not valid"),
    OnCreate.REFUSE_PAYMENT: (429, 1102, "Account balance not enough"),
    OnCreate.REFUSE_INPUT: (400, 1201, "model/mode(kling-v2-5-turbo/std) is not supported with image_tail"),
    OnCreate.REFUSE_CONTENT: (400, 1301, "The content may violate the rules"),
    OnCreate.BUSY: (429, 1303, "parallel task over resource pack limit"),
    OnCreate.OUT_OF_ORDER: (500, 5000, "Server internal error"),
}
_POLL_REFUSALS: dict[OnPoll | None, tuple[int, int, str]] = {
    OnPoll.OUT_OF_ORDER: (503, 5001, "Service temporarily unavailable"),
    OnPoll.TOO_FAST: (429, 1302, "API requests too fast"),
    OnPoll.NOT_FOUND: (404, 1203, "task not found"),
}


def _refuse(refusal: tuple[int, int, str] | None) -> None:
    if refusal is not None:
        raise Refused(*refusal)


def _gateways(status: int, message: str, code: str) -> web.Response:
    error = {"message": message, "type": "new_api_error", "code": code}
    return web.json_response({"error": error}, status=status)


# What a create may hold, rule by rule.

_BOTH = frozenset(
    {
        *("model_name", "mode", "duration", "prompt", "negative_prompt", "cfg_scale", "camera_control"),
        *("sound", "voice_list", "multi_shot", "shot_type", "multi_prompt"),
        *("watermark_info", "callback_url", "external_task_id"),
    }
)
_FIELDS = {
    "image2video": _BOTH | {"image", "image_tail", "static_mask", "dynamic_masks"},
    "text2video": _BOTH | {"aspect_ratio"},
}
_MODELS = {
    "image2video": "kling-v1 kling-v1-5 kling-v1-6 kling-v2-master kling-v2-1 kling-v2-1-master kling-v2-5-turbo kling-v2-6 kling-v3",
    "text2video": "kling-v1 kling-v1-6 kling-v2-master kling-v2-1-master kling-v2-5-turbo kling-v2-6 kling-v3",
}
_MOVES = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")
_PRESETS = ("down_back", "forward_up", "right_turn_forward", "left_turn_forward")
_MAX_BYTES = 10_000_000


class _Checks:
    """Holds one body against the documentation."""

    def __init__(self, body: dict[str, Any], kind: str, *, is_kkiai: bool) -> None:
        self._body = body
        self._kind = kind
        self._is_kkiai = is_kkiai
        self.model = str(body.get("model_name"))
        self.models = _MODELS[kind].split()
        self._is_v3 = self.model == "kling-v3"

    def dropped(self) -> Iterable[str]:
        """What nobody would complain about, and nobody would heed."""
        body = self._body
        yield from (f"unknown field {name}" for name in sorted(body.keys() - _FIELDS[self._kind]))
        yield from (f"{name} is empty" for name, value in body.items() if value in (None, "", [], {}))
        if "cfg_scale" in body and self.model.startswith("kling-v2"):
            yield f"{self.model} has no cfg_scale"
        if "mode" in body and self.model.endswith("master") and not self._is_kkiai:
            yield f"{self.model} has no mode"
        if body.get("multi_shot") and "prompt" in body:
            yield "prompt beside shots"

    def wrong(self) -> Iterable[str]:
        """What is refused."""
        yield from self._basics()
        yield from self._texts()
        yield from self._pictures()
        yield from self._brush()
        yield from self._camera()
        yield from self._sounds()
        yield from self._shots()
        yield from self._rest()

    def _basics(self) -> Iterable[str]:
        body = self._body
        required = {"image2video": ["image"], "text2video": []}[self._kind]
        if self._is_kkiai:
            required += ["mode", "duration"]
        yield from (f"{name} is required" for name in required if name not in body)
        modes = ("std", "pro", "4k") if self._is_v3 and not self._is_kkiai else ("std", "pro")
        if body.get("mode", "std") not in modes:
            yield "mode is invalid"
        lengths = range(3, 16) if self._is_v3 and not self._is_kkiai else (5, 10)
        if body.get("duration", "5") not in [str(length) for length in lengths]:
            yield "duration is invalid"
        if self._kind == "text2video" and body.get("aspect_ratio", "16:9") not in ("16:9", "9:16", "1:1"):
            yield "aspect_ratio is invalid"

    def _texts(self) -> Iterable[str]:
        for name in ("prompt", "negative_prompt"):
            text = self._body.get(name, "")
            if not isinstance(text, str) or len(text) > 2500:
                yield f"{name} is not at most 2500 characters"
        if self._kind == "text2video" and not self._body.get("multi_shot") and not self._body.get("prompt"):
            yield "prompt is required"
        scale = self._body.get("cfg_scale", 0.5)
        if not isinstance(scale, (int, float)) or not 0 <= scale <= 1:
            yield "cfg_scale is not between 0 and 1"

    def _pictures(self) -> Iterable[str]:
        for name in ("image", "image_tail"):
            if name in self._body:
                size = _size(self._body[name])
                if size is None or min(size) < 300 or not 0.4 <= size[0] / size[1] <= 2.5:
                    yield f"{name} is not a picture of the right size"
        if (
            "image_tail" in self._body
            and self.model == "kling-v2-5-turbo"
            and self._body.get("mode") != "pro"
        ):
            yield f"model/mode({self.model}/std) is not supported with image_tail"

    def _brush(self) -> Iterable[str]:
        size = _size(self._body.get("image"))
        strokes: list[Any] = self._body.get("dynamic_masks", [])
        masks = [stroke.get("mask") for stroke in strokes]
        masks += [self._body["static_mask"]] if "static_mask" in self._body else []
        if any(_size(mask) != size for mask in masks):
            yield "a mask has not the size of the picture"
        if len(strokes) > 6 or any(set(stroke) != {"mask", "trajectories"} for stroke in strokes):
            yield "dynamic_masks is invalid"
        for stroke in strokes:
            if size is None or not _is_path(stroke["trajectories"], *size):
                yield "trajectories is invalid"
        used = ["image_tail" in self._body, bool(masks), "camera_control" in self._body]
        if sum(used) > 1:
            yield "only one of end frame, motion brush and camera control"

    def _camera(self) -> Iterable[str]:
        if "camera_control" not in self._body:
            return
        camera: dict[str, Any] = self._body["camera_control"]
        config: dict[str, Any] = camera.get("config", {})
        if camera.keys() - {"type", "config"} or (config and set(config) != set(_MOVES)):
            yield "camera_control has other fields"
        if any(not isinstance(value, (int, float)) or abs(value) > 10 for value in config.values()):
            yield "an amount is not between -10 and 10"
        moves = [value for value in config.values() if value]
        if camera.get("type") == "simple":
            if len(moves) != 1:
                yield "exactly one amount must not be 0"
        elif camera.get("type") not in _PRESETS or moves or (config and not self._is_kkiai):
            yield "camera_control is invalid"

    def _sounds(self) -> Iterable[str]:
        sound, voices = self._body.get("sound", "off"), self._body.get("voice_list", [])
        if sound not in ("on", "off") or (
            "sound" in self._body and self.model not in ("kling-v2-6", "kling-v3")
        ):
            yield "sound is invalid"
        if sound == "on" and self.model == "kling-v2-6" and self._body.get("mode") != "pro":
            yield "sound needs the mode pro"
        if len(voices) > 2 or any(set(voice) != {"voice_id"} for voice in voices):
            yield "voice_list is invalid"
        if voices and sound != "on":
            yield "voice_list needs sound"

    def _shots(self) -> Iterable[str]:
        body = self._body
        if self._is_kkiai and self._is_v3 and self._kind == "text2video" and "multi_shot" not in body:
            yield "multi_shot is required"
        if not body.get("multi_shot"):
            if "shot_type" in body or "multi_prompt" in body:
                yield "shot_type and multi_prompt need multi_shot"
            return
        shots: list[dict[str, Any]] = body.get("multi_prompt", [])
        if body["multi_shot"] is not True or not self._is_v3 or body.get("shot_type") != "customize":
            yield "multi_shot is invalid"
        if not 1 <= len(shots) <= 6 or [shot.get("index") for shot in shots] != list(
            range(1, len(shots) + 1)
        ):
            yield "multi_prompt is invalid"
        if any(set(shot) != {"index", "prompt", "duration"} or len(shot["prompt"]) > 512 for shot in shots):
            yield "a shot is invalid"
        lengths = [shot["duration"] for shot in shots if isinstance(shot.get("duration"), str)]
        if len(lengths) < len(shots) or sum(int(length) for length in lengths) != int(body["duration"]):
            yield "the shots do not fill the clip"

    def _rest(self) -> Iterable[str]:
        if self._body.get("watermark_info", {"enabled": True}) not in ({"enabled": True}, {"enabled": False}):
            yield "watermark_info is invalid"
        if not str(self._body.get("callback_url", "https://")).startswith("https://"):
            yield "callback_url is invalid"
        if not isinstance(self._body.get("external_task_id", ""), str):
            yield "external_task_id is not text"


def _size(text: Any) -> tuple[int, int] | None:
    """The size of a picture in bare base64; None where it is none that is taken."""
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            return picture.size if len(data) <= _MAX_BYTES else None
    except (ValueError, OSError):
        return None


def _is_path(points: list[dict[str, Any]], width: int, height: int) -> bool:
    if not 2 <= len(points) <= 77 or any(set(point) != {"x", "y"} for point in points):
        return False
    inside = (point["x"] in range(width) and point["y"] in range(height) for point in points)
    return all(inside) and all(type(value) is int for point in points for value in point.values())
