"""Jobs: accepted once, moved by compare-and-set, found again."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.db import blobs, erasures, guilds, lanes, limits, money, ticks
from bot.db.rows import UNTOUCHED, checked, job_of, jobs_of, made_of, new_row
from bot.db.transaction import Transaction
from bot.domain.catalogue import Choice
from bot.domain.errors import (
    Blocked,
    KinoraError,
    NoSuchJob,
    NotInServer,
    TooLateToCancel,
    TooManyQueued,
    Unapproved,
    Unconfirmed,
)
from bot.domain.jobs import (
    ANYBODY,
    CLOSED,
    SLOT_HOLDERS,
    STEPS,
    TERMINAL,
    Aftercare,
    Asker,
    Job,
    JobState,
    Origin,
)
from bot.domain.limits import Caps, Limits, Measure
from bot.domain.money import Scope
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
    terms = yield from guilds.terms(origin.guild_id, origin.user_id, defaults=defaults, now_ms=now_ms)
    new = new_row(origin, request, choice, now_ms) | {"pays_overrun": int(terms.pays_overrun)}
    rows = yield _INSERT, new
    if not rows:
        known = yield "SELECT * FROM jobs WHERE request_key = :key", {"key": origin.request_key}
        return Accepted(job_of(known[0]), is_new=False)
    job = made_of({**UNTOUCHED, **new, "id": rows[0]["id"]}, request)
    if terms.is_left:
        raise NotInServer
    if terms.block is not None:
        raise Blocked(until_ms=terms.block.until_ms, reason=terms.block.reason)
    known_limits = yield from limits.that_matter(origin.guild_id, origin.user_id, money.channel_of(job))
    caps = known_limits.for_member(origin.user_id, asker.roles)
    yield from _check_queue(job, caps, known_limits.of(Scope.SERVER))
    is_news = yield from money.reserve(job, known_limits, asker, terms.zone)
    _check_consent(job, asker, terms)
    is_present = asker.approved_by is None  # else the roles are those of hours ago
    yield from lanes.join(job, asker.roles, known_limits, is_present=is_present)
    yield from ticks.admission()
    yield from blobs.use(job.id, *(picture.blob for picture in request.pictures))
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
    is_dear = terms.confirm_above is not None and job.most_charged > terms.confirm_above
    if is_dear and job.most_charged > (asker.confirmed_credits or 0):
        raise Unconfirmed(job.credits, job.most_charged)
    may_ask = asker.manages or asker.approved_by is not None or terms.approval_role_id is None
    if not may_ask and asker.roles.isdisjoint({terms.approval_role_id, terms.moderator_role_id}):
        raise Unapproved(job.credits, job.most_charged)


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
    """Take one step, with what became known on the way; one that closes the job closes the money.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    return (yield from _move(job, state, known, now_ms=now_ms))


def _move(
    job: Job, state: JobState, known: dict[str, object], *, now_ms: int, comes_back: bool = True
) -> Transaction[Job]:
    if state not in STEPS[job.state]:
        raise ValueError(f"job {job.id}: no step leads from {job.state} to {state}")
    ends = state in TERMINAL and state is not job.state
    if ends:
        shown = {"run_at_ms": now_ms, "tries": 0, "aftercare": Aftercare.CARD.value}
        known = {"finished_at_ms": now_ms, **shown} | known
    columns = "".join(f", {checked(name)} = :{name}" for name in known)
    sql = f"UPDATE jobs SET state = :state, version = version + 1{columns} WHERE {_SAME} RETURNING *"  # noqa: S608 - names are checked
    rows = yield sql, {"id": job.id, "version": job.version, "state": state.value, **known}
    if not rows:
        raise Overtaken
    yield from blobs.follow(job, known, now_ms=now_ms)
    if ends and state in CLOSED:
        cost = job.rendered_at_ms is not None or bool(known.get("maybe_charged"))
        yield from money.close(job, state, cost=cost, now_ms=now_ms, comes_back=comes_back)
    moved = job_of(rows[0], job.request)
    yield from _tell(job, moved)
    return moved


def _tell(job: Job, moved: Job) -> Transaction[None]:
    """What is to be done now that a job has moved: its next step, and what may begin in its place."""
    if job.state in SLOT_HOLDERS and moved.state not in SLOT_HOLDERS:
        yield from ticks.admission()
    if moved.state is JobState.QUEUED or moved.aftercare is Aftercare.NONE:
        return
    if (moved.state, moved.run_at_ms) != (job.state, job.run_at_ms):
        yield from ticks.step(job.id, moved.run_at_ms)
    elif moved.withdrawn_at_ms != job.withdrawn_at_ms:  # so it is not to be posted
        yield from ticks.step(job.id, early=True)


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
        yield from ticks.admission()  # elsewhere there may be room
    known = yield from limits.that_matter(job.origin.guild_id, job.origin.user_id, money.channel_of(job))
    yield from lanes.rejoin(moved, job.provider, known)
    return moved


def turn_away(job: Job, reason: str, *, now_ms: int) -> Transaction[Job]:
    """End a waiting job that nobody at hand can make; the credits go back."""
    ended = yield from move(job, JobState.FAILED, now_ms=now_ms, error=reason)
    yield from lanes.leave(job)
    return ended


def let_go(job: Job, *, now_ms: int, comes_back: bool = False, **known: object) -> Transaction[Job]:
    """End a job whose clip no place took and nobody will claim: its credits go back, and the clip is not kept.

    A message that a claim may have put the clip in before it was cut short is deleted. The caller wakes whoever shows
    the card, forgets files and deletes messages.

    Args:
        job: An undeliverable one.
        now_ms: The moment.
        comes_back: Whether credits of a grant that has expired meanwhile can be used for another day: not where its
            member chose the moment, or could have claimed it.
        known: What becomes known with it, such as `error`, a sentence for its member.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    gone = {"clip": None, **known}
    failed = yield from _move(job, JobState.FAILED, gone, now_ms=now_ms, comes_back=comes_back)
    yield from erasures.retract(job.id, now_ms=now_ms)
    return failed


def waiting_for(providers: Iterable[str]) -> Transaction[list[Job]]:
    """Jobs that wait for one of these."""
    found: list[Job] = []
    for provider in providers:
        found += jobs_of((yield _WAITING_FOR, {"provider": provider}))
    return found


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
    return job_of(rows[0])


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
    return job_of(rows[0]) if rows else None


def by_task(provider: str, task_id: str) -> Transaction[Job | None]:
    """The rendering job a provider's notice is about; None when there is none (any more)."""
    rows = yield _BY_TASK, {"provider": provider, "task_id": task_id}
    return job_of(rows[0]) if rows else None


def open_ids() -> Transaction[list[int]]:
    """Every job that still has a step to take without waiting for its turn, the most urgent first."""
    rows = yield "SELECT id FROM jobs WHERE state <> 'queued' AND aftercare < 2 ORDER BY run_at_ms", {}
    return [row["id"] for row in rows]


def of_member(guild_id: int, user_id: int, *, limit: int) -> Transaction[list[Job]]:
    """A member's newest jobs in one guild, newest first."""
    rows = yield _OF_MEMBER, {"guild_id": guild_id, "user_id": user_id, "limit": limit}
    return jobs_of(rows)


def newest_of(guild_id: int, *, limit: int) -> Transaction[list[Job]]:
    """A guild's newest jobs, newest first."""
    rows = yield _NEWEST_OF, {"guild_id": guild_id, "limit": limit}
    return jobs_of(rows)


def unfinished_of(guild_id: int, *, limit: int) -> Transaction[list[Job]]:
    """A guild's running and waiting jobs: running ones first, then in the order they were asked."""
    active = yield _ACTIVE_OF, {"guild_id": guild_id, "limit": limit}
    waiting = yield _WAITING_OF, {"guild_id": guild_id, "limit": limit - len(active)}
    return jobs_of((*active, *waiting))


def next_waiting(provider: str, guild_id: int, *, limit: int) -> Transaction[list[Job]]:
    """Some of a guild's jobs that wait for a provider, a member's own in their order."""
    rows = yield _NEXT_WAITING, {"provider": provider, "guild_id": guild_id, "limit": limit}
    return jobs_of(rows)


def first_waiting_of(guild_id: int, user_id: int) -> Transaction[Job | None]:
    """The job of a member that has waited longest; None where none waits."""
    rows = yield _FIRST_WAITING_OF, {"guild_id": guild_id, "user_id": user_id}
    return job_of(rows[0]) if rows else None


def count_by_state(guild_id: int, user_id: int | None = None) -> Transaction[dict[JobState, int]]:
    """How many unfinished jobs a guild, or one member of it, has in each state."""
    rows = yield _COUNTS, {"guild_id": guild_id, "user_id": user_id}
    return {JobState(row["state"]): row["n"] for row in rows}


_SAME = "id = :id AND version = :version"
_INSERT = """
    INSERT INTO jobs (state, request_key, guild_id, channel_id, parent_id, user_id, card_id, upload_limit, language,
        from_job_id, relation, is_private, is_age_restricted, request, provider, model, credits, worth, price_percent,
        pays_overrun, run_at_ms, created_at_ms)
    VALUES ('queued', :request_key, :guild_id, :channel_id, :parent_id, :user_id, :card_id, :upload_limit, :language,
        :from_job_id, :relation, :is_private, :is_age_restricted, :request, :provider, :model, :credits, :worth,
        :price_percent, :pays_overrun, :run_at_ms, :created_at_ms)
    ON CONFLICT (request_key) DO NOTHING
    RETURNING id
"""
_BY_TASK = "SELECT * FROM jobs WHERE provider = :provider AND task_id = :task_id AND state = 'rendering'"
_NEXT_WAITING = """
    SELECT * FROM jobs WHERE provider = :provider AND guild_id = :guild_id AND state = 'queued' LIMIT :limit
"""
_OF_MEMBER = """
    SELECT * FROM jobs WHERE guild_id = :guild_id AND user_id = :user_id ORDER BY id DESC LIMIT :limit
"""
_NEWEST_OF = "SELECT * FROM jobs WHERE guild_id = :guild_id ORDER BY id DESC LIMIT :limit"
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
