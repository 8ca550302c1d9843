"""What the answers to Kling's protocol mean, whoever gives them.

Kling wraps everything in `{code, message, request_id, data}` (Kling API, general information). Resellers run
gateways that answer in forms of their own: github.com/QuantumNous/new-api has three (a task, a task around
Kling's whole answer, an OpenAI video), and others are flat. All of them are read here, liberally where a
clip would be lost otherwise, and strictly where a create would be taken for refused.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum, auto
from typing import Any

from bot.domain.provider import Refusal
from bot.providers.http import Reply, dig, parsed
from bot.providers.words import words_of

NOT_FOUND = 1203
"""The task, or the model, does not exist (Kling API, error codes)."""

EXPIRED = frozenset({1003, 1004})
"""The token is not valid yet, or not any more: a new one may be."""

_REFUSALS: Mapping[int, Refusal] = {  # Kling API, error codes
    1000: Refusal.ACCOUNT,  # authentication failed
    1001: Refusal.ACCOUNT,  # no authorization
    1002: Refusal.ACCOUNT,  # authorization not understood
    1003: Refusal.ACCOUNT,
    1004: Refusal.ACCOUNT,
    1100: Refusal.ACCOUNT,  # account exception
    1101: Refusal.PAYMENT,  # in arrears
    1102: Refusal.PAYMENT,  # resource pack used up or expired
    1103: Refusal.ACCOUNT,  # no right to this API or model
    1200: Refusal.INPUT,
    1201: Refusal.INPUT,
    1202: Refusal.INPUT,  # no such method
    1203: Refusal.INPUT,
    1300: Refusal.MODERATION,  # platform policy
    1301: Refusal.MODERATION,  # content safety
    1302: Refusal.BUSY,  # too fast
    1303: Refusal.BUSY,  # too many at once
    1304: Refusal.ACCOUNT,  # the address is not on the account's list
}
_OUT_OF_ORDER = frozenset({5000, 5001, 5002})
_LATER_REFUSALS = range(1000, 2000)  # every documented code of that kind is a refusal

_FINE = frozenset({"", "0", "200", "success", "succeed", "ok"})
_MONEY = re.compile(r"quota|balance|credit|arrears|insufficient|额度|余额|欠费", re.IGNORECASE)
_CONTENT = re.compile(r"sensitive|moderation|risk control|content.(?:safety|security|policy)", re.IGNORECASE)

_ID = re.compile(r"(?=.*[A-Za-z0-9])[!-~]{1,200}")
_LONGEST_LINK = 8_000
_LARGEST_AMOUNT = Decimal(1_000_000)
_NO_CHANNEL = re.compile(r"[(（]distributor[)）]", re.IGNORECASE)  # noqa: RUF001 - as it is written
"""A gateway sends the model nowhere (github.com/QuantumNous/new-api, distributor): any member may name one."""

BRIEF_BUSY_S = 5.0
BUSY_S = 30.0
"""A slot that is taken stays so until a clip is finished, which takes minutes."""
_LONGEST_BUSY_S = 600.0


class Stage(StrEnum):
    """How far a task is."""

    WAITING = auto()
    DONE = auto()
    FAILED = auto()
    STRANGE = auto()  # a word that nobody documented


_STAGES: Mapping[str, Stage] = {
    **dict.fromkeys(["submitted", "queued", "not_start", "pending", "unknown"], Stage.WAITING),
    **dict.fromkeys(["processing", "in_progress", "running", "generating"], Stage.WAITING),
    **dict.fromkeys(["succeed", "succeeded", "success", "completed", "complete"], Stage.DONE),
    **dict.fromkeys(["failed", "failure", "error", "cancelled", "canceled"], Stage.FAILED),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """An answer that is an error."""

    status: int
    code: int | None
    """Kling's own; None where none is given."""
    words: str
    """The vendor's reason, printable and bounded; empty where there is none."""
    retry_after_s: float | None

    @property
    def refusal(self) -> Refusal | None:
        """Why a create was certainly not taken; None where it may have been."""
        if self.code in _OUT_OF_ORDER:
            return None
        known = _REFUSALS.get(self.code) if self.code is not None else None
        if known is None and self.status < 300 and self.code in _LATER_REFUSALS:  # noqa: PLR2004
            return Refusal.INPUT
        return known or self._by_status()

    def _by_status(self) -> Refusal | None:
        match self.status:
            case 402:
                return Refusal.PAYMENT
            case 401 | 403:
                return Refusal.PAYMENT if _MONEY.search(self.words) else Refusal.ACCOUNT
            case 400 | 404 | 405 | 413 | 415 | 422:
                return Refusal.MODERATION if _CONTENT.search(self.words) else Refusal.INPUT
            case 429:
                return Refusal.BUSY
            case 503 if _NO_CHANNEL.search(self.words):
                return Refusal.INPUT
            case _:  # 5xx, a redirect, or nothing understandable
                return None

    @property
    def busy_s(self) -> float:
        """When to come again, where the refusal is `BUSY`."""
        usual_s = BRIEF_BUSY_S if self.code == 1302 else BUSY_S  # noqa: PLR2004
        return min(max(self.retry_after_s or usual_s, 1.0), _LONGEST_BUSY_S)


def trouble_of(reply: Reply) -> Trouble | None:
    """What is wrong with an answer; None for one that is about a task.

    The code counts, not only the status: errors come with HTTP 200 too. The task's own failure is no trouble.
    """
    is_envelope_fine = isinstance(reply.data, dict) and _is_fine(reply.find("code"))
    if reply.is_success and is_envelope_fine and not _is_bare_error(reply):
        return None
    code, message = _said(reply)
    return Trouble(reply.status, _number(code), words_of(message), reply.retry_after_s)


def _said(reply: Reply) -> tuple[Any, Any]:
    """Code and message of an error, or those of Kling's own error where a gateway hid it in the message."""
    code, error = reply.find("code"), reply.find("error")
    if code is None or code == "":
        code = dig(error, "code")
    message = dig(error, "message") or (error if isinstance(error, str) else reply.find("message"))
    hidden = _parsed(message)
    if dig(hidden, "code") is not None:
        return dig(hidden, "code"), dig(hidden, "message")
    return code, message


def _parsed(message: Any) -> Any:
    return parsed(message) if isinstance(message, str) else None


def _is_fine(code: Any) -> bool:
    return code is None or str(code).lower() in _FINE


def _is_bare_error(reply: Reply) -> bool:
    """An error that is not the failure of a task, as gateways give it."""
    return bool(reply.find("error")) and stage_of(reply) is None


def _number(code: Any) -> int | None:
    return int(str(code)) if re.fullmatch(r"[0-9]{1,6}", str(code)) else None


_OUTER_IDS = (("data", "task_id"), ("task_id",), ("data", "id"), ("id",))
_INNER_IDS = (("data", "data", "task_id"), ("data", "data", "data", "task_id"))


def id_of(reply: Reply) -> str | None:
    """The task's id, a number of more than 53 bits as often as text; None where there is none.

    A gateway's own name for the task comes before the one inside Kling's answer: it is asked by its own.
    """
    return next(_ids(reply, _OUTER_IDS), None)


def ids_of(reply: Reply) -> frozenset[str]:
    """Whatever an answer calls its task: a gateway's id and Kling's own inside; empty where it names none."""
    return frozenset(_ids(reply, (*_OUTER_IDS, *_INNER_IDS)))


def _ids(reply: Reply, places: Iterable[Sequence[str]]) -> Iterator[str]:
    found = (reply.find(*place) for place in places)
    texts = (str(one) for one in found if isinstance(one, (str, int)) and not isinstance(one, bool))
    return filter(_ID.fullmatch, texts)


def key_of(reply: Reply) -> str | None:
    """Our own name for the task as the answer repeats it; None where it does not."""
    keys = [
        dig(body, "task_info", "external_task_id") or dig(body, "external_task_id") for body in _bodies(reply)
    ]
    return next((key for key in keys if isinstance(key, str) and key), None)


def has_watermark(reply: Reply) -> bool:
    """Whether the answer says that the task was to have a watermark."""
    return any(dig(body, "watermark_info", "enabled") is True for body in _bodies(reply))


def stage_of(reply: Reply) -> Stage | None:
    """How far a task is; None where nothing is said about one.

    Kling's own word counts before a gateway's around it, unless only the gateway's is final.
    """
    words = status_words(reply)
    stages = [_STAGES.get(word.lower(), Stage.STRANGE) for word in words]
    final = (stage for stage in stages if stage in (Stage.DONE, Stage.FAILED))
    return next(final, stages[0] if stages else None)


def status_words(reply: Reply) -> list[str]:
    """The status of the task in the words of the answer, the most trusted first."""
    places = (("data", "task_status"), ("data", "data", "data", "task_status"), ("task_status",))
    said = [reply.find(*place) for place in (*places, ("data", "status"), ("status",))]
    return [word for word in said if isinstance(word, str) and word]


def progress_of(reply: Reply) -> float | None:
    """0 to 1, from per cent as a number or as `30%`."""
    for body in _bodies(reply):
        amount = _amount(str(dig(body, "progress")).removesuffix("%"))
        if amount is not None:
            return float(min(amount / 100, Decimal(1)))
    return None


def link_of(reply: Reply, *, watermark: bool) -> str | None:
    """Where the clip lies, the one with the watermark if wanted and there; None where no link is given."""
    return next(filter(_is_link, _links(reply, watermark=watermark)), None)


def _links(reply: Reply, *, watermark: bool) -> Iterator[Any]:
    bodies = _bodies(reply)
    videos = [dig(body, "task_result", "videos", 0) for body in bodies]
    if watermark:
        yield from (dig(video, "watermark_url") for video in videos)
    yield from (dig(video, "url") for video in videos)
    for place in (("result_url",), ("metadata", "url"), ("url",), ("video_url",), ("fail_reason",)):
        yield from (dig(body, *place) for body in bodies)


def _is_link(value: Any) -> bool:
    return (
        isinstance(value, str) and value.startswith(("https://", "http://")) and len(value) <= _LONGEST_LINK
    )


def units_of(reply: Reply) -> Decimal | None:
    """What the clip has cost in Kling's units; None where it is not told, or nothing but 0."""
    amounts = (_amount(dig(body, "final_unit_deduction")) for body in _bodies(reply))
    return next(filter(None, amounts), None)


def failure_of(reply: Reply) -> str:
    """Why the task failed, in the vendor's words; empty where it does not say."""
    for body in _bodies(reply):
        error = dig(body, "error")
        reasons = (dig(body, "task_status_msg"), dig(body, "fail_reason"), dig(error, "message"), error)
        for reason in reasons:
            if words := words_of(dig(_parsed(reason), "message") or reason):
                return words
    return ""


def _bodies(reply: Reply) -> list[Any]:
    """The objects inside each other in which a fact about the task may stand, the innermost first."""
    data = reply.data
    return [dig(data, "data", "data", "data"), dig(data, "data", "data"), dig(data, "data"), data]


def _amount(value: Any) -> Decimal | None:
    """A number, also written as text; None if it is not one from 0 to a million."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < _LARGEST_AMOUNT else None
