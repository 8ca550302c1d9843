"""Jobs whose files have been kept for long enough."""

from bot.db.transaction import Transaction
from bot.domain.jobs import CLAIMABLE_FOR_MS


def aged(*, before_ms: int, limit: int) -> Transaction[list[int]]:
    """Jobs that ended before a moment and whose original is still kept, the oldest first; not those to be claimed."""
    rows = yield _AGED, {"before_ms": before_ms, "limit": limit}
    return [row["id"] for row in rows]


def pictured(*, before_ms: int, limit: int) -> Transaction[list[int]]:
    """Jobs that ended before a moment and whose pictures are still kept, the oldest first."""
    rows = yield _PICTURED, {"before_ms": before_ms, "limit": limit}
    return [row["id"] for row in rows]


def unclaimed(*, before_ms: int, limit: int) -> Transaction[list[int]]:
    """Jobs whose clips no place took before a moment, and that nobody has claimed since."""
    rows = yield _UNCLAIMED, {"before_ms": before_ms, "limit": limit}
    return [row["id"] for row in rows]


def half_claimed(*, limit: int) -> Transaction[list[int]]:
    """Jobs whose clips no place took, and that a claim may have posted before it was cut short."""
    rows = yield _HALF_CLAIMED, {"limit": limit}
    return [row["id"] for row in rows]


def withdrawn(*, before_ms: int, limit: int) -> Transaction[list[int]]:
    """Jobs whose clip is still kept though it was withdrawn: by a moderator, or by its member before a moment."""
    rows = yield _WITHDRAWN, {"before_ms": before_ms, "limit": limit}
    return [row["id"] for row in rows]


def next_ms(
    *,
    originals_last_ms: int | None,
    pictures_last_ms: int | None,
    withdrawn_lasts_ms: int,
    let_go_lasts_ms: int,
) -> Transaction[int | None]:
    """When there will be something to forget, going by what is known; None if never."""
    oldest = (yield _OLDEST, {})[0]
    kept = (
        (oldest["unclaimed_ms"], CLAIMABLE_FOR_MS),
        (oldest["original_ms"], originals_last_ms),
        (oldest["pictures_ms"], pictures_last_ms),
        (oldest["withdrawn_ms"], withdrawn_lasts_ms),
        (oldest["let_go_ms"], let_go_lasts_ms),
    )
    due = [at_ms + last_ms for at_ms, last_ms in kept if at_ms is not None and last_ms is not None]
    return min(due, default=None)


_IS_AGED = "clip IS NOT NULL AND finished_at_ms IS NOT NULL"
"""To the letter of the partial index that serves it, as the next."""
_IS_PICTURED = "keeps_pictures = 1 AND finished_at_ms IS NOT NULL"
_IS_WITHDRAWN = "withdrawn_at_ms IS NOT NULL AND (clip IS NOT NULL OR last_frame IS NOT NULL)"
_IS_SETTLED = "state <> 'undeliverable'"
"""What no place took is kept for as long as its card says."""

_AGED = f"""
    SELECT id FROM jobs WHERE {_IS_AGED} AND {_IS_SETTLED} AND finished_at_ms < :before_ms ORDER BY finished_at_ms LIMIT :limit
"""  # noqa: S608 - built from a constant
_PICTURED = f"""
    SELECT id FROM jobs WHERE {_IS_PICTURED} AND finished_at_ms < :before_ms ORDER BY finished_at_ms LIMIT :limit
"""  # noqa: S608 - built from a constant
_UNCLAIMED = """
    SELECT id FROM jobs WHERE state = 'undeliverable' AND finished_at_ms <= :before_ms
    ORDER BY finished_at_ms LIMIT :limit
"""
_HALF_CLAIMED = """
    SELECT id FROM jobs WHERE state = 'undeliverable' AND id IN (SELECT job_id FROM shares) ORDER BY id LIMIT :limit
"""
_WITHDRAWN = f"""
    SELECT id FROM jobs WHERE {_IS_WITHDRAWN} AND (withdrawn_at_ms < :before_ms OR withdrawn_by <> user_id)
    ORDER BY withdrawn_at_ms LIMIT :limit
"""  # noqa: S608 - built from a constant
_OLDEST = f"""
    SELECT (SELECT min(finished_at_ms) FROM jobs WHERE {_IS_AGED} AND {_IS_SETTLED}) AS original_ms,
        (SELECT min(finished_at_ms) FROM jobs WHERE state = 'undeliverable') AS unclaimed_ms,
        (SELECT min(finished_at_ms) FROM jobs WHERE {_IS_PICTURED}) AS pictures_ms,
        (SELECT min(withdrawn_at_ms) FROM jobs WHERE {_IS_WITHDRAWN}) AS withdrawn_ms,
        (SELECT min(at_ms) FROM unneeded_blobs) AS let_go_ms
"""  # noqa: S608 - built from constants
