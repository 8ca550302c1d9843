"""Copies of a database that a running bot may own, and what has to be done when one is put back.

A copy is of one moment: it is read within one transaction, which in WAL mode keeps no writer waiting
(https://www.sqlite.org/backup.html, https://www.sqlite.org/isolation.html). What the bot did after that moment the copy
knows nothing of, although a provider may have been paid for it. So the copy itself says that it is one, and whoever
opens it first calls `take_up`: nothing is ordered from a provider that may have been ordered already, and no number of
a job is given twice, for providers know attempts by it, and buttons on messages name it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.db import asks, audit, installation, jobs, visit
from bot.db.errors import DatabaseFault
from bot.db.group import read_alone, translated
from bot.db.rows import jobs_of
from bot.db.transaction import Transaction
from bot.language import marked

GAP = 100_000
"""Numbers that are left out after a copy is put back: more than are given between two backups."""

PERHAPS_MADE = marked(
    "The bot was restored from a backup while this waited, so it may have been made already; please ask again."
)
"""What those are told whose requests are not taken any further."""

_COPIED = "copied at"
_NONCES_MS = 120_000
_PAGES_A_STEP = 1_000


class BackupFailed(DatabaseFault):
    """The copy of the database is not sound, so it was not kept."""


class CopyNotWritten(DatabaseFault):
    """The disk is full where the copy of the database goes, so nothing of it was kept; make room there."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What stands in a copy."""

    jobs: int
    open_jobs: int
    differences: int
    """Balances that differ from the ledger, in the original as well; 0 in a sound one."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What became of the jobs that were open when the copy was made."""

    copied_at_ms: int
    ended: int
    """They waited for their turn, and get their credits back."""
    looked_up: int
    """They may be with a provider: followed if they are found there, and otherwise ended."""
    followed: int
    """They were with a provider, or made."""


def copy(path: Path, target: Path, *, now_ms: int, progress: Callable[[float], None] | None = None) -> Copied:
    """Copy the database at `path`, which a bot may be writing to, into the empty or missing file `target`.

    Args:
        path: The database.
        target: The copy; whole when this returns, though perhaps not on the disk yet.
        now_ms: Milliseconds since 1970.
        progress: Told now and then which part is done, 0 to 1.

    Raises:
        DatabaseUnusable: there is none at `path`, or of another version.
        DatabaseUnavailable: it cannot be read.
        CopyNotWritten: there is no room for the copy.
        BackupFailed: what was copied is damaged.
    """
    try:
        with closing(visit.opened(path)) as source, closing(_empty(target)) as copied:
            source.execute("BEGIN")
            source.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()  # from here on it sees this moment
            source.backup(copied, pages=_PAGES_A_STEP, progress=_told(progress))
            source.execute("ROLLBACK")
            return _prepared(copied, now_ms)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:  # of the original nothing is written
            raise CopyNotWritten from error
        raise translated(error) from error


def tallied() -> Transaction[tuple[int, int]]:
    """How many jobs there are, and how many of them are open."""
    [row] = yield _COUNTS, {}
    return row["jobs"], row["open_jobs"]


def take_up(*, now_ms: int) -> Transaction[TakenUp | None]:
    """Do what has to be done with a copy that was put back, before anything moves; None where the database is none."""
    copied = yield from installation.recall(_COPIED)
    if copied is None:
        return None
    waiting = jobs_of((yield "SELECT * FROM jobs WHERE state = 'queued'", {}))
    for job in waiting:
        yield from jobs.turn_away(job, PERHAPS_MADE, now_ms=now_ms)
    for asked in (yield from asks.left()):
        yield from asks.forget(asked.request_key)
        yield from asks.note(asked.model_copy(update={"is_perhaps_made": True}), now_ms=now_ms)
    in_doubt = yield _LOOK_UP, {"copied_ms": int(copied), "now_ms": now_ms}
    open_ = yield _MAYBE_POSTED, {"copied_ms": int(copied), "nonces_ms": _NONCES_MS}
    yield "DELETE FROM installation WHERE name = :name", {"name": _COPIED}
    return TakenUp(int(copied), len(waiting), len(in_doubt), len(open_) - len(in_doubt))


def take_up_dump(*, now_ms: int) -> Transaction[TakenUp]:
    """The same for a dump of PostgreSQL that was put back, which cannot say of itself that it is one."""
    [row] = yield _LAST_SIGN, {"now_ms": now_ms}
    for sequence in (yield _SEQUENCES, {}):
        yield (
            "SELECT setval(CAST(:name AS TEXT), :last)",
            {"name": sequence["name"], "last": sequence["last"] + GAP},
        )
    yield from installation.remember(_COPIED, str(row["at_ms"]))
    yield from installation.forget(installation.FILES)  # they may have been put back elsewhere, or not at all
    taken_up = yield from take_up(now_ms=now_ms)
    assert taken_up is not None
    return taken_up


def _empty(target: Path) -> sqlite3.Connection:
    return sqlite3.connect(target)


def _told(progress: Callable[[float], None] | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda _, remaining, total: progress(1 - remaining / max(total, 1))


def _prepared(copied: sqlite3.Connection, now_ms: int) -> Copied:
    copied.isolation_level = None
    copied.execute("PRAGMA journal_mode=DELETE")  # one file, that can be read where nothing can be written
    copied.execute("PRAGMA synchronous=FULL")
    (verdict,) = copied.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise BackupFailed
    copied.row_factory = sqlite3.Row
    differences = read_alone(copied, audit.discrepancies())
    jobs_, open_jobs = read_alone(copied, tallied())
    copied.execute("BEGIN IMMEDIATE")
    for statement in _LEAVE_GAP:
        copied.execute(statement, {"gap": GAP})
    copied.execute("INSERT OR REPLACE INTO installation (name, value) VALUES (?, ?)", (_COPIED, str(now_ms)))
    copied.execute("COMMIT")
    return Copied(jobs_, open_jobs, differences)


# Of a dump nobody knows when it was made, but what is in it was there by then: processes say so every few seconds.
_LAST_SIGN = """
    SELECT coalesce(max(at_ms), :now_ms) AS at_ms FROM (
        SELECT max(seen_at_ms) AS at_ms FROM processes
        UNION ALL SELECT max(at_ms) FROM ledger
        UNION ALL SELECT max(created_at_ms) FROM jobs
    ) AS signs WHERE at_ms <= :now_ms
"""
_SEQUENCES = """
    SELECT quote_ident(sequencename) AS name, coalesce(last_value, 0) AS last FROM pg_sequences
    WHERE schemaname = current_schema() AND sequencename NOT LIKE 'procrastinate%'
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM jobs) AS jobs,
        (SELECT count(*) FROM jobs WHERE state IN
            ('queued', 'submitting', 'rendering', 'unknown', 'fetching', 'delivering')) AS open_jobs
"""
_LEAVE_GAP = (
    """
    INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_master
    WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)
    """,
    "UPDATE sqlite_sequence SET seq = seq + :gap",
)
# `cancel_requested` ends an attempt that is not found instead of sending another one (`bot.services.ordering`).
_LOOK_UP = """
    UPDATE jobs SET marked_at_ms = coalesce(marked_at_ms, :copied_ms), cancel_requested = 1, run_at_ms = :now_ms,
        version = version + 1
    WHERE state IN ('submitting', 'unknown') RETURNING id
"""
# A clip may have been posted since: looked for wherever it would be, before it is posted once more. So the doubt has to
# be older than what a nonce settles, which knows of one place alone (`bot.services.delivery`).
_MAYBE_POSTED = """
    UPDATE jobs SET message_channel_id = coalesce(message_channel_id, CASE WHEN parent_id IS NULL THEN card_id
            ELSE channel_id END),
        thread_id = coalesce(thread_id, CASE WHEN message_channel_id IS NULL AND parent_id IS NULL THEN card_id END),
        post_marked_at_ms = coalesce(post_marked_at_ms, :copied_ms) - :nonces_ms, version = version + 1
    WHERE state IN ('submitting', 'rendering', 'unknown', 'fetching', 'delivering') RETURNING id
"""
