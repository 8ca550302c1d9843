"""Each fault of a vendor's API with each provider that is paid, and what is there afterwards.

`python -m tests.chaos.vendors` plays all of it and prints a line for each (`kling` after it: of that provider);
`outcomes` is for who prints them otherwise.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from bot import logs
from bot.app import App, running
from bot.db import audit
from bot.sandbox import App as Application
from bot.sandbox import Channel, Message, NothingCame, Sandbox, Server, shows
from bot.settings import Settings
from tests.held import held
from tests.vendors.opened import NAMES, QuickClock, Vendors
from tests.vendors.vendor import OnCreate, OnDownload, OnPoll, Outage, Outcome, Phase, Vendor
from tests.vendors.wild import WILD
from tests.verdict import Row, rows

_TOKEN = "a-token-for-tests"
_WITHIN_S = 60.0
_TIMES = 4000
"""So much faster passes the time: a doubt that nobody can clear up is held for 70 minutes."""

_BLOCKING = frozenset({"onemin"})
"""Answers a create when the clip is finished, and knows no name of ours: what it answered otherwise is held."""
_NO_PROOF = frozenset({"kkiai", "aimlapi", "onemin"})
"""A create that cannot be found there may exist all the same."""

Arrange = Callable[[Vendor], None]


@dataclass(frozen=True)
class Fault:
    """What goes wrong at a vendor."""

    name: str
    arrange: Arrange
    delivered: bool = True
    """Whether the clip comes all the same."""
    held_at: frozenset[str] = frozenset()
    """Providers with which it is given up all the same, because nobody can tell what became of it."""
    providers: frozenset[str] = frozenset(NAMES)
    away_s: float = 0.0
    """How long the vendor is away altogether."""
    how: Outage = Outage.GONE

    def must_be_delivered(self, provider: str) -> bool:
        return self.delivered and provider not in self.held_at


@dataclass(frozen=True)
class Played:
    """What is there after one fault with one provider."""

    fault: str
    provider: str
    charges: int
    """Clips that the vendor wants to be paid for."""
    posts: int
    """Messages with the clip."""
    ledger: str
    """The entries of the job; empty where there is none."""
    requests: int
    """What the vendor was sent."""
    problems: tuple[str, ...] = field(default=())


def _creates(how: OnCreate, vendor: Vendor) -> None:
    vendor.on_create.append(how)


def _polls(how: OnPoll, vendor: Vendor) -> None:
    vendor.on_poll.extend([how] * 3)


def _ends(how: Outcome, vendor: Vendor) -> None:
    vendor.outcomes.append(how)


def _downloads(how: OnDownload, vendor: Vendor) -> None:
    vendor.on_download.extend([how] * 2)


def _answers(phase: Phase, name: str, vendor: Vendor) -> None:
    vendor.wild.append((phase, WILD[name]))


def _nothing(_vendor: Vendor) -> None:
    pass


_REFUSALS = (OnCreate.REFUSE_KEY, OnCreate.REFUSE_PAYMENT, OnCreate.REFUSE_INPUT, OnCreate.REFUSE_CONTENT)
_DOUBTS: Mapping[OnCreate, frozenset[str]] = {
    OnCreate.BUSY: frozenset(),
    OnCreate.OUT_OF_ORDER: frozenset({"kkiai", "onemin"}),
    OnCreate.CUT_BEFORE: _NO_PROOF,
    OnCreate.CUT_AFTER: _BLOCKING,
    OnCreate.GATEWAY_TIMEOUT: _BLOCKING,
    OnCreate.NONSENSE: _BLOCKING,
}
_POLLED = frozenset(NAMES) - _BLOCKING
_READABLE = frozenset({"odd numbers", "interim answers"})
_OF_JSON = frozenset({"no end", "not UTF-8", "JSON too deep", "odd numbers"})


def _faults() -> Iterator[Fault]:
    yield Fault("none", _nothing)
    for how in _REFUSALS:
        yield Fault(f"create: {how}", partial(_creates, how), delivered=False)
    for how, held_at in _DOUBTS.items():
        yield Fault(f"create: {how}", partial(_creates, how), held_at=held_at)
    for outcome in (Outcome.FAILED, Outcome.NO_LINK, Outcome.STRANGE_STATUS):
        yield Fault(f"task: {outcome}", partial(_ends, outcome), delivered=False)
    for poll in OnPoll:
        yield Fault(f"poll: {poll}, three times", partial(_polls, poll), providers=_POLLED)
    for download in OnDownload:
        yield Fault(f"download: {download}, twice", partial(_downloads, download))
    for name in WILD:
        held_at = frozenset[str]() if name in _READABLE else _BLOCKING
        yield Fault(f"create: {name}", partial(_answers, Phase.CREATE, name), held_at=held_at)
        yield Fault(f"poll: {name}", partial(_answers, Phase.POLL, name), providers=_POLLED)
        if name not in _OF_JSON:
            yield Fault(f"download: {name}", partial(_answers, Phase.DOWNLOAD, name))
    yield Fault("away for an hour: nothing listens", _nothing, away_s=3600)
    yield Fault("away for an hour: 521", _nothing, away_s=3600, how=Outage.BEHIND)
    yield Fault("away for an hour: hangs up", _nothing, away_s=3600, how=Outage.HANGS_UP, held_at=_NO_PROOF)
    yield Fault("away for an hour: 503", _nothing, away_s=3600, how=Outage.PAGE, held_at=_NO_PROOF)


FAULTS = tuple(_faults())


class Stand:
    """The bot in this process with one provider, a server, and somebody who asks."""

    def __init__(self, name: str, sandbox: Sandbox, application: Application, vendors: Vendors) -> None:
        self.name = name
        self.vendor = vendors.by_name[name]
        self.application = application
        self.guild: Server = sandbox.add_guild("Film club", app=application)
        self.clock = QuickClock(_TIMES)
        self.app: App
        self.logged: list[Any] = []
        self._people = 0

    async def clip(self, fault: Fault) -> tuple[Channel, Message]:
        """Ask for a clip, and wait for its end."""
        self._people += 1
        person, channel = (
            self.guild.add_member(f"mia-{self._people}"),
            self.guild.add_channel(f"c-{self._people}"),
        )
        async with AsyncExitStack() as stack:
            if fault.away_s:
                await stack.enter_async_context(self.vendor.away(fault.how))
            used = await person.slash("video", channel, prompt=f"clip {self._people}", quality="pro")
            card = await used.response(lambda shown: "Job " in shown.text)
            end_ms = self.clock.now_ms() + int(fault.away_s * 1000)
            await self.clock.wait(asyncio.Event(), until_ms=end_ms)
        await shows(card, _has_ended, timeout_s=_WITHIN_S)
        return channel, card


def _has_ended(card: Message) -> bool:
    return "See the clip" in card.text or "Nothing was charged." in card.text


@asynccontextmanager
async def _standing(name: str) -> AsyncGenerator[Stand]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        vendors = await Vendors.open(stack)
        sandbox = await stack.enter_async_context(Sandbox().serve())
        application = sandbox.add_application("Kinora", token=_TOKEN)
        stand = Stand(name, sandbox, application, vendors)
        plain = Settings.model_validate(
            {
                "discord_token": _TOKEN,
                "discord_api_url": sandbox.api_url,
                "discord_gateway_url": sandbox.gateway_url,
                "data_dir": Path(folder),
                "web_port": 0,
            }
        )
        stand.logged = stack.enter_context(capture_logs())
        settings = vendors.settings(plain, providers=(name,))
        stand.app = await stack.enter_async_context(held(running(settings, clock=stand.clock)))
        await application.ready()
        yield stand


async def outcomes(
    faults: Iterable[Fault] = FAULTS, providers: Iterable[str] = NAMES
) -> AsyncGenerator[Played]:
    """Play every fault with every provider, one after the other; a bot for each provider."""
    chosen = list(faults)
    for name in providers:
        async with _standing(name) as stand:
            for fault in chosen:
                if name in fault.providers:
                    yield await _played(stand, fault)


async def _played(stand: Stand, fault: Fault) -> Played:
    vendor = stand.vendor
    known = {row.id for row in await stand.app.db.read(rows())}
    charged, asked, logged = len(vendor.bill), _requests(vendor), len(stand.logged)
    fault.arrange(vendor)
    problems: list[str] = []
    posts = 0
    try:
        channel, _ = await stand.clip(fault)
        posts = _posts(stand, channel)
    except (NothingCame, AssertionError, TimeoutError) as failure:
        problems.append(f"{type(failure).__name__}: {failure}")
    charges = len(vendor.bill) - charged
    jobs = [row for row in await stand.app.db.read(rows()) if row.id not in known]
    problems += _of_the_clip(stand, fault, charges, posts, jobs)
    problems += [f"logged: {one}" for one in stand.logged[logged:] if "crashed" in one["event"]]
    problems += vendor.problems
    problems += ["the fault did not strike"] if _is_left(vendor) else []
    if await stand.app.db.read(audit.discrepancies()):
        problems.append("balances differ from the ledger")
    _calm(vendor)
    ledger = "; ".join(" ".join(row.entries) for row in jobs)
    return Played(fault.name, stand.name, charges, posts, ledger, _requests(vendor) - asked, tuple(problems))


def _of_the_clip(stand: Stand, fault: Fault, charges: int, posts: int, jobs: list[Row]) -> Iterator[str]:
    if len(jobs) != 1:
        yield f"there are {len(jobs)} jobs"
        return
    [job] = jobs
    if job.entries != ("reserve", "settle" if posts else "refund"):
        yield f"ledger: {job.entries}"
    if posts > 1 or charges > 1 or posts > charges:
        yield f"{posts} clips for {charges} charges"
    if posts != fault.must_be_delivered(stand.name):
        yield f"{posts} clips were posted"
    told = [
        one for one in stand.logged if one.get("job") == job.id and "may have been charged" in one["event"]
    ]
    if charges > posts and not (job.maybe_charged and told) and "task: no_link" not in fault.name:
        yield "charged for without a clip, and the operator was not told"


def _requests(vendor: Vendor) -> int:
    return len(vendor.seen) + vendor.downloads + len(vendor.turned_away)


def _posts(stand: Stand, channel: Channel) -> int:
    threads = [one for one in stand.guild.threads if one.thread and one.thread.parent is channel]
    messages = {message.id: message for place in (channel, *threads) for message in place.messages}
    return sum(any(file.filename.endswith(".mp4") for file in one.files) for one in messages.values())


def _is_left(vendor: Vendor) -> bool:
    """Whether something was arranged that nothing came across."""
    return bool(vendor.wild or vendor.on_create or vendor.on_download or vendor.outcomes)


def _calm(vendor: Vendor) -> None:
    for arranged in (vendor.wild, vendor.on_create, vendor.on_poll, vendor.on_download, vendor.outcomes):
        arranged.clear()
    vendor.problems.clear()


async def _main() -> int:
    logs.configure(level="error", layout="json")
    wanted = [name for name in NAMES if name in sys.argv[1:]] or NAMES
    played = [one async for one in outcomes(providers=wanted)]
    for one in played:
        problems = "".join(f"\n    {problem}" for problem in one.problems)
        print(f"{one.fault:40} {one.provider:8} {one.charges}·{one.posts}·{one.ledger}{problems}")  # noqa: T201
    wrong = sum(bool(one.problems) for one in played)
    print(f"{len(played)} faults, {wrong} left something wrong.")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
