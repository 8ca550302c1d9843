"""What the demo's bot has written down, read beside it: its newest jobs, its ledger, and whether they agree."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.db import audit, jobs, ledger, visit
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


def charged_twice(bill: Iterable[Charge]) -> list[str]:
    """The jobs of which two attempts are on the bill."""
    return repeated(job_and_attempt(charge.key)[0] for charge in bill)


def repeated(names: Iterable[str]) -> list[str]:
    """Those that are there more than once."""
    return [name for name, number in Counter(names).items() if number > 1]


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
    newest = yield from jobs.newest_of(guild_id, limit=_JOBS)
    lines = yield from ledger.older(guild_id, ledger.Lookup(), limit=_LINES)
    wrong_sums = yield from audit.discrepancies()
    wrong_ends = yield from audit.wrong_ends()
    return Books(newest, lines, is_balanced=not (wrong_sums or wrong_ends))
