"""One run: many people ask, processes are killed at random, PostgreSQL is restarted once; at the end all is judged."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.db import asks
from bot.db.errors import DatabaseFault
from bot.db.postgres.database import PostgresDatabase
from bot.domain.jobs import TERMINAL, Aftercare
from bot.sandbox import Channel, Message, NothingCame, Person
from tests.cluster import verdict
from tests.cluster.delays import LOOKS_EVERY_S, look
from tests.cluster.members import Member
from tests.cluster.plan import Plan, Report
from tests.cluster.world import World, world
from tests.e2e.scenes import PICTURE
from tests.verdict import Posted, Row, rows

_STARTS_WITHIN_S = 120.0
_HEARD_WITHIN_S = 20.0
"""Discord gives three seconds; on this machine a gateway may be starting meanwhile."""
_ANSWERED_WITHIN_S = 240.0
_AGAIN = ("try again",)
"""What is said where a request could not be taken down."""
_STOPPED_BY = {"an order": signal.SIGINT, "a crash": signal.SIGQUIT}
_TROUBLED = 0.9
"""The share of jobs after whose end no process is killed any more."""
_CANCELS = 0.05
"""The share of jobs that somebody wants to stop, which goes through a gateway while a worker is at it."""


@dataclass
class Run:
    """A cluster at work."""

    world: World
    members: list[Member]
    db: PostgresDatabase
    report: Report
    posted: Posted
    pause_s: float
    """From one kill to the next, on average: as the plan says, but no less than it takes this machine to start them all."""
    cards: list[Message] = field(default_factory=list[Message])

    async def play(self) -> None:
        """Until everything has ended, or for as long as the plan allows."""
        plan = self.world.plan
        try:
            async with asyncio.timeout(plan.within_s), asyncio.TaskGroup() as tasks:
                looking = tasks.create_task(self._look_again_and_again())
                trouble = tasks.create_task(self._trouble())
                tasks.create_task(self._outage())
                await self._all_ask()
                await self._until_ended(_TROUBLED)
                trouble.cancel()
                await self._until_no_request_is_left()
                await self._until_ended(1.0)
                looking.cancel()
            await self._look()  # or how long the last steps took is not known
        except* NothingCame as silence:
            self.report.problems += [str(one) for one in silence.exceptions]
        except* TimeoutError:
            self.report.problems.append(f"no end within {plan.within_s:g} s")

    async def _all_ask(self) -> None:
        numbers = iter(range(self.world.plan.jobs))

        async def one_after_another() -> None:
            for number in numbers:
                await self._ask(random.Random(f"{self.world.plan.seed} job {number}"), number)

        async with asyncio.TaskGroup() as people:
            for _ in range(self.world.plan.at_once):
                people.create_task(one_after_another())

    async def _ask(self, dice: random.Random, number: int) -> None:
        """Somebody asks, once more where nobody has heard it, and perhaps wants it stopped."""
        club = self.world.clubs[number % len(self.world.clubs)]
        person, channel = dice.choice(club.people), dice.choice(club.channels)
        provider = dice.choices(("kling", "kkiai", "aimlapi"), weights=(4, 1, 1))[0]
        words = f"the boat drifts, for the time {number}"
        while (card := await self._card(person, channel, words, provider)) is None:
            pass
        self.cards.append(card)
        if dice.random() < _CANCELS and (job_id := verdict.number_of(card)) is not None:
            await person.slash("cancel", channel, id=job_id)

    async def _card(self, person: Person, channel: Channel, words: str, provider: str) -> Message | None:
        """What the request is answered with; None where it must be made again."""
        used = await person.slash("animate", channel, image=PICTURE, prompt=words, provider=provider)
        try:
            await used.acknowledged(timeout_s=_HEARD_WITHIN_S)
        except NothingCame:
            self.report.unheard += 1
            return None
        answer = await used.response(
            lambda shown: any(said in shown.text for said in ("Job ", *_AGAIN)), timeout_s=_ANSWERED_WITHIN_S
        )
        if "Job " in answer.text:
            return answer
        self.report.refused += 1
        await asyncio.sleep(LOOKS_EVERY_S)
        return None

    async def _trouble(self) -> None:
        """Kill one process after the other."""
        dice = random.Random(f"{self.world.plan.seed} trouble")
        while True:
            victim = dice.choice(self.members)
            if victim.is_alive:
                await victim.kill()
                self.report.kills[victim.name] += 1
            await asyncio.sleep(dice.expovariate(1 / self.pause_s))

    async def _outage(self) -> None:
        """PostgreSQL is stopped once, when half of the requests were taken."""
        while len(self.cards) < self.world.plan.jobs // 2:  # noqa: ASYNC110 - a list rings no bell
            await asyncio.sleep(LOOKS_EVERY_S)
        dice = random.Random(f"{self.world.plan.seed} outage")
        await self._restart_postgres(dice.choice(list(_STOPPED_BY)))

    async def _restart_postgres(self, how: str) -> None:
        began_s = time.time()
        await asyncio.to_thread(self.world.postgres.restart, _STOPPED_BY[how])
        self.report.restart = how
        self.report.down_s = time.time() - began_s

    async def _look_again_and_again(self) -> None:
        """Watch how long steps and slots wait."""
        while True:
            await self._look()
            await asyncio.sleep(LOOKS_EVERY_S)

    async def _look(self) -> None:
        delays = self.report.delays
        try:
            seen = await self.db.read(look(slots=self.world.plan.slots))
        except DatabaseFault:
            delays.away(now_s=time.time())
        else:
            delays.look(seen, now_s=time.time())

    async def _until_ended(self, share: float) -> None:
        """Until so many of the jobs have ended."""
        while not await self._have_ended(share):  # noqa: ASYNC110 - rows ring no bell
            await asyncio.sleep(LOOKS_EVERY_S)

    async def _have_ended(self, share: float) -> bool:
        try:
            known = await self.db.read(rows())
        except DatabaseFault:
            return False
        return sum(map(_is_over, known)) >= share * len(known)

    async def _until_no_request_is_left(self) -> None:
        """What a gateway noted without hearing so, because PostgreSQL went away, it takes up when it begins anew."""
        if await self.db.read(asks.left()):
            for gateway in self.members[: self.world.plan.gateways]:
                await gateway.kill()
        while await self.db.read(asks.left()):  # noqa: ASYNC110 - see above
            await asyncio.sleep(LOOKS_EVERY_S)

    async def judge(self) -> None:
        """Write down what there is, and what is wrong."""
        report = self.report
        known = await self.db.read(rows())
        report.states.update(row.state.value for row in known)
        report.charges = sum(len(vendor.bill) for vendor in self.world.vendors.by_name.values())
        report.posts = sum(map(len, self.posted.by_job.values()))
        report.problems += [
            problem async for problem in verdict.of_the_cluster(self.world, self.db, known, self.posted)
        ]
        report.problems += verdict.of_the_cards(known, self.cards)
        report.problems += verdict.of_the_delays(report)
        report.problems += self.world.problems

    def judge_members(self) -> None:
        """What they said of themselves."""
        self.report.problems += [problem for member in self.members for problem in member.ended]
        self.report.problems += verdict.of_the_logs(self.members)


def _is_over(row: Row) -> bool:
    """Threads stay open for some minutes after the end."""
    return row.state in TERMINAL and row.aftercare is not Aftercare.CARD


async def play(plan: Plan) -> Report:
    """Play a plan from an empty database to its verdict."""
    report, began_s = Report(plan), time.monotonic()
    async with world(plan) as around:
        posted = Posted(around.sandbox, around.application.user.id)
        members = around.members()
        async with _living(members) as lives:
            starts_s = time.monotonic()
            await _until_ready(around, members, lives)
            pause_s = max(plan.kills_every_s, time.monotonic() - starts_s)
            db = await PostgresDatabase.open(around.postgres.url("kinora"))
            try:
                run = Run(around, members, db, report, posted, pause_s)
                await run.play()
                await run.judge()
            finally:
                await db.close()
        run.judge_members()
    report.took_s = time.monotonic() - began_s
    return report


async def _until_ready(around: World, members: list[Member], lives: Sequence[asyncio.Future[None]]) -> None:
    """Wait for all gateways; who ends before that will say why."""
    ready = asyncio.ensure_future(
        around.application.ready(sessions=around.plan.gateways, timeout_s=_STARTS_WITHIN_S)
    )
    await asyncio.wait((ready, *lives), return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        ready.cancel()
        raise AssertionError([problem for member in members for problem in member.ended])
    ready.result()


@asynccontextmanager
async def _living(members: list[Member]) -> AsyncGenerator[Sequence[asyncio.Future[None]]]:
    """All of them are kept alive; in the end each is asked to stop, and must."""
    lives = [asyncio.ensure_future(member.live()) for member in members]
    try:
        yield lives
        await asyncio.gather(*(member.stop() for member in members))
        await asyncio.gather(*lives)
    finally:
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
