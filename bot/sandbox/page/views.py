"""What one person sees of a guild: its channels and messages, and what that person may do with them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from bot.sandbox.actions import threads
from bot.sandbox.driver import access
from bot.sandbox.driver.person import Person
from bot.sandbox.model.applications import MESSAGE_MENU, SLASH, Application
from bot.sandbox.model.channels import HOLDS_POSTS, Channel, Kind
from bot.sandbox.model.guilds import Guild
from bot.sandbox.model.messages import DEFAULT, REPLY, SYSTEM_TYPES, Message, Viewer
from bot.sandbox.model.people import Member
from bot.sandbox.permissions import ALL, Permission
from bot.sandbox.refusals import Refusal
from bot.sandbox.wire import Json, dumps, iso
from bot.sandbox.world import World

_EYES = Viewer(0, reads_content=True)
"""People read everything in the channels that they see."""
_TIDY = Permission.MANAGE_MESSAGES
_MODERATES = (
    Permission.MANAGE_GUILD
    | _TIDY
    | Permission.MODERATE_MEMBERS
    | Permission.KICK_MEMBERS
    | Permission.BAN_MEMBERS
)
_MAX_ARCHIVED = 100
"""Of those that this person sees, the newest."""
_UNKNOWN_CHANNEL, _UNKNOWN_MESSAGE = 10003, 10008
_NOT_WRITABLE = frozenset({Kind.CATEGORY, Kind.STAGE})


class Marks(NamedTuple):
    """What is different about a message from person to person."""

    pings_me: bool
    delete: bool
    edit: bool
    reply: bool
    thread: bool

    @property
    def payload(self) -> Json:
        """What is added to the message object."""
        may = {"delete": self.delete, "edit": self.edit, "reply": self.reply, "thread": self.thread}
        return {"pings_me": self.pings_me, "may": may}


class Rendered:
    """A message as text, written once for all who see it; what differs from person to person is put in after that."""

    def __init__(self, message: Message) -> None:
        self._common = dumps(message.payload(_EYES)).removesuffix("}")
        self._texts: dict[Marks, str] = {}

    def __call__(self, marks: Marks) -> str:
        """The message for those to whom these marks apply."""
        if marks not in self._texts:
            self._texts[marks] = f"{self._common},{dumps(marks.payload).removeprefix('{')}"
        return self._texts[marks]


class View:
    """A person's view of a guild."""

    def __init__(self, world: World, guild: Guild, person: Person) -> None:
        self.world = world
        self.guild = guild
        self.person = person

    def sees(self, channel: Channel) -> bool:
        """Whether this person sees the channel, and it belongs here."""
        if channel.is_deleted:
            return False
        if channel.guild_id is None:
            return self.person.user in channel.recipients
        return channel.guild_id == self.guild.id and self.guild.sees(self.person.id, channel)

    def channel_by_id(self, channel_id: int) -> Channel:
        """The channel, thread or DM.

        Raises:
            Refusal: this person sees none.
        """
        found = self.world.channel(channel_id)
        if not self.sees(found):
            raise Refusal(_UNKNOWN_CHANNEL)
        return found

    def message_by_id(self, channel: Channel, message_id: int) -> Message:
        """The message, an ephemeral one too if it is for this person.

        Raises:
            Refusal: there is none.
        """
        found = channel.history.get(message_id) or channel.whispers.get(message_id)
        if found is None or not self._is_for_me(found):
            raise Refusal(_UNKNOWN_MESSAGE)
        return found

    def sees_message(self, channel: Channel, message: Message) -> bool:
        """Whether this person sees a message of the channel."""
        return self._is_for_me(message) and self.sees(channel)

    def _is_for_me(self, message: Message) -> bool:
        return message.ephemeral_to in {None, self.person.user}

    def page(self, channel: Channel, *, before: int | None, limit: int) -> list[Json]:
        """Messages, the oldest first, with this person's ephemeral ones of the same time."""
        if not self._may(channel, Permission.READ_MESSAGE_HISTORY):
            found: list[Message] = []
        else:
            found = channel.history.page(before=before, after=None, around=None, limit=limit)
        start = found[-1].id if len(found) == limit else 0
        whispers = [
            message
            for message in channel.whispers.since(start)
            if self._is_for_me(message) and (before is None or message.id < before)
        ]
        ordered = sorted((*found, *whispers), key=lambda message: message.id)
        return [self.message(channel, message) for message in ordered]

    def message(self, channel: Channel, message: Message) -> Json:
        """The message object as this person gets it."""
        return message.payload(_EYES) | self.marks(channel, message).payload

    def marks(self, channel: Channel, message: Message) -> Marks:
        """What holds for this person and this message."""
        total, user = self._permissions(channel), self.person.user
        is_mine, is_whisper = message.author is user, message.ephemeral_to is not None
        is_plain = message.type not in SYSTEM_TYPES and not is_whisper
        reads = Permission.READ_MESSAGE_HISTORY in total
        has_thread = message.thread is not None or message.id in self.guild.all_threads
        return Marks(
            pings_me=user.id in message.pinged,
            delete=is_mine or is_whisper or (channel.guild_id is not None and _TIDY in total),
            edit=is_mine and message.type in {DEFAULT, REPLY} and not message.snapshots,
            reply=is_plain and reads and self._may_send(channel, total),
            thread=is_plain and reads and not has_thread and self._may_open(channel, total, on_message=True),
        )

    def channel(self, channel: Channel) -> Json:
        """The channel object as this person gets it."""
        total, state = self._permissions(channel), channel.thread
        sends = self._may_send(channel, total)
        owns = state is not None and (state.owner_id == self.person.id or Permission.MANAGE_THREADS in total)
        may = {
            "read": Permission.READ_MESSAGE_HISTORY in total,
            "send": sends,
            "attach": sends and Permission.ATTACH_FILES in total,
            "thread": self._may_open(channel, total, on_message=False),
            "archive": owns and state is not None and not state.is_archived,
        }
        body = channel.payload() | {
            "joined": state is None or self.person.id in state.joined_at_s,
            "may": may,
        }
        if channel.guild_id is None:
            others = [user.payload() for user in channel.recipients if user is not self.person.user]
            body["recipients"] = others
        return body

    def _may_send(self, channel: Channel, total: Permission) -> bool:
        if channel.kind in _NOT_WRITABLE or channel.kind in HOLDS_POSTS:
            return False
        state = channel.thread
        if state is None:
            return Permission.SEND_MESSAGES in total
        is_open = not state.is_locked or Permission.MANAGE_THREADS in total
        return is_open and Permission.SEND_MESSAGES_IN_THREADS in total

    def _may_open(self, channel: Channel, total: Permission, *, on_message: bool) -> bool:
        if channel.kind in HOLDS_POSTS:
            return not on_message and Permission.SEND_MESSAGES in total
        return bool(threads.kinds(channel)) and Permission.CREATE_PUBLIC_THREADS in total

    def _permissions(self, channel: Channel) -> Permission:
        return ALL if channel.guild_id is None else self.guild.permissions_of(self.person.id, channel)

    def _may(self, channel: Channel, needed: Permission) -> bool:
        return needed in self._permissions(channel)

    def channels(self) -> Iterator[Channel]:
        """The channels that this person sees: those of the guild, the threads, the direct messages."""
        known = reversed(self.guild.all_threads.values())
        archived = (thread for thread in known if _is_archived(thread) and self.sees(thread))
        everything: Iterable[Channel] = (
            *self.guild.channels.values(),
            *self.guild.active.values(),
            *islice(archived, _MAX_ARCHIVED),
            *self.world.direct.values(),
        )
        return (channel for channel in everything if self.sees(channel))

    def applications(self) -> list[Application]:
        """The bots of the guild."""
        return [app for app in self.world.apps.values() if app.user.id in self.guild.members]

    def offer(self, channel: Channel, message: Message | None) -> Json:
        """The commands that this person may use in a channel, and on a message."""
        found = list(access.offered(self.world, self.person.id, channel))
        takes_menus = message is not None and message.ephemeral_to is None
        return {
            "commands": [command.payload(app.id) for app, command in found if command.type == SLASH],
            "menus": [c.name for _, c in found if c.type == MESSAGE_MENU] if takes_menus else [],
        }

    def guild_facts(self, channels: Iterable[Channel]) -> Json:
        """What changes with roles and members."""
        people = [member for member in self.guild.members.values() if isinstance(member, Person)]
        members = [member.payload() for member in self.guild.members.values()]
        return {
            "me": self._one(self.person),
            "people": [self._one(member) for member in people],
            "guild": self.guild.brief() | {"members": members},
            "channels": [self.channel(channel) for channel in channels],
            "applications": [application(app) for app in self.applications()],
            "upload_limit_bytes": self.guild.upload_limit,
        }

    def hello(self, channels: Iterable[Channel]) -> Json:
        """What a page needs to begin."""
        return self.guild_facts(channels) | {
            "commands": sum(app.revision for app in self.world.apps.values()),
            "time": iso(self.world.hub.clock()),
        }

    def _one(self, member: Member) -> Json:
        total = self.guild.permissions_of(member.id)
        moderates = "moderator" if total & _MODERATES else "member"
        what = "owner" if member.user is self.guild.owner else moderates
        return member.user.payload() | {"is": what, "locale": member.user.locale}


def application(app: Application) -> Json:
    """A bot, and whether it is there."""
    return {"id": str(app.id), "name": app.name, "user": app.user.payload(), "online": app.live_sessions > 0}


def _is_archived(thread: Channel) -> bool:
    return thread.thread is not None and thread.thread.is_archived
