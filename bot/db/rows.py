"""Rows of the table `jobs`, and the jobs they stand for."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bot.db.transaction import Row
from bot.domain.catalogue import Choice
from bot.domain.jobs import Aftercare, Job, JobState, Lineage, Origin, Relation
from bot.domain.provider import Spent
from bot.domain.requests import VideoRequest


def checked(column: str) -> str:
    """The name of a column that a step may change; anything else is a mistake of ours."""
    if column not in _MOVABLE:
        raise ValueError(f"{column} does not change with a step")
    return column


def new_row(origin: Origin, request: VideoRequest, choice: Choice, now_ms: int) -> dict[str, object]:
    """The columns of a request that becomes a job."""
    return {
        "request_key": origin.request_key,
        "guild_id": origin.guild_id,
        "channel_id": origin.channel_id,
        "parent_id": origin.parent_id,
        "user_id": origin.user_id,
        "card_id": origin.card_id,
        "upload_limit": origin.upload_limit,
        "language": origin.language,
        "from_job_id": origin.lineage.job_id if origin.lineage else None,
        "relation": origin.lineage.relation if origin.lineage else None,
        "is_private": int(origin.is_private),
        "is_age_restricted": int(origin.is_age_restricted),
        "request": request.model_dump_json(exclude_defaults=True),
        "provider": choice.spec.provider,
        "model": choice.spec.id,
        "credits": choice.price,
        "worth": choice.worth,
        "price_percent": choice.percent,
        "run_at_ms": now_ms,
        "created_at_ms": now_ms,
    }


def jobs_of(rows: Sequence[Row]) -> list[Job]:
    """The jobs of some rows."""
    return [job_of(row) for row in rows]


def job_of(row: Row, request: VideoRequest | None = None) -> Job:
    """The job of a row, with its request if that is known already."""
    return made_of(dict(zip(row.keys(), row, strict=True)), request)  # a Row searches its names for each


def made_of(known: Mapping[str, Any], request: VideoRequest | None) -> Job:
    """The job of all columns by name."""
    return Job(
        id=known["id"],
        version=known["version"],
        state=JobState(known["state"]),
        origin=Origin(
            request_key=known["request_key"],
            guild_id=known["guild_id"],
            channel_id=known["channel_id"],
            parent_id=known["parent_id"],
            user_id=known["user_id"],
            card_id=known["card_id"],
            upload_limit=known["upload_limit"],
            language=known["language"],
            lineage=_lineage(known),
            is_private=bool(known["is_private"]),
            is_age_restricted=bool(known["is_age_restricted"]),
        ),
        request=request or VideoRequest.model_validate_json(known["request"]),
        provider=known["provider"],
        model=known["model"],
        credits=known["credits"],
        price=known["credits"] if known["price"] is None else known["price"],
        worth=known["worth"],
        price_percent=known["price_percent"],
        pays_overrun=bool(known["pays_overrun"]),
        tried=tuple(filter(None, known["tried"].split(","))),
        attempt=known["attempt"],
        marked_at_ms=known["marked_at_ms"],
        task_id=known["task_id"],
        progress=known["progress"],
        result=known["result"],
        spent=_spent(known),
        clip=known["clip"],
        clip_bytes=known["clip_bytes"],
        posted_bytes=known["posted_bytes"],
        last_frame=known["last_frame"],
        withdrawn_at_ms=known["withdrawn_at_ms"],
        withdrawn_by=known["withdrawn_by"],
        thread_id=known["thread_id"],
        post_marked_at_ms=known["post_marked_at_ms"],
        message_channel_id=known["message_channel_id"],
        message_id=known["message_id"],
        is_direct=bool(known["is_direct"]),
        error=known["error"],
        cancel_requested=bool(known["cancel_requested"]),
        tries=known["tries"],
        run_at_ms=known["run_at_ms"],
        created_at_ms=known["created_at_ms"],
        started_at_ms=known["started_at_ms"],
        rendered_at_ms=known["rendered_at_ms"],
        finished_at_ms=known["finished_at_ms"],
        aftercare=Aftercare(known["aftercare"]),
    )


def _lineage(known: Mapping[str, Any]) -> Lineage | None:
    if known["from_job_id"] is None:
        return None
    return Lineage(known["from_job_id"], Relation(known["relation"]))


def _spent(known: Mapping[str, Any]) -> Spent | None:
    if known["spent"] is None:
        return None
    micro_usd = known["spent_micro_usd"]
    usd = None if micro_usd is None else Decimal(micro_usd) / 1_000_000
    return Spent(Decimal(known["spent"]), known["spent_unit"], usd)


def spent_columns(spent: Spent | None) -> dict[str, object]:
    """What `move` takes to write down what a provider says it took; nothing where it did not tell."""
    if spent is None:
        return {}
    return {"spent": f"{spent.amount}", "spent_unit": spent.unit, "spent_micro_usd": spent.micro_usd}


_MOVABLE = frozenset(
    {
        "provider",
        "model",
        "attempt",
        "marked_at_ms",
        "task_id",
        "progress",
        "result",
        "price",
        "worth",
        "price_percent",
        "tried",
        "spent",
        "spent_unit",
        "spent_micro_usd",
        "maybe_charged",
        "clip",
        "clip_bytes",
        "posted_bytes",
        "last_frame",
        "withdrawn_at_ms",
        "withdrawn_by",
        "thread_id",
        "post_marked_at_ms",
        "message_channel_id",
        "message_id",
        "is_direct",
        "error",
        "cancel_requested",
        "tries",
        "run_at_ms",
        "started_at_ms",
        "rendered_at_ms",
        "finished_at_ms",
        "aftercare",
        "upload_limit",
    }
)
UNTOUCHED: Mapping[str, Any] = {
    "version": 0,
    "state": JobState.QUEUED,
    "attempt": 0,
    "marked_at_ms": None,
    "task_id": None,
    "progress": None,
    "result": None,
    "price": None,
    "tried": "",
    "spent": None,
    "spent_unit": None,
    "spent_micro_usd": None,
    "clip": None,
    "clip_bytes": None,
    "posted_bytes": None,
    "last_frame": None,
    "withdrawn_at_ms": None,
    "withdrawn_by": None,
    "thread_id": None,
    "post_marked_at_ms": None,
    "message_channel_id": None,
    "message_id": None,
    "is_direct": 0,
    "error": None,
    "cancel_requested": 0,
    "tries": 0,
    "started_at_ms": None,
    "rendered_at_ms": None,
    "finished_at_ms": None,
    "aftercare": 0,
}
"""What the table gives a new row. Reading it back with RETURNING would cost a tenth of an acceptance."""
