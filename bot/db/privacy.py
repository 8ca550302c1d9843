"""What is kept of a member, and how it is forgotten while the books go on to add up.

A forgotten member's rows of money and jobs stay, under a number below 0 that was never anybody's: sums stay what they are,
and nobody can tell any more whose they were. What moderators decided about a member (blocks, caps of their own) stays
under the member's id, and so do the sums that count against today's, this week's and this month's caps, until no cap counts
them any more: forgetting is no way around them. What is under way counts as used: whether it can be stopped is not known yet.
"""

import json
from dataclasses import dataclass
from typing import Any

from bot.db import asks, blobs, erasures, guilds, installation, jobs, lanes
from bot.db.entries import SERVER, enter
from bot.db.rows import jobs_of
from bot.db.standing import periods_at
from bot.db.transaction import Transaction
from bot.domain.jobs import SLOT_HOLDERS, TERMINAL, Aftercare, Job, JobState
from bot.domain.money import Entry, Scope, Window

EMPTIED = '{"prompt":"-"}'
"""What stands in the place of a forgotten request."""

_RENAMES = "forgotten members"
_CARRIED = "used before the member was forgotten"


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much there is of a member, everywhere the bot runs."""

    servers: int
    jobs: int
    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is left to do for a member who is forgotten as of now."""

    user_id: int
    """The number that stands in their place."""
    running: tuple[int, ...]
    """Jobs that were under way: they are stopped where that is possible, and end without being posted."""
    stopped: int
    """How many jobs were waiting, and are cancelled."""


def holdings(user_id: int) -> Transaction[Holdings]:
    """What is kept of a member."""
    counts = (yield _HOLDINGS, {"user_id": user_id})[0]
    servers = yield _SERVERS, {"user_id": user_id}
    return Holdings(len(servers), counts["jobs"], counts["waiting"], counts["running"])


def forget(user_id: int, *, now_ms: int) -> Transaction[Forgotten]:
    """Put a number that is nobody's in the place of a member, everywhere at once.

    What waits is cancelled, what is under way is to be stopped and not to be posted, and what no place took is let go.
    Emptying the jobs, and deleting the messages, is left to `empty` and `bot.db.erasures`.
    """
    for job in jobs_of((yield _UNCLAIMED, {"user_id": user_id})):
        yield from jobs.let_go(job, now_ms=now_ms)
    stand_in = yield from mint()
    running: list[int] = []
    open_ = jobs_of((yield _OPEN, {"user_id": user_id}))
    for job in open_:
        if job.state is JobState.QUEUED:
            yield from lanes.leave(job)
            yield from jobs.move(job, JobState.CANCELLED, now_ms=now_ms)
        else:
            yield from stop(job, stand_in, now_ms=now_ms)
            yield from erasures.erase(job.origin.channel_id, job.origin.card_id, now_ms=now_ms)
            running.append(job.id)
    used = yield from _used_now(user_id, now_ms)
    yield from _drop_requests(user_id, now_ms)
    for statement in _RENAMED:
        yield statement, {"user_id": user_id, "stand_in": stand_in, "now_ms": now_ms}
    for account in used:
        yield from _carry_over(user_id, account, now_ms)
    return Forgotten(stand_in, tuple(running), stopped=len(open_) - len(running))


def unfinished() -> Transaction[list[int]]:
    """Whom there is still something left of, by the numbers in their places."""
    rows = yield "SELECT user_id FROM forgotten ORDER BY at_ms, user_id DESC", {}
    return [row["user_id"] for row in rows]


def ended(stand_in: int, *, limit: int) -> Transaction[list[Job]]:
    """Some of a forgotten member's jobs that have ended and are not empty yet."""
    return jobs_of((yield _ENDED, {"user_id": stand_in, "limit": limit}))


def empty(job: Job, *, now_ms: int) -> Transaction[None]:
    """Take out of an ended job whatever its member gave or got, and note which messages go. Once more is the same.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    yield from _note_messages(job, now_ms)
    yield from blank(job, now_ms=now_ms)


def blank(job: Job, *, now_ms: int) -> Transaction[None]:
    """The same where no message can be deleted any more.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
    """
    if job.state is JobState.UNDELIVERABLE:  # it became so while its member was being forgotten
        job = yield from jobs.let_go(job, now_ms=now_ms)
    yield "DELETE FROM shares WHERE job_id = :id", {"id": job.id}
    emptied = {"id": job.id, "version": job.version, "request": EMPTIED, "now_ms": now_ms}
    rows = yield _EMPTY, {**emptied, "key": f"forgotten-{job.id}", "aftercare": Aftercare.NONE.value}
    if not rows:
        raise jobs.Overtaken
    yield from blobs.forget(job, now_ms=now_ms)


def is_done(stand_in: int) -> Transaction[bool]:
    """Strike a forgotten member off the list, unless there is still something left of them."""
    left = yield _LEFT, {"user_id": stand_in}
    if not left:
        yield "DELETE FROM forgotten WHERE user_id = :user_id", {"user_id": stand_in}
    return not left


def carried(*, before_ms: int, limit: int) -> Transaction[list[int]]:
    """Sums that were carried over for forgotten members before a moment, and still have their names."""
    rows = yield _CARRIED_BEFORE, {"reason": _CARRIED, "before_ms": before_ms, "limit": limit}
    return [row["id"] for row in rows]


def lapse(line_id: int) -> Transaction[None]:
    """Put a number that is nobody's in the place of the member of a sum that was carried over; no cap counts it any more."""
    line = (yield _LINE, {"id": line_id})[0]
    stand_in = yield from mint()
    period = line["day"] or line["week"] or line["month"]
    account = {"guild_id": line["guild_id"], "user_id": line["user_id"], "period": period}
    taken = yield _TAKE_BACK, {**account, "used": line["allowance"]}
    if not taken:  # a moderator reset it, in a line that is the member's too
        yield (
            "UPDATE ledger SET reason = :reason WHERE id = :id",
            {"reason": f"{_CARRIED}; reset", "id": line_id},
        )
        return
    yield _DROP_EMPTY, account
    yield _CARRY, {**account, "scope": Scope.MEMBER.value, "user_id": stand_in, "used": line["allowance"]}
    yield "UPDATE ledger SET user_id = :stand_in WHERE id = :id", {"stand_in": stand_in, "id": line_id}


def mint() -> Transaction[int]:
    """A number that never was anybody's: those of members are above 0."""
    last = yield from installation.recall(_RENAMES)
    number = int(last or 0) + 1
    yield from installation.remember(_RENAMES, str(number))
    return -number


def stop(job: Job, by_id: int, *, now_ms: int) -> Transaction[Job]:
    """Its carrier sees that it was withdrawn before it was posted, and what it has to cancel."""
    known: dict[str, object] = {"withdrawn_at_ms": now_ms, "withdrawn_by": by_id}
    if job.state in SLOT_HOLDERS:
        known |= {"cancel_requested": 1, "run_at_ms": now_ms}
    return (yield from jobs.move(job, job.state, now_ms=now_ms, **known))


@dataclass(frozen=True, slots=True)
class _Used:
    """What counts against a member's cap in one server."""

    guild_id: int
    window: Window
    period: str
    credits: int


def _used_now(user_id: int, now_ms: int) -> Transaction[list[_Used]]:
    """What counts against the member's caps at this moment, with what is reserved for clips under way."""
    used: list[_Used] = []
    rows = yield _BALANCES, {"user_id": user_id}
    for guild_id in dict.fromkeys(row["guild_id"] for row in rows):
        periods = periods_at(now_ms, (yield from guilds.zone(guild_id)))
        held = {row["period"]: row["used"] for row in rows if row["guild_id"] == guild_id}
        of_windows = ((window, periods.of(window)) for window in Window)
        used += [_Used(guild_id, *one, held[one[1]]) for one in of_windows if one[1] in held]
    return used


def _carry_over(user_id: int, used: _Used, now_ms: int) -> Transaction[None]:
    """Count what was used against the member's own cap as before; in the sums of others it counts already."""
    known = {"credits": used.credits, "allowance": used.credits, used.window.value: used.period}
    entry = enter(used.guild_id, user_id, Entry.ADJUST, by_id=SERVER, now_ms=now_ms, reason=_CARRIED, **known)
    yield from entry
    key = {"guild_id": used.guild_id, "scope": Scope.MEMBER.value, "user_id": user_id, "period": used.period}
    yield _CARRY, {**key, "used": used.credits}


def _drop_requests(user_id: int, now_ms: int) -> Transaction[None]:
    """Forget requests that are no jobs: those being made, offers and questions, whose pictures and messages go too."""
    for asked in (yield from asks.left()):
        if asked.user_id == user_id:
            yield from asks.forget(asked.request_key)
            yield from blobs.spare(*blobs.named_in(asked.model_dump_json()), at_ms=now_ms)
    for row in (yield "SELECT ask FROM offers WHERE user_id = :user_id", {"user_id": user_id}):
        yield from blobs.spare(*blobs.named_in(row["ask"]), at_ms=now_ms)
        question: dict[str, Any] = json.loads(row["ask"])
        if origin := question.get("origin"):
            yield from erasures.erase(int(origin["channel_id"]), int(origin["card_id"]), now_ms=now_ms)


def _note_messages(job: Job, now_ms: int) -> Transaction[None]:
    """The card, the clip, wherever it was shown again, and the name of its thread, which is from the prompt."""
    shares = yield "SELECT channel_id, message_id FROM shares WHERE job_id = :id", {"id": job.id}
    places = [
        (_thread_of(job), 0),
        (job.message_channel_id, job.message_id),
        *((row["channel_id"], row["message_id"]) for row in shares),
        (job.origin.channel_id, job.origin.card_id or None),
    ]
    for channel_id, message_id in places:
        if channel_id is not None and message_id is not None:
            yield from erasures.erase(channel_id, message_id, now_ms=now_ms)


def _thread_of(job: Job) -> int | None:
    """Its thread; also one that was perhaps opened while its member was being forgotten, before it was written down."""
    is_doubtful = job.withdrawn_at_ms is not None and job.origin.parent_id is None
    return job.thread_id or (job.origin.card_id if is_doubtful else None) or None


_IN = "guild_id IN (SELECT guild_id FROM guilds)"
"""With it, the indexes that begin with the server find a member's rows in all of them."""
_THEIR_JOBS = f"{_IN} AND user_id = :user_id"
_IS_TERMINAL = f"state IN ({', '.join(sorted(repr(state.value) for state in TERMINAL))})"

_HOLDINGS = f"""
    SELECT count(*) AS jobs,
        coalesce(sum(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), 0) AS waiting,
        coalesce(sum(CASE WHEN state = 'queued' OR {_IS_TERMINAL} THEN 0 ELSE 1 END), 0) AS running
    FROM jobs WHERE {_THEIR_JOBS}
"""  # noqa: S608 - built from constants, as the following
_SERVERS = f"""
    SELECT guild_id FROM jobs WHERE {_THEIR_JOBS}
    UNION SELECT guild_id FROM balances WHERE {_IN} AND scope = 'member' AND subject_id = :user_id
"""  # noqa: S608
_OPEN = f"SELECT * FROM jobs WHERE {_THEIR_JOBS} AND NOT {_IS_TERMINAL} ORDER BY id"  # noqa: S608
_UNCLAIMED = f"SELECT * FROM jobs WHERE {_THEIR_JOBS} AND state = 'undeliverable'"  # noqa: S608
_LEFT = f"""
    SELECT 1 AS is_left FROM jobs WHERE {_THEIR_JOBS} AND request_key NOT LIKE 'forgotten-%' LIMIT 1
"""  # noqa: S608
_ENDED = f"""
    SELECT * FROM jobs WHERE {_THEIR_JOBS} AND {_IS_TERMINAL} AND request_key NOT LIKE 'forgotten-%' LIMIT :limit
"""  # noqa: S608
_EMPTY = """
    UPDATE jobs SET request = :request, request_key = :key, card_id = 0, task_id = NULL, result = NULL, error = NULL,
        thread_id = NULL, post_marked_at_ms = NULL, message_channel_id = NULL, message_id = NULL, from_job_id = NULL,
        relation = NULL, withdrawn_at_ms = coalesce(withdrawn_at_ms, CAST(:now_ms AS BIGINT)),
        withdrawn_by = coalesce(withdrawn_by, user_id), aftercare = :aftercare, version = version + 1
    WHERE id = :id AND version = :version RETURNING id
"""
_BALANCES = f"""
    SELECT guild_id, period, used + reserved AS used FROM balances
    WHERE {_IN} AND scope = 'member' AND subject_id = :user_id AND used + reserved > 0
"""  # noqa: S608
_CARRY = """
    INSERT INTO balances (guild_id, scope, subject_id, period, reserved, used)
    VALUES (:guild_id, :scope, :user_id, :period, 0, :used)
"""
_CARRIED_BEFORE = """
    SELECT id FROM ledger
    WHERE kind = 'adjust' AND user_id > 0 AND at_ms < :before_ms AND reason = :reason LIMIT :limit
"""
_LINE = "SELECT guild_id, user_id, allowance, day, week, month FROM ledger WHERE id = :id"
_TAKE_BACK = """
    UPDATE balances SET used = used - :used
    WHERE guild_id = :guild_id AND scope = 'member' AND subject_id = :user_id AND period = :period AND used >= :used
    RETURNING used
"""
_DROP_EMPTY = """
    DELETE FROM balances
    WHERE guild_id = :guild_id AND scope = 'member' AND subject_id = :user_id AND period = :period
        AND used = 0 AND reserved = 0
"""
_RENAMED = (
    f"UPDATE jobs SET user_id = :stand_in, version = version + 1 WHERE {_THEIR_JOBS}",  # noqa: S608
    # reads every job: an index of who deleted what would cost each write, and members are rarely forgotten
    "UPDATE jobs SET withdrawn_by = :stand_in WHERE withdrawn_by = :user_id",
    """
    UPDATE ledger SET user_id = CASE user_id WHEN :user_id THEN :stand_in ELSE user_id END,
        by_id = CASE by_id WHEN :user_id THEN :stand_in ELSE by_id END,
        reason = replace(reason, CAST(CAST(:user_id AS BIGINT) AS TEXT), CAST(CAST(:stand_in AS BIGINT) AS TEXT))
    WHERE user_id = :user_id OR by_id = :user_id
        OR reason LIKE '%' || CAST(CAST(:user_id AS BIGINT) AS TEXT) || '%'
    """,
    f"""
    UPDATE balances SET subject_id = :stand_in
    WHERE {_IN} AND scope = 'member' AND subject_id = :user_id
    """,  # noqa: S608
    "UPDATE grants SET user_id = :stand_in WHERE user_id = :user_id",
    f"UPDATE turns SET user_id = :stand_in, roles = '' WHERE {_IN} AND user_id = :user_id",  # noqa: S608
    """
    INSERT INTO erasures (channel_id, message_id, at_ms, run_at_ms)
    SELECT thread_id, 0, CAST(:now_ms AS BIGINT), CAST(:now_ms AS BIGINT) FROM member_threads
    WHERE user_id = :user_id ON CONFLICT DO NOTHING
    """,
    "DELETE FROM member_threads WHERE user_id = :user_id",
    """
    INSERT INTO unneeded_blobs (blob, at_ms) SELECT blob, CAST(:now_ms AS BIGINT) FROM exports
    WHERE user_id = :user_id AND blob IS NOT NULL ON CONFLICT DO NOTHING
    """,
    "DELETE FROM exports WHERE user_id = :user_id",
    "DELETE FROM offers WHERE user_id = :user_id",
    "DELETE FROM reports WHERE user_id = :user_id",
    "DELETE FROM members WHERE user_id = :user_id",
    "INSERT INTO forgotten (user_id, at_ms) VALUES (:stand_in, :now_ms)",
)
