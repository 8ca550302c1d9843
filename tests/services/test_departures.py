"""Removals from servers: what is heard is written down whatever happens, and forgetting can be broken off anywhere."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.db import audit, departures, erasures, guilds, jobs, lanes
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.errors import DiscordUnavailable, NotInServer
from bot.domain.jobs import Job, JobState
from bot.services.departures import Departures
from tests import builders
from tests.services.doubles import TurnedClock

T = TypeVar("T")

GUILD = 1
MONTH_S = 31 * 86_400


class Failing:
    """A database that takes so many writes, and is away then."""

    def __init__(self, db: SqliteDatabase, *, takes: int) -> None:
        self._db = db
        self.takes = takes

    async def read(self, transaction: Transaction[T]) -> T:
        return await self._db.read(transaction)

    async def write(self, transaction: Transaction[T]) -> T:
        if not self.takes:
            raise DatabaseUnavailable
        self.takes -= 1
        return await self._db.write(transaction)


class Office:
    """The service with a database of its own, and what it has set in motion."""

    def __init__(self, db: SqliteDatabase) -> None:
        self.db = db
        self.clock = TurnedClock()
        self.gone = set[int]()
        self.members: dict[int, bool | None] = {}
        """What Discord says to who asks for a server: whether the bot is in it, or nothing; else, that it is not."""
        self.asked_for: list[int] = []
        self.woken: list[int] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while Discord is asked, or the jobs of a server are being stopped."""
        self.departures = self.opened(db)

    def opened(self, db: Any) -> Departures:
        """As another process would begin."""
        return Departures(
            db=db,
            clock=self.clock,
            gone=self.gone,
            defaults=builders.caps(user_day=50),
            data_lasts_ms=30 * 86_400_000,
            is_member=self._is_member,
            wake=self._wake,
            ended=lambda: None,
        )

    async def _is_member(self, guild_id: int) -> bool:
        self.asked_for.append(guild_id)
        is_member = self.members.get(guild_id, False)
        self.meanwhile()
        if is_member is None:
            raise DiscordUnavailable
        return is_member

    def _wake(self, job_id: int) -> None:
        self.woken.append(job_id)
        self.meanwhile()

    async def asked(self, **origin: Any) -> Job:
        accept = jobs.accept(
            builders.origin(**origin),
            builders.request(),
            builders.choice(),
            defaults=builders.caps(user_day=50),
            now_ms=self.clock.now_ms(),
        )
        return (await self.db.write(accept)).job

    async def moved(self, job: Job, *states: JobState, **known: Any) -> Job:
        for state in states:
            job = await self.db.write(jobs.move(job, state, now_ms=self.clock.now_ms(), **known))
        return job

    async def running(self, **origin: Any) -> Job:
        await self.asked(**origin)
        job = await self.db.write(jobs.admit("local", slots=9, now_ms=self.clock.now_ms()))
        assert job is not None
        return job

    async def job(self, job: Job) -> Job:
        return await self.db.read(jobs.get(job.id))

    async def table(self, sql: str) -> list[dict[str, Any]]:
        def rows() -> Transaction[list[dict[str, Any]]]:
            return [dict(row) for row in (yield sql, {})]

        return await self.db.read(rows())

    async def dates(self) -> tuple[bool, bool]:
        """Whether the server is known to be left, and forgotten."""
        [row] = await self.table("SELECT left_at_ms, forgotten_at_ms FROM guilds")
        return row["left_at_ms"] is not None, row["forgotten_at_ms"] is not None


@pytest.fixture
async def office(tmp_path: Path) -> AsyncGenerator[Office]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("local"))
    yield Office(db)
    assert await db.read(audit.discrepancies()) == 0
    await db.close()


async def test_each_job_ends_as_far_as_it_can_at_once(office: Office) -> None:
    rendered = {"rendered_at_ms": office.clock.now_ms()}
    undelivered = await office.moved(
        await office.running(),
        JobState.RENDERING,
        JobState.FETCHING,
        JobState.DELIVERING,
        JobState.UNDELIVERABLE,
        **rendered,
    )
    fetching = await office.moved(await office.running(), JobState.RENDERING, JobState.FETCHING, **rendered)
    rendering = await office.moved(await office.running(), JobState.RENDERING)
    waiting = await office.asked()
    office.departures.left(GUILD)
    await office.departures.carry_on()
    states = [(await office.job(job)).state for job in (undelivered, fetching, rendering, waiting)]
    assert states == [JobState.FAILED, JobState.FAILED, JobState.RENDERING, JobState.CANCELLED]
    assert office.woken == [rendering.id]
    assert (await office.job(rendering)).cancel_requested
    closed = await office.table(
        "SELECT job_id, kind, worth FROM ledger WHERE kind <> 'reserve' ORDER BY job_id"
    )
    assert closed == [
        {"job_id": undelivered.id, "kind": "refund", "worth": 5},
        {"job_id": fetching.id, "kind": "refund", "worth": 5},
        {"job_id": waiting.id, "kind": "refund", "worth": 0},
    ]


async def test_where_a_clip_was_being_claimed_it_is_deleted_by_who_is_invited_again(office: Office) -> None:
    job = await office.moved(
        await office.running(),
        JobState.RENDERING,
        JobState.FETCHING,
        JobState.DELIVERING,
        JobState.UNDELIVERABLE,
        rendered_at_ms=office.clock.now_ms(),
    )
    await office.db.write(erasures.share(job.id, 20, 30))
    office.departures.left(GUILD)
    await office.departures.carry_on()
    assert await office.table("SELECT channel_id FROM erasures") == []  # nothing can be deleted there now
    office.departures.joined(GUILD)
    await office.departures.carry_on()
    noted = await office.table("SELECT channel_id, message_id FROM erasures")
    assert noted == [{"channel_id": 20, "message_id": 30}]
    assert await office.table("SELECT job_id FROM shares") == []


async def test_a_request_that_comes_just_after_the_removal_becomes_no_job(office: Office) -> None:
    await office.asked()
    office.departures.left(GUILD)
    await office.departures.carry_on()
    with pytest.raises(NotInServer):
        await office.asked()


async def test_what_was_heard_while_the_database_was_away_is_written_down_later(office: Office) -> None:
    job = await office.asked()
    failing = Failing(office.db, takes=0)
    service = office.opened(failing)
    service.left(GUILD)
    with pytest.raises(DatabaseUnavailable):
        await service.carry_on()
    assert office.gone == {GUILD}  # and nothing is said there
    failing.takes = 9
    await service.carry_on()
    assert (await office.job(job)).state is JobState.CANCELLED


@pytest.mark.parametrize("is_due", [False, True])
async def test_a_server_that_cannot_be_written_down_does_not_keep_others_waiting(
    office: Office, monkeypatch: pytest.MonkeyPatch, *, is_due: bool
) -> None:
    name = "forget" if is_due else "depart"
    real: Callable[..., Transaction[Any]] = getattr(departures, name)

    def unforeseen(guild_id: int, **known: Any) -> Transaction[Any]:
        if guild_id == GUILD:
            raise ValueError
        return (yield from real(guild_id, **known))

    monkeypatch.setattr(departures, name, unforeseen)
    for guild_id in (GUILD, 2):
        await office.asked(guild_id=guild_id)
        office.departures.left(guild_id)
    await office.departures.carry_on()
    office.clock.turn(MONTH_S)
    await office.departures.carry_on()
    rows = await office.table("SELECT guild_id FROM guilds WHERE forgotten_at_ms IS NOT NULL")
    assert rows == [{"guild_id": 2}]
    monkeypatch.undo()
    await office.departures.carry_on()  # by itself, once the reason is gone
    rows = await office.table("SELECT guild_id FROM guilds WHERE left_at_ms IS NOT NULL ORDER BY guild_id")
    assert rows == [{"guild_id": GUILD}, {"guild_id": 2}]


@pytest.mark.parametrize("is_in", [True, False])
async def test_what_was_heard_last_counts(office: Office, *, is_in: bool) -> None:
    await office.asked()
    heard = [office.departures.left, office.departures.joined]
    for hear in heard if is_in else (*heard, office.departures.left):
        hear(GUILD)
    await office.departures.carry_on()
    assert await office.dates() == (not is_in, False)
    assert office.gone == (set() if is_in else {GUILD})


async def test_a_server_that_discord_does_not_list_is_left_and_one_that_it_lists_is_not(
    office: Office,
) -> None:
    await office.asked()
    await office.asked(guild_id=2)
    office.departures.listed([2, 3])
    await office.departures.carry_on()
    rows = await office.table("SELECT guild_id FROM guilds WHERE left_at_ms IS NOT NULL")
    assert [row["guild_id"] for row in rows] == [GUILD]
    office.departures.listed([GUILD, 3])
    await office.departures.carry_on()
    rows = await office.table("SELECT guild_id FROM guilds WHERE left_at_ms IS NOT NULL")
    assert [row["guild_id"] for row in rows] == [2]
    assert office.gone == {2}


async def test_a_list_without_a_server_ends_nothing_where_the_bot_is_after_all(office: Office) -> None:
    jobs_ = [await office.asked(guild_id=guild_id) for guild_id in (1, 2, 3)]
    office.members = {1: True, 2: False, 3: True}
    office.departures.listed([])
    await office.departures.carry_on()
    states = [(await office.job(job)).state for job in jobs_]
    assert states == [JobState.QUEUED, JobState.CANCELLED, JobState.QUEUED]
    assert office.gone == {2}
    await office.departures.carry_on()
    assert office.asked_for == [1, 2, 3]


async def test_a_server_that_discord_says_nothing_of_waits_and_keeps_no_other_waiting(office: Office) -> None:
    first, second = [await office.asked(guild_id=guild_id) for guild_id in (1, 2)]
    office.members = {1: None, 2: False}
    office.departures.listed([])
    for _ in range(2):
        await office.departures.carry_on()
    assert (await office.job(first)).state is JobState.QUEUED
    assert (await office.job(second)).state is JobState.CANCELLED
    office.members[1] = False
    await office.departures.carry_on()
    assert (await office.job(first)).state is JobState.CANCELLED
    assert office.asked_for == [1, 2, 1, 1]


@pytest.mark.parametrize("is_known", [False, None])
@pytest.mark.parametrize("is_listed", [True, False])
async def test_what_is_heard_while_discord_is_asked_counts_more(
    office: Office, *, is_known: bool | None, is_listed: bool
) -> None:
    job = await office.asked()
    office.members = {GUILD: is_known}
    office.meanwhile = (
        (lambda: office.departures.listed([GUILD])) if is_listed else lambda: office.departures.joined(GUILD)
    )
    office.departures.listed([])
    for _ in range(2):
        await office.departures.carry_on()
    assert (await office.job(job)).state is JobState.QUEUED
    assert office.asked_for == [GUILD]


async def test_nobody_asks_for_servers_that_are_listed_or_known_to_be_left(office: Office) -> None:
    for guild_id in (1, 2):
        await office.asked(guild_id=guild_id)
    office.departures.left(2)
    await office.departures.carry_on()
    office.departures.listed([1, 3])
    await office.departures.carry_on()
    assert office.asked_for == []


async def test_a_server_that_was_joined_before_the_list_was_compared_is_not_left(office: Office) -> None:
    await office.asked()
    office.departures.listed([GUILD])
    office.departures.joined(2)
    await office.asked(guild_id=2)
    await office.departures.carry_on()
    assert office.gone == set()
    await office.asked(guild_id=2, request_key="once more")


async def test_a_server_that_was_left_after_a_list_that_is_not_compared_yet_is_left(office: Office) -> None:
    def meanwhile() -> None:
        office.departures.listed([2])
        office.departures.left(2)

    await office.running()
    await office.asked(guild_id=2)
    office.meanwhile = meanwhile
    office.departures.left(GUILD)
    for _ in range(2):
        await office.departures.carry_on()
    assert office.gone == {GUILD, 2}
    with pytest.raises(NotInServer):
        await office.asked(guild_id=2)


async def test_the_next_process_knows_where_it_is_not(office: Office) -> None:
    await office.asked()
    office.departures.left(GUILD)
    await office.departures.carry_on()
    office.gone.clear()
    await office.opened(office.db).load()
    assert office.gone == {GUILD}


async def test_a_server_is_kept_until_its_time_has_come(office: Office) -> None:
    await office.asked()
    office.departures.left(GUILD)
    await office.departures.carry_on()
    office.clock.turn(29 * 86_400)
    await office.departures.carry_on()
    assert await office.dates() == (True, False)
    office.departures.joined(GUILD)
    office.clock.turn(MONTH_S)
    await office.departures.carry_on()
    assert await office.dates() == (False, False)


async def test_forgetting_that_is_broken_off_anywhere_is_gone_on_with(office: Office) -> None:
    for user_id in (100, 200):
        await office.asked(user_id=user_id)
    await office.db.write(guilds.block(GUILD, 100, until_ms=None, reason="spam"))
    changed = guilds.prefer(GUILD, {"confirm_above": 7}, defaults=builders.NO_CAPS)
    await office.db.write(changed)
    office.departures.left(GUILD)
    await office.departures.carry_on()
    office.clock.turn(MONTH_S)
    broken_off = 0
    while True:
        try:
            await office.opened(Failing(office.db, takes=1)).carry_on()
        except DatabaseUnavailable:
            broken_off += 1
            assert await office.dates() == (True, False)
        else:
            break
    assert broken_off >= 4  # two jobs, two members
    assert await office.dates() == (True, True)
    found = await office.table("SELECT user_id, request FROM jobs")
    assert all(row["user_id"] < 0 and "boat" not in row["request"] for row in found)
    assert len({row["user_id"] for row in found}) == 2
    assert await office.table("SELECT * FROM blocks") == []
    assert await office.table("SELECT confirm_above FROM guilds") == [{"confirm_above": None}]
    assert await office.table("SELECT guild_id FROM guilds") == [{"guild_id": GUILD}]


async def test_who_comes_back_while_being_forgotten_keeps_what_is_left(office: Office) -> None:
    for _ in range(2):
        await office.asked()
    office.departures.left(GUILD)
    await office.departures.carry_on()
    office.clock.turn(MONTH_S)
    with pytest.raises(DatabaseUnavailable):
        await office.opened(Failing(office.db, takes=1)).carry_on()
    office.departures.listed([GUILD])
    await office.departures.carry_on()
    assert await office.dates() == (False, False)
    kept = await office.table("SELECT id FROM jobs WHERE user_id > 0 AND request LIKE '%boat%'")
    assert len(kept) == 1


async def test_a_process_that_hears_nothing_learns_from_the_others_where_the_bot_is(office: Office) -> None:
    await office.db.write(guilds.settle_in(GUILD, defaults=builders.caps()))
    worker = Office(office.db)
    office.departures.left(GUILD)
    await office.departures.carry_on()
    await worker.departures._learn()
    assert worker.gone == {GUILD}
    office.departures.joined(GUILD)
    await office.departures.carry_on()
    await worker.departures._learn()
    assert worker.gone == set()
    assert worker.asked_for == []


async def test_what_a_process_heard_itself_counts_more_than_the_rows(office: Office) -> None:
    for guild_id in (GUILD, 2, 3):
        await office.db.write(guilds.settle_in(guild_id, defaults=builders.caps()))
    for guild_id in (2, 3):
        await office.db.write(departures.depart(guild_id, now_ms=0))
    await office.departures.load()
    office.departures.left(GUILD)
    office.departures.joined(2)
    await office.departures._learn()
    assert office.gone == {GUILD, 3}
    office.departures.listed({3})
    await office.departures._learn()
    assert office.gone == {2}


async def test_what_is_heard_while_the_rows_are_read_counts_more(office: Office) -> None:
    await office.db.write(guilds.settle_in(GUILD, defaults=builders.caps()))

    class Slow:
        async def read(self, transaction: Transaction[T]) -> T:
            found = await office.db.read(transaction)
            departing.left(GUILD)
            return found

    departing = office.opened(Slow())
    await departing._learn()
    assert office.gone == {GUILD}
