"""Which jobs need which blobs, and which blobs nobody needs any more.

A job needs the pictures of its request from the moment it is accepted, its clip once that is fetched, and later perhaps
only the last frame of it. What the last job lets go of is written down here in the same transaction; whoever deletes
the bytes asks `is_needed` once more before, and a crash in between only delays it.
"""

import re
from collections.abc import Mapping

from bot.db.transaction import Transaction
from bot.domain.jobs import TERMINAL, Job

_HASH = re.compile(r'"([0-9a-f]{64})"')
_COLUMNS = ("clip", "last_frame")
_EXPORT_LASTS_MS = 25 * 3_600_000
"""A link to an export leads there for a day; packing it takes some minutes before."""


def use(job_id: int, *blobs: str) -> Transaction[None]:
    """A job needs these; once more is the same."""
    for blob in dict.fromkeys(blobs):
        yield _USE, {"blob": blob, "job_id": job_id}


def follow(job: Job, known: Mapping[str, object], *, now_ms: int) -> Transaction[None]:
    """Keep in step with a change of the job's row: what it names now is needed, what it does not name is let go."""
    for column in _COLUMNS:
        before, after = getattr(job, column), known.get(column)
        if column not in known or before == after:
            continue
        if isinstance(after, str):
            yield from use(job.id, after)
        if before is not None:
            yield from _let_go(job.id, before, now_ms)


def forget(job: Job, *, now_ms: int) -> Transaction[None]:
    """Let go of every file of a job that has ended: its pictures, its clip, the last frame of that.

    The caller takes the pictures out of the row, in the same transaction, and wakes `bot.services.retention` after it.

    Raises:
        ValueError: the job has not ended, so it needs them.
    """
    if job.state not in TERMINAL:
        raise ValueError(f"job {job.id} is {job.state} and needs its files")
    yield _FORGET, {"id": job.id}
    named = (*(picture.blob for picture in job.request.pictures), job.clip, job.last_frame)
    for blob in dict.fromkeys(filter(None, named)):
        yield from _let_go(job.id, blob, now_ms)


def forget_pictures(job: Job, *, now_ms: int) -> Transaction[None]:
    """Let go of the pictures of a job that has ended; its row goes on to say which those were.

    Raises:
        ValueError: the job has not ended, so it needs them.
    """
    if job.state not in TERMINAL:
        raise ValueError(f"job {job.id} is {job.state} and needs its pictures")
    yield "UPDATE jobs SET keeps_pictures = 0 WHERE id = :id", {"id": job.id}
    needed = {job.clip, job.last_frame}
    for blob in dict.fromkeys(picture.blob for picture in job.request.pictures):
        if blob not in needed:
            yield from _let_go(job.id, blob, now_ms)


def spare(*blobs: str, at_ms: int) -> Transaction[None]:
    """From a moment on these are needed by no more than a job, an offer or a question names."""
    for blob in dict.fromkeys(blobs):
        yield _NOTE, {"blob": blob, "now_ms": at_ms}


def is_needed(blob: str, *, now_ms: int) -> Transaction[bool]:
    """Whether a job, an open offer or question, a request on its way, or an export of the last day names this blob."""
    since_ms = now_ms - _EXPORT_LASTS_MS
    known = {"blob": blob, "anywhere": f"%{blob}%", "now_ms": now_ms, "since_ms": since_ms}
    rows = yield _NEEDED, known
    return bool(rows)


def newest(*, limit: int) -> Transaction[list[str]]:
    """Blobs that the newest jobs need. It reads all that are named: for whoever looks now and then."""
    rows = yield _NEWEST, {"limit": limit}
    return [row["blob"] for row in rows]


def let_go(*, before_ms: int, limit: int) -> Transaction[list[str]]:
    """Blobs that the last job let go of before a moment, those that were let go first."""
    rows = yield _LET_GO_BEFORE, {"before_ms": before_ms, "limit": limit}
    return [row["blob"] for row in rows]


def settled(blob: str) -> Transaction[None]:
    """A blob that was let go has been deleted."""
    yield "DELETE FROM unneeded_blobs WHERE blob = :blob", {"blob": blob}


def put_off(blob: str, *, now_ms: int) -> Transaction[None]:
    """A blob that was let go is needed: it is let go anew when the last offer that names it lapses.

    By then it may be a job's, which lets go of it itself. A request on its way is asked about again soon.
    """
    rows = yield _NAMED_UNTIL, {"anywhere": f"%{blob}%", "now_ms": now_ms}
    yield from settled(blob)
    if rows[0]["until_ms"] is not None:
        yield from spare(blob, at_ms=rows[0]["until_ms"])


def named_in(text: str) -> list[str]:
    """The blobs that what is kept of a request names."""
    return _HASH.findall(text)


def _let_go(job_id: int, blob: str, now_ms: int) -> Transaction[None]:
    yield "DELETE FROM blob_uses WHERE blob = :blob AND job_id = :job_id", {"blob": blob, "job_id": job_id}
    yield _NOTE, {"blob": blob, "now_ms": now_ms}


_USE = "INSERT INTO blob_uses (blob, job_id) VALUES (:blob, :job_id) ON CONFLICT DO NOTHING"
_FORGET = "UPDATE jobs SET clip = NULL, last_frame = NULL, version = version + 1 WHERE id = :id"
_NOTE = """
    INSERT INTO unneeded_blobs (blob, at_ms) SELECT CAST(:blob AS TEXT), CAST(:now_ms AS BIGINT)
    WHERE NOT EXISTS (SELECT 1 FROM blob_uses WHERE blob = :blob)
    ON CONFLICT (blob) DO UPDATE SET at_ms = excluded.at_ms
"""
_IS_OPEN = "lapses_at_ms >= :now_ms AND (request_key IS NULL OR is_asked = 1) AND sent_at_ms IS NULL"
"""No question that was answered, which is kept for its words alone, and no painting that was sent: it is a request."""
_NEEDED = f"""
    SELECT 1 AS is_needed WHERE EXISTS (SELECT 1 FROM blob_uses WHERE blob = :blob)
        OR EXISTS (SELECT 1 FROM offers WHERE {_IS_OPEN} AND ask LIKE :anywhere)
        OR EXISTS (SELECT 1 FROM asks WHERE asked LIKE :anywhere)
        OR EXISTS (SELECT 1 FROM exports WHERE blob = :blob AND at_ms > :since_ms)
"""  # noqa: S608 - built from a constant
_NAMED_UNTIL = f"""
    SELECT max(until_ms) AS until_ms FROM (
        SELECT lapses_at_ms AS until_ms FROM offers WHERE {_IS_OPEN} AND ask LIKE :anywhere
        UNION ALL SELECT CAST(:now_ms AS BIGINT) FROM asks WHERE asked LIKE :anywhere
    ) AS named
"""  # noqa: S608 - built from a constant
_NEWEST = "SELECT blob FROM blob_uses GROUP BY blob ORDER BY max(job_id) DESC LIMIT :limit"
_LET_GO_BEFORE = """
    SELECT blob FROM unneeded_blobs WHERE at_ms <= :before_ms ORDER BY at_ms, blob LIMIT :limit
"""
