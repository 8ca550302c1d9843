"""Made-up histories: jobs that went all the way to their ends, on a real database that is not asynchronous."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from bot.db import jobs, lanes, migrate
from bot.db.group import Outcome, commit_together, read_alone
from bot.db.postgres.database import PostgresDatabase
from bot.db.rows import spent_columns
from bot.db.transaction import Row, Transaction
from bot.domain.catalogue import Choice
from bot.domain.jobs import Job, JobState
from bot.domain.provider import Spent
from tests import builders

T = TypeVar("T")

NOW_MS = 1_790_000_000_000
"""2026-09-21, 14:13:20 UTC, a Monday."""
DAY_MS = 86_400_000

ROADS: dict[JobState, tuple[JobState, ...]] = {
    JobState.DONE: (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE),
    JobState.UNDELIVERABLE: (
        JobState.RENDERING,
        JobState.FETCHING,
        JobState.DELIVERING,
        JobState.UNDELIVERABLE,
        JobState.FAILED,  # nobody claimed it
    ),
    JobState.FAILED: (JobState.RENDERING, JobState.FAILED),
    JobState.CANCELLED: (JobState.CANCELLED,),
}


@dataclass(frozen=True)
class Past:
    """One job as it went."""

    end: JobState | None = JobState.DONE
    """None: it is still on its way."""
    at_ms: int = NOW_MS
    """When it ended."""
    guild_id: int = 1
    user_id: int = 100
    provider: str = "kling"
    model: str = "kling-v2-1"
    price: int = 5
    worth: int | None = None
    """None: the price."""
    wait_s: int = 60
    cost_usd: str | None = None
    """What its provider said it cost."""
    maybe_charged: bool = False


class History:
    """A database that jobs are put into, from beginning to end."""

    def __init__(self, path: Path | None = None) -> None:
        """In memory, unless there is a path."""
        self.connection = sqlite3.connect(path or ":memory:", isolation_level=None)
        migrate.apply(self.connection, migrate.load(resources.files("bot.db").joinpath("migrations")))
        self.connection.row_factory = sqlite3.Row

    def write(self, transaction: Transaction[T]) -> T:
        [outcome] = commit_together(self.connection, [transaction])
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def read(self, transaction: Transaction[T]) -> T:
        return read_alone(self.connection, transaction)

    def add(self, *past: Past) -> None:
        for one in past:
            self.write(lived(one))

    def together(self, *transactions: Transaction[Any]) -> list[Outcome]:
        """As one group; an outcome each."""
        return commit_together(self.connection, transactions)

    def rows(self, sql: str, **known: object) -> list[Row]:
        """What a statement answers, outside any transaction of the bot's."""
        return self.connection.execute(sql, known).fetchall()

    def columns(self) -> dict[str, list[str]]:
        """Every table and the names of its columns."""
        tables = [row["name"] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [row["name"] for row in self.rows(f"PRAGMA table_info({name})")] for name in tables}

    def ledger(self, guild_id: int | None = None) -> Sequence[Row]:
        return self.rows(
            "SELECT ledger.*, jobs.state, jobs.model, jobs.worth AS catalogue FROM ledger LEFT JOIN jobs"
            " ON jobs.id = job_id WHERE CAST(:guild_id AS BIGINT) IS NULL OR ledger.guild_id = :guild_id"
            " ORDER BY ledger.id",
            guild_id=guild_id,
        )

    def close(self) -> None:
        self.connection.close()


class PostgresHistory(History):
    """The same in PostgreSQL, through the database that the bot uses, for tests that are not asynchronous."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._db = self._runner.run(PostgresDatabase.open(url))

    def reopen(self) -> None:
        self._runner.run(self._db.close())
        self._db = self._runner.run(PostgresDatabase.open(self._url))

    def write(self, transaction: Transaction[T]) -> T:
        return self._runner.run(self._db.write(transaction))

    def read(self, transaction: Transaction[T]) -> T:
        return self._runner.run(self._db.read(transaction))

    def together(self, *transactions: Transaction[Any]) -> list[Outcome]:
        async def gathered() -> list[Any]:
            return await asyncio.gather(*map(self._db.write, transactions), return_exceptions=True)

        ends = self._runner.run(gathered())
        return [Outcome(error=end) if isinstance(end, Exception) else Outcome(end) for end in ends]

    def rows(self, sql: str, **known: object) -> list[Row]:
        def statement() -> Transaction[list[Row]]:
            return list((yield sql, known))

        return self.write(statement())

    def columns(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self.rows(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        ):
            found.setdefault(row["table_name"], []).append(row["column_name"])
        return found

    def begin_anew(self) -> None:
        """Empty every table, as no transaction of the bot's may."""
        tables = ", ".join(self.columns().keys() - {"schema_version"})
        self.rows("SET session_replication_role = replica")  # no triggers
        self.rows(f"TRUNCATE {tables} RESTART IDENTITY")
        self.rows("SET session_replication_role = origin")

    def close(self) -> None:
        self._runner.run(self._db.close())
        self._runner.close()


def lived(past: Past) -> Transaction[Job]:
    """A job from its request to its end."""
    began_ms = past.at_ms - past.wait_s * 1000
    spec = builders.LOCAL.model_copy(update={"provider": past.provider, "id": past.model})
    worth = past.price if past.worth is None else past.worth
    yield from lanes.open_pool(past.provider)
    accepted = yield from jobs.accept(
        builders.origin(guild_id=past.guild_id, user_id=past.user_id),
        builders.request(),
        Choice(spec, past.price, worth=worth),
        defaults=builders.NO_CAPS,
        now_ms=began_ms,
    )
    job = accepted.job
    if past.end is None:
        return job
    yield from lanes.leave(job)
    if past.end is not JobState.CANCELLED:
        job = yield from jobs.move(job, JobState.SUBMITTING, now_ms=began_ms)
    for state in ROADS[past.end]:
        known: dict[str, object] = {}
        if state is JobState.FETCHING:
            spent = None if past.cost_usd is None else Spent(Decimal(1), "units", Decimal(past.cost_usd))
            known = {"rendered_at_ms": past.at_ms, **spent_columns(spent)}
        if past.maybe_charged and state is JobState.FAILED:
            known = {"maybe_charged": 1}
        job = yield from jobs.move(job, state, now_ms=past.at_ms, **known)
    return job
