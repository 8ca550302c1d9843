"""1min.ai on the loopback: asset upload, the create that blocks, presigned links, failures that say 200.

Checks requests as docs.1min.ai documents them (Asset API, Kling image to video, Kling text to video). The
question about a record is documented nowhere; it answers as clients in the wild expect.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any, cast
from uuid import uuid4

import aiohttp
from aiohttp import web

from bot.domain.models import ModelSpec, Price
from bot.domain.requests import Aspect, Quality, Task
from bot.providers.download import Downloads
from bot.providers.http import Account, dig
from bot.providers.onemin import OneminProvider, api_key
from tests.e2e.studio import film
from tests.vendors import vendor as vendors
from tests.vendors.vendor import FAILURE, OnCreate, OnPoll, Outcome, Seen, Vendor, hang_up, html

SPEC = ModelSpec(
    provider="onemin",
    id="kling/2.1",
    name="Kling 2.1",
    tasks=(Task.IMAGE_TO_VIDEO,),
    qualities=(Quality.STD, Quality.PRO),
    durations_s=(5, 10),
    aspects=tuple(Aspect),
    parameters=("prompt", "negative_prompt", "guidance", "camera"),
    price=Price(per_second={"std": Decimal(10), "pro": Decimal(20)}),
)

LINK_LIVES_S = 604_800
MAX_ASSET_BYTES = 50_000_000

PRIVATE_DATA = {
    "teamId": "eb48d89f",
    "userId": "2f57c2a4",
    "userName": "John Private",
    "usedCredit": 14992338,
}


def provider(
    vendor: "OneminVendor",
    session: aiohttp.ClientSession,
    downloads: Downloads,
    *,
    read_timeout_s: float = 60.0,
) -> OneminProvider:
    """The provider as it is, speaking to `vendor`, by the vendor's clock."""
    account = Account(session, base_url=vendor.url, sign_in=api_key(vendor.key), now_ms=lambda: vendor.now_ms)
    return OneminProvider(
        account,
        downloads=downloads,
        concurrency=1,
        read_timeout_s=read_timeout_s,
        storages=(f"{vendor.url}/bucket/asset.1min.ai", f"{vendor.url}/asset-host"),
    )


class Storage(StrEnum):
    """What a place serves that nobody signed a link for."""

    PRIVATE = auto()  # as S3 does
    PAGE = auto()
    PICTURE = auto()
    CRUMBS = auto()  # fewer bytes than any video has
    VIDEO = auto()
    BYTES = auto()  # a video that does not say so


@dataclass(frozen=True)
class Answer:
    """What the next upload, create or question is told, whatever it was; nothing is taken."""

    status: int = 200
    body: Any = None
    """JSON, or text as it is."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def response(self) -> web.Response:
        is_text = isinstance(self.body, str)
        return web.Response(
            status=self.status,
            text=self.body if is_text else json.dumps(self.body),
            content_type="text/html" if is_text else "application/json",
            headers=self.headers,
        )


@dataclass
class OneminVendor(Vendor):
    """1min.ai's server, its bucket and its asset host."""

    now_ms: int = 1_770_113_500_000
    assets: dict[str, tuple[str, str, bytes]] = field(default_factory=dict[str, tuple[str, str, bytes]])
    """By path: file name, content type, bytes."""
    uploads: deque[Answer] = field(default_factory=deque[Answer])
    creates: deque[Answer] = field(default_factory=deque[Answer])
    records: deque[Answer] = field(default_factory=deque[Answer])
    cut_upload: bool = False
    bucket: Storage = Storage.PRIVATE
    asset_host: Storage = Storage.PAGE
    started: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a create has begun to block."""
    gates: list[asyncio.Event] = field(default_factory=list[asyncio.Event])

    def finish(self) -> None:
        super().finish()
        for gate in self.gates:
            gate.set()

    def link(self, task: vendors.Task) -> str:
        """Presigned as of now."""
        moment = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        return (
            f"{super().link(task)}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F{moment:%Y%m%d}%2Fs3"
            f"&X-Amz-Date={moment:%Y%m%dT%H%M%SZ}&X-Amz-Expires={LINK_LIVES_S}&X-Amz-Signature=0fcf8a65"
        )

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/assets", self._upload),
            web.post("/api/features", self._create),
            web.get("/api/ai-records/{uuid}", self._record),
            web.get("/bucket/asset.1min.ai/{path:.*}", self._in_bucket),
            web.get("/asset-host/{path:.*}", self._on_asset_host),
        ]

    async def download(self, request: web.Request) -> web.StreamResponse:
        signed = datetime.strptime(request.query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if signed.timestamp() + int(request.query["X-Amz-Expires"]) <= self.now_ms / 1000:
            self.problems.append("a link past its time was asked for")
        return await super().download(request)

    def record_of(self, task: vendors.Task) -> dict[str, Any]:
        """The answer to a create, as documented; personal data included."""
        status, result, link = self._state_of(task)
        return {
            "aiRecord": {
                "uuid": task.id,
                "teamUser": PRIVATE_DATA,
                "model": "kling",
                "type": task.kind,
                "conversationId": None,
                "status": status,
                "createdAt": "2026-02-03T10:11:40.000Z",
                "aiRecordDetail": {
                    "promptObject": dig(task.body, "promptObject"),
                    "resultObject": result,
                    "responseObject": {},
                },
                "additionalData": None,
                "temporaryUrl": link,
            }
        }

    def _state_of(self, task: vendors.Task) -> tuple[str, Any, str]:
        match task.outcome:
            case Outcome.READY:
                return "SUCCESS", [f"development/videos/{task.id}.mp4"], self.link(task)
            case Outcome.SLOW:
                return "PROCESSING", None, ""
            case Outcome.FAILED:
                return "FAILURE", {"code": "BAD_REQUEST", "name": "BusinessError", "message": FAILURE}, ""
            case Outcome.NO_LINK:
                return "SUCCESS", [], ""
            case Outcome.STRANGE_STATUS:
                return "SIMMERING", None, ""

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        if refusal := self._turned_away(seen):
            return refusal
        if self.cut_upload:
            return hang_up(request)
        if self.uploads:
            return self.uploads.popleft().response()
        if wrong := upload_problems(request.content_type, seen.body):
            return self._bad_request(wrong)
        name, media_type, data = seen.body["asset"]
        if len(data) > MAX_ASSET_BYTES:
            return Answer(413, {"message": "File too large"}).response()
        path = f"images/2026_02_03_10_11_12_{len(self.assets):03}_{name}"
        self.assets[path] = (name, media_type, data)
        stored = {
            "fieldname": "asset",
            "originalname": name,
            "mimetype": media_type,
            "size": len(data),
            "key": path,
        }
        content = {"uuid": str(uuid4()), "type": name.rpartition(".")[2], "name": name, "path": path}
        return web.json_response({"asset": stored, "fileContent": content})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        if refusal := self._turned_away(seen):
            return refusal
        if self.creates:
            return self.creates.popleft().response()
        if wrong := create_problems(seen.body, self.assets):
            return self._bad_request(wrong)
        mishap = self.on_create.popleft() if self.on_create else None
        if mishap in REFUSALS:
            return REFUSALS[mishap].response()
        if mishap is OnCreate.CUT_BEFORE:
            return hang_up(request)
        task = vendors.Task(str(uuid4()), seen.body["type"], None, self.next_outcome(), body=seen.body)
        self.tasks[task.id] = task
        return await self._answer(request, task, mishap)

    async def _answer(
        self, request: web.Request, task: vendors.Task, mishap: OnCreate | None
    ) -> web.StreamResponse:
        match mishap:
            case OnCreate.CUT_AFTER:
                return hang_up(request)
            case OnCreate.GATEWAY_TIMEOUT:
                return html(504)
            case OnCreate.NONSENSE:
                return html(200)
            case _:
                if task.outcome is Outcome.SLOW:
                    gate = asyncio.Event()
                    self.gates.append(gate)
                    self.started.set()
                    await gate.wait()
                return web.json_response(self.record_of(task))

    async def _record(self, request: web.Request) -> web.StreamResponse:
        seen = await self.record(request)
        if refusal := self._turned_away(seen):
            return refusal
        if self.records:
            return self.records.popleft().response()
        mishap = self.on_poll.popleft() if self.on_poll else None
        if mishap is OnPoll.CUT:
            return hang_up(request)
        if mishap is not None:
            return NO_RECORDS[mishap].response()
        task = self.tasks.get(request.match_info["uuid"])
        if task is None:
            return NO_RECORDS[OnPoll.NOT_FOUND].response()
        task.polls += 1
        return web.json_response(self.record_of(task))

    async def _in_bucket(self, request: web.Request) -> web.StreamResponse:
        return await self._stored(request, self.bucket)

    async def _on_asset_host(self, request: web.Request) -> web.StreamResponse:
        return await self._stored(request, self.asset_host)

    async def _stored(self, request: web.Request, storage: Storage) -> web.StreamResponse:
        await self.record(request)
        if any(name in request.headers for name in ("Authorization", "API-KEY")):
            self.problems.append("the key was sent along to a storage")
        match storage:
            case Storage.PRIVATE:
                page = "<Error><Code>AccessDenied</Code></Error>"
                return web.Response(status=403, text=page, content_type="application/xml")
            case Storage.PAGE:
                return html(200)
            case Storage.PICTURE:
                return web.Response(body=b"\x89PNG\r\n\x1a\n" + bytes(8_000_000), content_type="image/png")
            case Storage.CRUMBS:
                return web.Response(body=b"\0\0\0", content_type="video/mp4")
            case Storage.VIDEO:
                return web.Response(body=film(), content_type="video/mp4")
            case Storage.BYTES:
                return web.Response(body=film(), content_type="application/octet-stream")

    def _turned_away(self, seen: Seen) -> web.Response | None:
        headers = {name.lower(): value for name, value in seen.headers.items()}
        if "authorization" in headers:
            self.problems.append("1min.ai knows no Authorization header")
        agent = headers.get("user-agent", "").lower()
        if not agent or agent.startswith(("python", "aiohttp")):
            self.problems.append(f"Cloudflare bans the user agent {agent!r}")
            return Answer(403, "error code: 1010").response()
        if headers.get("api-key") != self.key:
            return Answer(401, {"statusCode": 401, "message": "Invalid API key"}).response()
        return None

    def _bad_request(self, wrong: list[str]) -> web.Response:
        self.problems += wrong
        return Answer(400, {"statusCode": 400, "message": wrong, "error": "Bad Request"}).response()


def failed(code: str, message: str, *, status: str = "FAILURE", uuid: str = "") -> dict[str, Any]:
    """A create that failed and yet says 200."""
    return {
        "aiRecord": {
            "uuid": uuid or str(uuid4()),
            "teamUser": PRIVATE_DATA,
            "model": "kling",
            "status": status,
            "aiRecordDetail": {
                "promptObject": {},
                "resultObject": {"code": code, "name": "BusinessError", "message": message},
            },
            "temporaryUrl": "",
        }
    }


NO_CREDITS = "The feature requires 5655 credits, but the Acme team only has 0 credits"

REFUSALS: Mapping[OnCreate | None, Answer] = {
    OnCreate.REFUSE_KEY: Answer(401, {"message": "API key is not active"}),
    OnCreate.REFUSE_PAYMENT: Answer(200, failed("INSUFFICIENT_CREDITS", NO_CREDITS)),
    OnCreate.REFUSE_INPUT: Answer(
        400, {"statusCode": 400, "message": ["promptObject.duration must be 5 or 10"], "error": "Bad Request"}
    ),
    OnCreate.REFUSE_CONTENT: Answer(
        200, failed("BAD_REQUEST", "Failure to pass the risk control system", status="FAILED")
    ),
    OnCreate.BUSY: Answer(429, {"message": "too_many_requests"}, {"Retry-After": "7"}),
    OnCreate.OUT_OF_ORDER: Answer(500, {"statusCode": 500, "message": "Internal server error"}),
}

NO_RECORDS: Mapping[OnPoll, Answer] = {
    OnPoll.OUT_OF_ORDER: Answer(500, {"statusCode": 500, "message": "Internal server error"}),
    OnPoll.TOO_FAST: Answer(429, {"message": "too_many_requests"}, {"Retry-After": "7"}),
    OnPoll.HTML: Answer(200, "<html><body>1min.ai</body></html>"),
    OnPoll.NOT_FOUND: Answer(404, {"statusCode": 404, "message": "Cannot GET /api/ai-records"}),
}


# ---- What the documents ask of a request

_EXTENSIONS = {"image/png": ("png",), "image/jpeg": ("jpg", "jpeg")}

_FEATURES = {
    "IMAGE_TO_VIDEO": {"imageUrl", "duration", "aspect_ratio", "mode", "version", "cfg_scale"},
    "TEXT_TO_VIDEO": {"prompt", "duration", "mode"},
}
"""What a prompt object must have."""

_VERSIONS = {
    "IMAGE_TO_VIDEO": {"1.0", "1.5", "1.6", "2.0", "2.1", "2.1-master", "2.5"},
    "TEXT_TO_VIDEO": {"1.0", "1.5", "1.6", "2.0", "2.1-master", "2.5"},
}

_CAMERAS = {"default", "horizontal", "vertical", "zoom", "pan", "tilt", "roll"}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "imageUrl": lambda value: isinstance(value, str),
    "prompt": lambda value: isinstance(value, str) and len(value) <= 2500,
    "duration": lambda value: type(value) is int and value in (5, 10),
    "aspect_ratio": lambda value: value in ("16:9", "9:16", "1:1"),
    "mode": lambda value: value in ("std", "pro"),
    "version": lambda value: isinstance(value, str),
    "cfg_scale": lambda value: _is_number(value) and 0 <= value <= 1,
    "negative_prompt": lambda value: isinstance(value, str),
    "camera_control_type": lambda value: value in _CAMERAS,
    "camera_control_value": lambda value: _is_number(value) and -10 <= value <= 10,
}


def upload_problems(content_type: str, form: Any) -> list[str]:
    """What is wrong with an upload; the key is built from the file's name and type."""
    if content_type != "multipart/form-data":
        return [f"an upload is multipart/form-data, not {content_type}"]
    if list(form) != ["asset"]:
        return [f"an upload has one part named asset, not {list(form)}"]
    name, media_type, data = form["asset"]
    extension = (name or "").rpartition(".")[2]
    return [
        *([] if data else ["the picture is empty"]),
        *(
            []
            if extension in _EXTENSIONS.get(media_type, ())
            else [f"{name} is not named after its type, {media_type}"]
        ),
    ]


def create_problems(body: Any, assets: Mapping[str, object]) -> list[str]:
    """What is wrong with a create."""
    feature, prompt = body.get("type"), body.get("promptObject")
    if feature not in _FEATURES or not isinstance(prompt, dict):
        return [f"there is no feature {feature}"]
    if set(body) != {"type", "model", "conversationId", "promptObject"}:
        return [f"the envelope has {sorted(body)}"]
    if (body["model"], body["conversationId"]) != ("kling", feature):
        return [f"model {body['model']} with conversation {body['conversationId']}"]
    known = cast("dict[str, Any]", prompt)
    return [
        *(f"{name} is missing" for name in sorted(_FEATURES[feature] - set(known))),
        *(f"{name} is not a field" for name in known if name not in _FIELDS),
        *(
            f"{name}: {value!r}"
            for name, value in known.items()
            if name in _FIELDS and not _FIELDS[name](value)
        ),
        *_together(feature, known, assets),
    ]


def _together(feature: str, prompt: Mapping[str, Any], assets: Mapping[str, object]) -> list[str]:
    """What does not go together, each field right by itself."""
    version, camera, amount = (
        prompt.get(name) for name in ("version", "camera_control_type", "camera_control_value")
    )
    rules = {
        f"version {version} is not for {feature}": version is None or version in _VERSIONS[feature],
        f"version {version} is pro only": version not in ("2.0", "2.5") or prompt.get("mode") == "pro",
        "version 1.5 has no camera control": version != "1.5" or camera is amount is None,
        "an amount goes with a move": amount is None or camera not in (None, "default"),
        "a picture is for image to video": feature == "IMAGE_TO_VIDEO" or "imageUrl" not in prompt,
        "the picture was not uploaded": "imageUrl" not in prompt or prompt["imageUrl"] in assets,
    }
    return [rule for rule, holds in rules.items() if not holds]
