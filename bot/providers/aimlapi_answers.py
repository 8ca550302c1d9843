"""What the answers of AI/ML API mean: errors, ids, links and costs, in all the forms that were seen or documented.

Public sources: docs.aimlapi.com, "Errors", "Request Tracing and Cost Headers", and the OpenAPI file of each model.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import structlog

from bot.domain.provider import Refusal, Rejected, Spent, Submission, Unknown
from bot.providers.http import Reply, dig
from bot.providers.words import sentence, words_of

log = structlog.stdlib.get_logger(__name__)

CREDITS_PER_USD = 2_000_000
"""120,000 credits are 0.06 USD (docs.aimlapi.com, 2.6 pro: `meta.usage`; "Usage Logs": 500,000 are 0.25)."""

_BUSY_S = 10.0
_LONGEST_BUSY_S = 600.0

_LONGEST_ID = 300
_LONGEST_LINK = 8_000
_LARGEST_AMOUNT = Decimal(10) ** 12

_FREE_TIER = re.compile(r"free.?tier|free limit", re.IGNORECASE)
_MONEY = re.compile(r"credit|balance|billing|payment", re.IGNORECASE)
_CONTENT = re.compile(
    r"moderation|risk control|content (security )?policy|content_policy|content checker|sensitive|nsfw|safety",
    re.IGNORECASE,
)


def refused(reply: Reply, submission: Submission) -> Rejected | Unknown:
    """What an answer without a task means."""
    status, words = _status(reply), reason_of(reply)
    why = _why(status, words)
    log.warning(
        "create refused" if why else "create in doubt",
        attempt=submission.key,
        model=submission.spec.id,
        status=reply.status,
        reply=reply.text,
    )
    if why is None:
        return Unknown(sentence(f"AI/ML API answered {status} without saying whether it took the job", words))
    if why is Refusal.BUSY:
        wait_s = min(reply.retry_after_s or _BUSY_S, _LONGEST_BUSY_S)
        return Rejected("AI/ML API is taking no more jobs right now.", why, retry_after_s=wait_s)
    return Rejected(_refusal(why, status, words), why)


def _status(reply: Reply) -> int:
    """The status that the API itself gives, as a number or a string; else that of HTTP."""
    said = str(reply.find("statusCode"))
    return int(said) if re.fullmatch(r"[45]\d\d", said, re.ASCII) else reply.status


def _why(status: int, words: str) -> Refusal | None:
    """Why a create was refused; None where nobody says that it was.

    Of a 5xx nobody can: "The model is under maintenance" stands for any error of whoever renders that has no
    message of its own (docs.aimlapi.com, "Errors with status code 5xx"), before or after it began.
    """
    match status:
        case 402:
            return Refusal.PAYMENT
        case 429:
            return Refusal.PAYMENT if _FREE_TIER.search(words) else Refusal.BUSY
        case 403 if _MONEY.search(words):
            return Refusal.PAYMENT
        case 401 | 403:
            return Refusal.ACCOUNT
        case 400 | 404 | 413 | 415 | 422:
            return Refusal.MODERATION if _CONTENT.search(words) else Refusal.INPUT
        case _:
            return None


def _refusal(why: Refusal, status: int, words: str) -> str:
    match why, status:
        case Refusal.PAYMENT, _:
            return "The operator's account at AI/ML API has no credit left."
        case Refusal.ACCOUNT, _:
            return "The operator's account at AI/ML API may not be used for this."
        case Refusal.MODERATION, _:
            return sentence("AI/ML API does not allow this content", words)
        case _, 404:
            return "AI/ML API does not know this model."
        case _, 413:
            return "The pictures are too large for AI/ML API; use smaller ones."
        case _:
            return sentence("AI/ML API does not accept this request", words)


def reason_of(reply: Reply) -> str:
    """What the vendor says about a failure, as `words_of` leaves it; empty where it gives no reason."""
    return words_of(" ".join(_found(reply.find("error"))) or " ".join(_found(reply.data)))


def _found(error: Any) -> list[str]:
    """The texts of an error: a string, `{message}`, `{detail: [{msg}]}`, or a list of these; the first three."""
    for name in ("message", "detail"):
        error = dig(error, name) or error
    errors = cast("list[Any]", error)[:3] if isinstance(error, list) else [error]
    texts = [item if isinstance(item, str) else dig(item, "msg") or dig(item, "message") for item in errors]
    return [text for text in texts if isinstance(text, str) and text.strip()]


def generation_id_of(reply: Reply) -> str | None:
    """The id of the task that a create made; None where the answer names none.

    The header `x-inference-id` carries it too ("Request Tracing and Cost Headers"), but errors have one as well.
    """
    if not reply.is_success:
        return None
    header = reply.headers.get("x-inference-id") if _status(reply) == reply.status else None
    return next(filter(None, map(id_of, (reply.find("id"), reply.find("generation_id"), header))), None)


def id_of(value: Any) -> str | None:
    """An id as text: a UUID, with a model's name after it, a decimal number, or 21 characters of any letters."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    return text if 0 < len(text) <= _LONGEST_ID and text.isprintable() else None


def is_about(reply: Reply, generation_id: str) -> bool | None:
    """Whether an answer names that task; None where it names none.

    A model's name after a UUID is not compared: it may be that of another model (docs.aimlapi.com, avatar).
    """
    named = id_of(reply.find("id"))
    return None if named is None else named.partition(":")[0] == generation_id.partition(":")[0]


def link_of(video: Any) -> str | None:
    """Where the clip lies: `video` is an object, an array of these (omni models), or the link itself."""
    videos = cast("list[Any]", video) if isinstance(video, list) else [video]
    links = [item if isinstance(item, str) else dig(item, "url") for item in videos]
    return next(filter(_is_link, links), None)


def _is_link(value: Any) -> bool:
    return (
        isinstance(value, str) and value.startswith(("https://", "http://")) and len(value) <= _LONGEST_LINK
    )


def spent_of(reply: Reply) -> Spent | None:
    """What a clip has cost; older answers call the credits tokens, at the same rate.

    A cost of 0 is what is said before the charge was made, so it counts as not told.
    """
    usage, headers = reply.find("meta", "usage"), reply.headers
    credits_used = (
        amount_of(dig(usage, "credits_used"))
        or amount_of(dig(usage, "tokens_used"))
        or amount_of(headers.get("x-aimlapi-credits-used"))
    )
    if credits_used is None:
        return None
    usd = amount_of(dig(usage, "usd_spent")) or amount_of(headers.get("x-aimlapi-usd-spent"))
    return Spent(credits_used, "credit", usd or credits_used / CREDITS_PER_USD)


def amount_of(value: Any) -> Decimal | None:
    """A positive number, written as one or as text."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 < amount < _LARGEST_AMOUNT else None
