"""A member's jobs in one server, page by page."""

from collections.abc import Collection

from bot.db.rows import jobs_of
from bot.db.transaction import Transaction
from bot.domain.jobs import Job, JobState


def older(
    guild_id: int, user_id: int, states: Collection[JobState], before_id: int | None = None, *, limit: int
) -> Transaction[list[Job]]:
    """Their jobs before one, newest first; without one, the newest. The one need not exist."""
    wanted = _wanted(guild_id, user_id, states, limit)
    rows = yield _OLDER, {**wanted, "id": _END if before_id is None else before_id}
    return jobs_of(rows)


def newer(
    guild_id: int, user_id: int, states: Collection[JobState], after_id: int, *, limit: int
) -> Transaction[list[Job]]:
    """Their jobs next after one, newest first."""
    rows = yield _NEWER, {**_wanted(guild_id, user_id, states, limit), "id": after_id}
    return jobs_of(rows[::-1])


def _wanted(guild_id: int, user_id: int, states: Collection[JobState], limit: int) -> dict[str, object]:
    named = "".join(f"{state.value}," for state in states)
    return {"guild_id": guild_id, "user_id": user_id, "states": f",{named}", "limit": limit}


_END = 2**63 - 1
_MEANT = "guild_id = :guild_id AND user_id = :user_id AND :states LIKE '%,' || state || ',%'"
_OLDER = f"SELECT * FROM jobs WHERE {_MEANT} AND id < :id ORDER BY id DESC LIMIT :limit"  # noqa: S608 - built from a constant
_NEWER = f"SELECT * FROM jobs WHERE {_MEANT} AND id > :id ORDER BY id LIMIT :limit"  # noqa: S608 - built from a constant
