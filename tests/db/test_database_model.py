"""Any mixture of writes, failures and cancellations leaves what a dict would hold."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.db.postgres.database import PostgresDatabase
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from tests.db.conftest import SCHEMA, Ledger


class Boom(Exception):
    pass


Op = tuple[str, str, int]
OPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "increment", "raise", "violate", "cancel"]),
        st.sampled_from("abc"),
        st.integers(0, 500),
    ),
    max_size=8,
)


def transaction(op: Op) -> Transaction[int] | Transaction[None]:
    kind, name, n = op
    match kind:
        case "increment":
            return Ledger.increment(name)
        case "raise":
            return Ledger.put_then_fail(name, n, Boom())
        case "violate":
            return Ledger.put(name, 2000)
        case _:
            return Ledger.put(name, n)


def apply(model: dict[str, int], op: Op) -> None:
    kind, name, n = op
    if kind == "increment":
        model[name] = model.get(name, 0) + 1
    elif kind in {"put", "cancel"}:
        model[name] = n


async def play(db: Database, groups: list[list[Op]]) -> None:
    model: dict[str, int] = {}
    for group in groups:
        writes = [asyncio.ensure_future(db.write(transaction(op))) for op in group]
        await asyncio.sleep(0)
        for write, op in zip(writes, group, strict=True):
            if op[0] == "cancel":
                write.cancel()
            apply(model, op)
        results = await asyncio.gather(*writes, return_exceptions=True)
        failed = [isinstance(result, BaseException) for result in results]
        assert failed == [op[0] in {"raise", "violate", "cancel"} for op in group]
        # A cancelled write is in the queue before this one.
        assert await db.write(Ledger.everything()) == model


@settings(max_examples=40, deadline=None)
@given(st.lists(OPS, max_size=5))
def test_it_behaves_like_a_dict(groups: list[list[Op]]) -> None:
    async def main(folder: Path) -> None:
        (folder / "0001_start.sql").write_text(SCHEMA)
        db = await SqliteDatabase.open(folder / "kinora.sqlite", migrations=folder)
        try:
            await play(db, groups)
        finally:
            await db.close()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(main(Path(name)))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(OPS, max_size=5))
def test_so_does_postgresql(
    bare_postgres_url: str, postgres_migrations: Path, groups: list[list[Op]]
) -> None:
    async def main() -> None:
        db = await PostgresDatabase.open(bare_postgres_url, migrations=postgres_migrations)
        try:
            await db.write(Ledger.sql("TRUNCATE counters CASCADE"))
            await play(db, groups)
        finally:
            await db.close()

    asyncio.run(main())
