"""Interactions, from the person's click to the bot's last word on it."""

from dataclasses import dataclass, field
from enum import IntEnum

from bot.sandbox.model.applications import Application
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.guilds import Guild
from bot.sandbox.model.messages import EPHEMERAL, Message
from bot.sandbox.model.people import Member, User
from bot.sandbox.waiting import Bell
from bot.sandbox.wire import Json

ACK_WINDOW_S = 3.0
TOKEN_LIFE_S = 15 * 60.0


class Kind(IntEnum):
    """Interaction types."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Answer(IntEnum):
    """Callback types."""

    MESSAGE = 4
    DEFERRED = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The first response to an interaction."""

    type: Answer
    ephemeral: bool
    latency_s: float
    """Real time from the event's sending to the callback's arrival."""


@dataclass(eq=False)
class Interaction:
    """One use of a command, a button, a select or a modal."""

    id: int
    token: str
    kind: Kind
    app: Application
    user: User
    member: Member | None
    guild: Guild | None
    channel: Channel
    data: Json
    created_at_s: float
    sent_at_s: float
    """On a clock that only measures."""
    upload_limit: int
    source: Message | None = None
    """The message whose component was used, directly or before the modal."""
    metadata: Json = field(default_factory=dict[str, object])
    opened_by_modal: bool = False
    acknowledgement: Acknowledgement | None = None
    original: Message | None = None
    follow_ups: dict[int, Message] = field(default_factory=dict[int, Message])
    choices: list[Json] | None = None
    modal: Json | None = None
    bell: Bell = field(default_factory=Bell)

    def __repr__(self) -> str:
        name = self.data.get("name") or self.data.get("custom_id")
        return f"<Interaction {self.kind.name} {name} by {self.user.name}>"

    @property
    def is_ephemeral(self) -> bool:
        """Whether the original response is for the user alone."""
        return bool(self.original and self.original.flags & EPHEMERAL)

    @property
    def is_answered(self) -> bool:
        """Whether the user sees an answer, be it a message that is gone by now, and nobody is "thinking" any more."""
        waits = self.original is not None and self.original.is_loading and not self.original.is_deleted
        return self.acknowledgement is not None and not waits

    def message(self, message_id: int) -> Message | None:
        """A message of this interaction."""
        if self.original and self.original.id == message_id:
            return self.original
        return self.follow_ups.get(message_id)
