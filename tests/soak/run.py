"""A crowd at work for some minutes, in any weather, with restarts; then everything is counted."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bot.app import App, running
from bot.sandbox import ClientRefused, Refusal, Sandbox
from bot.sandbox.model.channels import History
from bot.sandbox.model.interactions import Answer
from bot.settings import Settings
from tests.discord_schema import observer
from tests.held import held
from tests.soak import verdict
from tests.soak.clubs import Crowd, found
from tests.soak.deeds import DEEDS, Deed
from tests.soak.evidence import Evidence, Vitals
from tests.soak.weather import Weather, calm, upset
from tests.vendors.opened import QuickClock, Vendors
from tests.verdict import Row, of_the_books, of_the_clips

TOKEN = "a-token-for-tests"
_CDN_BYTES = 8_000_000
_TIMES = 200
"""Minutes of rendering pass in less than a second; a day takes seven minutes."""
_PATIENT = 4
"""Discord's seconds are as long as so many of ours: a machine that does something else meanwhile is no fault."""
_REQUESTS = {"video", "animate", "motion", "storyboard", "Animate"}


@dataclass(frozen=True)
class Plan:
    """How much is to happen; the same plan plays the same deeds."""

    seed: int
    actions: int
    servers: int = 20
    people: int = 300
    at_once: int = 8
    restarts: int = 2
    weighs: bool = True
    """Whether memory is compared: what a few actions bring along once is more than they leave behind."""


@dataclass
class Report:
    """What happened, and what must not have."""

    plan: Plan
    problems: list[str] = field(default_factory=list[str])
    deeds: Counter[str] = field(default_factory=Counter[str])
    moot: Counter[str] = field(default_factory=Counter[str])
    """Deeds that Discord itself did not let people do."""
    states: Counter[str] = field(default_factory=Counter[str])
    strikes: int = 0
    slowest_s: float = 0.0
    """The longest that anybody waited for a first response."""
    took_s: float = 0.0
    before: Vitals | None = None
    after: Vitals | None = None

    def __str__(self) -> str:
        lines = [
            f"seed {self.plan.seed}: {self.plan.actions} actions in {self.took_s:.0f} s, {self.strikes} faults",
            f"deeds: {dict(self.deeds)}",
            f"moot: {dict(self.moot)}",
            f"jobs: {dict(self.states)}; the slowest answer took {self.slowest_s:.1f} s",
            f"at rest before and after: {self.before} {self.after}",
            *(f"WRONG: {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


@dataclass
class Soak:
    """One run."""

    plan: Plan
    crowd: Crowd
    vendors: Vendors
    settings: Settings
    evidence: Evidence
    clock: QuickClock
    report: Report
    excused: set[str] = field(default_factory=set[str])
    """Tokens of interactions that were on their way when the bot was stopped."""

    async def run(self) -> Report:
        """Warm up and rest; then everything at once, with restarts; rest again, and count."""
        plan, began_s = self.plan, time.monotonic()
        warm = plan.actions // 3
        parts = _parts(warm, plan.actions, plan.restarts + 1)
        self.evidence.attend()
        async with self._bot() as app:
            await self._act(range(warm))
            await self._rest(app)
            self.report.before = self._vitals()
            await self._act(parts[0])
            self._excuse()
        for part in parts[1:-1]:
            async with self._bot():
                await self._act(part)
                self._excuse()
        async with self._bot() as app:
            await self._act(parts[-1])
            known = await self._rest(app)
            await self._judge(app, known)
            self.report.after = self._vitals()
        if plan.weighs:
            self.report.problems += verdict.of_the_process(self.report.before, self.report.after)
        self.report.problems += self.evidence.lost
        self.report.took_s = time.monotonic() - began_s
        return self.report

    @asynccontextmanager
    async def _bot(self) -> AsyncGenerator[App]:
        """The bot from its start to its stop."""
        async with held(running(self.settings, clock=self.clock)) as app:
            await self.crowd.app.ready(timeout_s=30)
            yield app

    async def _act(self, numbers: range) -> None:
        """Let so many people act at once; all are left alone when the last deed has begun."""
        weather = Weather(random.Random(f"{self.plan.seed} weather {numbers}"))
        self.crowd.sandbox.faults.weather = weather
        upset(self.vendors, random.Random(f"{self.plan.seed} vendors {numbers}"), jobs=len(numbers))
        waiting = iter(numbers)

        async def one_after_another() -> None:
            for number in waiting:
                await self._deed(number)

        async with asyncio.TaskGroup() as people:
            for _ in range(self.plan.at_once):
                people.create_task(one_after_another())
        self.report.strikes += weather.strikes

    async def _deed(self, number: int) -> None:
        dice = random.Random(f"{self.plan.seed} deed {number}")
        act = dice.choices(list(DEEDS), weights=list(DEEDS.values()))[0]
        club = dice.choice(self.crowd.clubs)
        try:
            await act(Deed(self.crowd, club, dice.choice(club.people), dice, number))
        except (ClientRefused, Refusal):  # somebody has deleted it, locked it, or pressed it before
            self.report.moot[act.__name__] += 1
        else:
            self.report.deeds[act.__name__] += 1

    async def _rest(self, app: App) -> list[Row]:
        """Fine weather, until nothing is under way."""
        self.crowd.sandbox.faults.clear()
        calm(self.vendors)
        return await verdict.settles(app)

    def _excuse(self) -> None:
        """Who has no answer when the bot stops; requests that were acknowledged in public are not forgotten."""
        for one in self.crowd.sandbox.unanswered():
            done = one.acknowledgement
            is_request = one.data.get("name") in _REQUESTS
            if not (is_request and done and done.type is Answer.DEFERRED and not done.ephemeral):
                self.excused.add(one.token)

    async def _judge(self, app: App, known: list[Row]) -> None:
        self.report.states.update(row.state.value for row in known)
        problems = self.report.problems
        problems += [problem async for problem in of_the_books(app.db, known)]
        problems += of_the_clips(known, self.evidence.posted.by_job, self.evidence.posted.answers)
        problems += verdict.of_the_bills(known, self.vendors)
        problems += verdict.of_the_answers(self.crowd.sandbox, self.evidence, self.excused)
        given = (one.acknowledgement for one in self.crowd.sandbox.world.interactions.values())
        self.report.slowest_s = max(one.latency_s for one in given if one)
        if app.connection.done():
            problems.append("the connection to Discord has ended")

    def _vitals(self) -> Vitals:
        """What is held when Discord and the vendors have forgotten what they remember for tests."""
        sandbox = self.crowd.sandbox
        if self.report.states:
            sandbox.world.interactions.clear()
            for vendor in self.vendors.by_name.values():
                vendor.tasks.clear()
            for place in self.crowd.everywhere():
                place.history = History()
            for club in self.crowd.clubs:
                club.private.clear()
        sandbox.requests.clear()
        for vendor in self.vendors.by_name.values():
            vendor.seen.clear()
        return Vitals.taken()


def _parts(start: int, end: int, count: int) -> list[range]:
    marks = [start + (end - start) * number // count for number in range(count + 1)]
    return [range(one, other) for one, other in pairwise(marks)]


async def soak(plan: Plan, folder: Path) -> Report:
    """Play a plan, with the bot's data in `folder`."""
    async with AsyncExitStack() as stack:
        began_s = time.time()
        sandbox = Sandbox(
            clock=lambda: began_s + (time.time() - began_s) / _PATIENT, max_cdn_bytes=_CDN_BYTES
        )
        check = observer()
        if check is not None:
            sandbox.on_request.append(check)
        await stack.enter_async_context(sandbox.serve())
        vendors = await Vendors.open(stack)
        has_content = bool(plan.seed % 2)
        app = sandbox.add_application("Kinora", token=TOKEN, message_content=has_content)
        dice = random.Random(f"{plan.seed} crowd")
        crowd = found(sandbox, app, dice, servers=plan.servers, people=plan.people)
        evidence = Evidence(sandbox, app.user.id)
        stack.enter_context(evidence.listening())
        settings = _settings(sandbox, vendors, folder)
        run = Soak(plan, crowd, vendors, settings, evidence, QuickClock(_TIMES), Report(plan))
        report = await run.run()
        report.problems += check.problems if check is not None else []
        return report


def _settings(sandbox: Sandbox, vendors: Vendors, folder: Path) -> Settings:
    base = Settings.model_validate(
        {
            "discord_token": TOKEN,
            "discord_api_url": sandbox.api_url,
            "discord_gateway_url": sandbox.gateway_url,
            "data_dir": folder / "data",
            "web_port": 0,
        }
    )
    many = dict.fromkeys(("kling_concurrency", "kkiai_concurrency", "aimlapi_concurrency"), 20)
    return vendors.settings(base, **many, onemin_concurrency=5, local_concurrency=1)
