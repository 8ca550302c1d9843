"""On PostgreSQL too, an index serves whatever is asked again and again: neither history nor a long queue slows it."""

import re
from collections.abc import AsyncIterator

import pytest

from bot.db.postgres.database import PostgresDatabase
from bot.db.transaction import Transaction
from tests.db.test_plans import INDEXES, STATEMENTS

LONG = re.compile(r"Seq Scan on (jobs|ledger|balances|lanes|turns|draws|grants)\b")


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(postgres_url)
    yield database
    await database.close()


def plan(sql: str) -> Transaction[str]:
    """How the statement would be run if tables were too long to be read."""
    yield "SET LOCAL enable_seqscan = off", {}
    names = re.findall(r"(?<!:):([a-z_]\w*)", sql)
    rows = yield f"EXPLAIN {sql}", {name: "19000" if name == "id" else "1" for name in names}
    return "\n".join(row["QUERY PLAN"] for row in rows)


async def test_no_step_of_a_request_reads_a_table_from_its_first_row_to_its_last(
    db: PostgresDatabase,
) -> None:
    plans = {f"{where}.{name}": await db.write(plan(sql)) for where, name, sql in STATEMENTS}
    assert {name: found for name, found in plans.items() if LONG.search(found)} == {}


def history() -> Transaction[None]:
    """Many jobs that have ended, of many servers, and a few that have not."""
    yield _HISTORY, {}
    yield "ANALYZE jobs", {}


async def test_a_question_about_the_queue_reads_no_history(db: PostgresDatabase) -> None:
    await db.write(history())
    plans = {index: await db.write(plan(sql)) for sql, index in INDEXES}
    assert {
        index: found for index, found in plans.items() if "on jobs" in found and f"{index} " not in found
    } == {}


_HISTORY = """
    INSERT INTO jobs (state, request_key, guild_id, channel_id, user_id, card_id, upload_limit, request, provider, model,
        credits, worth, run_at_ms, created_at_ms, task_id, aftercare)
    SELECT CASE WHEN n % 400 = 0 THEN 'queued' WHEN n % 401 = 0 THEN 'rendering' ELSE 'done' END, 'k' || n, n % 50, 1,
        n % 977, n, 1, '{}', 'local', 'm', 1, 1, n, n, CASE WHEN n % 401 = 0 THEN 't' || n END, 2
    FROM generate_series(1, 20000) AS numbers (n)
"""
