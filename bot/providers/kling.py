"""Kling's own API, and kkiai.com, which speaks the same protocol in front of it.

A clip is made by `POST /v1/videos/image2video` or `/text2video` and asked about under the same path. Public
sources: Kling API, "Image to Video", "Text to Video", "General Information", "Error Codes"; docs.kkiai.com,
image to video, text to video, query a task.

What a catalogue row may say in `wire`:

`mode`: `omit` where the model has no mode (the master models); kkiai wants one always and gets it.
`sound`: `explicit` says `off` outright where no sound is asked for.
`multi_shot`: `explicit` says `false` outright where there are no shots.
`preset_config`: `zeros` sends an empty `config` along with a composed camera move. Kling itself wants none, but
    docs.kkiai.com marks it as required.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
    Refusal,
    Rejected,
    Spent,
    Submission,
    Unknown,
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
from bot.providers import curl
from bot.providers import kling_answers as answers
from bot.providers.download import Downloads
from bot.providers.http import Account, Call, Cut, Inline, Reply, Unsent, not_arrived
from bot.providers.kling_answers import Stage, Trouble
from bot.providers.words import sentence

log = structlog.stdlib.get_logger(__name__)

WIRE: Mapping[str, frozenset[str] | None] = {
    "mode": frozenset({"omit"}),
    "sound": frozenset({"explicit"}),
    "multi_shot": frozenset({"explicit"}),
    "preset_config": frozenset({"zeros"}),
}
"""What a catalogue row may say in `wire`; None stands for any text."""

TOKEN_LASTS_S = 1800
"""As in Kling's own example (Kling API, General Information)."""

_TOKEN_USED_S = 1200
_CLOCKS_DIFFER_S = 5

_TOKEN_BY_SHELL = f"""\
# KLING_TOKEN is made of KLING_ACCESS_KEY and KLING_SECRET_KEY, and good for {TOKEN_LASTS_S // 60} minutes
base64url() {{ openssl base64 -A | tr '+/' '-_' | tr -d '='; }}
NOW=$(date +%s)
CLAIMS=$(printf '{{"iss":"%s","exp":%d,"nbf":%d}}' \\
  "$KLING_ACCESS_KEY" $((NOW + {TOKEN_LASTS_S})) $((NOW - {_CLOCKS_DIFFER_S})) | base64url)
SIGNED=$(printf '{{"alg":"HS256","typ":"JWT"}}' | base64url).$CLAIMS
SIGNATURE=$(printf %s "$SIGNED" | openssl dgst -sha256 -hmac "$KLING_SECRET_KEY" -binary | base64url)
KLING_TOKEN=$SIGNED.$SIGNATURE"""

_LINK_COMES_S = 30.0
_LINK_COMES_WITHIN_MS = 180_000

_KINDS = {Task.IMAGE_TO_VIDEO: "image2video", Task.TEXT_TO_VIDEO: "text2video"}
_MARKED = "+watermark"


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


def api_key(key: str) -> Callable[[], Mapping[str, str]]:
    """Signs in with a key as it is."""
    return lambda: {"Authorization": f"Bearer {key}"}


def jwt(access_key: str, secret_key: str, now_ms: Callable[[], int]) -> "Signer":
    """Signs in with a pair of keys; `now_ms` gives milliseconds since 1970."""
    return Signer(access_key, secret_key, now_ms)


class Signer:
    """Makes the token of Kling's older way to sign in, and a new one in good time."""

    def __init__(self, access_key: str, secret_key: str, now_ms: Callable[[], int]) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._now_ms = now_ms
        self._token: tuple[int, str] | None = None

    def __call__(self) -> Mapping[str, str]:
        """The header, with a token that stays valid for ten minutes at least."""
        now_s = self._now_ms() // 1000
        if self._token is None or not 0 <= now_s - self._token[0] < _TOKEN_USED_S:
            self._token = (now_s, self._signed(now_s))
        return {"Authorization": f"Bearer {self._token[1]}"}

    def renew(self) -> None:
        """The token was not accepted: sign a new one next time."""
        self._token = None

    def _signed(self, now_s: int) -> str:
        claims = {"iss": self._access_key, "exp": now_s + TOKEN_LASTS_S, "nbf": now_s - _CLOCKS_DIFFER_S}
        signed = f"{_base64url(_compact({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64url(_compact(claims))}"
        digest = hmac.digest(self._secret_key.encode(), signed.encode(), hashlib.sha256)
        return f"{signed}.{_base64url(digest)}"


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class KlingProvider:
    """One account at Kling or kkiai."""

    recovery = Recovery.LOOK_UP

    def __init__(self, account: Account, *, flavour: Flavour, downloads: Downloads, concurrency: int) -> None:
        self.name = flavour.name
        self.concurrency = concurrency
        self._account = account
        self._flavour = flavour
        self._downloads = downloads
        self._without_link_ms: dict[str, int] = {}

    def preview(self, submission: Submission) -> str:
        """The create, as cURL; where a pair of keys signs in, after the commands that make a token of it."""
        is_signing = isinstance(self._account.sign_in, Signer)
        variable = "KLING_TOKEN" if is_signing else self._flavour.key_variable
        create = curl.commands(
            [create_call(submission, self._flavour)],
            base_url=self._account.base_url,
            secret_headers={"Authorization": f"Bearer ${variable}"},
            inputs=submission.inputs,
        )
        return f"{_TOKEN_BY_SHELL}\n\n{create}" if is_signing else create

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """Ask for the clip, once; once more only where the first was refused for an old token."""
        try:
            reply = await self._ask(create_call(submission, self._flavour), submission.inputs)
        except Unsent as fault:
            return not_arrived(fault)
        except Cut as fault:
            return Unknown(str(fault))
        trouble, task_id = answers.trouble_of(reply), answers.id_of(reply)
        if trouble is not None:
            self._log_trouble(
                "create not taken", reply, trouble, attempt=submission.key, model=submission.spec.id
            )
            return self._refused(trouble)
        if task_id is None:
            return Unknown(f"{self._flavour.title} answered {reply.status} without the id of a task.")
        request = submission.request
        return Accepted(_task_id(request.task, task_id, watermark=request.watermark))

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted | Absent | Unknown:
        """Find a task by `key`, which every create carries as `external_task_id`.

        Kling itself takes that as a name for the task wherever it takes an id, so what it does not know does not
        exist: `Absent`, and the clip may be ordered again. Only its own code for that counts, no bare 404.

        At kkiai this is documented for text to video only, and gateways of its kind keep no index of such keys. A
        task that is found there is ours; one that is not may exist all the same and would be paid for twice if
        it were ordered again. So it is `Unknown`, for as long as a clip can take, and then given up.
        """
        del spec
        reply = await self._ask(_query(_KINDS[task], key))
        trouble, task_id = answers.trouble_of(reply), answers.id_of(reply)
        if trouble is not None:
            return self._not_found(reply, trouble)
        named, has_failed = answers.key_of(reply), answers.stage_of(reply) is Stage.FAILED
        is_ours = named == key or (
            named is None and not has_failed
        )  # the failure may be that of the question
        if task_id is None or not is_ours:
            return Unknown(
                f"{self._flavour.title} answered {reply.status} without the task that was asked for."
            )
        return Accepted(_task_id(task, task_id, watermark=answers.has_watermark(reply)))

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """Ask how far the task is.

        One that is not known may have been made only just now, so that is a fault. So is an answer about another
        task, and a failure of one that is not named: a task that failed is refunded, so it has to be this one.
        """
        kind, vendors_id, _ = _parted(task_id)
        reply = await self._ask(_query(kind, vendors_id))
        trouble, stage, ids = answers.trouble_of(reply), answers.stage_of(reply), answers.ids_of(reply)
        if trouble is not None:
            self._log_trouble("task not told", reply, trouble, task=task_id)
            raise self._fault(trouble)
        if ids and vendors_id not in ids:
            log.warning("told about another task", provider=self.name, task=task_id, told=sorted(ids))
            raise ProviderFault(f"{self._flavour.title} answers about another task.")
        match stage:
            case Stage.DONE:
                return self._finished(task_id, reply)
            case Stage.FAILED if ids:
                reason = answers.failure_of(reply)
                log.warning("task failed", provider=self.name, task=task_id, reason=reason)
                return Failed(sentence(f"{self._flavour.title} could not make this clip", reason))
            case Stage.WAITING:
                return Pending(answers.progress_of(reply))
            case Stage.STRANGE:
                words = [word[:100] for word in answers.status_words(reply)]
                log.warning("status not known", provider=self.name, task=task_id, status=words)
                return Pending(answers.progress_of(reply))
            case _:
                raise ProviderFault(f"{self._flavour.title} says nothing about the task's status.")

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the finished clip from wherever it lies."""
        return self._downloads.open(result)

    async def cancel(self, task_id: str) -> bool:
        """The API has no way to stop a task."""
        del task_id
        return False

    async def close(self) -> None:
        """Nothing is held."""

    async def _ask(self, call: Call, inputs: Mapping[str, Path] | None = None) -> Reply:
        """Send a request; one that was refused for its token certainly did nothing and is sent with a new one."""
        reply = await self._account.send(call, inputs=inputs)
        trouble, signer = answers.trouble_of(reply), self._account.sign_in
        if trouble is None or trouble.code not in answers.EXPIRED or not isinstance(signer, Signer):
            return reply
        self._log_trouble("token refused, signing anew", reply, trouble)
        signer.renew()
        return await self._account.send(call, inputs=inputs)

    def _refused(self, trouble: Trouble) -> Rejected | Unknown:
        title, why = self._flavour.title, trouble.refusal
        match why:
            case None:
                doubt = f"{title} answered {trouble.status} without saying whether it took the job"
                return Unknown(sentence(doubt, trouble.words))
            case Refusal.BUSY:
                return Rejected(f"{title} takes no more clips right now.", why, retry_after_s=trouble.busy_s)
            case Refusal.PAYMENT:
                return Rejected(f"The operator's account at {title} has no credit left.", why)
            case Refusal.ACCOUNT:
                return Rejected(f"The operator's account at {title} may not be used for this.", why)
            case Refusal.MODERATION:
                return Rejected(sentence(f"{title} does not allow this content", trouble.words), why)
            case _:
                return Rejected(sentence(_unsuitable(title, trouble), trouble.words), why)

    def _not_found(self, reply: Reply, trouble: Trouble) -> Absent | Unknown:
        if trouble.code == answers.NOT_FOUND and self._flavour.knows_keys:
            return Absent()
        self._log_trouble("attempt not found", reply, trouble)
        if trouble.refusal is Refusal.INPUT:
            return Unknown(f"{self._flavour.title} does not show the attempt.")
        raise self._fault(trouble)

    def _fault(self, trouble: Trouble) -> ProviderFault:
        what = f"{self._flavour.title} answers {trouble.status} (code {trouble.code}) about a task"
        kind = NoSuchTask if trouble.refusal is Refusal.INPUT else ProviderFault
        return kind(sentence(what, trouble.words))

    def _finished(self, task_id: str, reply: Reply) -> Ready | Pending | Failed:
        link = answers.link_of(reply, watermark=_parted(task_id)[2])
        if link is not None:
            self._without_link_ms.pop(task_id, None)
            return Ready(link, self._spent(reply))
        now_ms = self._account.now_ms()
        if now_ms < self._without_link_ms.setdefault(task_id, now_ms) + _LINK_COMES_WITHIN_MS:
            return Pending(ask_again_s=_LINK_COMES_S)
        del self._without_link_ms[task_id]
        log.error("finished without a link: may have been charged", provider=self.name, task=task_id)
        return Failed(f"{self._flavour.title} finished the clip but gave no link to it.")

    def _spent(self, reply: Reply) -> Spent | None:
        units, price = answers.units_of(reply), self._flavour.unit_usd
        if units is None:
            return None
        return Spent(units, "unit", units * price if price is not None else None)

    def _log_trouble(self, event: str, reply: Reply, trouble: Trouble, **about: str) -> None:
        log.warning(
            event,
            provider=self.name,
            status=trouble.status,
            code=trouble.code,
            words=trouble.words,
            request=str(reply.find("request_id"))[:100],
            **about,
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
    return Call("POST", f"/v1/videos/{_KINDS[request.task]}", body)


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


def _query(kind: str, name: str) -> Call:
    """Ask about a task by its id or by our key."""
    return Call("GET", f"/v1/videos/{kind}/{quote(name, safe='')}")


def _task_id(task: Task, vendors_id: str, *, watermark: bool) -> str:
    """The vendor's id, with what is needed to ask for it and to choose among its links."""
    return f"{_KINDS[task]}{_MARKED if watermark else ''}/{vendors_id}"


def _parted(task_id: str) -> tuple[str, str, bool]:
    """Kind, vendor's id, and whether the clip is wanted with its watermark."""
    kind, _, vendors_id = task_id.partition("/")
    return kind.removesuffix(_MARKED), vendors_id, kind.endswith(_MARKED)


def _unsuitable(title: str, trouble: Trouble) -> str:
    if trouble.code == answers.NOT_FOUND:
        return f"{title} does not offer this model for such a clip"
    if trouble.status == 413:  # noqa: PLR2004
        return f"The pictures are too large for {title}"
    return f"{title} does not accept this request"
