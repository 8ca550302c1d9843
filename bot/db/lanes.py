"""Fair admission in SQL: lanes, turns and slots. The arithmetic is explained in `bot.domain.fairness`.

Running jobs are counted from the rows that hold a slot, never kept as a counter, so that a crash
cannot leak one. `queued` is a counter; `recount` compares it with the rows at start.
"""

from collections.abc import Collection
from dataclasses import dataclass

from bot.db import ticks
from bot.db.transaction import Transaction
from bot.domain import fairness
from bot.domain.jobs import Job
from bot.domain.limits import Limits, Measure


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting job stands in its provider's queue."""

    ahead: int
    """Jobs served before it, of this and of other guilds."""
    rank: int
    """Jobs of its own guild served before it."""


def open_pool(pool: str) -> Transaction[None]:
    """Make sure that a provider has its row; called once at start."""
    yield "INSERT INTO pools (pool) VALUES (:pool) ON CONFLICT (pool) DO NOTHING", {"pool": pool}


def join(job: Job, roles: Collection[int], limits: Limits, *, is_present: bool = True) -> Transaction[None]:
    """Count a job in. A lane that was empty starts at the present, without credit for idle time.

    How many clips at once follow from the roles counts for all that waits of its member, if they are those of the
    present; else only where nothing newer is known.
    """
    key = _key(job)
    held = ",".join(map(str, sorted(roles)))
    if not is_present:
        known = yield _KNOWN_ROLES, key
        held = known[0]["roles"] if known else held
    yield _JOIN_LANE, key
    yield _JOIN_TURN, key
    yield from _cap(job.origin.guild_id, job.origin.user_id, held, limits)


def rejoin(job: Job, left: str, limits: Limits) -> Transaction[None]:
    """Count in a job that has waited at the provider `left` before: under today's caps, with its member's roles of then.

    While nothing of the member's waited, `recap` passed them over.
    """
    key = _key(job)
    yield _JOIN_LANE, key
    yield _JOIN_TURN, key
    [turn] = yield _ROLES, {**key, "left": left}
    yield from _cap(job.origin.guild_id, job.origin.user_id, turn["roles"], limits)


def recap(guild_id: int, limits: Limits) -> Transaction[None]:
    """Apply a server's caps on running clips to what waits there already."""
    rows = yield _WAITING_TURNS, {"guild_id": guild_id}
    for row in rows:
        yield from _cap(guild_id, row["user_id"], row["roles"], limits)
    yield from ticks.admission()


def _cap(guild_id: int, user_id: int, held: str, limits: Limits) -> Transaction[None]:
    """Apply the cap on running clips that follows from the roles which a member held."""
    running = limits.for_member(user_id, [int(role) for role in held.split(",") if role]).get(Measure.RUNNING)
    yield _CAP_TURNS, {"guild_id": guild_id, "user_id": user_id, "roles": held, "user_running": running}


def leave(job: Job) -> Transaction[None]:
    """Count out a job that was cancelled while it waited."""
    key = _key(job)
    yield "UPDATE lanes SET queued = queued - 1 WHERE pool = :pool AND guild_id = :guild_id", key
    yield _LEAVE_TURN, key


def waited_for() -> Transaction[list[str]]:
    """The providers for which a job waits."""
    rows = yield "SELECT DISTINCT pool FROM lanes WHERE queued > 0", {}
    return [row["pool"] for row in rows]


def queued_by(guild_id: int, user_id: int) -> Transaction[int]:
    """How many jobs of a member wait, over all providers."""
    rows = yield _QUEUED_BY, {"guild_id": guild_id, "user_id": user_id}
    return int(rows[0]["n"])


def take_next(pool: str, *, slots: int) -> Transaction[int | None]:
    """Serve one job of a provider's queue: its id, or None when nothing may start now.

    Serialised per pool, so limits are exact. The caller moves the job to `submitting` in the same transaction. A lane
    that counts somebody who is not there does not stand in the way.
    """
    pools = yield "SELECT vtime, served FROM pools WHERE pool = :pool /*pg:FOR UPDATE*/", {"pool": pool}
    lanes = yield _NEXT_LANE, {"pool": pool, "slots": slots}
    if not lanes:
        return None
    lane = lanes[0]
    key = {"pool": pool, "guild_id": lane["guild_id"]}
    turn = (yield _NEXT_TURN, key)[0]
    served = {**key, "user_id": turn["user_id"], "served": pools[0]["served"] + 1}
    waiting = yield _NEXT_JOB, served
    if not waiting:  # it would be chosen again and again, and nobody else begin
        yield from recount()
        return (yield from take_next(pool, slots=slots))
    yield _SERVE_TURN, served
    yield _SERVE_LANE, {**key, "step": fairness.step(lane["weight"])}
    yield _SERVE_POOL, {"pool": pool, "vtime": max(pools[0]["vtime"], lane["pass"])}
    return int(waiting[0]["id"])


def place_of(job: Job) -> Transaction[Place]:
    """Where a queued job stands; meaningless for any other."""
    key = _key(job)
    own_before = (yield _OWN_BEFORE, {**key, "id": job.id})[0]["n"]
    turns = yield _TURNS, key
    rank = fairness.rank_in_lane(
        user_id=job.origin.user_id,
        own_before=own_before,
        turns=(fairness.Turn(row["user_id"], row["queued"], row["served"]) for row in turns),
    )
    lanes = yield _LANES, key
    ahead = fairness.jobs_ahead(
        guild_id=job.origin.guild_id,
        rank=rank,
        lanes=(fairness.Lane(row["guild_id"], row["queued"], row["pass"], row["weight"]) for row in lanes),
    )
    return Place(ahead=ahead, rank=rank)


def recount() -> Transaction[int]:
    """Set every `queued` counter to what the rows say; returns how many were wrong."""
    lanes = yield _RECOUNT_LANES, {}
    turns = yield _RECOUNT_TURNS, {}
    return len(lanes) + len(turns)


def _key(job: Job) -> dict[str, object]:
    return {"pool": job.provider, "guild_id": job.origin.guild_id, "user_id": job.origin.user_id}


HOLDS_SLOT = "state IN ('submitting', 'rendering', 'unknown')"
"""`bot.domain.jobs.SLOT_HOLDERS` as SQL, to the letter of the partial indexes that serve it."""

_JOIN_LANE = """
    INSERT INTO lanes (pool, guild_id, queued, pass)
    SELECT pool, :guild_id, 1, vtime FROM pools WHERE pool = :pool
    ON CONFLICT (pool, guild_id) DO UPDATE SET
        queued = lanes.queued + 1,
        pass = CASE WHEN lanes.queued = 0 AND lanes.pass < excluded.pass THEN excluded.pass ELSE lanes.pass END
"""
_JOIN_TURN = """
    INSERT INTO turns (pool, guild_id, user_id, queued) VALUES (:pool, :guild_id, :user_id, 1)
    ON CONFLICT (guild_id, user_id, pool) DO UPDATE SET queued = turns.queued + 1
"""
_KNOWN_ROLES = "SELECT roles FROM turns WHERE guild_id = :guild_id AND user_id = :user_id LIMIT 1"
_CAP_TURNS = """
    UPDATE turns SET roles = :roles, user_running = :user_running WHERE guild_id = :guild_id AND user_id = :user_id
"""
_ROLES = "SELECT roles FROM turns WHERE pool = :left AND guild_id = :guild_id AND user_id = :user_id"
_WAITING_TURNS = """
    SELECT DISTINCT user_id, roles FROM turns WHERE guild_id = :guild_id AND queued > 0
"""
_LEAVE_TURN = """
    UPDATE turns SET queued = queued - 1 WHERE pool = :pool AND guild_id = :guild_id AND user_id = :user_id
"""
_QUEUED_BY = """
    SELECT coalesce(sum(queued), 0) AS n FROM turns WHERE guild_id = :guild_id AND user_id = :user_id
"""
_NEXT_LANE = f"""
    SELECT lanes.guild_id, lanes.pass, guilds.weight
    FROM lanes JOIN guilds ON guilds.guild_id = lanes.guild_id
    LEFT JOIN limits ON limits.guild_id = lanes.guild_id AND limits.scope = 'server' AND limits.subject_id = 0
        AND limits.measure = 'running'
    WHERE lanes.pool = :pool AND lanes.queued > 0
        AND (SELECT count(*) FROM jobs WHERE provider = :pool AND {HOLDS_SLOT}) < :slots
        AND (limits.amount IS NULL OR limits.amount > (
            SELECT count(*) FROM jobs WHERE guild_id = lanes.guild_id AND {HOLDS_SLOT}))
        AND EXISTS (
            SELECT 1 FROM turns
            WHERE turns.pool = lanes.pool AND turns.guild_id = lanes.guild_id AND turns.queued > 0
                AND (turns.user_running IS NULL OR turns.user_running > (
                    SELECT count(*) FROM jobs
                    WHERE guild_id = turns.guild_id AND user_id = turns.user_id AND {HOLDS_SLOT})))
    ORDER BY lanes.pass, lanes.guild_id LIMIT 1
"""  # noqa: S608 - built from a constant
_NEXT_TURN = f"""
    SELECT user_id FROM turns
    WHERE pool = :pool AND guild_id = :guild_id AND queued > 0
        AND (user_running IS NULL OR user_running > (
            SELECT count(*) FROM jobs
            WHERE guild_id = turns.guild_id AND user_id = turns.user_id AND {HOLDS_SLOT}))
    ORDER BY served, user_id LIMIT 1
"""  # noqa: S608 - built from a constant
_NEXT_JOB = """
    SELECT id FROM jobs
    WHERE provider = :pool AND guild_id = :guild_id AND user_id = :user_id AND state = 'queued'
    ORDER BY id LIMIT 1
"""
_SERVE_TURN = """
    UPDATE turns SET queued = queued - 1, served = :served
    WHERE pool = :pool AND guild_id = :guild_id AND user_id = :user_id
"""
_SERVE_LANE = """
    UPDATE lanes SET queued = queued - 1, pass = pass + :step WHERE pool = :pool AND guild_id = :guild_id
"""
_SERVE_POOL = "UPDATE pools SET served = served + 1, vtime = :vtime WHERE pool = :pool"
_OWN_BEFORE = """
    SELECT count(*) AS n FROM jobs
    WHERE provider = :pool AND guild_id = :guild_id AND user_id = :user_id AND state = 'queued' AND id < :id
"""
_TURNS = """
    SELECT user_id, queued, served FROM turns WHERE pool = :pool AND guild_id = :guild_id AND queued > 0
"""
_LANES = """
    SELECT lanes.guild_id, lanes.queued, lanes.pass, guilds.weight
    FROM lanes JOIN guilds ON guilds.guild_id = lanes.guild_id
    WHERE lanes.pool = :pool AND lanes.queued > 0
"""
_RECOUNT_LANES = """
    UPDATE lanes SET queued = (
        SELECT count(*) FROM jobs
        WHERE provider = lanes.pool AND guild_id = lanes.guild_id AND state = 'queued')
    WHERE queued <> (
        SELECT count(*) FROM jobs
        WHERE provider = lanes.pool AND guild_id = lanes.guild_id AND state = 'queued')
    RETURNING guild_id
"""
_RECOUNT_TURNS = """
    UPDATE turns SET queued = (
        SELECT count(*) FROM jobs
        WHERE provider = turns.pool AND guild_id = turns.guild_id AND user_id = turns.user_id AND state = 'queued')
    WHERE queued <> (
        SELECT count(*) FROM jobs
        WHERE provider = turns.pool AND guild_id = turns.guild_id AND user_id = turns.user_id AND state = 'queued')
    RETURNING guild_id
"""
