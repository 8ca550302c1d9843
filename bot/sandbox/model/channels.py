"""Channels and threads, with their messages in order."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from bot.sandbox.model.messages import SYSTEM_TYPES, Message
from bot.sandbox.model.people import User
from bot.sandbox.permissions import Overwrite
from bot.sandbox.waiting import DEFAULT_TIMEOUT_S, Bell
from bot.sandbox.wire import Json, iso

MAX_MESSAGES = 5000


class Kind(IntEnum):
    """Discord's channel types."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15
    MEDIA = 16


HOLDS_POSTS = frozenset({Kind.FORUM, Kind.MEDIA})


class History:
    """Messages by id and in order; beyond `MAX_MESSAGES` the oldest are forgotten."""

    def __init__(self) -> None:
        self._by_id: dict[int, Message] = {}
        self._ids: list[int] = []

    def add(self, message: Message) -> None:
        """Append a message; ids grow."""
        self._by_id[message.id] = message
        self._ids.append(message.id)
        if len(self._ids) > MAX_MESSAGES:
            del self._by_id[self._ids.pop(0)]

    def get(self, message_id: int) -> Message | None:
        """The message, if it is still here."""
        return self._by_id.get(message_id)

    def remove(self, message_id: int) -> None:
        """Take a message out."""
        del self._by_id[message_id]
        del self._ids[bisect_left(self._ids, message_id)]

    def discard(self, message_id: int) -> None:
        """Take a message out if it is here."""
        if message_id in self._by_id:
            self.remove(message_id)

    def page(self, *, before: int | None, after: int | None, around: int | None, limit: int) -> list[Message]:
        """Messages as the API lists them, the newest first."""
        start, end = max(0, len(self._ids) - limit), len(self._ids)
        if around is not None:
            middle = bisect_left(self._ids, around)
            start = max(0, middle - limit // 2)
            end = start + limit
        elif before is not None:
            end = bisect_left(self._ids, before)
            start = max(0, end - limit)
        elif after is not None:
            start = bisect_right(self._ids, after)
            end = start + limit
        return [self._by_id[found] for found in reversed(self._ids[start:end])]

    def since(self, message_id: int) -> list[Message]:
        """The messages after this one, the oldest first."""
        return [self._by_id[found] for found in self._ids[bisect_right(self._ids, message_id) :]]


@dataclass(eq=False)
class ThreadState:
    """What only threads have."""

    owner_id: int
    parent: "Channel"
    auto_archive_min: int
    changed_at_s: float
    is_archived: bool = False
    is_locked: bool = False
    is_invitable: bool = True
    active_at_s: float = 0.0
    joined_at_s: dict[int, float] = field(default_factory=dict[int, float])
    message_count: int = 0
    applied_tags: list[int] = field(default_factory=list[int])

    def payload(self, created_at: str) -> Json:
        """The thread's metadata object."""
        metadata: Json = {
            "archived": self.is_archived,
            "auto_archive_duration": self.auto_archive_min,
            "archive_timestamp": iso(self.changed_at_s),
            "locked": self.is_locked,
            "create_timestamp": created_at,
        }
        return metadata


@dataclass(eq=False)
class Channel:
    """A channel, a thread or a DM."""

    id: int
    name: str
    kind: Kind
    guild_id: int | None
    created_at_s: float
    position: int = 0
    parent_id: int | None = None
    is_nsfw: bool = False
    overwrites: dict[int, Overwrite] = field(default_factory=dict[int, Overwrite])
    thread: ThreadState | None = None
    recipients: tuple[User, ...] = ()
    slowmode_s: int = 0
    tags: list[Json] = field(default_factory=list[Json])
    needs_tag: bool = False
    is_deleted: bool = False
    history: History = field(default_factory=History)
    whispers: History = field(default_factory=History)
    """The ephemeral messages, each for one person; bots and other people never see them."""
    bell: Bell = field(default_factory=Bell)

    def __repr__(self) -> str:
        return f"<Channel {self.name!r} {self.kind.name} {self.id}>"

    @property
    def mention(self) -> str:
        """The text that links to this channel."""
        return f"<#{self.id}>"

    @property
    def is_thread(self) -> bool:
        """Whether this is a thread."""
        return self.thread is not None

    @property
    def parent(self) -> "Channel":
        """The channel a thread belongs to."""
        if self.thread is None:
            raise AttributeError(f"{self} is not a thread.")
        return self.thread.parent

    @property
    def messages(self) -> list[Message]:
        """What people and bots wrote, the oldest first; without the notes that Discord adds."""
        return [message for message in self.history.since(0) if message.type not in SYSTEM_TYPES]

    async def next_message(
        self,
        fits: Callable[[Message], object] = lambda _message: True,
        *,
        since: Message | int | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Message:
        """Wait for a message that fits.

        Args:
            fits: Says whether this is the message.
            since: Look also at the messages after this one, or the one with this id; 0 is for all there are.
            timeout_s: How long to wait.
        """
        there = self.history.page(before=None, after=None, around=None, limit=1)
        latest = there[0].id if there else 0
        given = since.id if isinstance(since, Message) else since
        start = latest if given is None else given

        def look() -> Message | None:
            new = (m for m in self.history.since(start) if m.type not in SYSTEM_TYPES)
            return next((message for message in new if fits(message)), None)

        return await self.bell.until(
            look,
            timeout_s=timeout_s,
            awaited=f"a message in {self}",
            there=lambda: repr(self.history.since(start)),
        )

    def payload(self) -> Json:
        """The channel object."""
        if self.kind is Kind.DM:
            users = [user.payload() for user in self.recipients if not user.is_bot]
            return {"id": str(self.id), "type": 1, "last_message_id": None, "recipients": users, "flags": 0}
        last = self.history.page(before=None, after=None, around=None, limit=1)
        body: Json = {
            "id": str(self.id),
            "type": int(self.kind),
            "guild_id": str(self.guild_id),
            "name": self.name,
            "parent_id": str(self.parent_id) if self.parent_id else None,
            "rate_limit_per_user": self.slowmode_s,
            "last_message_id": str(last[0].id) if last else None,
            "flags": 0,
        }
        return body | (self._thread_part(self.thread) if self.thread else self._guild_part())

    def _guild_part(self) -> Json:
        overwrites = [
            {
                "id": str(overwrite.target_id),
                "type": 0 if overwrite.is_role else 1,
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for overwrite in self.overwrites.values()
        ]
        part: Json = {"position": self.position, "nsfw": self.is_nsfw, "permission_overwrites": overwrites}
        if self.kind in HOLDS_POSTS:
            part |= {"available_tags": self.tags, "flags": 16 if self.needs_tag else 0, "topic": None}
            part |= {"default_reaction_emoji": None, "default_sort_order": None, "default_forum_layout": 0}
        elif self.kind in {Kind.VOICE, Kind.STAGE}:
            part |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
        else:
            part["topic"] = None
        return part

    def _thread_part(self, thread: ThreadState) -> Json:
        return {
            "owner_id": str(thread.owner_id),
            "message_count": thread.message_count,
            "total_message_sent": thread.message_count,
            "member_count": min(50, len(thread.joined_at_s)),
            "thread_metadata": thread.payload(iso(self.created_at_s)),
            "applied_tags": [str(tag) for tag in thread.applied_tags],
        }

    def member_payload(self, user_id: int) -> Json:
        """The thread member object of somebody who joined."""
        assert self.thread is not None
        joined = iso(self.thread.joined_at_s[user_id])
        return {"id": str(self.id), "user_id": str(user_id), "join_timestamp": joined, "flags": 0}
