"""What callers may rely on with either database, while it runs."""

import asyncio
import logging
import sqlite3

import psycopg
import pytest

from bot.db.errors import WriteInRead
from bot.db.transaction import Database, Transaction
from bot.domain.errors import NoSuchJob
from bot.language import speaking
from tests.db.conftest import Ledger

REFUSED = (sqlite3.IntegrityError, psycopg.errors.CheckViolation)


class Boom(Exception):
    pass


@pytest.fixture(params=["db", "shared"], ids=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    return request.getfixturevalue(request.param)


async def test_a_failure_is_its_own_callers_alone(database: Database, ledger: type[Ledger]) -> None:
    boom = Boom()
    results = await asyncio.gather(
        database.write(ledger.put("a", 1)),
        database.write(ledger.put_then_fail("a", 2, boom)),
        database.write(ledger.put("b", 5000)),
        database.write(ledger.increment("a")),
        return_exceptions=True,
    )
    assert results[1] is boom
    assert isinstance(results[2], REFUSED)
    assert (results[0], results[3]) == (None, 2)
    assert await database.read(ledger.everything()) == {"a": 2}


async def test_a_failure_alone_is_undone(database: Database, ledger: type[Ledger]) -> None:
    with pytest.raises(Boom):
        await database.write(ledger.put_then_fail("a", 2, Boom()))
    with pytest.raises(REFUSED):
        await database.write(ledger.put("a", 5000))
    assert await database.write(ledger.increment("a")) == 1


async def test_a_failure_that_nobody_waits_for_is_logged(
    database: Database, ledger: type[Ledger], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    gone = asyncio.ensure_future(database.write(ledger.put_then_fail("a", 1, Boom())))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait((gone,))
    await database.write(ledger.put("b", 1))
    assert ["after its caller was cancelled" in record.message for record in caplog.records] == [True]


async def test_a_read_may_not_write(database: Database, ledger: type[Ledger]) -> None:
    with pytest.raises(WriteInRead, match="may not write"):
        await database.read(ledger.put("a", 1))
    assert await database.read(ledger.everything()) == {}


async def test_an_idle_database_has_no_task(database: Database, ledger: type[Ledger]) -> None:
    await database.write(ledger.put("a", 1))
    await database.read(ledger.get("a"))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_a_transaction_refuses_is_said_in_its_callers_language(database: Database) -> None:
    def refuse() -> Transaction[None]:
        yield "SELECT 1", {}
        raise NoSuchJob

    async def refused(spoken: str, *, writes: bool) -> str:
        with speaking(spoken), pytest.raises(NoSuchJob) as error:
            await (database.write if writes else database.read)(refuse())
        return str(error.value)

    said = await asyncio.gather(
        *(refused(spoken, writes=writes) for spoken in ("en", "de") for writes in (True, False))
    )
    assert said == ["There is no such job."] * 2 + ["Diesen Auftrag gibt es nicht."] * 2
