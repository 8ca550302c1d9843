"""A job: one request on its way to one clip, and the only steps it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from bot.domain.money import most_charged
from bot.domain.provider import Spent
from bot.domain.requests import VideoRequest
from bot.language import ENGLISH


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  # accepted and reserved; waits for its turn
    SUBMITTING = "submitting"  # has a slot; the provider is being asked, or may have been
    RENDERING = "rendering"  # the provider took it and gave a task id
    FETCHING = "fetching"  # rendered; the clip is on its way into the blob store
    DELIVERING = "delivering"  # the clip is ours; Discord has not confirmed the message yet
    UNKNOWN = "unknown"  # may have been taken by the provider; looked up, never sent again blindly
    DONE = "done"  # posted and settled
    CANCELLED = "cancelled"  # refunded
    FAILED = "failed"  # refunded
    UNDELIVERABLE = "undeliverable"  # rendered, but no place took it: kept for /claim, its credits reserved


STEPS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset(
        {
            JobState.QUEUED,  # at another provider, when its own has left
            JobState.SUBMITTING,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.SUBMITTING: frozenset(
        {
            JobState.SUBMITTING,
            JobState.QUEUED,  # refused by one provider, and now in line at another
            JobState.RENDERING,
            JobState.FETCHING,  # by a provider that answers with the finished clip
            JobState.UNKNOWN,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.UNKNOWN: frozenset(
        {
            JobState.UNKNOWN,
            JobState.SUBMITTING,
            JobState.QUEUED,  # proven absent, and now in line at another provider
            JobState.RENDERING,
            JobState.FETCHING,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.RENDERING: frozenset(
        {
            JobState.RENDERING,
            JobState.SUBMITTING,  # lost with the process that rendered it, under a key that is honoured
            JobState.FETCHING,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.FETCHING: frozenset(
        {
            JobState.FETCHING,
            JobState.SUBMITTING,  # as from RENDERING: nobody but ourselves has made the clip
            JobState.DELIVERING,
            JobState.FAILED,
        }
    ),
    JobState.DELIVERING: frozenset(
        {
            JobState.DELIVERING,
            JobState.DONE,
            JobState.UNDELIVERABLE,
            JobState.FAILED,  # its member was forgotten, its server left, or its file is lost
        }
    ),
    JobState.DONE: frozenset({JobState.DONE}),
    JobState.CANCELLED: frozenset({JobState.CANCELLED}),
    JobState.FAILED: frozenset({JobState.FAILED}),
    JobState.UNDELIVERABLE: frozenset(
        {
            JobState.UNDELIVERABLE,
            JobState.DONE,  # claimed
            JobState.FAILED,  # not claimed in time, or deleted
        }
    ),
}
"""The allowed steps. A step to the same state changes what is known, not where the job stands."""

CLOSED = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED})
"""States in which a job's credits are settled or given back, for good."""
TERMINAL = CLOSED | {JobState.UNDELIVERABLE}
"""States from which nobody carries a job on; one that no place took is closed by its member, or by time."""
ACTIVE = frozenset(set(JobState) - TERMINAL - {JobState.QUEUED})
SLOT_HOLDERS = frozenset({JobState.SUBMITTING, JobState.RENDERING, JobState.UNKNOWN})
"""States in which a job occupies its provider: fetching and delivering need none."""


CLAIMABLE_FOR_MS = 14 * 86_400_000
"""So long a clip that no place took can be claimed: over a holiday; nobody's credits stay reserved for ever."""


class Relation(StrEnum):
    """How a job came out of another one."""

    AGAIN = "again"  # the same once more
    EDIT = "edit"  # its pictures, with other words or options
    EXTEND = "extend"  # goes on from the last frame of its clip
    FINAL = "final"  # its draft, made by a model that costs something


@dataclass(frozen=True, slots=True)
class Lineage:
    """The job that another one came out of."""

    job_id: int
    relation: Relation


class Aftercare(IntEnum):
    """What is left to do in Discord for a job that has ended."""

    CARD = 0  # the card does not show the end yet
    THREAD = 1  # the thread is still open, for people to talk in
    NONE = 2


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, and where. All ids are Discord snowflakes."""

    request_key: str
    """Unique per request (the interaction's id): asking twice with one key makes one job."""
    guild_id: int
    channel_id: int
    """Where the card stands: a channel or a thread."""
    parent_id: int | None
    """The channel above, if it stands in a thread."""
    user_id: int
    card_id: int
    """The message that shows the job's state."""
    upload_limit: int
    """Bytes one file may have there, as Discord said when it was asked."""
    language: str = ENGLISH
    """Of its card and everything else about it that everybody sees."""
    lineage: Lineage | None = None
    """None unless it came out of another job of the same server."""
    is_private: bool = False
    """Whether it was asked in a thread that only some see: its clip is posted nowhere else by itself."""
    is_age_restricted: bool = False
    """Whether it was asked where only adults are: its clip is posted where that holds."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as Discord said at that moment, and what was agreed to since."""

    roles: frozenset[int] = frozenset()
    manages: bool = False
    """Whether they may manage the server."""
    confirmed_credits: int | None = None
    """The most that they have agreed to be charged; None where nobody has asked them."""
    approved_by: int | None = None
    """The moderator who has."""


ANYBODY = Asker()


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table `jobs`. Times are milliseconds since 1970, UTC."""

    id: int
    version: int
    """Grows with every step; a writer that holds an older one has been overtaken."""
    state: JobState
    origin: Origin
    request: VideoRequest
    provider: str
    model: str
    credits: int
    """Reserved when the job was accepted."""
    price: int
    """What is settled when the clip was posted: less than reserved if a cheaper provider made it, more if the server
    wants to pay what it really cost."""
    worth: int
    """The catalogue's price for it."""
    price_percent: int | None
    """Of its worth that the server takes; None where it has a price of its own."""
    pays_overrun: bool
    """Whether more than was reserved is charged if the provider says that it took more."""
    tried: tuple[str, ...]
    """Providers that refused it before the present one."""
    attempt: int
    """0 while queued; the number of the current try at a provider otherwise."""
    marked_at_ms: int | None
    """When this attempt was about to be sent, later by the time in which its provider said nothing; None before that."""
    task_id: str | None
    """The provider's name for the current attempt."""
    progress: float | None
    """0 to 1 as the provider reports it; None where it does not."""
    result: str | None
    """Where the provider holds the finished clip."""
    spent: Spent | None
    """What the provider says it took; None before that, and where it does not tell."""
    clip: str | None
    """SHA-256 of the clip in the blob store; None before it was fetched, and once its original is no longer kept."""
    clip_bytes: int | None
    posted_bytes: int | None
    """Less than `clip_bytes` where it had to be made smaller for its place."""
    last_frame: str | None
    """SHA-256 of its last frame as a picture, where the original is no longer kept."""
    withdrawn_at_ms: int | None
    """When its message was deleted by a button; None while it stands."""
    withdrawn_by: int | None
    """Who did: the member who asked, or a moderator."""
    thread_id: int | None
    post_marked_at_ms: int | None
    """When the clip was about to be posted; None before that."""
    message_channel_id: int | None
    message_id: int | None
    is_direct: bool
    """Whether that message is a direct one, because no place in the server took it."""
    error: str | None
    """Why it failed, as a sentence for the person who asked."""
    cancel_requested: bool
    tries: int
    """Consecutive failures of the current step; drives the back-off."""
    run_at_ms: int
    created_at_ms: int
    started_at_ms: int | None
    rendered_at_ms: int | None
    finished_at_ms: int | None
    aftercare: Aftercare

    @property
    def most_charged(self) -> int:
        """The most that it can be charged for, whatever its provider says."""
        return most_charged(self.credits, percent=self.price_percent, may_exceed=self.pays_overrun)

    @property
    def claimable_until_ms(self) -> int | None:
        """When a clip that no place took is let go; None for all others."""
        if self.state is not JobState.UNDELIVERABLE or self.finished_at_ms is None:
            return None
        return self.finished_at_ms + CLAIMABLE_FOR_MS

    @property
    def is_deleted(self) -> bool:
        """Whether somebody has deleted its clip: one that ended because its server was left was withdrawn by nobody."""
        return self.withdrawn_at_ms is not None and self.withdrawn_by != 0

    @property
    def attempt_key(self) -> str:
        """Our name for the current attempt, the same after any restart."""
        return f"{self.id}-{self.attempt}"
