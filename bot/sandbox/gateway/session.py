"""A session: what one shard of a bot has been told, so that it can be told again after a break."""

from collections import deque
from dataclasses import dataclass, field

from bot.sandbox.gateway.connection import Connection
from bot.sandbox.model.applications import Application
from bot.sandbox.model.hub import CONTENT, Event
from bot.sandbox.model.messages import Viewer
from bot.sandbox.snowflake import shard_of
from bot.sandbox.wire import dumps

_MAX_KEPT = 2000


@dataclass(eq=False)
class Session:
    """A session, with or without a connection."""

    id: str
    app: Application
    intents: int
    shard: tuple[int, int]
    connection: Connection | None
    sequence: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque[tuple[int, str]](maxlen=_MAX_KEPT))

    @property
    def viewer(self) -> Viewer:
        """How this session sees messages."""
        return Viewer(self.app.user.id, bool(self.intents & CONTENT))

    def holds(self, guild_id: int) -> bool:
        """Whether the guild belongs to this shard."""
        return shard_of(guild_id, self.shard[1]) == self.shard[0]

    def wants(self, event: Event) -> bool:
        """Whether the event is for this bot, this shard and these intents."""
        if event.intent and not event.intent & self.intents:
            return False
        is_here = self.shard[0] == 0 if event.guild_id is None else self.holds(event.guild_id)
        return is_here and event.is_for(self.app.user.id)

    def dispatch(self, name: str, data: object) -> None:
        """Send an event now, and keep it for a resume."""
        self.sequence += 1
        text = dumps({"op": 0, "t": name, "s": self.sequence, "d": data})
        self.sent.append((self.sequence, text))
        if self.connection:
            self.connection.send_text(text)

    def can_resume_from(self, sequence: int) -> bool:
        """Whether everything after this number is still kept."""
        oldest = self.sent[0][0] if self.sent else self.sequence + 1
        return oldest - 1 <= sequence <= self.sequence

    def resume(self, connection: Connection, sequence: int) -> None:
        """Send what was missed on a new connection."""
        self.connection = connection
        for number, text in self.sent:
            if number > sequence:
                connection.send_text(text)
        self.dispatch("RESUMED", {"_trace": []})
