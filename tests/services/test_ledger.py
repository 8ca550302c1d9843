"""Pages of the ledger, and all of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import entries
from bot.db.ledger import Cursor, Lookup
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.money import Entry
from bot.services import ledger as pages
from bot.services.ledger import PAGE, Ledger, Page
from tests.services.doubles import Watched

NOW_MS = 1_790_000_000_000
ALL = Lookup()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


@pytest.fixture
def ledger(db: SqliteDatabase) -> Ledger:
    return Ledger(db=db)


async def fill(db: SqliteDatabase, count: int, guild_id: int = 1) -> None:
    def rows() -> Transaction[None]:
        for number in range(count):
            yield from entries.note(
                guild_id, 100, Entry.BLOCK, by_id=900, reason=None, now_ms=NOW_MS + number
            )

    await db.write(rows())


def ids(page: Page) -> list[int]:
    return [line.id for line in page.lines]


async def test_an_empty_ledger_has_one_empty_page(ledger: Ledger) -> None:
    assert await ledger.newest(1, ALL) == Page(ALL, ())


@pytest.mark.parametrize(("count", "has_older"), [(1, False), (PAGE, False), (PAGE + 1, True)])
async def test_the_first_page_knows_whether_there_are_older_rows(
    db: SqliteDatabase, ledger: Ledger, *, count: int, has_older: bool
) -> None:
    await fill(db, count)
    page = await ledger.newest(1, ALL)
    assert (len(page.lines), page.has_newer, page.has_older) == (min(count, PAGE), False, has_older)


async def test_one_gets_to_the_last_page_and_back_to_the_first(db: SqliteDatabase, ledger: Ledger) -> None:
    await fill(db, 2 * PAGE + 3)
    first = await ledger.newest(1, ALL)
    second = await ledger.older(1, ALL, Cursor.of(first.lines[-1]))
    last = await ledger.older(1, ALL, Cursor.of(second.lines[-1]))
    assert ids(first) + ids(second) + ids(last) == list(range(2 * PAGE + 3, 0, -1))
    assert (second.has_newer, second.has_older) == (True, True)
    assert (last.has_newer, last.has_older) == (True, False)
    assert await ledger.newer(1, ALL, Cursor.of(last.lines[0])) == second
    assert await ledger.newer(1, ALL, Cursor.of(second.lines[0])) == first


async def test_the_first_page_is_full_even_if_it_overlaps(db: SqliteDatabase, ledger: Ledger) -> None:
    await fill(db, PAGE + 3)
    first = await ledger.newest(1, ALL)
    assert await ledger.newer(1, ALL, Cursor.of(first.lines[4])) == first


async def test_rows_that_were_written_meanwhile_shift_nothing(db: SqliteDatabase, ledger: Ledger) -> None:
    await fill(db, PAGE + 3)
    first = await ledger.newest(1, ALL)
    await db.write(entries.note(1, 1, Entry.BLOCK, by_id=2, reason=None, now_ms=NOW_MS + 10_000))
    assert ids(await ledger.older(1, ALL, Cursor.of(first.lines[-1]))) == [3, 2, 1]


async def test_a_place_that_is_nobodys_leads_nowhere_else(db: SqliteDatabase, ledger: Ledger) -> None:
    await fill(db, 3)
    await fill(db, 3, guild_id=2)
    largest = 2**63 - 1
    assert ids(await ledger.older(1, ALL, Cursor(largest, largest))) == [3, 2, 1]
    assert ids(await ledger.newer(1, ALL, Cursor(0, 0))) == [3, 2, 1]
    assert ids(await ledger.older(1, ALL, Cursor(0, 0))) == []


async def test_all_rows_come_in_handfuls_up_to_a_bound(
    db: SqliteDatabase, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_READ_AT_ONCE", 10)
    monkeypatch.setattr(pages, "MOST_EXPORTED", 40)
    await fill(db, 25)
    await fill(db, 3, guild_id=2)
    handfuls = [len(lines) async for lines in ledger.all(1, ALL)]
    assert handfuls == [10, 10, 5]
    await fill(db, 75)
    found = [line.id async for lines in ledger.all(1, ALL) for line in lines]
    assert len(found) == len(set(found)) == 40
    assert [lines async for lines in ledger.all(3, ALL)] == []


async def test_exports_wait_for_each_other_so_that_a_click_waits_for_one_handful(
    db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_READ_AT_ONCE", 2)
    await fill(db, 7)
    watched = Watched(db)
    ledger = Ledger(db=watched)

    async def exported() -> int:
        return sum([len(lines) async for lines in ledger.all(1, ALL)])

    assert await asyncio.gather(*(exported() for _ in range(5))) == [7] * 5
    assert watched.most == 1
