"""What a provider is, and the answers it may give.

A provider speaks one API. It never decides about money or retries of a create;
it says what happened, and `bot.services.stages` draws the consequences.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

from bot.domain.models import ModelSpec
from bot.domain.requests import Task, VideoRequest


class Recovery(StrEnum):
    """What can be done when it is not known whether a create was taken."""

    KEY_HONOURED = "key_honoured"  # sending again with the same attempt key makes one task
    LOOK_UP = "look_up"  # the task can be found by our attempt key
    NEITHER = "neither"  # hold, refund, tell the operator; never send again


class Refusal(StrEnum):
    """Why a provider did not take a task, which decides what happens next."""

    BUSY = "busy"  # too many or too fast: the same provider takes it a little later
    UNREACHABLE = "unreachable"  # the request certainly did not arrive, or the service is down
    INPUT = "input"  # something in the request does not suit this provider or model
    MODERATION = "moderation"  # the content is refused; no other provider is asked
    PAYMENT = "payment"  # the account has no credit left
    ACCOUNT = "account"  # the key is wrong, or has no right to this


CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0

SLOWEST_BYTES_PER_S = 50_000
"""A line that sends slower than this is broken."""

Fence: TypeAlias = Callable[[], Awaitable[None]]


async def open_fence() -> None:
    """Nobody else could be about this."""


def sending_lasts_s(picture_bytes: int) -> float:
    """Seconds until a create that carries so much, as base64, was answered or is given up; none waits for its clip."""
    return CONNECT_TIMEOUT_S + picture_bytes * 4 / 3 / SLOWEST_BYTES_PER_S + READ_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt: everything a provider needs to make the clip."""

    key: str
    """Ours; unique for the installation and the attempt, at most 32 characters of [A-Za-z0-9-]."""
    spec: ModelSpec
    """The model, and how this provider wants to be spoken to for it."""
    request: VideoRequest
    """Complete: its quality is one of the model's."""
    inputs: Mapping[str, Path]
    """Local files by blob hash: the request's pictures."""
    callback_url: str | None = None
    """Where news of the task may be sent; None where nothing listens."""
    fence: Fence = open_fence
    """Waited for right before each request goes out; what it raises, `submit` raises, and nothing more is sent."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a provider says that a clip has cost."""

    amount: Decimal
    unit: str
    """In the provider's own words: `unit` (Kling), `credit` (AI/ML API, 1min.ai)."""
    usd: Decimal | None = None
    """In dollars; None where the provider does not tell and no rate is known."""

    @property
    def micro_usd(self) -> int | None:
        """Millionths of a dollar."""
        return None if self.usd is None else round(self.usd * 1_000_000)


@dataclass(frozen=True, slots=True)
class Ready:
    """Rendered; `result` is what `open` takes."""

    result: str
    spent: Spent | None = None
    """None where the provider does not tell."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the task and will charge for it."""

    task_id: str
    """What `poll` takes; holds whatever is needed to ask for the task again."""
    ready: Ready | None = None
    """Set by a provider that answers only when the clip is finished."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider certainly did not take it and charges nothing."""

    reason: str
    """A sentence for the person who asked; nothing in it about the operator's account."""
    why: Refusal = Refusal.INPUT
    retry_after_s: float | None = None
    """When this provider may be asked again; None when asking again with the same input is pointless."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The create may or may not have been taken."""

    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A look-up proved that the task does not exist."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Still rendering."""

    progress: float | None = None
    """0 to 1; None where the provider does not tell."""
    ask_again_s: float | None = None
    """None leaves the moment to `bot.domain.polling`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider gave up and charges nothing."""

    reason: str


class ProviderFault(Exception):
    """The provider could not be asked right now; ask again later."""


class NoSuchTask(ProviderFault):
    """The provider says that it knows no such task, which may be true of one that it has only just taken."""


class TaskLost(ProviderFault):
    """The task, or its clip, went with the process that made it; only for `Recovery.KEY_HONOURED`: it is made anew."""


class Unreachable(ProviderFault):
    """No answer came from the provider at all."""


class Provider(Protocol):
    """One account of one video API.

    Every method may raise `ProviderFault` except `submit`, which turns doubt into `Unknown`. Whoever orders over a
    network waits for the submission's fence.
    """

    @property
    def name(self) -> str:
        """The name used in settings, catalogue rows and jobs."""
        ...

    @property
    def recovery(self) -> Recovery:
        """How an attempt in doubt is resolved."""
        ...

    @property
    def concurrency(self) -> int:
        """Clips that may run at once on this account."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether this process can begin no more clips of it now, while another one may."""
        ...

    def preview(self, submission: Submission) -> str:
        """The requests that `submit` would make, as cURL commands with secrets masked; nothing is sent.

        Pictures are named as in `submission.inputs`. A comment of the shell where no request is needed.
        """
        ...

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """Ask for the clip, once."""
        ...

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Accepted | Absent | Unknown:
        """Find the attempt made with `key` for that model; only for `Recovery.LOOK_UP`."""
        ...

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """Ask how far the task is."""
        ...

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the finished clip, which need not be kept any more once the block was left without an error."""
        ...

    async def cancel(self, task_id: str) -> bool:
        """Ask to stop the task; True only if it certainly stopped and costs nothing."""
        ...

    async def close(self) -> None:
        """Give back what is held; tasks that were accepted may go on."""
        ...
