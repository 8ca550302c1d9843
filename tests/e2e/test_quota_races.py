"""Everybody at once: a cap lets through what it allows and not one clip more, and everybody else is told why."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Iterable
from contextlib import closing
from dataclasses import dataclass

import pytest

from bot.app import App, running
from bot.db import audit, entries, grants, guilds, limits
from bot.db.transaction import Transaction
from bot.domain.jobs import JobState
from bot.domain.limits import EVERYBODY, Limit, Limits, Measure
from bot.domain.money import Scope
from bot.sandbox import Channel, Hold, Person, Server, Used
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, everybody_is_answered, opened
from tests.held import held
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("unhurried")

SERVERS = 5
EACH = 40
PRICE = 5
FREE = "Nothing was charged."
HOUR_MS = 3_600_000

TODAY = "You have 0 credits left today"
DAY = (Scope.MEMBER, Measure.DAY, TODAY)
WEEK = (Scope.MEMBER, Measure.WEEK, "You have 0 credits left this week")
ROLE = (Scope.ROLE, Measure.DAY, TODAY)
BUDGET = (Scope.SERVER, Measure.MONTH, "This server has 0 credits left this month")
CHANNEL = (Scope.CHANNEL, Measure.WEEK, "This channel has 0 credits left this week")
OPERATOR = (
    Scope.OPERATOR,
    Measure.MONTH,
    "The bot's operator lets this server use 0 credits more this month",
)
Kind = tuple[Scope, Measure, str]


@dataclass
class Place:
    """One of the servers that the same person is in."""

    guild: Server
    channel: Channel
    mia: Person
    role_id: int
    why: str = ""
    """What those are told who are refused."""

    async def ask(self, number: int) -> Used:
        if number % 5:
            return await self.mia.slash("video", self.channel, prompt="a paper boat")
        return await self.mia.slash("animate", self.channel, image=PICTURE)

    def subject(self, scope: Scope) -> int:
        return {Scope.ROLE: self.role_id, Scope.CHANNEL: self.channel.id}.get(scope, EVERYBODY)

    def limit(self, kind: Kind, amount: int) -> Limit:
        scope, measure, self.why = kind
        return Limit(scope, self.subject(scope), measure, amount)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    studio = opened(monkeypatch)
    studio.hold()
    return studio


@pytest.fixture
def places(scene: Scene) -> list[Place]:
    made: list[Place] = []
    for number in range(SERVERS):
        guild = (
            scene.guild if number == 0 else scene.sandbox.add_guild(f"Club {number}", app=scene.application)
        )
        channel = scene.channel if number == 0 else guild.add_channel("general")
        mia = scene.mia if number == 0 else guild.add_member(scene.mia)
        role = guild.add_role("crew")
        guild.set_roles(mia, [role])
        made.append(Place(guild, channel, mia, role.id))
    return made


@pytest.fixture
async def at_work(studio: Studio, places: list[Place], scene: Scene, bot: Bot) -> AsyncGenerator[Bot]:
    assert studio.submitted == []
    assert len(places) == SERVERS
    yield bot
    await everybody_is_answered(bot, scene)
    said = [one.original.text for one in scene.sandbox.world.interactions.values() if one.original]
    assert not any("Something went wrong" in text for text in said)


async def decide(app: App, place: Place, *rows: Limit) -> None:
    """As moderators and the operator may, without their words for it; nothing else is capped."""

    def transaction() -> Transaction[None]:
        yield from guilds.settle_in(place.guild.id, defaults=Limits())
        for row in rows:
            yield from limits.put(place.guild.id, row)

    await app.db.write(transaction())


async def give(
    app: App, place: Place, user_id: int, credits_: int, *, expires_at_ms: int | None = None
) -> None:
    await app.db.write(
        grants.give(
            place.guild.id, user_id, credits_, expires_at_ms=expires_at_ms, by_id=1, reason=None, now_ms=1
        )
    )


async def one_clip_each(places: Iterable[Place]) -> None:
    """So that every cap stands one clip before its end."""
    for place in places:
        assert "Job" in (await (await place.ask(1)).response()).text


async def storm(places: list[Place], each: int = EACH) -> dict[int, list[str]]:
    """Ask everywhere at once; what was answered, by server."""
    used = [(place, await place.ask(number)) for number in range(each) for place in places]
    answers = await asyncio.gather(*(one.response(timeout_s=PATIENCE_S) for _, one in used))
    said: dict[int, list[str]] = {}
    for (place, _), answer in zip(used, answers, strict=True):
        said.setdefault(place.guild.id, []).append(answer.text)
    return said


def accepted(said: Iterable[str]) -> list[str]:
    return [text for text in said if "Job " in text]


def refused(said: Iterable[str]) -> list[str]:
    return [text for text in said if "Job " not in text]


def counted() -> Transaction[dict[int, int]]:
    rows = yield "SELECT guild_id, count(*) AS n FROM jobs GROUP BY guild_id", {}
    return {row["guild_id"]: row["n"] for row in rows}


@pytest.mark.parametrize(
    "kinds",
    [(DAY, WEEK, ROLE, BUDGET, CHANNEL), (OPERATOR, ROLE, DAY, CHANNEL, BUDGET)],
    ids=["day-week-role-budget-channel", "operator-role-day-channel-budget"],
)
async def test_of_two_hundred_at_once_each_cap_lets_one_more_through(
    at_work: Bot, places: list[Place], kinds: tuple[Kind, ...], studio: Studio
) -> None:
    for place, kind in zip(places, kinds, strict=True):
        await decide(at_work.app, place, place.limit(kind, 2 * PRICE))
    await one_clip_each(places)
    said = await storm(places)
    for place in places:
        theirs = said[place.guild.id]
        assert len(theirs) == EACH
        assert len(accepted(theirs)) == 1
        assert all(place.why in text and FREE in text for text in refused(theirs))
    assert set((await at_work.app.db.read(counted())).values()) == {2}
    studio.release()
    await all_end(at_work, JobState.DONE)
    for place in places:
        [said_now] = refused((await storm([place], 1))[place.guild.id])
        assert place.why in said_now


async def all_end(bot: Bot, state: JobState) -> None:
    def states() -> Transaction[set[str]]:
        rows = yield "SELECT DISTINCT state FROM jobs", {}
        return {row["state"] for row in rows}

    async with asyncio.timeout(PATIENCE_S):
        while await bot.app.db.read(states()) != {state.value}:  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)


async def test_of_two_hundred_at_once_one_waits_where_one_may_wait(
    at_work: Bot, places: list[Place], studio: Studio
) -> None:
    for place in places:
        one_at_once = Limit(Scope.SERVER, EVERYBODY, Measure.RUNNING, 1)
        one_in_line = Limit(Scope.ROLE, place.role_id, Measure.QUEUED, 1)
        await decide(at_work.app, place, one_at_once, one_in_line)
    await one_clip_each(places)
    await studio.has_taken(SERVERS)
    said = await storm(places)
    for theirs in said.values():
        assert len(accepted(theirs)) == 1
        assert all(
            "No more than 1 clip of yours may wait here" in text and FREE in text for text in refused(theirs)
        )


async def test_grants_are_drawn_once_however_many_ask(at_work: Bot, places: list[Place]) -> None:
    """Nothing but grants pays: the member's, the server's, both, one that covers a clip and a half, one that expired."""
    app = at_work.app
    members, servers, both, more, gone = places
    nothing, empty = (Scope.MEMBER, Measure.WEEK, WEEK[2]), (Scope.SERVER, Measure.MONTH, BUDGET[2])
    for place in (members, more, gone):
        await decide(app, place, place.limit(nothing, 0))
    await decide(app, servers, servers.limit(empty, 0))
    await decide(app, both, both.limit(empty, 0), both.limit(nothing, 0))
    await give(app, members, members.mia.id, PRICE)
    await give(app, servers, entries.SERVER, PRICE)
    await give(app, both, both.mia.id, 4 * PRICE)
    await give(app, both, entries.SERVER, PRICE)
    await give(app, more, more.mia.id, PRICE - 1)
    await give(app, more, more.mia.id, PRICE - 1)
    await give(app, gone, gone.mia.id, PRICE, expires_at_ms=2)
    both.why = empty[2]
    more.why = "You have 3 credits left this week"
    said = await storm(places)
    for place, most in zip(places, (1, 1, 1, 1, 0), strict=True):
        theirs = said[place.guild.id]
        assert len(accepted(theirs)) == most
        assert all(place.why in text and FREE in text for text in refused(theirs))


async def test_a_restart_in_the_middle_lets_nobody_through_twice(
    places: list[Place], scene: Scene, studio: Studio
) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        for place, kind in zip(places, (DAY, WEEK, ROLE, BUDGET, CHANNEL), strict=True):
            await decide(app, place, place.limit(kind, 2 * PRICE))
        await give(app, places[0], places[0].mia.id, PRICE)
        await one_clip_each(places)
        used = [await place.ask(number) for number in range(EACH) for place in places]
        await asyncio.gather(*(one.response(timeout_s=PATIENCE_S) for one in used[: len(used) // 4]))
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        said = await storm(places, each=8)
        for one in used:
            if one.interaction.acknowledgement is not None:
                await one.response(timeout_s=PATIENCE_S)
        taken = await app.db.read(counted())
        assert [taken[place.guild.id] for place in places] == [3, 2, 2, 2, 2]
        for place in places:
            assert all(place.why in text and FREE in text for text in refused(said[place.guild.id]))
        assert await app.db.read(audit.discrepancies()) == 0
        studio.release()
        await all_end(Bot(app), JobState.DONE)
        assert await app.db.read(audit.discrepancies()) == 0


@pytest.mark.usefixtures("studio")
async def test_what_was_acknowledged_before_a_restart_is_counted_as_anything_else(
    places: list[Place], scene: Scene
) -> None:
    """Fifty that stand at the door when the bot stops; what their members' roles allow is not forgotten."""
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        for place, kind in zip(places, (DAY, WEEK, ROLE, BUDGET, CHANNEL), strict=True):
            everybodys = [Limit(Scope.MEMBER, EVERYBODY, Measure.DAY, 0)] if kind is ROLE else []
            await decide(app, place, place.limit(kind, 2 * PRICE), *everybodys)
        await one_clip_each(places)
        scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
        used = [(place, await place.ask(0)) for _ in range(EACH // 4) for place in places]
        await asyncio.gather(*(one.acknowledged(timeout_s=PATIENCE_S) for _, one in used))
    scene.sandbox.faults.clear()
    async with held(running(scene.settings)) as app:
        answers = await asyncio.gather(*(one.response(timeout_s=PATIENCE_S) for _, one in used))
        for place in places:
            theirs = [answer.text for (where, _), answer in zip(used, answers, strict=True) if where is place]
            assert len(accepted(theirs)) == 1
            assert all(place.why in text and FREE in text for text in refused(theirs))
        assert await app.db.read(audit.discrepancies()) == 0


async def test_a_database_that_another_holds_refuses_in_words_and_takes_nothing(
    at_work: Bot, places: list[Place], scene: Scene
) -> None:
    for place in places:
        await decide(at_work.app, place, place.limit(DAY, PRICE))
    await at_work.app.db.write(impatient())
    with closing(
        sqlite3.connect(scene.settings.database_path, isolation_level=None, timeout=PATIENCE_S)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        said = await storm(places, each=4)
        for theirs in said.values():
            assert accepted(theirs) == []
            assert all("The bot cannot reach its database" in text and FREE in text for text in theirs)
        assert await at_work.app.db.read(counted()) == {}
        assert await at_work.app.db.read(audit.discrepancies()) == 0
        other.execute("ROLLBACK")
    said = await storm(places, each=4)
    for theirs in said.values():
        assert len(accepted(theirs)) == 1
        assert all(TODAY in text and FREE in text for text in refused(theirs))


def impatient() -> Transaction[None]:
    """Who waits five seconds for a lock is too late for Discord as well; the test need not wait so long."""
    yield "PRAGMA busy_timeout=0", {}
