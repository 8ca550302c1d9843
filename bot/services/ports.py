"""What services need and others supply: a clock, a place to publish, someone to carry jobs on."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from bot.domain.jobs import Job
from bot.services.gate import Closure


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
    """When it will probably be finished, seconds since 1970; None while too little is known.

    Half of those like it were finished by the first moment, nine of ten by the second.
    """
    cautions: tuple[str, ...] = ()
    """What is doubted about the way it is made, a sentence each; empty once it has ended otherwise than by failing."""
    came_from: Job | None = None
    """The job that it came out of, as that stands now."""
    is_pictured: bool = False
    """Whether it shows the picture that the clip starts from."""
    thumbnail: bytes | None = None
    """That picture as a small JPEG, where it is to be uploaded with the card; None where the message has it."""
    can_be_painted: bool = False
    """Whether the motion of its picture can be painted on the page, as a request of its own."""
    paused: Closure | None = None
    """Why no waiting job is begun at the moment; None if it is begun in its turn, or has been."""
    at_s: int = field(default=0, compare=False)
    """When all this was so, seconds since 1970."""


class PlaceKind(Enum):
    """What a place is to the bot."""

    CHANNEL = "channel"  # a channel or a thread as people made it
    THREAD = "thread"  # on the card of a job: opened when it is needed, put away later
    RUNNING = "running"  # likewise, for all clips of a member
    GALLERY = "gallery"  # where a server wants all its clips
    DIRECT = "direct"  # direct messages, which only the one who asked reads


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clip may be posted."""

    channel_id: int
    """Of a channel or a thread."""
    kind: PlaceKind = PlaceKind.CHANNEL


@dataclass(frozen=True, slots=True)
class Sent:
    """A message with a clip."""

    message_id: int
    size_bytes: int
    """Of the clip in it."""


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

    async def open_thread(self, job: Job, place: Place) -> None:
        """See to it that the thread is there: on a message in the channel where the job was asked, with its id."""
        ...

    async def open_direct(self, user_id: int) -> int:
        """The channel of direct messages with somebody; whether they take any is not known before."""
        ...

    async def suits(self, job: Job, gallery_id: int) -> bool:
        """Whether a gallery is for this clip: what was asked for among adults or among few stays among them.

        Raises:
            DestinationGone, DestinationForbidden: no clip could be posted there.
        """
        ...

    async def upload_limit(self, job: Job, place: Place) -> int:
        """Bytes that one file may have in a place as Discord says, never more than what the job has learnt."""
        ...

    async def post(self, job: Job, clip: Path, place: Place) -> Sent:
        """Post the clip, mentioning who asked; without the prompt where that is what Discord does not take.

        Repeated within some minutes it returns the first message instead of posting another.
        """
        ...

    async def find(self, job: Job, place: Place, *, after_ms: int) -> Sent | None:
        """The message with this job's clip among those posted since; None if there is none."""
        ...

    async def holds(self, job: Job, channel_id: int, message_id: int) -> Sent | None:
        """A message of the job's server, if it has the clip; None if it is there without."""
        ...

    async def tell(
        self, guild_id: int, channel_id: int, text: str, *, key: str, is_silent: bool = False
    ) -> None:
        """Say something in a channel, mentioning nobody; once, if it is repeated with the same key within minutes.

        `is_silent`: no device makes a sound for it.
        """
        ...

    async def archive(self, job: Job, *, only_if_quiet: bool) -> None:
        """Put the thread of its clip away; `only_if_quiet` leaves one in which something was written later."""
        ...


class Eraser(Protocol):
    """Discord, as far as forgetting needs it; every method raises a `DeliveryFault` when Discord does not play along."""

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete a message of ours; one that is gone already is deleted."""
        ...

    async def rename(self, thread_id: int) -> None:
        """Give a thread of ours a name that says nothing."""
        ...


class Runner(Protocol):
    """Whoever calls `advance` for the jobs that are due."""

    def wake(self, job_id: int) -> None:
        """Something happened to this job: take its next step now."""
        ...
