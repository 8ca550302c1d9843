"""AI/ML API (api.aimlapi.com): Kling's models behind another account.

A create is answered with an id, which is asked about until the clip is there. Two families of paths lead to the
same models: `legacy` (`/v2/generate/video/kling/generation`) and `universal` (`/v2/video/generations`, documented
since 2025-12); a task is asked about where it was made. Public sources: docs.aimlapi.com, one page and one
OpenAPI file for each model, "Request Tracing and Cost Headers", "Usage Logs", "Errors".

What a catalogue row may say in `wire`:

`path`: `universal` (usual) or `legacy`.
`mask_names`: how the fields of a motion brush are called: `plain` (usual: `static_mask`, `mask`), `url` (the v1 pro
    page until 2025-08: `static_mask_url`, `mask_url`), or `both`, where a mask must not be lost.
`end_frame`: the field for it: `tail_image_url` (usual) or `last_image_url` (O1).
`camera`: `kling` (usual: an object of type and config) or `words` (text to video: a preset is a plain string, a move
    is `advanced_camera_control` with a whole number).
`sound`: `explicit` always sends `generate_audio`, because it is on where nobody says (2.6, 3.0).
`shots`: `words` (usual: a list of prompts, whose lengths the model chooses) or `timed` (3.0 turbo: each with its length).
`key`: the field of the body that takes our name for the attempt: `external_task_id` (v2.1 pro on the legacy path).
`upstream`: who renders: `kling` forbids the fallback to fal.ai; the usual is to leave that to AI/ML API.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog

from bot.domain.models import ModelSpec
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    NoSuchTask,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import CameraControl, CameraMove, MotionBrush, Picture, Stroke, Task, VideoRequest
from bot.providers import curl
from bot.providers.aimlapi_answers import (
    generation_id_of,
    id_of,
    is_about,
    link_of,
    reason_of,
    refused,
    spent_of,
)
from bot.providers.download import Downloads
from bot.providers.http import Account, Call, Cut, Inline, Reply, Unsent, dig, not_arrived
from bot.providers.words import sentence

log = structlog.stdlib.get_logger(__name__)

BASE_URL = "https://api.aimlapi.com"

_PATHS = {"legacy": "/v2/generate/video/kling/generation", "universal": "/v2/video/generations"}

WIRE: Mapping[str, frozenset[str] | None] = {
    "path": frozenset(_PATHS),
    "mask_names": frozenset({"plain", "url", "both"}),
    "end_frame": None,
    "camera": frozenset({"kling", "words"}),
    "sound": frozenset({"explicit"}),
    "shots": frozenset({"words", "timed"}),
    "key": None,
    "upstream": None,
}
"""What a catalogue row may say in `wire`; None stands for any text."""

_LINK_COMES_S = 20.0
_LINK_COMES_WITHIN_MS = 180_000

_LOG_ROWS = 100  # a page; more are refused
_LOG_PAGES = 10
_LOG_PERIOD = "7d"  # rows come newest first, so a longer window costs nothing
_LOG_READS_A_MINUTE = 180  # 200 are allowed ("Usage Logs")


class AimlapiProvider:
    """One account at AI/ML API."""

    name = "aimlapi"
    recovery = Recovery.LOOK_UP
    is_full = False

    def __init__(self, account: Account, *, downloads: Downloads, concurrency: int) -> None:
        self.concurrency = concurrency
        self._account = account
        self._downloads = downloads
        self._without_link_ms: dict[str, int] = {}
        self._log_reads_ms: deque[int] = deque(maxlen=_LOG_READS_A_MINUTE)

    def preview(self, submission: Submission) -> str:
        """The create, as cURL."""
        return curl.commands(
            [create_call(submission)],
            base_url=self._account.base_url,
            secret_headers={"Authorization": "Bearer $AIMLAPI_API_KEY"},
            inputs=submission.inputs,
        )

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """Ask for the clip, once."""
        if submission.request.motion:
            names = submission.spec.wire.get("mask_names", "plain")
            log.info("masks sent", attempt=submission.key, model=submission.spec.id, names=names)
        try:
            reply = await self._account.send(
                create_call(submission), inputs=submission.inputs, fence=submission.fence
            )
        except Unsent as fault:
            return not_arrived(fault)
        except Cut as fault:
            return Unknown(str(fault))
        generation_id = generation_id_of(reply)
        if generation_id:
            return Accepted(f"{_family(submission.spec)}/{generation_id}")
        return refused(reply, submission)

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted | Absent | Unknown:
        """Find the request that carried `key` as `X-Client-Request-Id` in the account's log of requests.

        The log knows requests that succeeded or failed, and nothing is said about when a video that is still
        being made appears in it. So a key that is not there proves nothing: `Unknown`, to be asked again.
        `Absent` takes two witnesses: the log says that the request failed and cost nothing, and no task answers
        to its id. A request that failed and has a task is `Accepted`: the task says why it failed.
        """
        del task
        row = await self._logged(key)
        if row is None:
            return Unknown("AI/ML API's log of requests has not shown the attempt yet.")
        family, generation_id = _family(spec), id_of(row.get("inference_id"))
        assert generation_id is not None
        is_free = row.get("status") == "failed" and dig(row, "cost", "credits") == 0
        if is_free and await self._is_nobody(family, generation_id):
            return Absent()
        return Accepted(f"{family}/{generation_id}")

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """Ask how far the task is.

        A 404 may be one that a create has only just made, so it is a fault. So is an answer about another task, and
        a failure of one that is not named: a task that failed is refunded, so it has to be this one.
        """
        family, generation_id = _parted(task_id)
        reply = await self._account.send(_poll_call(family, generation_id))
        status, is_it = reply.find("status"), is_about(reply, generation_id)
        if not reply.is_success or not isinstance(status, str):
            raise _fault(reply)
        if is_it is False:
            raise _fault(reply, "another task")
        match status.lower():  # not by `error`, which may be filled in for a clip that is complete
            case "completed" | "complete" | "succeeded":
                return self._finished(task_id, reply)
            case "error" | "failed" if is_it is None:
                raise _fault(reply)
            case "error" | "failed":
                log.warning("task failed", task=task_id, reply=reply.text)
                return Failed(sentence("AI/ML API could not make this clip", reason_of(reply)))
            case "queued" | "generating" | "waiting" | "active" | "processing":
                return Pending()
            case _:
                log.warning("status not known", task=task_id, status=status[:100])
                return Pending()

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the finished clip from wherever AI/ML API put it."""
        return self._downloads.open(result)

    async def cancel(self, task_id: str) -> bool:
        """The API has no way to stop a task."""
        del task_id
        return False

    async def close(self) -> None:
        """Nothing is held."""

    def _finished(self, task_id: str, reply: Reply) -> Ready | Pending | Failed:
        link = link_of(reply.find("video"))
        if link is not None:
            self._without_link_ms.pop(task_id, None)
            return Ready(link, spent_of(reply))
        now_ms = self._account.now_ms()
        if now_ms < self._without_link_ms.setdefault(task_id, now_ms) + _LINK_COMES_WITHIN_MS:
            return Pending(ask_again_s=_LINK_COMES_S)
        del self._without_link_ms[task_id]
        log.error("complete without a link: may have been charged", task=task_id, reply=reply.text)
        return Failed("AI/ML API finished the clip but gave no link to it.")

    async def _is_nobody(self, family: str, generation_id: str) -> bool:
        reply = await self._account.send(_poll_call(family, generation_id))
        if reply.status == 404:  # noqa: PLR2004
            return True
        if reply.is_success and reply.find("status"):
            return False
        raise _fault(reply)

    async def _logged(self, key: str) -> Mapping[str, Any] | None:
        """The newest row of the log for `key`, one that succeeded before any that failed."""
        for page in range(_LOG_PAGES):
            reply = await self._log_page(page)
            if reply is None:
                return None
            rows = [row for row in reply.find("data") if dig(row, "client_request_id") == key]
            usable = [row for row in rows if id_of(row.get("inference_id"))]
            if usable:
                return min(usable, key=lambda row: row.get("status") == "failed")
            if reply.find("pagination", "has_more") is not True:
                return None
        return None

    async def _log_page(self, page: int) -> Reply | None:
        """A page of the log; None where it was read as often as is allowed, which is no fault of the vendor's."""
        now_ms = self._account.now_ms()
        reads = self._log_reads_ms
        if len(reads) == _LOG_READS_A_MINUTE and reads[0] > now_ms - 60_000:
            return None
        reads.append(now_ms)
        query = {"period": _LOG_PERIOD, "limit": str(_LOG_ROWS), "offset": str(page * _LOG_ROWS)}
        reply = await self._account.send(Call("GET", "/v2/logs", query=query))
        if not reply.is_success or not isinstance(reply.find("data"), list):
            raise _fault(reply, "its log")
        return reply


def bearer(key: str) -> Callable[[], Mapping[str, str]]:
    """Signs in with an AI/ML API key."""
    return lambda: {"Authorization": f"Bearer {key}"}


def create_call(submission: Submission) -> Call:
    """The request that makes the clip."""
    spec, request = submission.spec, submission.request
    wire = spec.wire
    fields: dict[str, Any] = {
        "model": spec.id,
        "image_url": _data_uri(request.image),
        wire.get("end_frame", "tail_image_url"): _data_uri(request.end_frame),
        **_prompts(request, wire),
        **_masks(request.motion, wire.get("mask_names", "plain")),
        **_camera(request.camera, wire),
        "duration": request.duration_s,
        "aspect_ratio": request.aspect if request.task is Task.TEXT_TO_VIDEO else None,
        "negative_prompt": request.negative_prompt,
        "cfg_scale": request.guidance,
        "generate_audio": request.sound or (False if wire.get("sound") == "explicit" else None),
        "provider": wire.get("upstream"),
    }
    if "key" in wire:
        fields[wire["key"]] = submission.key
    body = {name: value for name, value in fields.items() if value is not None and value != ""}
    return Call("POST", _PATHS[_family(spec)], body, headers={"X-Client-Request-Id": submission.key})


def _poll_call(family: str, generation_id: str) -> Call:
    return Call("GET", _PATHS[family], query={"generation_id": generation_id})


def _fault(reply: Reply, about: str = "a task") -> ProviderFault:
    kind = NoSuchTask if reply.status == 404 else ProviderFault  # noqa: PLR2004
    return kind(sentence(f"AI/ML API answers {reply.status} about {about}", reason_of(reply)))


def _family(spec: ModelSpec) -> str:
    return spec.wire.get("path", "universal")


def _parted(task_id: str) -> tuple[str, str]:
    """Which family a task belongs to, and its id there, which may itself hold slashes."""
    family, _, generation_id = task_id.partition("/")
    return family, generation_id


def _data_uri(picture: Picture | None) -> Inline | None:
    """A picture as the one form of base64 that is a URI as well, which the schemas ask for."""
    return Inline(picture, f"data:{picture.media_type};base64,") if picture else None


def _prompts(request: VideoRequest, wire: Mapping[str, str]) -> dict[str, Any]:
    if not request.shots:
        return {"prompt": request.prompt if request.prompt.strip() else None}
    if wire.get("shots") == "timed":
        return {
            "multi_prompt": [{"prompt": shot.prompt, "duration": shot.duration_s} for shot in request.shots]
        }
    return {"multi_prompt": [shot.prompt for shot in request.shots]}


def _masks(motion: MotionBrush | None, names: str) -> dict[str, Any]:
    if motion is None:
        return {}
    suffixes = {"plain": [""], "url": ["_url"], "both": ["", "_url"]}[names]
    masks: dict[str, Any] = {f"static_mask{suffix}": _data_uri(motion.still) for suffix in suffixes}
    if motion.moving:
        masks["dynamic_masks"] = [_dynamic_mask(stroke, suffixes) for stroke in motion.moving]
    return masks


def _dynamic_mask(stroke: Stroke, suffixes: list[str]) -> dict[str, Any]:
    """A path in Kling's coordinates: whole pixels from the bottom left corner (Kling API, image to video)."""
    bottom = stroke.mask.height - 1
    return {
        **{f"mask{suffix}": _data_uri(stroke.mask) for suffix in suffixes},
        "trajectories": [{"x": point.x, "y": bottom - point.y} for point in stroke.path],
    }


def _camera(camera: CameraControl | None, wire: Mapping[str, str]) -> dict[str, Any]:
    if camera is None:
        return {}
    in_words = wire.get("camera") == "words"
    if camera.amount is None:
        return {"camera_control": camera.move.value if in_words else {"type": camera.move.value}}
    if in_words:
        move = {"movement_type": camera.move.value, "movement_value": _whole(camera.amount)}
        return {"advanced_camera_control": move}
    config = {move.value: camera.amount if move is camera.move else 0 for move in CameraMove}
    return {"camera_control": {"type": "simple", "config": config}}


def _whole(amount: float) -> int:
    """The nearest whole number that still is a movement."""
    return round(amount) or (1 if amount > 0 else -1)
