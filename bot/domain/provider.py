"""What a provider is, and the answers it may give.

A provider speaks one API. It never decides about money or retries of a create;
it says what happened, and `bot.services.stages` draws the consequences.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from bot.domain.requests import VideoRequest


class Recovery(StrEnum):
    """What can be done when it is not known whether a create was taken."""

    KEY_HONOURED = "key_honoured"  # sending again with the same attempt key makes one task
    LOOK_UP = "look_up"  # the task can be found by our attempt key
    NEITHER = "neither"  # hold, refund, tell the operator; never send again


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt: everything a provider needs to make the clip."""

    key: str
    """Ours; unique for the installation and the attempt, at most 32 characters of [A-Za-z0-9-]."""
    model: str
    request: VideoRequest
    inputs: Mapping[str, Path]
    """Local files by blob hash: the request's pictures."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the task and will charge for it."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider certainly did not take it and charges nothing."""

    reason: str
    retry_after_s: float | None = None
    """None when asking again with the same input is pointless."""


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
class Ready:
    """Rendered; `result` is what `open` takes."""

    result: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider gave up and charges nothing."""

    reason: str


class ProviderFault(Exception):
    """The provider could not be asked right now; ask again later."""


class Provider(Protocol):
    """One account of one video API.

    Every method may raise `ProviderFault` except `submit`, which turns doubt into `Unknown`.
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

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """Ask for the clip, once."""
        ...

    async def look_up(self, key: str) -> Accepted | Absent | Unknown:
        """Find the attempt made with `key`; only for `Recovery.LOOK_UP`."""
        ...

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """Ask how far the task is."""
        ...

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the finished clip."""
        ...

    async def cancel(self, task_id: str) -> bool:
        """Ask to stop the task; True only if it certainly stopped and costs nothing."""
        ...

    async def close(self) -> None:
        """Give back what is held; tasks that were accepted may go on."""
        ...
