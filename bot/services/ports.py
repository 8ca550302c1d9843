"""What services need and others supply: a clock, a place to publish, someone to carry jobs on."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.domain.jobs import Job


class Clock(Protocol):
    """The time, injected so that tests can turn it."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        """Return when `event` is set or the moment has come, whichever is first. None waits for the event alone."""
        ...


@dataclass(frozen=True, slots=True)
class Card:
    """What the card of a job shows."""

    job: Job
    ahead: int | None = None
    """Jobs before it; None unless it is queued."""
    ready_between_s: tuple[int, int] | None = None
    """When it will probably be finished, seconds since 1970; None while too little is known."""
    cautions: tuple[str, ...] = ()
    """What is doubted about the way it is made, a sentence each; empty once it has ended otherwise than by failing."""
    came_from: Job | None = None
    """The job that it came out of, as that stands now."""
    is_pictured: bool = False
    """Whether it shows the picture that the clip starts from."""
    thumbnail: bytes | None = None
    """That picture as a small JPEG, where it is to be uploaded with the card; None where the message has it."""


class Publisher(Protocol):
    """Discord, as far as services need it.

    Every method raises a `DeliveryFault` when Discord does not play along:
    `DestinationGone`, `DestinationForbidden` and `ClipTooLarge` are final for what was tried,
    `DiscordUnavailable` leaves open whether it took effect.
    """

    async def show(self, card: Card) -> None:
        """Bring a job's card up to date.

        Raises:
            PictureMissing: the message has not the picture that the card shows; upload it.
        """
        ...

    async def open_thread(self, job: Job) -> int:
        """The thread on the job's card; asking twice gives the same one. Not for jobs asked in a thread."""
        ...

    async def upload_limit(self, job: Job) -> int:
        """Bytes that one file may have where this job is delivered, never more than what was learnt before."""
        ...

    async def post(self, job: Job, clip: Path, *, channel_id: int) -> int:
        """Post the clip in a channel or thread, mentioning who asked; returns the message's id.

        Repeated within some minutes it returns the first message instead of posting another.
        """
        ...

    async def find(self, job: Job, *, channel_id: int, after_ms: int) -> int | None:
        """The message with this job's clip among those posted since; None if there is none."""
        ...

    async def tell(self, guild_id: int, channel_id: int, text: str, *, key: str) -> None:
        """Say something in a channel, mentioning nobody; once, if it is repeated with the same key within minutes."""
        ...

    async def archive(self, job: Job) -> None:
        """Put the job's own thread away."""
        ...


class Runner(Protocol):
    """Whoever calls `advance` for the jobs that are due."""

    def wake(self, job_id: int) -> None:
        """Something happened to this job: take its next step now."""
        ...
