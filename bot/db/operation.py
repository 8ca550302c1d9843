"""What the operator looks at before the bot is stopped: what runs, and what waits."""

from dataclasses import dataclass

from bot.db import installation, ticks
from bot.db.rows import jobs_of
from bot.db.transaction import Transaction
from bot.domain.jobs import Job


@dataclass(frozen=True, slots=True)
class Load:
    """How many jobs of all servers there are."""

    running: int
    """From submission to delivery."""
    waiting: int


def load() -> Transaction[Load]:
    """What runs and waits at this moment."""
    [row] = yield _LOAD, {}
    return Load(row["running"], row["waiting"])


def waiting(*, limit: int) -> Transaction[list[Job]]:
    """The newest jobs that wait for their turn, in whichever server."""
    rows = yield _WAITING, {"limit": limit}
    return jobs_of(rows)


def drain(*, now_ms: int) -> Transaction[None]:
    """Begin no job from now on; once more changes nothing."""
    yield from installation.settle_on(_DRAINED, str(now_ms))


def drained() -> Transaction[bool]:
    """Whether no job is to be begun."""
    return (yield from installation.recall(_DRAINED)) is not None


def resume() -> Transaction[bool]:
    """Begin jobs again; whether none were begun until now."""
    was_drained = yield from drained()
    yield from installation.forget(_DRAINED)
    yield from ticks.admission()
    return was_drained


def beat() -> Transaction[None]:
    """Change a page, each time to something else: whatever writes less succeeds where nothing can be written."""
    beats = yield from installation.recall(_BEATS)
    yield from installation.remember(_BEATS, str(int(beats or 0) + 1))


_DRAINED = "drained since"
_BEATS = "times asked whether this can be written"
# The plus keeps SQLite from reading all jobs backwards by their id, where few wait.
_WAITING = "SELECT * FROM jobs WHERE state = 'queued' ORDER BY +id DESC LIMIT :limit"
_LOAD = """
    SELECT
        (SELECT count(*) FROM jobs WHERE state IN ('submitting', 'rendering', 'unknown', 'fetching', 'delivering'))
            AS running,
        (SELECT coalesce(sum(queued), 0) FROM lanes) AS waiting
"""
