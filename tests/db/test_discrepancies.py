import pytest

from bot.db import audit, grants, guilds, jobs, lanes
from bot.db.entries import SERVER
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import JobState
from tests import builders

NOW_MS = 1_790_000_000_000
CAPS = builders.caps(user_day=3, guild_month=3)
"""So little that the grants are needed."""


@pytest.fixture
async def db(either: Database) -> Database:
    """One reserved, one settled and one refunded job, each paid from two grants; and a grant nobody has touched."""
    await either.write(lanes.open_pool("local"))
    await either.write(guilds.settle_in(1, defaults=CAPS))
    for user_id, credits_ in ((100, 50), (SERVER, 50), (101, 1)):
        await either.write(_give(user_id, credits_))
    for end in (None, JobState.DONE, JobState.FAILED):
        await either.write(_live(end))
    return either


def _give(user_id: int, credits_: int) -> Transaction[int]:
    return grants.give(1, user_id, credits_, expires_at_ms=None, by_id=7, reason=None, now_ms=NOW_MS)


def _live(end: JobState | None) -> Transaction[None]:
    origin, request = builders.origin(), builders.request()
    yield from jobs.accept(origin, request, builders.choice(5), defaults=CAPS, now_ms=NOW_MS)
    if end is None:
        return
    job = yield from jobs.admit("local", slots=10, now_ms=NOW_MS)
    assert job
    on_the_way = (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING)
    for state in (*(on_the_way if end is JobState.DONE else ()), end):
        job = yield from jobs.move(job, state, now_ms=NOW_MS)


async def _do(db: Database, sql: str) -> None:
    """As somebody would with a tool of theirs: what protects the ledger goes first."""

    def disturb() -> Transaction[None]:
        if isinstance(db, SqliteDatabase):
            for row in (yield "SELECT name FROM sqlite_master WHERE type = 'trigger'", {}):
                yield f"DROP TRIGGER {row['name']}", {}
        else:
            for table in ("ledger", "draws"):
                yield f"ALTER TABLE {table} DISABLE TRIGGER ALL", {}
        yield sql, {}

    await db.write(disturb())


async def test_sound_books_agree(db: Database) -> None:
    assert await db.read(audit.discrepancies()) == 0
    assert await db.read(audit.wrong_ends()) == []


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        ("DELETE FROM ledger WHERE kind = 'reserve' AND job_id = 1", [1]),
        ("DELETE FROM ledger WHERE kind = 'settle'", [1]),
        ("UPDATE ledger SET kind = 'settle' WHERE kind = 'refund'", [2]),
        ("UPDATE jobs SET state = 'failed' WHERE id = 1", [1]),
    ],
)
async def test_jobs_whose_end_is_not_what_their_entries_say_are_found(
    db: Database, damage: str, wrong: list[int]
) -> None:
    await _do(db, damage)
    assert await db.read(audit.wrong_ends()) == wrong


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        ("UPDATE balances SET used = used + 1 WHERE scope = 'server'", 3),
        ("UPDATE balances SET reserved = reserved + 1", 10),
        ("UPDATE balances SET used = used + 1, reserved = reserved - 1 WHERE scope = 'operator'", 1),
        ("DELETE FROM balances WHERE scope = 'member'", 3),
        ("INSERT INTO balances VALUES (9, 'member', 9, '2026-11', 0, 3)", 1),
        ("DELETE FROM ledger WHERE kind = 'settle'", 10),
        ("DELETE FROM ledger WHERE kind = 'refund'", 4),
        ("UPDATE ledger SET allowance = allowance - 1 WHERE kind = 'settle'", 3),
        ("UPDATE ledger SET budget = budget - 1 WHERE kind = 'settle'", 3),
        ("UPDATE ledger SET worth = worth - 1 WHERE kind = 'settle'", 1),
        ("UPDATE grants SET used = used - 1 WHERE used > 0", 2),
        ("UPDATE grants SET reserved = reserved + 1 WHERE used > 0", 2),
        ("UPDATE grants SET credits = credits + 1 WHERE user_id = 0", 1),
        ("DELETE FROM draws WHERE kind = 'settle'", 2),
        ("DELETE FROM draws WHERE kind = 'refund'", 2),
        ("DELETE FROM draws WHERE kind = 'reserve'", 2),
        ("DELETE FROM ledger WHERE kind = 'grant'", 3),
    ],
)
async def test_everything_that_the_rows_do_not_bear_out_is_counted(
    db: Database, damage: str, wrong: int
) -> None:
    await _do(db, damage)
    assert await db.read(audit.discrepancies()) == wrong
