"""What the demo's bot has written down, read beside it: its newest jobs, its ledger, and whether they agree."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.db import audit, ledger, visit
from bot.db.rows import jobs_of
from bot.db.transaction import Transaction
from bot.demo.vendor import Charge
from bot.domain.jobs import Job

_JOBS, _LINES = 8, 12


@dataclass(frozen=True, slots=True)
class Books:
    """One moment of the bot's database."""

    jobs: Sequence[Job] = ()
    """The newest first."""
    lines: Sequence[ledger.Line] = ()
    """Of the ledger, the newest first."""
    is_balanced: bool = True
    """Whether sums are those of their rows, and each job that has ended was settled or given back, once."""


def read(path: Path, guild_id: int) -> Books:
    """Read the books of one server.

    Raises:
        DatabaseUnusable, DatabaseUnavailable: there are none yet, or they cannot be read now.
    """
    return visit.read(path, _books(guild_id))


def job_and_attempt(key: str) -> tuple[str, str]:
    """What the key of an attempt ends with (`Job.attempt_key`); what is before it names the installation."""
    job, attempt = ["", *key.split("-")][-2:]
    return job, attempt


def charged_twice(bill: Iterable[Charge]) -> bool:
    """Whether two attempts of one job are on the bill."""
    return _repeats(job_and_attempt(charge.key)[0] for charge in bill)


def posted_twice(job_ids: Iterable[str]) -> bool:
    """Whether a job is among those of the clips' messages more than once."""
    return _repeats(job_ids)


def _repeats(names: Iterable[str]) -> bool:
    return any(number > 1 for number in Counter(names).values())


def stamp(path: Path) -> tuple[tuple[int, int], ...]:
    """Is another one after each commit: what the system says of the file and of its log."""
    return tuple(_looked_at(file) for file in (path, path.with_name(f"{path.name}-wal")))


def _looked_at(file: Path) -> tuple[int, int]:
    try:
        known = file.stat()
    except OSError:
        return (0, 0)
    return (known.st_mtime_ns, known.st_size)


def _books(guild_id: int) -> Transaction[Books]:
    rows = yield _NEWEST, {"guild_id": guild_id, "limit": _JOBS}
    lines = yield from ledger.older(guild_id, ledger.Lookup(), limit=_LINES)
    wrong_sums = yield from audit.discrepancies()
    wrong_ends = yield _WRONG_ENDS, {}
    return Books(jobs_of(rows), lines, wrong_sums == 0 and not wrong_ends)


_NEWEST = "SELECT * FROM jobs WHERE guild_id = :guild_id ORDER BY id DESC LIMIT :limit"
_WRONG_ENDS = """
    SELECT jobs.id FROM jobs
    LEFT JOIN (
        SELECT job_id, sum(kind = 'reserve') AS reserved, sum(kind = 'settle') AS settled,
            sum(kind = 'refund') AS refunded
        FROM ledger WHERE job_id IS NOT NULL GROUP BY job_id
    ) AS said ON said.job_id = jobs.id
    WHERE coalesce(reserved, 0) <> 1 OR settled <> (state = 'done')
        OR refunded <> (state IN ('failed', 'cancelled'))
    LIMIT 1
"""
