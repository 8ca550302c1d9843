"""Jobs: accepted once, moved by compare-and-set, found again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.db import guilds, lanes, limits, money
from bot.db.transaction import Row, Transaction
from bot.domain.catalogue import Choice
from bot.domain.errors import (
    Blocked,
    KinoraError,
    NoSuchJob,
    TooLateToCancel,
    TooManyQueued,
    Unapproved,
    Unconfirmed,
)
from bot.domain.jobs import ANYBODY, SLOT_HOLDERS, STEPS, TERMINAL, Aftercare, Asker, Job, JobState, Origin
from bot.domain.limits import Caps, Limits, Measure
from bot.domain.money import Entry, Scope
from bot.domain.provider import Spent
from bot.domain.requests import VideoRequest


class Overtaken(KinoraError):
    """Somebody else moved this job first."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job of a request; `is_new` is False when the same request had been accepted before."""

    job: Job
    is_new: bool
    is_budget_news: bool = False
    """Whether the server's log channel is to hear how much of the budget is gone."""


def accept(
    origin: Origin,
    request: VideoRequest,
    choice: Choice,
    asker: Asker = ANYBODY,
    *,
    defaults: Limits,
    now_ms: int,
) -> Transaction[Accepted]:
    """Check the caps, reserve the credits and queue the job, all or nothing.

    Raises:
        Blocked, TooManyQueued, ClipTooDear, QuotaExceeded: the server forbids it; nothing is kept.
        Unconfirmed, Unapproved: it could be queued, but somebody has to agree first; nothing is kept.
    """
    new = _new_row(origin, request, choice, now_ms)
    rows = yield _INSERT, new
    if not rows:
        known = yield "SELECT * FROM jobs WHERE request_key = :key", {"key": origin.request_key}
        return Accepted(_job(known[0]), is_new=False)
    job = _made_of({**_UNTOUCHED, **new, "id": rows[0]["id"]}, request)
    terms = yield from guilds.terms(origin.guild_id, origin.user_id, defaults=defaults, now_ms=now_ms)
    if terms.block is not None:
        raise Blocked(until_ms=terms.block.until_ms, reason=terms.block.reason)
    known_limits = yield from limits.that_matter(origin.guild_id, origin.user_id, money.channel_of(job))
    caps = known_limits.for_member(origin.user_id, asker.roles)
    yield from _check_queue(job, caps, known_limits.of(Scope.SERVER))
    is_news = yield from money.reserve(job, known_limits, asker, terms.zone)
    _check_consent(job, asker, terms)
    yield from lanes.join(job, asker.roles, caps.get(Measure.RUNNING))
    return Accepted(job, is_new=True, is_budget_news=is_news)


def _check_queue(job: Job, caps: Caps, of_server: Caps) -> Transaction[None]:
    if 0 in (caps.get(Measure.RUNNING), of_server.get(Measure.RUNNING)):
        raise TooManyQueued(0)  # it could never start
    most = caps.get(Measure.QUEUED)
    if most is not None:
        queued = yield from lanes.queued_by(job.origin.guild_id, job.origin.user_id)
        if queued >= most:
            raise TooManyQueued(most)


def _check_consent(job: Job, asker: Asker, terms: guilds.Terms) -> None:
    """Last of all, so that nobody is asked to agree to what is refused then."""
    if terms.confirm_above is not None and job.credits > max(terms.confirm_above, asker.confirmed_credits):
        raise Unconfirmed(job.credits)
    may_ask = asker.manages or asker.approved_by is not None or terms.approval_role_id is None
    if not may_ask and asker.roles.isdisjoint({terms.approval_role_id, terms.moderator_role_id}):
        raise Unapproved(job.credits)


def admit(pool: str, *, slots: int, now_ms: int) -> Transaction[Job | None]:
    """Give a free slot of a provider to the job whose turn it is; None when nothing may start."""
    job_id = yield from lanes.take_next(pool, slots=slots)
    if job_id is None:
        return None
    job = yield from get(job_id)
    return (
        yield from move(
            job,
            JobState.SUBMITTING,
            now_ms=now_ms,
            attempt=job.attempt + 1,
            started_at_ms=now_ms,
            run_at_ms=now_ms,
        )
    )


def move(job: Job, state: JobState, *, now_ms: int, **known: object) -> Transaction[Job]:
    """Take one step, with what became known on the way; a final one closes the money.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    if state not in STEPS[job.state]:
        raise ValueError(f"job {job.id}: no step leads from {job.state} to {state}")
    ends = state in TERMINAL and job.state not in TERMINAL
    if ends:
        known = {"finished_at_ms": now_ms, "run_at_ms": now_ms, "tries": 0} | known
    columns = "".join(f", {_checked(name)} = :{name}" for name in known)
    sql = f"UPDATE jobs SET state = :state, version = version + 1{columns} WHERE {_SAME} RETURNING *"  # noqa: S608 - names are checked
    rows = yield sql, {"id": job.id, "version": job.version, "state": state.value, **known}
    if not rows:
        raise Overtaken
    if ends:
        kind = Entry.SETTLE if state is JobState.DONE else Entry.REFUND
        yield from money.close(job, kind, now_ms=now_ms)
    return _job(rows[0], job.request)


def move_on(job: Job, choice: Choice, *, now_ms: int) -> Transaction[Job]:
    """Put a job that its provider refused, or that waits for one which has left, in line at another one.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    moved = yield from move(
        job,
        JobState.QUEUED,
        now_ms=now_ms,
        provider=choice.spec.provider,
        model=choice.spec.id,
        price=choice.price,
        worth=choice.worth,
        price_percent=choice.percent,
        tried=",".join((*job.tried, job.provider)),
        marked_at_ms=None,
        run_at_ms=now_ms,
        tries=0,
    )
    if job.state is JobState.QUEUED:
        yield from lanes.leave(job)
    known = yield from limits.that_matter(job.origin.guild_id, job.origin.user_id, money.channel_of(job))
    yield from lanes.rejoin(moved, job.provider, known)
    return moved


def turn_away(job: Job, reason: str, *, now_ms: int) -> Transaction[Job]:
    """End a waiting job that nobody at hand can make; the credits go back."""
    ended = yield from move(job, JobState.FAILED, now_ms=now_ms, error=reason)
    yield from lanes.leave(job)
    return ended


def waiting_elsewhere(providers: Sequence[str]) -> Transaction[list[Job]]:
    """Jobs that wait for a provider which is none of these."""
    rows = yield "SELECT DISTINCT pool FROM lanes WHERE queued > 0", {}
    found: list[Job] = []
    for pool in {row["pool"] for row in rows} - set(providers):
        found += _jobs((yield _WAITING_FOR, {"provider": pool}))
    return found


def spent_columns(spent: Spent | None) -> dict[str, object]:
    """What `move` takes to write down what a provider says it took; nothing where it did not tell."""
    if spent is None:
        return {}
    micro_usd = None if spent.usd is None else round(spent.usd * 1_000_000)
    return {"spent": f"{spent.amount}", "spent_unit": spent.unit, "spent_micro_usd": micro_usd}


def cancel(job_id: int, *, guild_id: int, owner_id: int | None, now_ms: int) -> Transaction[Job]:
    """End a waiting job, or ask the one who carries a running one to end it. `owner_id` None means anybody's.

    Raises:
        NoSuchJob: there is none of this number in the guild, or it is not the owner's.
        TooLateToCancel: the clip is already rendered, or the job has ended.
    """
    job = yield from of_guild(job_id, guild_id)
    if owner_id not in (None, job.origin.user_id):
        raise NoSuchJob
    if job.state is JobState.QUEUED:
        yield from lanes.leave(job)
        return (yield from move(job, JobState.CANCELLED, now_ms=now_ms))
    if job.state not in SLOT_HOLDERS:
        raise TooLateToCancel
    if job.cancel_requested:
        return job  # asking again must not overtake again whoever is writing down what the provider said
    return (yield from move(job, job.state, now_ms=now_ms, cancel_requested=1, run_at_ms=now_ms))


def get(job_id: int) -> Transaction[Job]:
    """One job.

    Raises:
        NoSuchJob: there is none of this number.
    """
    rows = yield "SELECT * FROM jobs WHERE id = :id", {"id": job_id}
    if not rows:
        raise NoSuchJob
    return _job(rows[0])


def of_guild(job_id: int, guild_id: int) -> Transaction[Job]:
    """One job of a guild.

    Raises:
        NoSuchJob: there is none of this number here; another guild's is none of one's business.
    """
    job = yield from get(job_id)
    if job.origin.guild_id != guild_id:
        raise NoSuchJob
    return job


def of_request(request_key: str) -> Transaction[Job | None]:
    """The job that a request became; None where it became none."""
    rows = yield "SELECT * FROM jobs WHERE request_key = :key", {"key": request_key}
    return _job(rows[0]) if rows else None


def by_task(provider: str, task_id: str) -> Transaction[Job | None]:
    """The rendering job a provider's notice is about; None when there is none (any more)."""
    rows = yield _BY_TASK, {"provider": provider, "task_id": task_id}
    return _job(rows[0]) if rows else None


def open_ids() -> Transaction[list[int]]:
    """Every job that still has a step to take without waiting for its turn, the most urgent first."""
    rows = yield "SELECT id FROM jobs WHERE state <> 'queued' AND aftercare < 2 ORDER BY run_at_ms", {}
    return [row["id"] for row in rows]


def of_member(guild_id: int, user_id: int, *, limit: int) -> Transaction[list[Job]]:
    """A member's newest jobs in one guild, newest first."""
    rows = yield _OF_MEMBER, {"guild_id": guild_id, "user_id": user_id, "limit": limit}
    return _jobs(rows)


def unfinished_of(guild_id: int, *, limit: int) -> Transaction[list[Job]]:
    """A guild's running and waiting jobs: running ones first, then in the order they were asked."""
    active = yield _ACTIVE_OF, {"guild_id": guild_id, "limit": limit}
    waiting = yield _WAITING_OF, {"guild_id": guild_id, "limit": limit - len(active)}
    return _jobs((*active, *waiting))


def next_waiting(provider: str, guild_id: int, *, limit: int) -> Transaction[list[Job]]:
    """Some of a guild's jobs that wait for a provider, a member's own in their order."""
    rows = yield _NEXT_WAITING, {"provider": provider, "guild_id": guild_id, "limit": limit}
    return _jobs(rows)


def first_waiting_of(guild_id: int, user_id: int) -> Transaction[Job | None]:
    """The job of a member that has waited longest; None where none waits."""
    rows = yield _FIRST_WAITING_OF, {"guild_id": guild_id, "user_id": user_id}
    return _job(rows[0]) if rows else None


def count_by_state(guild_id: int, user_id: int | None = None) -> Transaction[dict[JobState, int]]:
    """How many unfinished jobs a guild, or one member of it, has in each state."""
    rows = yield _COUNTS, {"guild_id": guild_id, "user_id": user_id}
    return {JobState(row["state"]): row["n"] for row in rows}


def _checked(column: str) -> str:
    if column not in _MOVABLE:
        raise ValueError(f"{column} does not change with a step")
    return column


def _new_row(origin: Origin, request: VideoRequest, choice: Choice, now_ms: int) -> dict[str, object]:
    return {
        "request_key": origin.request_key,
        "guild_id": origin.guild_id,
        "channel_id": origin.channel_id,
        "parent_id": origin.parent_id,
        "user_id": origin.user_id,
        "card_id": origin.card_id,
        "upload_limit": origin.upload_limit,
        "request": request.model_dump_json(exclude_defaults=True),
        "provider": choice.spec.provider,
        "model": choice.spec.id,
        "credits": choice.price,
        "worth": choice.worth,
        "price_percent": choice.percent,
        "run_at_ms": now_ms,
        "created_at_ms": now_ms,
    }


def _jobs(rows: Sequence[Row]) -> list[Job]:
    return [_job(row) for row in rows]


def _job(row: Row, request: VideoRequest | None = None) -> Job:
    return _made_of(dict(zip(row.keys(), row, strict=True)), request)  # a Row searches its names for each


def _made_of(known: Mapping[str, Any], request: VideoRequest | None) -> Job:
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
        ),
        request=request or VideoRequest.model_validate_json(known["request"]),
        provider=known["provider"],
        model=known["model"],
        credits=known["credits"],
        price=known["credits"] if known["price"] is None else known["price"],
        worth=known["worth"],
        price_percent=known["price_percent"],
        tried=tuple(filter(None, known["tried"].split(","))),
        attempt=known["attempt"],
        marked_at_ms=known["marked_at_ms"],
        task_id=known["task_id"],
        progress=known["progress"],
        result=known["result"],
        spent=_spent(known),
        clip=known["clip"],
        clip_bytes=known["clip_bytes"],
        thread_id=known["thread_id"],
        post_marked_at_ms=known["post_marked_at_ms"],
        message_channel_id=known["message_channel_id"],
        message_id=known["message_id"],
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


def _spent(known: Mapping[str, Any]) -> Spent | None:
    if known["spent"] is None:
        return None
    micro_usd = known["spent_micro_usd"]
    usd = None if micro_usd is None else Decimal(micro_usd) / 1_000_000
    return Spent(Decimal(known["spent"]), known["spent_unit"], usd)


_SAME = "id = :id AND version = :version"
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
        "thread_id",
        "post_marked_at_ms",
        "message_channel_id",
        "message_id",
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
_INSERT = """
    INSERT INTO jobs (state, request_key, guild_id, channel_id, parent_id, user_id, card_id, upload_limit, request,
        provider, model, credits, worth, price_percent, run_at_ms, created_at_ms)
    VALUES ('queued', :request_key, :guild_id, :channel_id, :parent_id, :user_id, :card_id, :upload_limit, :request,
        :provider, :model, :credits, :worth, :price_percent, :run_at_ms, :created_at_ms)
    ON CONFLICT (request_key) DO NOTHING
    RETURNING id
"""
_UNTOUCHED: Mapping[str, Any] = {
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
    "thread_id": None,
    "post_marked_at_ms": None,
    "message_channel_id": None,
    "message_id": None,
    "error": None,
    "cancel_requested": 0,
    "tries": 0,
    "started_at_ms": None,
    "rendered_at_ms": None,
    "finished_at_ms": None,
    "aftercare": 0,
}
"""What the table gives a new row. Reading it back with RETURNING would cost a tenth of an acceptance."""
_BY_TASK = "SELECT * FROM jobs WHERE provider = :provider AND task_id = :task_id AND state = 'rendering'"
_NEXT_WAITING = """
    SELECT * FROM jobs WHERE provider = :provider AND guild_id = :guild_id AND state = 'queued' LIMIT :limit
"""
_OF_MEMBER = """
    SELECT * FROM jobs WHERE guild_id = :guild_id AND user_id = :user_id ORDER BY id DESC LIMIT :limit
"""
_IS_ACTIVE = "state IN ('submitting', 'rendering', 'unknown', 'fetching', 'delivering')"
"""`bot.domain.jobs.ACTIVE` as SQL, to the letter of the partial index that serves it."""
_ACTIVE_OF = f"SELECT * FROM jobs WHERE guild_id = :guild_id AND {_IS_ACTIVE} ORDER BY id LIMIT :limit"  # noqa: S608 - built from a constant
_WAITING_FOR = "SELECT * FROM jobs WHERE provider = :provider AND state = 'queued' ORDER BY id"
_WAITING_OF = "SELECT * FROM jobs WHERE guild_id = :guild_id AND state = 'queued' ORDER BY id LIMIT :limit"
_FIRST_WAITING_OF = """
    SELECT * FROM jobs WHERE guild_id = :guild_id AND +user_id = :user_id AND state = 'queued' ORDER BY id LIMIT 1
"""
_COUNTS = f"""
    SELECT 'queued' AS state, sum(queued) AS n FROM turns
    WHERE guild_id = :guild_id AND (CAST(:user_id AS BIGINT) IS NULL OR user_id = CAST(:user_id AS BIGINT))
        AND queued > 0
    GROUP BY guild_id
    UNION ALL
    SELECT state, count(*) FROM jobs
    WHERE guild_id = :guild_id AND (CAST(:user_id AS BIGINT) IS NULL OR user_id = CAST(:user_id AS BIGINT))
        AND {_IS_ACTIVE}
    GROUP BY state
"""  # noqa: S608 - built from a constant
