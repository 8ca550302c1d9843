"""Reading the ledger: by its index, in an order that new rows do not disturb."""

import re

import pytest

from bot.db import entries, ledger
from bot.db.ledger import Cursor, Lookup
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from bot.domain.money import Entry

NOW_MS = 1_790_000_000_000
ALL = Lookup()


@pytest.fixture
def db(either: Database) -> Database:
    return either


async def note(
    db: Database,
    at_ms: int,
    *,
    guild_id: int = 1,
    user_id: int = 100,
    by_id: int = 900,
    kind: Entry = Entry.BLOCK,
) -> None:
    await db.write(entries.note(guild_id, user_id, kind, by_id=by_id, reason=f"at {at_ms}", now_ms=at_ms))


async def test_rows_come_newest_first_and_those_of_one_moment_last_written_first(db: Database) -> None:
    for at_ms in (NOW_MS, NOW_MS + 5, NOW_MS + 5, NOW_MS + 1):
        await note(db, at_ms)
    lines = await db.read(ledger.older(1, ALL, limit=9))
    assert [line.id for line in lines] == [3, 2, 4, 1]
    assert lines[0].reason == f"at {NOW_MS + 5}"


async def test_going_back_and_forth_passes_every_row_once(db: Database) -> None:
    for number in range(20):
        await note(db, NOW_MS + number // 3)
    down = await db.read(ledger.older(1, ALL, limit=50))
    found = await db.read(ledger.older(1, ALL, limit=7))
    while page := await db.read(ledger.older(1, ALL, Cursor.of(found[-1]), limit=7)):
        found += page
    assert found == down
    up = await db.read(ledger.newer(1, ALL, Cursor.of(found[-1]), limit=50))
    assert up == down[:-1]
    assert await db.read(ledger.newer(1, ALL, Cursor.of(down[10]), limit=3)) == down[7:10]


async def test_rows_are_found_by_kind_and_by_those_they_are_for_or_from(db: Database) -> None:
    await note(db, NOW_MS, kind=Entry.UNBLOCK)
    await note(db, NOW_MS, user_id=101)
    await note(db, NOW_MS, user_id=102, by_id=100)
    await note(db, NOW_MS, guild_id=2)

    async def ids(wanted: Lookup) -> list[int]:
        return [line.id for line in await db.read(ledger.older(1, wanted, limit=9))]

    assert await ids(Lookup(kind=Entry.UNBLOCK)) == [1]
    assert await ids(Lookup(member_id=100)) == [3, 1]
    assert await ids(Lookup(member_id=100, kind=Entry.BLOCK)) == [3]
    assert await ids(Lookup(member_id=100, kind=Entry.GRANT)) == []
    assert await ids(ALL) == [3, 2, 1]


@pytest.mark.parametrize("sql", [ledger._OLDER, ledger._NEWER])
async def test_a_page_is_read_from_the_index_of_its_server(embedded: SqliteDatabase, sql: str) -> None:
    def plan() -> Transaction[str]:
        rows = yield f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(re.findall(r":(\w+)", sql), 1)
        return "\n".join(row["detail"] for row in rows)

    found = await embedded.read(plan())
    assert "SEARCH ledger USING INDEX ledger_guild (guild_id=? AND at_ms" in found
    assert "SCAN" not in found
