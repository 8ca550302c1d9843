"""A database of an earlier version, brought up to date with what was in it."""

import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from bot.db import audit, guilds, jobs, lanes, limits, migrate, paintings, places, processes
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.jobs import TERMINAL, Job, JobState
from bot.domain.limits import Limits, Measure
from bot.domain.money import Periods, Scope, Window
from bot.domain.pricing import Prices
from tests import books, builders

_BEFORE_PROVIDERS = 1
_BEFORE_QUOTAS = 2
_BEFORE_CLAIMS_WERE_PAID = 4
_BEFORE_PAINTINGS_WERE_MARKED = 6
_BEFORE_PROCESSES_SAID_WHOM_THEY_CARRY = 8
DAY_MS = 86_400_000


def as_of(path: Path, number: int) -> sqlite3.Connection:
    """A database at the version that file `number` makes."""
    connection = sqlite3.connect(path, isolation_level=None)
    steps = migrate.load(resources.files("bot.db").joinpath("migrations"))
    migrate.apply(connection, tuple(step for step in steps if step.number <= number))
    return connection


async def test_a_job_from_before_there_were_several_providers_is_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "kinora.db"
    with as_of(path, _BEFORE_PROVIDERS) as connection:
        connection.execute("INSERT INTO pools (pool) VALUES ('local')")
        connection.execute("INSERT INTO guilds (guild_id) VALUES (1)")
        connection.execute(
            """INSERT INTO jobs (state, request_key, guild_id, channel_id, user_id, card_id, upload_limit, request,
                provider, model, credits, run_at_ms, created_at_ms)
            VALUES ('queued', 'k', 1, 10, 100, 1000, 1, '{"prompt": "x"}', 'local', 'local-camera', 5, 1, 1)"""
        )
        connection.execute("INSERT INTO lanes (pool, guild_id, queued, pass) VALUES ('local', 1, 1, 0)")
        connection.execute("INSERT INTO turns (pool, guild_id, user_id, queued) VALUES ('local', 1, 100, 1)")
        connection.execute(
            """INSERT INTO ledger (job_id, kind, guild_id, user_id, month, day, credits, at_ms)
            VALUES (1, 'reserve', 1, 100, '1970-01', '1970-01-01', 5, 1)"""
        )
        for user_id, period in ((0, "1970-01"), (100, "1970-01-01")):
            connection.execute(
                "INSERT INTO budgets (guild_id, user_id, period, reserved, used) VALUES (1, ?, ?, 5, 0)",
                (user_id, period),
            )
    connection.close()
    db = await SqliteDatabase.open(path)
    try:
        job = await db.write(jobs.admit("local", slots=1, now_ms=2))
        assert job is not None
        assert (job.credits, job.price, job.tried, job.spent) == (5, 5, (), None)
        assert job.request == builders.request(prompt="x", quality=None)
        for state in (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE):
            job = await db.write(jobs.move(job, state, now_ms=3))
        for window in Window:
            balance = await db.read(books.balance(window=window, now_ms=1))
            assert (balance.used, balance.reserved) == (5, 0)
        assert await db.read(audit.discrepancies()) == 0
        assert await db.write(lanes.recount()) == 0
    finally:
        await db.close()


@dataclass(frozen=True)
class Old:
    """A job as version 2 held it."""

    state: JobState
    day: str
    credits: int = 5
    price: int | None = None
    spent_micro_usd: int | None = None
    guild_id: int = 1
    channel_id: int = 10
    parent_id: int | None = None
    user_id: int = 100

    @property
    def created_at_ms(self) -> int:
        return int(datetime.fromisoformat(self.day).replace(tzinfo=UTC).timestamp() * 1000) + 1

    @property
    def settled(self) -> int:
        return self.credits if self.price is None else self.price


YEARS_END = [f"2026-12-{day}" for day in range(25, 32)] + [f"2027-01-0{day}" for day in range(1, 6)]
STATES = [*JobState]
RENDERED = (JobState.FETCHING, JobState.DELIVERING, JobState.DONE, JobState.UNDELIVERABLE)
OLD = (
    *(Old(STATES[number % len(STATES)], day) for number, day in enumerate(YEARS_END)),
    *(Old(state, "2026-12-31", channel_id=11, parent_id=10, user_id=101) for state in JobState),
    *(Old(state, "2027-01-03", 9, 7, guild_id=2, channel_id=20) for state in JobState),
    Old(JobState.DONE, "2027-01-04", 9, 7, 70_001, channel_id=12, user_id=0x7FFF_FFFF_FFFF_FFFF),
    Old(JobState.DONE, "2020-02-29"),
    Old(JobState.DONE, "2024-12-30"),
    Old(JobState.FAILED, "2021-01-03"),
    Old(JobState.QUEUED, "2026-12-28", 0, guild_id=2, channel_id=20),
)


def enter(connection: sqlite3.Connection, number: int, job: Old) -> None:
    ended = job.state in TERMINAL
    known = {
        "id": number,
        "state": job.state.value,
        "request_key": f"k{number}",
        "guild_id": job.guild_id,
        "channel_id": job.channel_id,
        "parent_id": job.parent_id,
        "user_id": job.user_id,
        "card_id": 1000 + number,
        "upload_limit": 1,
        "request": '{"prompt": "x"}',
        "provider": "local",
        "model": "local-camera",
        "credits": job.credits,
        "price": job.price,
        "attempt": 0 if job.state is JobState.QUEUED else 1,
        "spent_micro_usd": job.spent_micro_usd,
        "run_at_ms": job.created_at_ms,
        "created_at_ms": job.created_at_ms,
        "finished_at_ms": job.created_at_ms if ended else None,
        "rendered_at_ms": job.created_at_ms if job.state in RENDERED else None,
        "aftercare": 2 if ended else 0,
    }
    names, values = ", ".join(known), ", ".join(f":{name}" for name in known)
    connection.execute(f"INSERT INTO jobs ({names}) VALUES ({values})", known)
    rows = [("reserve", job.credits)]
    if ended:
        rows += [("settle", job.settled) if job.state is JobState.DONE else ("refund", 0)]
    for kind, credits_ in rows:
        connection.execute(
            """INSERT INTO ledger (job_id, kind, guild_id, user_id, month, day, credits, at_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (number, kind, job.guild_id, job.user_id, job.day[:7], job.day, credits_, job.created_at_ms),
        )
    reserved = 0 if ended else job.credits
    used = job.settled if job.state is JobState.DONE else 0
    for user_id, period in ((0, job.day[:7]), (job.user_id, job.day)):
        connection.execute(
            """INSERT INTO budgets (guild_id, user_id, period, reserved, used) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET reserved = reserved + excluded.reserved, used = used + excluded.used""",
            (job.guild_id, user_id, period, reserved, used),
        )


@pytest.fixture
async def upgraded(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    """Two servers in version 2: the first with caps of every kind, the second without any, now in version 3."""
    path = tmp_path / "kinora.db"
    with as_of(path, _BEFORE_QUOTAS) as connection:
        connection.execute("INSERT INTO pools (pool) VALUES ('local')")
        connection.execute("INSERT INTO guilds VALUES (1, 3, 1000, 200, 10, 2, 0, 1)")
        connection.execute("INSERT INTO guilds VALUES (2, 1, NULL, NULL, NULL, NULL, NULL, 0)")
        for number, job in enumerate(OLD, start=1):
            enter(connection, number, job)
        connection.execute(
            """INSERT INTO lanes SELECT provider, guild_id, count(*), 0 FROM jobs WHERE state = 'queued'
            GROUP BY provider, guild_id"""
        )
        connection.execute(
            """INSERT INTO turns SELECT provider, guild_id, user_id, count(*), 0 FROM jobs WHERE state = 'queued'
            GROUP BY provider, guild_id, user_id"""
        )
    connection.close()
    db = await SqliteDatabase.open(path)
    yield db
    assert await db.read(audit.discrepancies()) == 0
    assert await db.write(lanes.recount()) == 0
    await db.close()


async def test_the_books_of_all_that_was_ever_asked_agree(upgraded: SqliteDatabase) -> None:
    assert await upgraded.read(audit.discrepancies()) == 0
    assert await upgraded.write(lanes.recount()) == 0


async def test_caps_stay_as_they_were(upgraded: SqliteDatabase) -> None:
    first = await upgraded.read(limits.all_of(1))
    assert first.of(Scope.SERVER) == {Measure.MONTH: 1000, Measure.RUNNING: 0}
    assert first.of(Scope.MEMBER) == {Measure.DAY: 200, Measure.QUEUED: 10, Measure.RUNNING: 2}
    assert len(first.rows) == 5
    assert await upgraded.read(limits.all_of(2)) == Limits()


async def test_preferences_and_prices_stay_as_they_were(upgraded: SqliteDatabase) -> None:
    assert (await upgraded.read(guilds.preferences(1)))["cheapest_first"]
    assert not (await upgraded.read(guilds.preferences(2))).get("cheapest_first")
    assert await upgraded.read(guilds.prices(1)) == Prices()
    for number, old in enumerate(OLD, start=1):
        job = await upgraded.read(jobs.get(number))
        assert (job.credits, job.price, job.worth, job.price_percent) == (
            old.credits,
            0 if old.state is JobState.UNDELIVERABLE else old.settled,
            old.settled,
            100,
        )


def of_ledger(kind: str) -> Transaction[list[tuple[object, ...]]]:
    rows = yield (
        """SELECT job_id, guild_id, user_id, by_id, channel_id, provider, credits, allowance, budget, worth, day, week,
            month FROM ledger WHERE kind = :kind ORDER BY id""",
        {"kind": kind},
    )
    return [tuple(row) for row in rows]


def expected(number: int, job: Old, kind: str) -> tuple[object, ...]:
    credits_ = job.settled if kind == "settle" else job.credits
    worth = credits_
    if kind == "refund":
        worth = job.settled if job.state in RENDERED else 0
    year, week, _ = datetime.fromisoformat(job.day).isocalendar()
    whom = (number, job.guild_id, job.user_id, 0, job.parent_id or job.channel_id, "local")
    return (*whom, *[credits_] * 3, worth, job.day, f"{year}-W{week:02}", job.day[:7])


@pytest.mark.parametrize("kind", ["reserve", "settle", "refund"])
async def test_every_row_of_the_ledger_is_still_there_in_its_week_and_channel(
    upgraded: SqliteDatabase, kind: str
) -> None:
    wanted = [
        expected(number, job, kind)
        for number, job in enumerate(OLD, start=1)
        if kind == "reserve" or kind == _closing(job)
    ]
    assert await upgraded.read(of_ledger(kind)) == wanted


def _closing(job: Old) -> str | None:
    if job.state is JobState.DONE:
        return "settle"
    return "refund" if job.state in TERMINAL else None


async def test_what_was_used_and_reserved_counts_in_each_window(upgraded: SqliteDatabase) -> None:
    for now in ("2026-12-27", "2026-12-28", "2026-12-31", "2027-01-01", "2027-01-03", "2027-01-04"):
        now_ms = Old(JobState.DONE, now).created_at_ms
        for user_id in (100, 101):
            found = await upgraded.read(books.standing(user_id=user_id, now_ms=now_ms))
            accounts = {
                Scope.MEMBER: [job for job in OLD if (job.guild_id, job.user_id) == (1, user_id)],
                Scope.SERVER: [job for job in OLD if job.guild_id == 1],
                Scope.CHANNEL: [job for job in OLD if 10 in (job.channel_id, job.parent_id)],
            }
            for scope, theirs in accounts.items():
                for window, balance in zip(Window, getattr(found, scope.value).balances, strict=True):
                    period = Periods.at(now_ms).of(window)
                    counted = [job for job in theirs if Periods.at(job.created_at_ms).of(window) == period]
                    assert (balance.reserved, balance.used) == sums(counted), (now, scope, window)


def sums(old: Sequence[Old]) -> tuple[int, int]:
    """What is reserved for these jobs, and what was used."""
    reserved = sum(job.credits for job in old if job.state not in TERMINAL)
    return reserved, sum(job.settled for job in old if job.state is JobState.DONE)


ONWARDS = {
    JobState.QUEUED: JobState.SUBMITTING,
    JobState.SUBMITTING: JobState.RENDERING,
    JobState.UNKNOWN: JobState.RENDERING,
    JobState.RENDERING: JobState.FETCHING,
    JobState.FETCHING: JobState.DELIVERING,
}


@pytest.mark.parametrize("end", [JobState.DONE, JobState.UNDELIVERABLE])
async def test_every_open_job_can_be_carried_to_its_end(upgraded: SqliteDatabase, end: JobState) -> None:
    await upgraded.write(limits.clear(1, Scope.SERVER, 0, Measure.RUNNING))
    await upgraded.write(limits.clear(1, Scope.MEMBER, 0, Measure.RUNNING))
    known = await upgraded.read(limits.all_of(1))
    await upgraded.write(lanes.recap(1, known))
    now_ms = OLD[-1].created_at_ms + 400 * DAY_MS
    while job := await upgraded.write(jobs.admit("local", slots=1000, now_ms=now_ms)):
        assert job.state is JobState.SUBMITTING
    for number, old in enumerate(OLD, start=1):
        job = await upgraded.read(jobs.get(number))
        if old.state in TERMINAL:
            assert job.state is (JobState.FAILED if old.state is JobState.UNDELIVERABLE else old.state)
        else:
            job = await carried(upgraded, job, end, now_ms)
            if end is JobState.UNDELIVERABLE:
                await upgraded.write(jobs.let_go(job, now_ms=now_ms))
            assert await upgraded.read(closing_of(number)) == (
                "settle" if end is JobState.DONE else "refund",
                old.settled if end is JobState.DONE else old.credits,
            )


async def carried(db: SqliteDatabase, job: Job, end: JobState, now_ms: int) -> Job:
    while job.state is not JobState.DELIVERING:
        job = await db.write(jobs.move(job, ONWARDS[job.state], now_ms=now_ms))
    return await db.write(jobs.move(job, end, now_ms=now_ms))


def closing_of(number: int) -> Transaction[tuple[str, int]]:
    [row] = yield (
        "SELECT kind, credits FROM ledger WHERE job_id = :job_id AND kind <> 'reserve'",
        {"job_id": number},
    )
    return row["kind"], row["credits"]


async def test_waiting_jobs_keep_the_cap_on_clips_at_once(upgraded: SqliteDatabase) -> None:
    """The first server allows none at all; its jobs wait, whatever the second one's do."""
    admitted: list[Job] = []
    while job := await upgraded.write(jobs.admit("local", slots=1000, now_ms=1)):
        admitted.append(job)
    assert admitted
    assert {job.origin.guild_id for job in admitted} == {2}


# ---- Clips that no place took, from when their credits were given back at once


STRANDED: dict[str, object] = {
    "state": "undeliverable",
    "request_key": "k",
    "guild_id": 1,
    "channel_id": 10,
    "user_id": 100,
    "card_id": 1000,
    "upload_limit": 1,
    "request": '{"prompt": "x"}',
    "provider": "local",
    "model": "local-camera",
    "credits": 5,
    "attempt": 1,
    "run_at_ms": 1,
    "created_at_ms": 1,
    "finished_at_ms": 2,
    "rendered_at_ms": 1,
    "aftercare": 2,
    "clip": "a" * 64,
    "clip_bytes": 9,
}


async def stranded_before(path: Path, **known: object) -> SqliteDatabase:
    """One of them, from the version before."""
    with as_of(path, _BEFORE_CLAIMS_WERE_PAID) as connection:
        connection.execute("INSERT INTO guilds (guild_id) VALUES (1)")
        job = STRANDED | known
        names, values = ", ".join(job), ", ".join(f":{name}" for name in job)
        connection.execute(f"INSERT INTO jobs ({names}) VALUES ({values})", job)
        for kind, worth in (("reserve", 5), ("refund", 5)):
            connection.execute(
                """INSERT INTO ledger (kind, guild_id, user_id, by_id, job_id, channel_id, provider, credits, allowance,
                    budget, worth, day, week, month, at_ms)
                VALUES (?, 1, 100, 0, 1, 10, 'local', 5, 5, 5, ?, '1970-01-01', '1970-W01', '1970-01', 1)""",
                (kind, worth),
            )
        for scope, subject in (("member", 100), ("channel", 10), ("server", 0), ("operator", 0)):
            for period in ("1970-01-01", "1970-W01", "1970-01") if scope != "operator" else ("1970-01",):
                used = 5 if scope == "operator" else 0
                row = (scope, subject, period, used)
                connection.execute("INSERT INTO balances VALUES (1, ?, ?, ?, 0, ?)", row)
    connection.close()
    return await SqliteDatabase.open(path)


def refunds() -> Transaction[list[str]]:
    rows = yield "SELECT kind FROM ledger ORDER BY id", {}
    return [row["kind"] for row in rows]


@pytest.mark.parametrize("end", [JobState.DONE, JobState.FAILED])
async def test_what_was_given_back_before_is_claimed_or_let_go_without_a_second_line(
    tmp_path: Path, end: JobState
) -> None:
    db = await stranded_before(tmp_path / "kinora.db")
    try:
        [job] = await db.read(places.undelivered(1, 100))
        assert job.claimable_until_ms is not None
        assert job.claimable_until_ms > time.time() * 1000 + 13 * DAY_MS
        if end is JobState.DONE:
            job = await db.write(jobs.move(job, JobState.DONE, now_ms=9, message_channel_id=10, message_id=7))
        else:
            job = await db.write(jobs.let_go(job, now_ms=9))
        assert (job.price, await db.read(refunds())) == (0, ["reserve", "refund"])
        assert await db.read(audit.discrepancies()) == 0
    finally:
        await db.close()


@pytest.mark.parametrize(
    ("known", "state"),
    [
        ({"message_channel_id": 10, "message_id": 7}, JobState.DONE),
        (
            {"message_channel_id": 10, "message_id": 7, "withdrawn_at_ms": 3, "withdrawn_by": 100},
            JobState.DONE,
        ),
        ({"clip": None}, JobState.FAILED),
        ({"withdrawn_at_ms": 3, "withdrawn_by": -1}, JobState.FAILED),
    ],
)
async def test_what_can_be_claimed_no_more_has_ended(
    tmp_path: Path, known: dict[str, object], state: JobState
) -> None:
    db = await stranded_before(tmp_path / "kinora.db", **known)
    try:
        assert await db.read(places.undelivered(1, 100)) == []
        assert (await db.read(jobs.get(1))).state is state
    finally:
        await db.close()


async def test_links_to_paint_that_were_given_before_lead_on(tmp_path: Path) -> None:
    path = tmp_path / "kinora.db"
    with as_of(path, _BEFORE_PAINTINGS_WERE_MARKED) as connection:
        for ask, sent_at_ms in (('{"asked":{}}', None), ('{"asked":{}}', 5), ('{"options":{}}', None)):
            connection.execute(
                "INSERT INTO offers (guild_id, user_id, ask, lapses_at_ms, sent_at_ms) VALUES (1, 100, ?, 9, ?)",
                (ask, sent_at_ms),
            )
    connection.close()
    db = await SqliteDatabase.open(path)
    try:
        found = [await db.read(paintings.look(number, now_ms=8)) for number in (1, 2, 3)]
        assert [kept and kept.is_open for kept in found] == [True, False, None]
        assert await db.read(paintings.open_of(100, now_ms=8)) == 1
    finally:
        await db.close()


async def test_a_process_of_the_version_before_goes_on_saying_that_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "kinora.db"
    as_of(path, _BEFORE_PROCESSES_SAID_WHOM_THEY_CARRY).close()
    db = await SqliteDatabase.open(path)
    try:
        await db.write(said_before())
        [process] = await db.read(processes.live(now_ms=int(time.time() * 1000)))
        assert (process.id, process.providers) == ("old", ())
    finally:
        await db.close()


def said_before() -> Transaction[None]:
    yield (
        """INSERT INTO processes (id, name, role, shards, version, began_at_ms, seen_at_ms)
        VALUES ('old', 'a:1', 'worker', NULL, '0.9', :now_ms, :now_ms)""",
        {"now_ms": int(time.time() * 1000)},
    )
