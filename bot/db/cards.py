"""When cards were edited last, where several processes edit them: who is about to edit one says so here first."""

from dataclasses import dataclass

from bot.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Shown:
    """An edit of a card that was begun."""

    step: str
    """How far its job was."""
    at_ms: int
    looks: str | None = None
    """What it shows, in short; None where that may not have arrived."""


def shown(job_id: int) -> Transaction[Shown | None]:
    """The last edit; None if there is none yet."""
    rows = yield "SELECT * FROM cards WHERE job_id = :job_id", {"job_id": job_id}
    return Shown(rows[0]["step"], rows[0]["at_ms"], rows[0]["looks"] or None) if rows else None


def begin(job_id: int, edit: Shown, *, since_ms: int | None, is_first: bool = False) -> Transaction[bool]:
    """Begin an edit; False if the job has ended, or somebody has begun another one since that moment.

    Args:
        job_id: The job.
        edit: What is to be shown.
        since_ms: When the last edit that is known of was begun; None if none is.
        is_first: Whether it is the first show, which waits for nobody.
    """
    known = {"job_id": job_id, "step": edit.step, "looks": edit.looks or "", "at_ms": edit.at_ms}
    rows = yield _BEGIN, {**known, "since_ms": since_ms or 0, "is_first": int(is_first)}
    return bool(rows)


def doubt(job_id: int) -> Transaction[None]:
    """Nobody knows what the card shows: an edit was not taken, or came late. What there is to show is news still."""
    yield "UPDATE cards SET looks = '' WHERE job_id = :job_id", {"job_id": job_id}


def drop_old(*, before_ms: int) -> Transaction[None]:
    """Forget edits of a while ago: nobody edits those cards any more."""
    yield "DELETE FROM cards WHERE at_ms < :before_ms", {"before_ms": before_ms}


_BEGIN = """
    INSERT INTO cards (job_id, step, looks, at_ms)
    SELECT id, CAST(:step AS TEXT), CAST(:looks AS TEXT), CAST(:at_ms AS BIGINT) FROM jobs
    WHERE id = :job_id AND state IN ('queued', 'submitting', 'rendering', 'unknown', 'fetching', 'delivering')
    ON CONFLICT (job_id) DO UPDATE SET step = excluded.step, looks = excluded.looks, at_ms = excluded.at_ms
    WHERE cards.at_ms = :since_ms OR :is_first = 1
    RETURNING job_id
"""
