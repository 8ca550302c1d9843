"""Two of the seams' other implementations: a provider that follows a script, a publisher that keeps what it got."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bot.db.transaction import Database, Transaction
from bot.domain.catalogue import Catalogue
from bot.domain.errors import DiscordUnavailable
from bot.domain.jobs import Job
from bot.domain.models import ModelSpec
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import Task
from bot.services.health import Health
from bot.services.ports import Card, Place, Sent
from bot.services.routing import Routes

T = TypeVar("T")


def routes(db: Database, *specs: ModelSpec, health: Health | None = None) -> Routes:
    """Routes over a catalogue of these rows, in their order."""
    catalogue = Catalogue(specs, providers=tuple(dict.fromkeys(spec.provider for spec in specs)))
    return Routes(db=db, catalogue=catalogue, health=health or Health(TurnedClock(), changed=lambda: None))


class Watched:
    """A database that counts how many transactions are waited for at once."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.close = db.close
        self.at_once = self.most = 0

    async def read(self, transaction: Transaction[T]) -> T:
        with self._waited_for():
            return await self.db.read(transaction)

    async def write(self, transaction: Transaction[T]) -> T:
        with self._waited_for():
            return await self.db.write(transaction)

    @contextmanager
    def _waited_for(self) -> Generator[None]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            yield
        finally:
            self.at_once -= 1


class TurnedClock:
    """Stands still until a test turns it."""

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, asyncio.Event]] = []

    def now_ms(self) -> int:
        return self._now_ms

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        if until_ms is not None and until_ms <= self._now_ms:
            return
        if until_ms is not None:
            self._sleepers.append((until_ms, event))
        await event.wait()

    def turn_soon(self, seconds: float) -> None:
        """Once whoever runs now waits for it."""
        asyncio.get_running_loop().call_later(0.01, self.turn, seconds)

    def turn(self, seconds: float) -> None:
        self._now_ms += int(seconds * 1000)
        for until_ms, event in self._sleepers:
            if until_ms <= self._now_ms:
                event.set()


class ScriptedProvider:
    """Answers what a test lined up; the last answer of a kind is given again and again."""

    name = "scripted"
    concurrency = 100
    is_full = False

    def __init__(self, recovery: Recovery = Recovery.KEY_HONOURED) -> None:
        self.recovery = recovery
        self.keys: list[str] = []
        self.looked_up: list[str] = []
        self.cancelled: list[str] = []
        self.stops = True
        self.clip = b""
        self.submits: deque[Accepted | Rejected | Unknown] = deque([Accepted("task")])
        self.look_ups: deque[Accepted | Absent | Unknown] = deque([Absent()])
        self.polls: deque[Pending | Ready | Failed | ProviderFault] = deque([Ready("clip")])
        self.before_sending: Callable[[], Awaitable[object]] | None = None
        """Before anything goes out; `before_submit` is in the middle of it."""
        self.before_submit: Callable[[], Awaitable[object]] | None = None
        self.before_poll: Callable[[], Awaitable[object]] | None = None
        self.opens: deque[bytes | ProviderFault | None] = deque([None])

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        if self.before_sending is not None:
            freeze, self.before_sending = self.before_sending, None
            await freeze()
        await submission.fence()
        self.keys.append(submission.key)
        if self.before_submit is not None:
            before, self.before_submit = self.before_submit, None
            await before()
        return _next(self.submits)

    def preview(self, submission: Submission) -> str:
        return f"curl {submission.spec.id}"

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted | Absent | Unknown:
        self.looked_up.append(key)
        return _next(self.look_ups)

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        if self.before_poll is not None:
            before, self.before_poll = self.before_poll, None
            await before()
        answer = _next(self.polls)
        if isinstance(answer, ProviderFault):
            raise answer
        return answer

    @asynccontextmanager
    async def open(self, result: str):  # noqa: ANN201 - an async generator
        answer = _next(self.opens)
        if isinstance(answer, ProviderFault):
            raise answer

        async def chunks() -> AsyncIterator[bytes]:
            yield self.clip if answer is None else answer

        yield chunks()

    async def cancel(self, task_id: str) -> bool:
        self.cancelled.append(task_id)
        return self.stops

    async def close(self) -> None:
        pass


def _next(script: deque[Any]) -> Any:
    return script.popleft() if len(script) > 1 else script[0]


@dataclass
class Post:
    job_id: int
    channel_id: int
    data: bytes
    message_id: int


@dataclass
class RecordingPublisher:
    """Keeps cards and posts; faults that a test lined up come first. `posted` holds what took effect."""

    limit: int = 10_485_760
    thread_fault: Exception | None = None
    direct_fault: Exception | None = None
    gallery_fault: Exception | None = None
    gallery_is_for_adults: bool = False
    closed: dict[int, Exception] = field(default_factory=dict[int, Exception])
    """Channels that refuse every post."""
    opened: list[Place] = field(default_factory=list[Place])
    faults: deque[tuple[Exception, bool]] = field(default_factory=deque[tuple[Exception, bool]])
    """What the next posts raise, and whether they take effect all the same."""
    shown: list[Card] = field(default_factory=list[Card])
    posted: list[Post] = field(default_factory=list[Post])
    tried: list[int] = field(default_factory=list[int])
    archived: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])
    """Threads, and whether only if nothing was written in them later."""
    told: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])
    tell_faults: deque[Exception] = field(default_factory=deque[Exception])
    remembers_nonces: bool = True
    standing: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """Messages (channel, message) with a clip that was claimed."""
    show_faults: int = 0
    """How many of the next edits Discord does not answer."""

    async def show(self, card: Card) -> None:
        if self.show_faults:
            self.show_faults -= 1
            raise DiscordUnavailable
        self.shown.append(card)

    async def open_thread(self, job: Job, place: Place) -> None:
        self.opened.append(place)
        if self.thread_fault:
            raise self.thread_fault

    async def open_direct(self, user_id: int) -> int:
        if self.direct_fault:
            raise self.direct_fault
        return user_id + 1_000_000

    async def suits(self, job: Job, gallery_id: int) -> bool:
        if self.gallery_fault:
            raise self.gallery_fault
        return self.gallery_is_for_adults or not job.origin.is_age_restricted

    async def upload_limit(self, job: Job, place: Place) -> int:
        return min(self.limit, job.origin.upload_limit)

    async def post(self, job: Job, clip: Path, place: Place) -> Sent:
        self.tried.append(place.channel_id)
        if place.channel_id in self.closed:
            raise self.closed[place.channel_id]
        fault, takes_effect = self.faults.popleft() if self.faults else (None, True)
        known = [post for post in self.posted if post.job_id == job.id]
        if takes_effect and not (known and self.remembers_nonces):
            data = await asyncio.to_thread(clip.read_bytes)
            known = [Post(job.id, place.channel_id, data, 5000 + len(self.posted))]
            self.posted += known
        if fault:
            raise fault
        return Sent(known[0].message_id, len(known[0].data))

    async def holds(self, job: Job, channel_id: int, message_id: int) -> Sent | None:
        if channel_id in self.closed:
            raise self.closed[channel_id]
        return Sent(message_id, 7) if (channel_id, message_id) in self.standing else None

    async def find(self, job: Job, place: Place, *, after_ms: int) -> Sent | None:
        found = [post for post in self.posted if (post.job_id, post.channel_id) == (job.id, place.channel_id)]
        return Sent(found[0].message_id, len(found[0].data)) if found else None

    async def tell(
        self, guild_id: int, channel_id: int, text: str, *, key: str, is_silent: bool = False
    ) -> None:
        if self.tell_faults:
            raise self.tell_faults.popleft()
        self.told.append((guild_id, channel_id, text))

    async def archive(self, job: Job, *, only_if_quiet: bool) -> None:
        if job.thread_id is not None:
            self.archived.append((job.thread_id, only_if_quiet))
