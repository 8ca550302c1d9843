"""Requests that were acknowledged or are about to be, until they are jobs or refused."""

import structlog
from pydantic import ValidationError

from bot.db.transaction import Transaction
from bot.domain.requests import Asked

log = structlog.stdlib.get_logger(__name__)


def note(asked: Asked, *, now_ms: int) -> Transaction[None]:
    """Write a request down before it is acknowledged; once more is the same."""
    yield _NOTE, {"request_key": asked.request_key, "asked": asked.model_dump_json(), "at_ms": now_ms}


def forget(request_key: str) -> Transaction[None]:
    """The request is a job now, or was refused; one that was never noted is none."""
    yield "DELETE FROM asks WHERE request_key = :request_key", {"request_key": request_key}


def is_noted(request_key: str) -> Transaction[bool]:
    """Whether a request is neither a job nor refused yet."""
    rows = yield (
        "SELECT 1 AS is_noted FROM asks WHERE request_key = :request_key",
        {"request_key": request_key},
    )
    return bool(rows)


def left() -> Transaction[list[Asked]]:
    """What an earlier process acknowledged and did not get to, the oldest first."""
    rows = yield "SELECT asked FROM asks ORDER BY at_ms, request_key", {}
    return [asked for row in rows if (asked := _readable(row["asked"]))]


def _readable(text: str) -> Asked | None:
    """None for a request that another version wrote in other terms."""
    try:
        return Asked.model_validate_json(text)
    except ValidationError as error:
        log.warning("ask not understood", problems=error.error_count())
        return None


_NOTE = """
    INSERT INTO asks (request_key, asked, at_ms) VALUES (:request_key, :asked, :at_ms)
    ON CONFLICT (request_key) DO NOTHING
"""
