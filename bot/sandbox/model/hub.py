"""What everything in the sandbox shares: the time, new ids, the CDN, the channels, and who is told of changes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.cdn import Cdn
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.messages import Viewer
from bot.sandbox.snowflake import Snowflakes
from bot.sandbox.wire import Json

GUILDS, MEMBERS, GUILD_MESSAGES, DIRECT_MESSAGES, CONTENT = 1 << 0, 1 << 1, 1 << 9, 1 << 12, 1 << 15


@dataclass(frozen=True, slots=True)
class Event:
    """A change that gateway sessions may hear of."""

    name: str
    payload: Callable[[Viewer], Json]
    intent: int
    """Sessions need one of these bits; 0 is for everybody."""
    guild_id: int | None
    is_for: Callable[[int], bool]
    """Whether the bot with this user id may hear of it."""


@dataclass(eq=False)
class Hub:
    """Shared by all parts of one sandbox."""

    clock: Callable[[], float]
    new_id: Snowflakes
    cdn: Cdn
    channels: dict[int, Channel] = field(default_factory=dict[int, Channel])
    listeners: list[Callable[[Event], None]] = field(default_factory=list[Callable[[Event], None]])
    observers: list[Callable[[object, bool], None]] = field(
        default_factory=list[Callable[[object, bool], None]]
    )
    """Called with each message, channel, interaction, guild and application that is different, and whether it is new."""

    def publish(self, event: Event) -> None:
        """Tell the gateway."""
        for listener in self.listeners:
            listener(event)

    def changed(self, thing: object, *, is_new: bool = False) -> None:
        """Tell those who look on, whom nothing is hidden from: ephemeral messages and interactions too."""
        for observer in self.observers:
            observer(thing, is_new)
