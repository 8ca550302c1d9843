"""One run: somebody asks for a clip, the bot is killed at certain points, and all that is there at the end is judged."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.db import asks, visit
from bot.db.errors import DatabaseFault
from bot.db.transaction import Transaction
from bot.domain.jobs import TERMINAL
from bot.sandbox import Message, NothingCame
from tests.chaos import verdict
from tests.chaos.asking import by_painting
from tests.chaos.keeper import Keeper
from tests.chaos.points import Kill
from tests.chaos.stage import QUICK, UNHURRIED, Stage, staged
from tests.chaos.stories import BY_NAME, Story, request
from tests.vendors import vendor
from tests.verdict import Posted, Row, rows

_ENDS_WITHIN_S = 300.0
_AFTERWARDS = 3000
"""Threads are put away minutes after the end, in which nothing else happens."""
_LOOKS_EVERY_S = 0.03
_DIES_WITHIN_S = 0.5


_TELL_NOTHING = ("onemin",)
_TELL_PRESENCE = ("kkiai", "aimlapi")
"""A create that arrived there is found by our key; one that did not is never proven absent."""


@dataclass(frozen=True)
class Plan:
    """What is to happen in a run."""

    story: str
    provider: str
    kills: tuple[Kill, ...] = ()
    """Of the first life, of the second and so on."""
    away_s: float = 0.0
    """How long the bot is away after each; after more than a minute nonces are not trusted any more."""

    def __str__(self) -> str:
        where = ", then ".join(map(str, self.kills)) or "nowhere"
        away = f", away for {self.away_s:g} s" if self.away_s else ""
        return f"{self.story} with {self.provider}, killed at: {where}{away}"


@dataclass(frozen=True)
class Outcome:
    """What was there at the end."""

    plan: Plan
    problems: tuple[str, ...]
    states: tuple[str, ...] = ()
    charges: int = 0
    posts: int = 0
    ledger: str = ""
    deaths: int = 0
    took_s: float = 0.0
    trace: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        """Whether the bot died as often as it was to."""
        return self.deaths >= len(self.plan.kills)


async def play(keeper: Keeper, plan: Plan) -> Outcome:
    """Play a run from its first request to its verdict."""
    began_s = time.monotonic()
    story = BY_NAME[plan.story]
    with tempfile.TemporaryDirectory(prefix="kinora-chaos-") as folder:
        quick = UNHURRIED if plan.provider == "local" or vendor.Outcome.SLOW in story.outcomes else QUICK
        world = staged(
            keeper,
            Path(folder),
            provider=plan.provider,
            kills=plan.kills,
            quick=quick,
            away_s=plan.away_s,
            is_public=story.ask is by_painting,
        )
        async with world as stage:
            posted = Posted(stage.sandbox, stage.application.user.id)
            run = _Run(plan, story, stage, posted)
            await run.play()
            await stage.end()
            outcome = await run.judged()
    return replace(outcome, took_s=time.monotonic() - began_s)


class _NoJob(Exception):
    """A request was answered, and became no job."""


@dataclass
class _Run:
    plan: Plan
    story: Story
    stage: Stage
    posted: Posted
    problems: list[str] = field(default_factory=list[str])
    cards: list[Message] = field(default_factory=list[Message])

    async def play(self) -> None:
        """Until the end, or as far as it goes."""
        playing = asyncio.ensure_future(self._until_the_end())
        broken = asyncio.ensure_future(self.stage.has_ended_itself.wait())
        try:
            await asyncio.wait((playing, broken), timeout=_ENDS_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
            else:
                self.problems.append(
                    "the bot has ended by itself" if broken.done() else f"no end within {_ENDS_WITHIN_S:g} s"
                )
        except (NothingCame, _NoJob) as failure:
            self.problems.append(str(failure))
        finally:
            for task in (playing, broken):
                task.cancel()
            await asyncio.gather(playing, broken, return_exceptions=True)

    async def _until_the_end(self) -> None:
        """Ask, and wait for everything that follows."""
        stage = self.stage
        self._upset()
        await stage.is_up.wait()
        stage.pace.arm()
        for _ in range(self.story.jobs):
            self.cards.append(await self._card())
        stage.hurry()
        if self.story.meanwhile is not None:
            await self.story.meanwhile(stage, self.cards[0])
        await self._rest()
        if stage.deaths < len(self.plan.kills):  # the last points come after the end
            await stage.may_die(within_s=_DIES_WITHIN_S)
            await stage.is_up.wait()
            await self._rest()

    def _upset(self) -> None:
        if self.plan.provider != "local":
            theirs = self.stage.vendors.by_name[self.plan.provider]
            theirs.on_create.extend(self.story.on_create)
            theirs.outcomes.extend(self.story.outcomes)

    async def _card(self) -> Message:
        return await self.story.ask(self.stage, request(self.story, self.plan.provider))

    async def _rest(self) -> None:
        """Until nothing is left to do."""
        while True:
            await self.stage.is_up.wait()
            known = self._look()
            if known == [] and all(not card.is_loading for card in self.cards):
                raise _NoJob(f"there is no job, and the cards say {[card.text for card in self.cards]}")
            if known and all(row.state in TERMINAL for row in known):
                self.stage.pace.go(_AFTERWARDS)
                if all(row.has_ended for row in known):
                    return
            await asyncio.sleep(_LOOKS_EVERY_S)

    def _look(self) -> list[Row] | None:
        """The jobs; None for as long as a request has not become one."""

        def everything() -> Transaction[list[Row] | None]:
            return None if (yield from asks.left()) else (yield from rows())

        try:
            return visit.read(self.stage.settings.database_path, everything())
        except DatabaseFault:
            return None

    def _may_be_held(self) -> bool:
        """Whether nobody can tell what became of a create: of one that was cut, or over which the bot died."""
        is_cut = bool({vendor.OnCreate.CUT_BEFORE, vendor.OnCreate.CUT_AFTER} & {*self.story.on_create})
        if not (is_cut or verdict.died_in_doubt(self.stage.trace)):
            return False
        name = self.plan.provider
        return name in _TELL_NOTHING or (
            name in _TELL_PRESENCE and not self.stage.vendors.by_name[name].tasks
        )

    async def judged(self) -> Outcome:
        """What is there, and what is wrong about it."""
        stage = self.stage
        found = await verdict.of_the_files(stage.settings)
        self.problems += found.problems
        self.problems += verdict.of_discord(stage, self.posted, found.rows, self.cards)
        self.problems += verdict.of_the_vendors(stage, found.rows)
        self.problems += verdict.of_the_story(self.story, stage, found.rows, may_be_held=self._may_be_held())
        return Outcome(
            self.plan,
            tuple(self.problems),
            states=tuple(row.state.value for row in found.rows),
            charges=verdict.charges(stage),
            posts=sum(map(len, (*self.posted.by_job.values(), *self.posted.answers.values()))),
            ledger="; ".join(" ".join(row.entries) for row in found.rows),
            deaths=stage.deaths,
            trace=tuple(stage.trace),
        )
