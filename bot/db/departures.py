"""Servers that the bot was removed from: what ends at once, and how what is kept of them is forgotten some time later.

The rows of money stay, so that sums stay what they are and the operator can see what was spent; in the place of each of
the server's members stands a number that never was anybody's, as in `bot.db.privacy`. The operator's ceiling stays with
them: being removed and invited again is no way around it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from bot.db import erasures, guilds, installation, jobs, lanes, limits, privacy
from bot.db.entries import SERVER
from bot.db.rows import jobs_of
from bot.db.transaction import Transaction
from bot.domain.errors import KinoraError
from bot.domain.jobs import CLOSED, SLOT_HOLDERS, Aftercare, Job, JobState
from bot.domain.limits import Limits
from bot.domain.money import Scope
from bot.language import marked

_APPLICATION = "application"
_LEFT = marked("The bot was removed from the server.")


class Returned(KinoraError):
    """The bot has been invited to this server again meanwhile; nothing was written."""


@dataclass(frozen=True, slots=True)
class Departed:
    """What followed at once from a removal."""

    running: tuple[int, ...]
    """Jobs that a provider may be busy with: they are to be stopped, and end without being posted."""
    ended: int
    """How many others there were, which have ended; their credits are given back."""


def belong_to(application_id: int) -> Transaction[int]:
    """Whose servers these are: this application's from now on, unless another's are kept.

    Each application is in servers of its own; those of another would all look as if the bot had been removed.
    """
    known = yield from installation.recall(_APPLICATION)
    if known is not None and (yield _IS_ANY_KEPT, {}):
        return int(known)
    yield from installation.remember(_APPLICATION, str(application_id))
    return application_id


def depart(guild_id: int, *, now_ms: int) -> Transaction[Departed]:
    """Write down that the bot was removed, and end what it was asked for there. Once more is the same."""
    yield (
        "UPDATE guilds SET left_at_ms = :now_ms WHERE guild_id = :guild_id AND left_at_ms IS NULL",
        {"guild_id": guild_id, "now_ms": now_ms},
    )
    running: list[int] = []
    open_ = jobs_of((yield _OPEN, {"guild_id": guild_id}))
    for job in open_:
        if job.state in SLOT_HOLDERS:
            yield from privacy.stop(job, SERVER, now_ms=now_ms)
            running.append(job.id)
        else:
            yield from _end(job, now_ms)
    return Departed(tuple(running), ended=len(open_) - len(running))


def arrive(guild_id: int, *, now_ms: int) -> Transaction[None]:
    """The bot is in the server (again): whatever has not been forgotten counts as before.

    Where clips that ended with the removal were shown, they are noted to be deleted.
    """
    yield "UPDATE guilds SET left_at_ms = NULL, forgotten_at_ms = NULL WHERE guild_id = :id", {"id": guild_id}
    for row in (yield _SHARED, {"guild_id": guild_id, "server": SERVER}):
        yield from erasures.retract(row["job_id"], now_ms=now_ms)


def doubtful() -> Transaction[list[Job]]:
    """Jobs that ended with a removal while their clip was perhaps being posted, of servers where the bot is again."""
    return jobs_of((yield _DOUBTFUL, {}))


def looked_for(job: Job, posted: tuple[int, int] | None, *, now_ms: int) -> Transaction[None]:
    """Nothing is in doubt about a job any more; its clip (channel, message), if it was posted, is to be deleted."""
    if posted is not None:
        yield from erasures.erase(*posted, now_ms=now_ms)
    yield "UPDATE jobs SET post_marked_at_ms = NULL, version = version + 1 WHERE id = :id", {"id": job.id}


def present() -> Transaction[frozenset[int]]:
    """Servers that were seen, and of which nobody knows that the bot was removed."""
    rows = yield "SELECT guild_id FROM guilds WHERE left_at_ms IS NULL", {}
    return frozenset(row["guild_id"] for row in rows)


def absent() -> Transaction[frozenset[int]]:
    """Servers that the bot was removed from, of which something may still be kept or not."""
    rows = yield "SELECT guild_id FROM guilds WHERE left_at_ms IS NOT NULL", {}
    return frozenset(row["guild_id"] for row in rows)


def stragglers() -> Transaction[list[int]]:
    """Servers that the bot was removed from just while a request there became a job."""
    return [row["guild_id"] for row in (yield _STRAGGLERS, {})]


def due(*, before_ms: int) -> Transaction[list[int]]:
    """Servers that the bot was removed from before a moment, and that are not forgotten yet."""
    return [row["guild_id"] for row in (yield _DUE, {"before_ms": before_ms})]


def ended(guild_id: int, *, limit: int) -> Transaction[list[Job]]:
    """Some of a server's jobs that have ended and are not empty yet."""
    return jobs_of((yield _ENDED, {"guild_id": guild_id, "limit": limit}))


def empty(job: Job, *, now_ms: int) -> Transaction[None]:
    """Take out of an ended job whatever its member gave or got.

    Raises:
        Overtaken: the row is no longer as `job` says; nothing was written.
        Returned: the server is not to be forgotten any more.
    """
    yield from _ensure_absent(job.origin.guild_id)
    yield from privacy.blank(job, now_ms=now_ms)


def members(guild_id: int) -> Transaction[list[int]]:
    """Whose ids stand in a server's jobs and books."""
    rows = yield _MEMBERS, {"guild_id": guild_id}
    return [row["user_id"] for row in rows]


def rename(guild_id: int, user_id: int) -> Transaction[None]:
    """Put a number that is nobody's in the place of a member, in one server.

    Raises:
        Returned: the server is not to be forgotten any more.
    """
    yield from _ensure_absent(guild_id)
    stand_in = yield from privacy.mint()
    for statement in _RENAMED:
        yield statement, {"guild_id": guild_id, "user_id": user_id, "stand_in": stand_in}


def forget(guild_id: int, *, defaults: Limits, now_ms: int) -> Transaction[bool]:
    """Forget what moderators chose; False, and nothing, while jobs or members are left of the server.

    Its row is then as that of a server which is seen for the first time, with the caps `defaults`.

    Raises:
        Returned: the server is not to be forgotten any more.
    """
    yield from _ensure_absent(guild_id)
    key = {"guild_id": guild_id}
    if (yield _LEFT_OF, key):
        return False
    for statement in (*_DROPPED, *_RESET):
        yield statement, key
    for row in defaults.rows:
        if row.scope is not Scope.OPERATOR:
            yield from limits.put(guild_id, row)
    yield "UPDATE guilds SET forgotten_at_ms = :now_ms WHERE guild_id = :guild_id", {**key, "now_ms": now_ms}
    return True


def _end(job: Job, now_ms: int) -> Transaction[None]:
    """End a job that no provider is busy with. Nobody shows that: there is no card to be reached any more."""
    known = {"aftercare": Aftercare.NONE.value, "error": _LEFT}
    if job.state is JobState.QUEUED:
        yield from lanes.leave(job)
        yield from jobs.move(job, JobState.CANCELLED, now_ms=now_ms, **known)
    else:
        known |= {"withdrawn_at_ms": now_ms, "withdrawn_by": SERVER, "clip": None}
        yield from jobs.move(job, JobState.FAILED, now_ms=now_ms, **known)


def _ensure_absent(guild_id: int) -> Transaction[None]:
    if not (yield _IS_ABSENT, {"guild_id": guild_id}):
        raise Returned


def _named(states: Collection[JobState]) -> str:
    return f"({', '.join(sorted(repr(state.value) for state in states))})"


_IS_OPEN = f"state NOT IN {_named(CLOSED)}"
_OPEN = f"SELECT * FROM jobs WHERE guild_id = :guild_id AND {_IS_OPEN} ORDER BY id"  # noqa: S608 - built from constants, as the following
_STRAGGLERS = f"""
    SELECT guild_id FROM guilds WHERE left_at_ms IS NOT NULL AND EXISTS (
        SELECT 1 FROM jobs WHERE jobs.guild_id = guilds.guild_id AND {_IS_OPEN} AND withdrawn_at_ms IS NULL)
"""  # noqa: S608
_DUE = """
    SELECT guild_id FROM guilds WHERE left_at_ms <= :before_ms AND forgotten_at_ms IS NULL ORDER BY left_at_ms
"""
_SHARED = """
    SELECT DISTINCT job_id FROM shares WHERE job_id IN (
        SELECT id FROM jobs WHERE guild_id = :guild_id AND state = 'failed' AND withdrawn_by = :server)
"""
_DOUBTFUL = """
    SELECT jobs.* FROM jobs JOIN guilds ON guilds.guild_id = jobs.guild_id AND guilds.left_at_ms IS NULL
    WHERE state = 'failed' AND withdrawn_by = 0 AND post_marked_at_ms IS NOT NULL AND message_id IS NULL
"""
"""0 is the server, and written so because the index is on it."""
_ENDED = f"""
    SELECT * FROM jobs WHERE guild_id = :guild_id AND state IN {_named(CLOSED)}
        AND request_key NOT LIKE 'forgotten-%' LIMIT :limit
"""  # noqa: S608
_IS_ANY_KEPT = "SELECT 1 AS is_kept FROM guilds WHERE forgotten_at_ms IS NULL LIMIT 1"
_IS_ABSENT = "SELECT 1 AS is_absent FROM guilds WHERE guild_id = :guild_id AND left_at_ms IS NOT NULL"
_MEMBERS = """
    SELECT user_id FROM jobs WHERE guild_id = :guild_id AND user_id > 0
    UNION SELECT withdrawn_by FROM jobs WHERE guild_id = :guild_id AND withdrawn_by > 0
    UNION SELECT user_id FROM ledger WHERE guild_id = :guild_id AND user_id > 0
    UNION SELECT by_id FROM ledger WHERE guild_id = :guild_id AND by_id > 0
    UNION SELECT subject_id FROM balances WHERE guild_id = :guild_id AND scope = 'member' AND subject_id > 0
    UNION SELECT user_id FROM grants WHERE guild_id = :guild_id AND user_id > 0
    UNION SELECT user_id FROM turns WHERE guild_id = :guild_id AND user_id > 0
    ORDER BY user_id
"""
_LEFT_OF = f"""
    SELECT 1 AS is_left FROM jobs WHERE guild_id = :guild_id AND request_key NOT LIKE 'forgotten-%'
    UNION SELECT 1 FROM ({_MEMBERS}) AS members LIMIT 1
"""  # noqa: S608
_RENAMED = (
    """
    UPDATE jobs SET user_id = :stand_in, version = version + 1 WHERE guild_id = :guild_id AND user_id = :user_id
    """,
    "UPDATE jobs SET withdrawn_by = :stand_in WHERE guild_id = :guild_id AND withdrawn_by = :user_id",
    """
    UPDATE ledger SET user_id = CASE user_id WHEN :user_id THEN :stand_in ELSE user_id END,
        by_id = CASE by_id WHEN :user_id THEN :stand_in ELSE by_id END
    WHERE guild_id = :guild_id AND (user_id = :user_id OR by_id = :user_id)
    """,
    """
    UPDATE balances SET subject_id = :stand_in
    WHERE guild_id = :guild_id AND scope = 'member' AND subject_id = :user_id
    """,
    "UPDATE grants SET user_id = :stand_in WHERE guild_id = :guild_id AND user_id = :user_id",
    "UPDATE turns SET user_id = :stand_in, roles = '' WHERE guild_id = :guild_id AND user_id = :user_id",
)
_DROPPED = (
    "DELETE FROM prices WHERE guild_id = :guild_id",
    "DELETE FROM blocks WHERE guild_id = :guild_id",
    "DELETE FROM notices WHERE guild_id = :guild_id",
    "DELETE FROM offers WHERE guild_id = :guild_id",
    "DELETE FROM reports WHERE guild_id = :guild_id",
    "DELETE FROM member_threads WHERE guild_id = :guild_id",
    "DELETE FROM limits WHERE guild_id = :guild_id AND scope <> 'operator'",
    "UPDATE ledger SET reason = NULL WHERE guild_id = :guild_id AND reason IS NOT NULL",
)
_RESET_COLUMNS = ", ".join(("weight", *guilds.PREFERENCES))
_RESET = (
    "INSERT INTO guilds (guild_id) SELECT -1 FROM guilds WHERE guild_id = :guild_id",
    f"""
    UPDATE guilds SET ({_RESET_COLUMNS}) = (SELECT {_RESET_COLUMNS} FROM guilds AS new WHERE new.guild_id = -1)
    WHERE guild_id = :guild_id
    """,  # noqa: S608
    "DELETE FROM guilds WHERE guild_id = -1 AND -1 <> :guild_id",
)
"""A row of nobody's lends its defaults for a moment."""
