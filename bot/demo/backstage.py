"""The demo's side of the drawer: the vendor's switches, the bot's, and the books beside them."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.db.errors import DatabaseUnavailable, DatabaseUnusable
from bot.demo import books
from bot.demo.process import BotProcess
from bot.demo.vendor import Charge, Manner, PracticeVendor
from bot.domain.jobs import Job, JobState
from bot.sandbox import App, ClientRefused, Sandbox, Server
from bot.sandbox.page.backstage import (
    Backstage,
    Cell,
    Choice,
    Description,
    Group,
    Line,
    Switch,
    Table,
)

LOOK_EVERY_S = 1.0
"""While the drawer is open: what the bot writes down rings no bell here."""

_CLIP = re.compile(r"(?:SPOILER_)?kinora-([0-9]{1,18})\.mp4")

_log = logging.getLogger(__name__)

_NONE = "\N{EN DASH}"

_MANNERS = {
    Manner.TAKES: "Takes every clip",
    Manner.REFUSES: "Refuses the content",
    Manner.FAILS: "Takes it, fails after a while",
    Manner.HANGS_UP: "Takes it, hangs up without an answer",
}


@dataclass(frozen=True, slots=True)
class VendorPart:
    """The vendor that one chooses with `provider: kling`."""

    vendor: PracticeVendor

    def describe(self) -> Description:
        """Its switches and its bill."""
        switches = (
            Switch(
                name="vendor.manner",
                label="A clip that is ordered",
                promise="What may have been taken is looked up and never ordered again blindly; "
                "what failed or was refused is not charged to anybody.",
                value=self.vendor.manner.value,
                choices=tuple(Choice(manner.value, label) for manner, label in _MANNERS.items()),
            ),
            Switch(
                name="vendor.slow",
                label="Clips do not get ready",
                promise="The bot waits, asks less often, and gives the clip as soon as it is there.",
                value=self.vendor.is_slow,
            ),
        )
        return Description(
            groups=(Group("The provider “kling”", switches),), tables=(_bill(self.vendor.bill),)
        )

    async def set(self, switch: str, value: object) -> None:
        """Turn one of them."""
        if switch == "vendor.slow":
            self.vendor.is_slow = bool(value)
        else:
            self.vendor.manner = Manner(str(value))


@dataclass(frozen=True, slots=True)
class BotPart:
    """The bot's process."""

    bot: BotProcess
    is_connected: Callable[[], bool]

    def describe(self) -> Description:
        """Its switches, and whether it is there."""
        switches = (
            Switch(
                name="bot.kill",
                label="Kill the bot (SIGKILL)",
                promise="Whatever it was doing, it goes on where it was: no clip is lost, charged or posted twice.",
            ),
            Switch(
                name="bot.start",
                label="Start the bot again",
                promise="It takes up every open job, and answers what it had not answered yet.",
            ),
        )
        return Description(groups=(Group("The bot", switches),), status=(self._status(),))

    async def set(self, switch: str, value: object) -> None:
        """Press one of them.

        Raises:
            ClientRefused: it is as it is wanted already.
        """
        del value
        if self.bot.is_up == (switch == "bot.start"):
            raise ClientRefused("The bot runs already." if self.bot.is_up else "The bot does not run.")
        await (self.bot.start() if switch == "bot.start" else self.bot.kill())

    def _status(self) -> Line:
        if self.bot.ended_with is not None:
            return Line(f"The bot ended by itself, with status {self.bot.ended_with}.", is_good=False)
        if not self.bot.is_up:
            return Line("The bot is down.", is_good=False)
        if not self.is_connected():
            return Line("The bot runs and is not connected.", is_good=False)
        return Line("The bot is up.", is_good=True)


@dataclass(eq=False)
class BooksPart:
    """What the bot has written down, and whether what it promises holds."""

    database: Path
    sandbox: Sandbox
    server: Server
    app: App
    vendor: PracticeVendor
    _books: books.Books | None = None
    _clips: list[str] = field(default_factory=list[str])
    _stamp: object = None

    def describe(self) -> Description:
        """The tables, as they were when somebody last looked."""
        known = self._books or books.Books()
        names = {member.id: member.user.payload()["global_name"] for member in self.server.members.values()}
        tables = (_jobs(known), _ledger(known, names))
        return Description(promises=tuple(self._promises()), tables=tables)

    async def set(self, switch: str, value: object) -> None:
        """There is nothing to turn: the books are only read."""
        raise NotImplementedError

    async def look(self) -> None:
        """Read what has been written since the last look."""
        now = books.stamp(self.database)
        if now == self._stamp:
            return
        known, self._stamp = self._stamp, now  # what cannot be read is not read again until it is different
        try:
            self._books = await asyncio.to_thread(books.read, self.database, self.server.id)
        except (DatabaseUnusable, DatabaseUnavailable):
            self._stamp = known  # there is none yet, or its bot is just making it
            return
        self._clips = list(self._posted())

    def _promises(self) -> Iterator[Line]:
        if self._books is None:
            return
        charges, clips = len(self.vendor.bill), len(self._clips)
        yield _once("charged", books.charged_twice(self.vendor.bill), f"{charges} on the bill")
        yield _once("posted", books.repeated(self._clips), f"{clips} posted")
        kept = "The books balance: who got no clip got the credits back."
        broken = "The books do not balance: a sum or the end of a job is not what its entries say."
        yield Line(kept if self._books.is_balanced else broken, self._books.is_balanced)

    def _posted(self) -> Iterator[str]:
        """The numbers of the jobs whose clips were posted somewhere, once for each message; answers show them again."""
        direct = self.sandbox.world.direct.values()
        places = [*self.server.channels.values(), *self.server.threads, *direct]
        for message in (message for place in places for message in place.messages):
            if message.author.id == self.app.user.id and message.interaction is None:
                found = (_CLIP.fullmatch(file.filename) for file in message.files)
                yield from (match[1] for match in found if match)


def _once(deed: str, twice: Sequence[str], count: str) -> Line:
    """Whether a deed was done at most once for each job; `twice` are those for which it was not."""
    broken = f"{deed.capitalize()} more than once: {', '.join(f'job {job}' for job in twice)} ({count})."
    return Line(broken if twice else f"No clip was {deed} twice ({count}).", not twice)


def _bill(bill: list[Charge]) -> Table:
    rows = tuple(
        (
            *books.job_and_attempt(charge.key),
            charge.model,
            f"{charge.units.normalize():f}",
            _time(charge.at_ms),
        )
        for charge in reversed(bill)
    )
    columns = ("Job", "Attempt", "Model", "Units", "When")
    return Table(
        name="bill", title="The provider's bill", empty="Nothing was charged.", columns=columns, rows=rows
    )


def _jobs(known: books.Books) -> Table:
    columns = ("Job", "By", "State", "Try", "Asked", "Begun", "Ready", "Ended")
    rows = tuple(_job(job) for job in known.jobs)
    return Table(name="jobs", title="Jobs", empty="Nothing was asked for.", columns=columns, rows=rows)


def _job(job: Job) -> tuple[Cell, ...]:
    is_rendering = job.state is JobState.RENDERING and job.progress is not None
    state = f"{job.state.value} {job.progress:.0%}" if is_rendering else job.state.value
    steps = (job.started_at_ms, job.rendered_at_ms, job.finished_at_ms)
    times = (_later(job.created_at_ms, at_ms) for at_ms in steps)
    return (job.id, job.provider, state, job.attempt, _time(job.created_at_ms), *times)


def _later(begun_at_ms: int, at_ms: int | None) -> Cell:
    return _NONE if at_ms is None else f"+{(at_ms - begun_at_ms) / 1000:.0f} s"


def _ledger(known: books.Books, names: dict[int, str | None]) -> Table:
    rows = tuple(
        (
            line.job_id or _NONE,
            line.kind.value,
            names.get(line.user_id) or _NONE,
            line.credits,
            _time(line.at_ms),
        )
        for line in known.lines
    )
    columns = ("Job", "Entry", "Who", "Credits", "When")
    return Table(
        name="ledger", title="The ledger", empty="Nothing is written down.", columns=columns, rows=rows
    )


def _time(at_ms: int) -> Cell:
    return {"at_ms": at_ms}


@asynccontextmanager
async def shown(
    sandbox: Sandbox, app: App, server: Server, *, vendor: PracticeVendor, bot: BotProcess, database: Path
) -> AsyncGenerator[None]:
    """Show in the sandbox's drawer what the demo is made of, for as long as the block lasts."""
    backstage, told = sandbox.backstage, BooksPart(database, sandbox, server, app, vendor)
    for part in (VendorPart(vendor), BotPart(bot, lambda: app.live_sessions > 0), told):
        backstage.add(part)
    vendor.changed = bot.changed = backstage.changed
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(_look(backstage, told))
        try:
            yield
        finally:
            looking.cancel()


async def _look(backstage: Backstage, told: BooksPart) -> None:
    """Tell who watches of what rings no bell."""
    is_watched = asyncio.Event()

    def follow() -> None:
        if backstage.is_watched:
            is_watched.set()
        else:
            is_watched.clear()

    backstage.on_watch.append(follow)
    follow()
    last = None
    while True:
        await is_watched.wait()
        try:
            await told.look()
            now = backstage.describe()
        except Exception:  # noqa: BLE001 - whatever it is, the demo goes on
            _log.exception("What the bot has written down cannot be shown.")
            now = last
        if now != last:
            last = now
            backstage.changed()
        await asyncio.sleep(LOOK_EVERY_S)
