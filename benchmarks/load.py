"""Five hundred clips being made, and fifty interactions a second by hundreds of people for two minutes, in any weather.

The bot is a process of its own; Discord, the vendors and the people share this one. Its clock is quicker than ours, and
vendors need minutes of that clock. Requests fail on their way to Discord and at vendors as in `tests.soak`. How long
somebody waits for the first response is measured from the gateway event to the callback. At the end every job, clip,
bill and answer is counted.
"""

import asyncio
import json
import os
import random
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from benchmarks import processes
from benchmarks.loaded_bot import Watch
from benchmarks.rounds import percentile
from benchmarks.table import CannotRun, Table
from bot.db.sqlite import SqliteDatabase
from bot.sandbox import ClientRefused, Refusal, Sandbox
from bot.sandbox.model.interactions import Interaction, Kind
from tests.soak import verdict
from tests.soak.clubs import Crowd, found
from tests.soak.deeds import Deed, animate, look_round, look_up, press, typing, video
from tests.soak.evidence import Evidence
from tests.soak.weather import Weather, calm, upset
from tests.vendors.opened import Vendors
from tests.vendors.vendor import Outcome
from tests.verdict import Row, of_the_books, of_the_clips, rows

NAME = "load"
TIMES = 2
"""So much quicker is the bot's clock."""
RENDERS_FOR_S = (60, 300)
"""Of that clock: what a vendor needs for a clip."""
ANSWERED_WITHIN_MS = 1000

_BOT = ("-m", "benchmarks.loaded_bot", str(TIMES))
_TOKEN = "a-token-for-benchmarks"
_FILLED_AT = 25
"""Requests a second before the measurement."""
_FILLED_WITHIN_S = 120.0
_LOOKS_EVERY_S = 0.25
_MOST_TOLD = 12
_CDN_BYTES = 64_000_000
_DEEDS: Mapping[Callable[[Deed], Awaitable[None]], int] = {
    animate: 9,
    video: 8,
    press: 20,
    look_up: 15,
    look_round: 26,
    typing: 22,
}
_EXPECTED = (
    "may have been charged",
    "media fault",
    "provider refuses the account",
    "Ignoring exception in autocomplete",
)
"""Errors that are meant for the operator, and what discord.py calls one: nobody tries suggestions again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much there is of everything."""

    jobs: int = 500
    per_s: int = 50
    lasts_s: int = 120
    servers: int = 20
    people: int = 300
    seed: int = 1


QUICK = Plan(jobs=30, per_s=10, lasts_s=8, servers=4, people=40)


@dataclass
class Found:
    """What was measured."""

    in_flight: list[int] = field(default_factory=list[int])
    done: int = 0
    strikes: int = 0
    vitals: Mapping[str, float] = field(default_factory=dict[str, float])
    at_rest: Mapping[str, float] = field(default_factory=dict[str, float])
    own: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of this process, which is Discord: what it is late by is in every figure."""
    machine: float = 0.0
    """Processes that waited for a core, on average over the last minute."""
    problems: list[str] = field(default_factory=list[str])


async def run(*, quick: bool) -> Table:
    """Load it, and count."""
    plan = QUICK if quick else Plan()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = Sandbox(max_cdn_bytes=_CDN_BYTES)
        await stack.enter_async_context(sandbox.serve())
        vendors = await Vendors.open(stack)
        app = sandbox.add_application("Kinora", token=_TOKEN)
        dice = random.Random(f"{plan.seed} crowd")
        crowd = found(sandbox, app, dice, servers=plan.servers, people=plan.people)
        evidence = Evidence(sandbox, app.user.id)
        stage = processes.Stage(
            sandbox, app, crowd.clubs[0].guild, crowd.clubs[0].channels[0], crowd.clubs[0].people[0]
        )
        settings = _accounts(vendors, plan)
        async with processes.running(stage, _BOT, folder, settings=settings, talks=True) as process:
            load = Load(plan, crowd, vendors, process)
            acted = await load.run()
            await _ended(process)
        await load.judge(folder, evidence)
    return _table(plan, load.found, acted, evidence)


class Load:
    """One run."""

    def __init__(self, plan: Plan, crowd: Crowd, vendors: Vendors, process: Process) -> None:
        self.plan = plan
        self.found = Found()
        self._crowd = crowd
        self._vendors = vendors
        self._process = process
        self._dice = random.Random(f"{plan.seed} weather")
        self._numbers = iter(range(10**9))
        self._ready_s: dict[str, float] = {}

    async def run(self) -> list[Interaction]:
        """Fill the vendors, measure, let it come to rest; what people did while it was measured."""
        self._set_outcomes(failing=0)
        async with asyncio.TaskGroup() as works:
            watch = Watch()
            making, watching = works.create_task(self._make()), works.create_task(watch.run())
            await self._fill()
            await self._ask("vitals")
            watch.taken()
            acted = await self._measure()
            self.found.own = watch.taken()
            watching.cancel()
            self.found.vitals = await self._ask("vitals")
            self._crowd.sandbox.faults.clear()
            calm(self._vendors)
            making.cancel()
            for vendor in self._vendors.by_name.values():
                vendor.finish()
            settled = await self._ask("rest")
        if settled["unsettled"]:
            self.found.problems.append(
                f"{settled['unsettled']:.0f} of {settled['jobs']:.0f} jobs did not end"
            )
        self.found.at_rest = await self._ask("vitals")
        return acted

    async def judge(self, folder: Path, evidence: Evidence) -> None:
        """Count everything in the files that the bot has left."""
        db = await SqliteDatabase.open(folder / "kinora.db")
        try:
            known: list[Row] = await db.read(rows())
            wrong = [problem async for problem in of_the_books(db, known)]
        finally:
            await db.close()
        wrong += of_the_clips(known, evidence.posted.by_job, evidence.posted.answers)
        wrong += verdict.of_the_bills(known, self._vendors)
        wrong += verdict.of_the_answers(self._crowd.sandbox, evidence, set())
        wrong += _errors((folder / "stderr").read_text(errors="replace"))
        self.found.problems += wrong
        self.found.done = sum(row.message_id is not None for row in known)

    async def _fill(self) -> None:
        """Ask for as many clips as are to be made at once."""
        async with asyncio.TaskGroup() as people:
            for _ in range(self.plan.jobs):
                people.create_task(self._do(video))
                await asyncio.sleep(1 / _FILLED_AT)
        try:
            async with asyncio.timeout(_FILLED_WITHIN_S):
                while self._in_flight() < self.plan.jobs * 0.8:  # noqa: ASYNC110 - several vendors
                    await asyncio.sleep(_LOOKS_EVERY_S)
        except TimeoutError:
            raise CannotRun(f"only {self._in_flight()} of {self.plan.jobs} clips are being made") from None

    async def _measure(self) -> list[Interaction]:
        """As many interactions a second as planned, whether or not the ones before were answered."""
        plan, world = self.plan, self._crowd.sandbox.world
        before = set(world.interactions)
        weather = Weather(self._dice)
        self._crowd.sandbox.faults.weather = weather
        upset(self._vendors, self._dice, jobs=plan.per_s * plan.lasts_s // 10)
        self._set_outcomes(failing=1)
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as people:
            for number in range(plan.per_s * plan.lasts_s):
                await asyncio.sleep(began_s + number / plan.per_s - time.monotonic())
                act = self._dice.choices(list(_DEEDS), weights=list(_DEEDS.values()))[0]
                people.create_task(self._do(act))
                if number % plan.per_s == 0:
                    self.found.in_flight.append(self._in_flight())
        self.found.strikes, self.found.machine = weather.strikes, os.getloadavg()[0]
        return [one for token, one in world.interactions.items() if token not in before]

    async def _do(self, act: Callable[[Deed], Awaitable[None]]) -> None:
        number = next(self._numbers)
        dice = random.Random(f"{self.plan.seed} deed {number}")
        club = dice.choice(self._crowd.clubs)
        try:
            await act(Deed(self._crowd, club, dice.choice(club.people), dice, number))
        except (ClientRefused, Refusal):  # somebody has deleted it, or pressed it before
            return

    def _set_outcomes(self, *, failing: int) -> None:
        """Clips take their time; some fail."""
        for vendor in self._vendors.by_name.values():
            kinds = [Outcome.SLOW] * 19 + [Outcome.FAILED] * failing
            vendor.outcomes.clear()
            vendor.outcomes.extend(self._dice.choices(kinds, k=20_000))

    async def _make(self) -> None:
        """Finish what was begun long enough ago."""
        while True:
            now_s = time.monotonic()
            for task in self._slow():
                takes_s = self._dice.uniform(*RENDERS_FOR_S) / TIMES
                if now_s >= self._ready_s.setdefault(task.id, now_s + takes_s):
                    task.outcome = Outcome.READY
            await asyncio.sleep(_LOOKS_EVERY_S)

    def _slow(self) -> Iterator[Any]:
        for vendor in self._vendors.by_name.values():
            for task in vendor.tasks.values():
                if task.outcome is Outcome.SLOW:
                    yield task

    def _in_flight(self) -> int:
        return sum(1 for _ in self._slow())

    async def _ask(self, word: str) -> Mapping[str, float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n".encode())
        line = await self._process.stdout.readline()
        if not line:
            raise CannotRun("the bot has ended under the load")
        return cast("Mapping[str, float]", json.loads(line))


def _accounts(vendors: Vendors, plan: Plan) -> Mapping[str, str]:
    """An account at each vendor that tells what it makes, with room for all clips in flight."""
    places = str(plan.jobs)
    return {
        "PROVIDERS": "kling,kkiai,aimlapi",
        "KLING_API_KEY": vendors.kling.key,
        "KLING_BASE_URL": vendors.kling.base_url,
        "KLING_CONCURRENCY": places,
        "KKIAI_API_KEY": vendors.kkiai.key,
        "KKIAI_BASE_URL": vendors.kkiai.base_url,
        "KKIAI_CONCURRENCY": places,
        "AIMLAPI_API_KEY": vendors.aimlapi.key,
        "AIMLAPI_BASE_URL": vendors.aimlapi.url,
        "AIMLAPI_CONCURRENCY": places,
        "LOG_LEVEL": "error",
        "LOG_FORMAT": "json",
    }


async def _ended(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(processes.READY_WITHIN_S):
        await process.wait()


def _errors(log: str) -> Iterator[str]:
    """What the bot called an error, and the operator was not meant to read."""
    for line in log.splitlines():
        if not any(words in line for words in _EXPECTED):
            yield f"log: {line[:300]}"


def _table(plan: Plan, found: Found, acted: list[Interaction], evidence: Evidence) -> Table:
    answered = [one for one in acted if one.acknowledgement]
    untouched = [one for one in answered if not evidence.struck[one.token]]
    kinds = {
        "all": answered,
        "commands": [one for one in answered if one.kind is Kind.COMMAND],
        "buttons and modals": [one for one in answered if one.kind in (Kind.COMPONENT, Kind.MODAL)],
        "autocomplete": [one for one in answered if one.kind is Kind.AUTOCOMPLETE],
        "all whose answer met no fault": untouched,
    }
    told = [f"WRONG: {problem}" for problem in found.problems[:_MOST_TOLD]]
    vitals, rest = found.vitals, found.at_rest
    return Table(
        title=f"Milliseconds until interactions are acknowledged, {plan.per_s} a second with {plan.jobs} clips in flight",
        columns=("", "number", "p50", "p99", "longest"),
        rows=tuple(_row(name, of_kind) for name, of_kind in kinds.items() if len(of_kind) > 1),
        notes=(
            (
                f"{len(acted)} interactions of {plan.people} people in {plan.lasts_s} s, {found.strikes} of the "
                f"bot's requests struck; {len(acted) - len(answered)} without a response. "
                f"In flight: {min(found.in_flight)} to {max(found.in_flight)} clips, {found.done} delivered."
            ),
            (
                f"The bot's loop was late by {vitals['lag_p50_ms']:.0f} ms (p50), {vitals['lag_p99_ms']:.0f} "
                f"(p99), {vitals['lag_max_ms']:.0f} (most); it took {vitals['cpu']:.0%} of a core and "
                f"{vitals['memory_peak_mb']:.0f} MB, at rest {rest['memory_mb']:.0f} MB. "
                f"Discord's own, in this process, by {found.own['lag_p50_ms']:.0f} and {found.own['lag_p99_ms']:.0f} ms, "
                f"which is in the figures above. {found.machine:.1f} processes wanted this machine's {os.cpu_count()} cores."
            ),
            f"Wanted: p99 below {ANSWERED_WITHIN_MS:,} ms. {len(found.problems)} things lost, doubled or wrong.",
            *told,
        ),
    )


def _row(name: str, answered: Iterable[Interaction]) -> tuple[str, ...]:
    latencies = [1000 * one.acknowledgement.latency_s for one in answered if one.acknowledgement]
    figures = (percentile(latencies, 50), percentile(latencies, 99), max(latencies))
    return (name, f"{len(latencies):,}", *(f"{figure:.0f}" for figure in figures))
