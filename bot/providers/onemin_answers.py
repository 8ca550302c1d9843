"""What 1min.ai's answers mean: refusals told from doubts, and where a clip lies.

Errors come in several forms and also with HTTP 200 (seen by clients in the wild; docs.1min.ai shows none). Only what
proves that nothing was made is read as a refusal: a status that is the client's fault, or a body that says outright
that it failed. A create blocks for minutes, so whatever else ends it may have left a clip behind that is charged for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from yarl import URL

from bot.domain.provider import Refusal, Rejected
from bot.providers.http import Reply, dig
from bot.providers.words import sentence, words_of

log = structlog.stdlib.get_logger(__name__)

PAUSE_S = 30.0
"""Until it is asked again, where it does not say."""
_LONGEST_PAUSE_S = 600.0

_RESULT = ("aiRecordDetail", "resultObject")
_LINK_NAMES = ("url", "videoUrl", "video_url", "temporaryUrl", "path", "key")
"""Where an object may hold a link to the clip; no other, because a picture may lie beside it."""

_LONGEST_LINK = 4096
_LONGEST_PATH = 500

ID = re.compile(r"[A-Za-z0-9-]{1,64}")
"""What a record is called."""
_PATH = re.compile(r"[A-Za-z0-9._/-]+")
_CODE = re.compile(r"[\w. -]{1,60}", re.ASCII)
_CLOUDFLARE = re.compile(r"error code:?\s*(\d{4})", re.IGNORECASE)
_CREDITS = re.compile(r"requires (\d{1,15}) credits, but .{0,200}? only has (\d{1,15}) credits")

_SIGNS: tuple[tuple[re.Pattern[str], Refusal], ...] = tuple(
    (re.compile(words, re.IGNORECASE), why)
    for words, why in (
        (r"insufficient.?credit|not enough credit|requires \d+ credits", Refusal.PAYMENT),
        (r"too.many.requests|rate.?limit|error code:?\s*1015", Refusal.BUSY),
        (r"\bapi[ _-]?key\b|error code:?\s*1010", Refusal.ACCOUNT),
        (
            r"moderat|risk control|sensitive|nsfw|inappropriate|content (security )?polic|safety (system|filter)",
            Refusal.MODERATION,
        ),
        (r"unsupported.model", Refusal.INPUT),
    )
)
"""Words that say why, in an error that proves that nothing was made."""

_TIMED_OUT = re.compile(r"timed?[ _-]?out|deadline.exceeded", re.IGNORECASE)
"""Nobody waited any longer; whoever renders may go on."""

_PROOFS = {
    **dict.fromkeys((400, 404, 413, 415, 422), Refusal.INPUT),
    401: Refusal.ACCOUNT,
    402: Refusal.PAYMENT,
    403: Refusal.ACCOUNT,
    429: Refusal.BUSY,
}
"""The statuses that prove that nothing was made, and what each says by itself."""

_FAILURES = frozenset({"FAILURE", "FAILED"})
_UNSAID = frozenset({"NONE", ""})
SUCCESS = "SUCCESS"
"""The status of a record whose clip is finished."""


@dataclass(frozen=True, slots=True)
class _Problem:
    code: str
    message: str

    @property
    def words(self) -> str:
        """All that it says."""
        return f"{self.code} {self.message}"


def refused(reply: Reply) -> Rejected | None:
    """The refusal that an answer is; None where it is none, and where it does not prove that nothing was made."""
    failure, usual = _failure(reply), _PROOFS.get(reply.status)
    if reply.is_success and failure:
        usual = Refusal.INPUT
    if usual is None:
        return None
    problem = failure or _problem(reply.text if reply.data is None else reply.data)
    if _TIMED_OUT.search(problem.words):
        return None
    return _rejected(_sign(problem) or usual, problem, reply)


def _failure(reply: Reply) -> _Problem | None:
    """What went wrong according to a body that says outright that something did."""
    record = reply.find("aiRecord")
    if record is None:
        return _problem(reply.data) if reply.find("success") is False else None
    return _problem(dig(record, *_RESULT)) if has_failed(record) else None


def has_failed(record: Any) -> bool:
    """Whether a record says so; one without a status does if it holds an error's code and no link."""
    state = state_of(record)
    complains = state in _UNSAID and bool(dig(record, *_RESULT, "code")) and not _link_in(record)
    return state in _FAILURES or complains


def _problem(data: Any) -> _Problem:
    """Code and message, in any of the forms in which errors of this API were seen."""
    if isinstance(data, str):
        number = _CLOUDFLARE.search(data)
        is_page = data.lstrip().startswith("<")
        return _Problem(number[1] if number else "", "" if is_page else data)
    inner = dig(data, "error")
    if isinstance(inner, dict):
        data = cast("dict[str, Any]", inner)
    message = _text(dig(data, "message")) or _text(inner)
    return _Problem(_text(dig(data, "code")) or _text(dig(data, "name")), message)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(one for one in cast("list[Any]", value) if isinstance(one, str))
    return value if isinstance(value, str) else ""


def _sign(problem: _Problem) -> Refusal | None:
    return next((why for sign, why in _SIGNS if sign.search(problem.words)), None)


def _rejected(why: Refusal, problem: _Problem, reply: Reply) -> Rejected:
    credits_ = _CREDITS.search(problem.message)
    log.warning(
        "refused by 1min.ai",
        why=why.value,
        status=reply.status,
        code=problem.code if _CODE.fullmatch(problem.code) else None,
        needed_credits=int(credits_[1]) if credits_ else None,
        available_credits=int(credits_[2]) if credits_ else None,
    )
    match why:
        case Refusal.BUSY:
            return Rejected("1min.ai is busy.", why, retry_after_s=pause_s(reply))
        case Refusal.PAYMENT | Refusal.ACCOUNT:
            return Rejected(
                "1min.ai takes no requests of this bot right now; its operator has to see to that.", why
            )
        case Refusal.MODERATION:
            return Rejected(sentence("1min.ai refused the content", words_of(problem.message)), why)
        case _:
            return Rejected(sentence("1min.ai did not make the clip", words_of(problem.message)), why)


def pause_s(reply: Reply) -> float:
    """When to come again after an answer that gives no time, or an absurd one."""
    return PAUSE_S if reply.retry_after_s is None else min(reply.retry_after_s, _LONGEST_PAUSE_S)


def asset_path(reply: Reply) -> str | None:
    """What an uploaded picture is called; the first is documented, the others hold the same elsewhere."""
    places = (("fileContent", "path"), ("asset", "key"), ("asset", "path"), ("path",), ("key",))
    for place in places:
        path = reply.find(*place)
        if isinstance(path, str) and path.isprintable() and len(path) <= _LONGEST_PATH and path.strip(" /"):
            return path.lstrip("/")
    return None


def state_of(record: Any) -> str:
    """A record's status, in capitals; `NONE` where it has none."""
    return str(dig(record, "status")).upper()


def links_in(record: Any, storages: Sequence[str]) -> str:
    """Where the clip is, or may be: one link or several with spaces between; empty where nothing says."""
    if link := _link_in(record):
        return link
    path = next(filter(_is_path, _results(record)), None)
    if path is None or state_of(record) != SUCCESS:
        return ""
    return " ".join(f"{storage}/{path.lstrip('/')}" for storage in storages)


def _link_in(record: Any) -> str:
    found = filter(_is_link, (dig(record, "temporaryUrl"), *_results(record)))
    return next(found, "")


def _results(record: Any) -> Iterator[Any]:
    """What may say where the clip is: texts as documented, and the usual fields of objects in their place."""
    result = dig(record, *_RESULT)
    for one in cast("list[Any]", result)[:10] if isinstance(result, list) else [result]:
        yield one
        yield from (dig(one, name) for name in _LINK_NAMES)


def _is_link(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > _LONGEST_LINK or not value.isascii() or " " in value:
        return False
    return value.isprintable() and value.startswith(("https://", "http://"))


def _is_path(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_PATH
        and _PATH.fullmatch(value) is not None
        and ".." not in value
    )


def expires_at_ms(link: str) -> int | None:
    """When a presigned link ends (Amazon S3, Authenticating Requests: Using Query Parameters); None if it is none."""
    try:
        query = URL(link, encoded=True).query
        signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return (int(signed.timestamp()) + int(query["X-Amz-Expires"])) * 1000
    except (KeyError, ValueError):
        return None
