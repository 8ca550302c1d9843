"""The log of requests: everything once, in few messages, from when the channel was chosen on, after a restart too."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.app import task_group
from bot.db import guilds, jobs, lanes, privacy
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.domain.content import Rule
from bot.domain.errors import DestinationForbidden, DiscordUnavailable
from bot.domain.jobs import Job
from bot.services.policy import RefusedRequest
from bot.services.request_log import GATHER_MS, RequestLog, Told
from tests import builders
from tests.held import held
from tests.patience import PATIENCE_S
from tests.services.doubles import RecordingPublisher, TurnedClock, Watched

GUILD, LOG, OTHER_LOG = 1, 20, 21
MIA, LEO = 100, 101


@dataclass
class Post:
    """A server, its log channel, and who tells it."""

    db: Watched
    clock: TurnedClock = field(default_factory=TurnedClock)
    publisher: RecordingPublisher = field(default_factory=RecordingPublisher)
    length: int = 0
    """How long the words for a request are, if longer than they need to be."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[RequestLog]:
        """One process."""
        request_log = RequestLog(db=self.db, publisher=self.publisher, clock=self.clock, words=self._words)
        async with task_group() as tasks:
            tasks.create_task(request_log.run())
            yield request_log

    async def choose(self, channel_id: int | None = LOG, *, guild_id: int = GUILD, logs: int = 1) -> None:
        chosen = {"log_channel_id": channel_id, "logs_requests": logs}
        await self.db.write(guilds.prefer(guild_id, chosen, defaults=builders.NO_CAPS))

    async def job(self, guild_id: int = GUILD, user_id: int = MIA) -> Job:
        accepted = jobs.accept(
            builders.origin(guild_id=guild_id, user_id=user_id),
            builders.request(),
            builders.choice(),
            defaults=builders.NO_CAPS,
            now_ms=self.clock.now_ms(),
        )
        return (await self.db.write(accepted)).job

    async def asked(self, request_log: RequestLog, times: int = 1, *, guild_id: int = GUILD) -> None:
        for _ in range(times):
            await self.job(guild_id)
            request_log.wake(guild_id)

    async def hears(self, *messages: str) -> None:
        """What was told so far, once the clock has moved on as far as it takes."""
        await self.until(lambda: self.told() == list(messages))
        await self.settles()
        assert self.told() == list(messages)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self.clock.turn(GATHER_MS / 1000)
                await asyncio.sleep(0.005)

    async def settles(self) -> None:
        """Wait until the log has nothing left to do: it waits for the database, or goes on within a few turns."""
        idle = 0
        async with asyncio.timeout(PATIENCE_S):
            while idle < 50:
                self.clock.turn(GATHER_MS / 1000)
                await asyncio.sleep(0)
                idle = 0 if self.db.at_once else idle + 1

    def told(self) -> list[str]:
        return [" ".join(text.replace("-", "").split()) for _, _, text in self.publisher.told]

    def _words(self, told: Told) -> str:
        return (f"job{told.id}" if isinstance(told, Job) else f"no{told.user_id}").ljust(self.length, "-")


def refused(user_id: int, guild_id: int = GUILD) -> RefusedRequest:
    return RefusedRequest(guild_id, 10, user_id, "blood", Rule("blood"), "en")


@pytest.fixture
async def post(tmp_path: Path) -> AsyncGenerator[Post]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("local"))
    yield Post(Watched(db))
    await db.close()


async def test_requests_that_come_together_are_told_together(post: Post) -> None:
    await post.choose()
    async with held(post.open()) as request_log:
        await post.asked(request_log, 3)
        await post.hears("job1 job2 job3")
        await post.asked(request_log, 2)
        await post.hears("job1 job2 job3", "job4 job5")
    assert {(guild, channel) for guild, channel, _ in post.publisher.told} == {(GUILD, LOG)}


async def test_no_message_is_longer_than_discord_takes(post: Post) -> None:
    post.length = 700
    await post.choose()
    async with held(post.open()) as request_log:
        await post.asked(request_log, 5)
        await post.hears("job1 job2", "job3 job4", "job5")
    assert all(len(text) <= 2_000 for _, _, text in post.publisher.told)


async def test_more_requests_than_are_read_at_once_are_all_told(post: Post) -> None:
    await post.choose()
    async with held(post.open()) as request_log:
        await post.asked(request_log, 45)
        numbers = [f"job{number}" for number in range(1, 46)]
        await post.hears(*(" ".join(numbers[begin : begin + 20]) for begin in (0, 20, 40)))


async def test_what_a_process_did_not_get_to_is_told_by_the_next(post: Post) -> None:
    await post.choose()
    await post.job()
    async with held(post.open()):
        await post.hears("job1")
    await post.job()
    async with held(post.open()):
        await post.hears("job1", "job2")
    async with held(post.open()):
        await post.hears("job1", "job2")


async def test_a_channel_that_is_chosen_late_hears_what_comes_from_then_on(post: Post) -> None:
    async with held(post.open()) as request_log:
        await post.asked(request_log, 2)
        await post.hears()
        await post.choose()
        await post.asked(request_log)
        await post.hears("job3")
        await post.choose(OTHER_LOG)  # nothing is lost on the way
        await post.asked(request_log)
        await post.hears("job3", "job4")
        await post.choose(OTHER_LOG, logs=0)
        await post.asked(request_log)
        await post.hears("job3", "job4")
        await post.choose(OTHER_LOG)
        await post.asked(request_log)
        await post.hears("job3", "job4", "job6")
    assert [channel for _, channel, _ in post.publisher.told] == [LOG, OTHER_LOG, OTHER_LOG]


async def test_every_server_hears_of_its_own(post: Post) -> None:
    await post.choose()
    await post.choose(OTHER_LOG, guild_id=2)
    async with held(post.open()) as request_log:
        await post.asked(request_log)
        await post.asked(request_log, guild_id=2)
        await post.asked(request_log, guild_id=3)
        await post.until(lambda: len(post.told()) == 2)
    assert {(guild, channel, text) for guild, channel, text in post.publisher.told} == {
        (GUILD, LOG, "job1"),
        (2, OTHER_LOG, "job2"),
    }


async def test_while_discord_is_away_nothing_is_lost_and_the_same_is_sent_again(post: Post) -> None:
    await post.choose()
    post.publisher.tell_faults.extend([DiscordUnavailable(), DiscordUnavailable()])
    async with held(post.open()) as request_log:
        await post.asked(request_log)
        await post.until(lambda: not post.publisher.tell_faults)
        await post.asked(request_log)
        await post.hears("job1", "job2")


async def test_a_channel_that_takes_nothing_is_not_told_later(post: Post) -> None:
    await post.choose()
    post.publisher.tell_faults.append(DestinationForbidden())
    async with held(post.open()) as request_log:
        await post.asked(request_log)
        await post.until(lambda: not post.publisher.tell_faults)
        await post.asked(request_log)
        await post.hears("job2")


async def test_a_database_that_is_away_for_a_moment_loses_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.choose()
    async with held(post.open()) as request_log:
        await post.hears()
        read, faults = post.db.read, [1, 2]

        async def failing(transaction: object) -> object:
            if faults:
                faults.pop()
                raise DatabaseUnavailable
            return await read(transaction)  # pyright: ignore[reportArgumentType, reportUnknownVariableType]

        monkeypatch.setattr(post.db, "read", failing)
        await post.asked(request_log)
        await post.hears("job1")


async def test_refused_requests_are_told_as_far_as_they_are_worth_it(post: Post) -> None:
    await post.choose()
    async with held(post.open()) as request_log:
        await post.asked(request_log)
        request_log.refused(refused(7))
        await post.hears("job1 no7")
        request_log.refused(refused(7))
        await post.hears("job1 no7", "no7")
        for user_id in range(50):
            request_log.refused(refused(user_id))
        await post.hears("job1 no7", "no7", " ".join(f"no{user_id}" for user_id in range(30, 50)))


async def test_refused_requests_of_servers_without_a_log_are_forgotten(post: Post) -> None:
    async with held(post.open()) as request_log:
        request_log.refused(refused(7))
        await post.hears()
        await post.choose()
        await post.asked(request_log)
        await post.hears("job1")


@pytest.mark.parametrize("others", [0, 1])
async def test_what_a_forgotten_member_asked_for_is_not_told_when_it_is_told_again(
    post: Post, others: int
) -> None:
    await post.choose()
    async with held(post.open()) as request_log:
        post.publisher.tell_faults.append(DiscordUnavailable())
        await post.asked(request_log)
        for _ in range(others):
            await post.job(user_id=LEO)
        await post.until(lambda: not post.publisher.tell_faults)
        await post.db.write(privacy.forget(MIA, now_ms=post.clock.now_ms()))
        await post.hears(*["job2"][:others])
