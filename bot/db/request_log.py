"""What log channels were not told yet of requests: everything that became a job after the last one that they know."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.db.rows import job_of
from bot.db.transaction import Transaction
from bot.domain.jobs import Job


@dataclass(frozen=True, slots=True)
class Untold:
    """What the log channel of a server is to be told next."""

    channel_id: int
    jobs: tuple[Job, ...]
    """The oldest first."""


def guilds_behind() -> Transaction[list[int]]:
    """Servers whose log channel does not know of all their requests."""
    rows = yield _BEHIND, {}
    return [row["guild_id"] for row in rows]


def untold(guild_id: int, *, limit: int) -> Transaction[Untold | None]:
    """What a server's log channel is to be told; None where there is no such channel, or it is not to be told."""
    channels = yield _CHANNEL, {"guild_id": guild_id}
    if not channels:
        return None
    after = {"guild_id": guild_id, "after": channels[0]["logged_job_id"], "limit": limit}
    rows = yield _UNTOLD, after
    return Untold(channels[0]["log_channel_id"], tuple(map(job_of, rows)))


def forgotten(job_ids: Iterable[int]) -> Transaction[set[int]]:
    """Which of these jobs were of members who have been forgotten."""
    found: set[int] = set()
    for job_id in job_ids:
        if not (yield _REMEMBERED, {"id": job_id}):
            found.add(job_id)
    return found


def told(guild_id: int, job_id: int) -> Transaction[None]:
    """The log channel knows of everything up to this job."""
    yield _TOLD, {"guild_id": guild_id, "job_id": job_id}


_WANTED = "log_channel_id IS NOT NULL AND logs_requests = 1"
_BEHIND = f"""
    SELECT guild_id FROM guilds WHERE {_WANTED} AND EXISTS (
        SELECT 1 FROM jobs WHERE jobs.guild_id = guilds.guild_id AND jobs.id > logged_job_id AND +user_id > 0)
"""  # noqa: S608 - built from a constant
_CHANNEL = f"SELECT log_channel_id, logged_job_id FROM guilds WHERE guild_id = :guild_id AND {_WANTED}"  # noqa: S608 - built from a constant
_UNTOLD = """
    SELECT * FROM jobs WHERE guild_id = :guild_id AND id > :after AND +user_id > 0 ORDER BY id LIMIT :limit
"""
"""Without those of members who have themselves forgotten, in whose place stands a number below zero."""
_REMEMBERED = "SELECT 1 AS is_remembered FROM jobs WHERE id = :id AND user_id > 0"
_TOLD = "UPDATE guilds SET logged_job_id = :job_id WHERE guild_id = :guild_id AND logged_job_id < :job_id"
