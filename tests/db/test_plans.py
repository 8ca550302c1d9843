"""The queue is answered from partial indexes: neither history nor the length of the queue may slow it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import (
    audit,
    departures,
    entries,
    grants,
    guilds,
    jobs,
    lanes,
    limits,
    money,
    operation,
    paintings,
    places,
    standing,
)
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


ONCE_AT_START = {"_RECOUNT_LANES", "_RECOUNT_TURNS"}
STATEMENTS = [
    (module.__name__, name, sql)
    for module in (money, standing, grants, entries, limits, lanes, guilds)
    for name, sql in vars(module).items()
    if isinstance(sql, str)
    and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", sql)
    and name not in ONCE_AT_START
]

INDEXES = [
    (lanes._NEXT_JOB, "jobs_queued"),
    (lanes._OWN_BEFORE, "jobs_queued"),
    (lanes._TURNS, "turns_next"),
    (lanes._LANES, "lanes_next"),
    (jobs._WAITING_OF, "jobs_waiting"),
    (jobs._ACTIVE_OF, "jobs_active"),
    (jobs._COUNTS, "jobs_active"),
    (jobs._BY_TASK, "jobs_task"),
    (jobs._OF_MEMBER, "jobs_member"),
    (places._UNDELIVERED, "jobs_undelivered"),
]
"""Questions about the queue, and the index that was made for each."""


def plan(sql: str) -> Transaction[str]:
    rows = yield f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    return "\n".join(row["detail"] for row in rows)


@pytest.mark.parametrize("sql", [lanes._NEXT_LANE, lanes._NEXT_TURN])
async def test_running_jobs_are_counted_without_reading_the_history_of_a_guild(
    db: SqliteDatabase, sql: str
) -> None:
    found = await db.read(plan(sql))
    assert "COVERING INDEX jobs_running" in found
    assert "jobs_member" not in found
    assert "SCAN" not in found


@pytest.mark.parametrize(("sql", "index"), INDEXES)
async def test_a_question_about_the_queue_uses_the_index_made_for_it(
    db: SqliteDatabase, sql: str, index: str
) -> None:
    found = await db.read(plan(sql))
    assert f"INDEX {index} " in found
    assert "SCAN" not in found


async def test_what_waits_anywhere_is_found_without_reading_the_history(db: SqliteDatabase) -> None:
    assert "INDEX jobs_waiting" in await db.read(plan(operation._WAITING))


async def test_clips_that_a_removal_left_in_doubt_are_found_without_reading_the_history(
    db: SqliteDatabase,
) -> None:
    assert "INDEX jobs_cut_off" in await db.read(plan(departures._DOUBTFUL))


@pytest.mark.parametrize("sql", [jobs._WAITING_OF, jobs._ACTIVE_OF, jobs._OF_MEMBER])
async def test_a_listing_is_read_in_order_and_not_sorted(db: SqliteDatabase, sql: str) -> None:
    assert "TEMP B-TREE" not in await db.read(plan(sql))


@pytest.mark.parametrize("sql", [pytest.param(sql, id=f"{where}.{name}") for where, name, sql in STATEMENTS])
async def test_no_step_of_a_request_reads_a_table_from_its_first_row_to_its_last(
    db: SqliteDatabase, sql: str
) -> None:
    tables = await db.read(names_of_tables())
    scanned = set(re.findall(r"SCAN (\w+)", await db.read(plan(sql)))) & tables
    assert not scanned


@pytest.mark.parametrize(
    "sql",
    [audit._BALANCES, audit._GRANTS, lanes._RECOUNT_LANES, lanes._RECOUNT_TURNS],
)
async def test_a_start_reads_no_table_again_for_each_row_of_another(db: SqliteDatabase, sql: str) -> None:
    found = await db.read(plan(sql))
    assert not re.search(r"CORRELATED.*\nSCAN", found)


def test_the_statements_of_a_request_are_looked_at() -> None:
    looked_at = {where.removeprefix("bot.db.") for where, _, _ in STATEMENTS}
    assert looked_at == {"money", "standing", "grants", "entries", "limits", "lanes", "guilds"}
    assert len(STATEMENTS) > 30


def names_of_tables() -> Transaction[set[str]]:
    rows = yield "SELECT name FROM sqlite_master WHERE type = 'table'", {}
    return {row["name"] for row in rows}


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (standing._GRANTS, "INDEX grants_open (guild_id=? AND user_id=?)"),
        (money._RESERVED, "INDEX ledger_once (job_id=?)"),
        (grants._DRAWN, "INDEX sqlite_autoindex_draws_1 (job_id=?)"),
        (lanes._QUEUED_BY, "INDEX sqlite_autoindex_turns_1 (guild_id=? AND user_id=?)"),
    ],
)
async def test_the_books_of_one_job_are_found_by_their_keys(db: SqliteDatabase, sql: str, index: str) -> None:
    assert index in await db.read(plan(sql))


@pytest.mark.parametrize("sql", [standing._BALANCES, money._RELEASE])
async def test_a_balance_is_found_by_its_whole_key_however_many_periods_there_were(
    db: SqliteDatabase, sql: str
) -> None:
    found = await db.read(plan(sql))
    assert "(guild_id=? AND scope=? AND subject_id=? AND period=?)" in found


async def test_links_to_paint_are_counted_without_reading_other_offers(db: SqliteDatabase) -> None:
    assert "INDEX offers_paintings (user_id=?)" in await db.read(plan(paintings._OPEN_OF))
