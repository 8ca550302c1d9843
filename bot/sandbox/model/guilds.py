"""Guilds: roles, members, channels, threads, and who may do what where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.sandbox.model.channels import Channel, Kind
from bot.sandbox.model.hub import GUILDS, Event
from bot.sandbox.model.membership import Membership
from bot.sandbox.model.messages import Viewer
from bot.sandbox.model.people import Member, Role
from bot.sandbox.permissions import Overwrite, Permission
from bot.sandbox.wire import Json, iso

MIB = 1 << 20
UPLOAD_LIMITS: Mapping[int, int] = {0: 10 * MIB, 1: 10 * MIB, 2: 50 * MIB, 3: 100 * MIB}
"""Bytes per file, by premium tier. Tiers 0 and 1 are moving to 20 MiB; a bot should work with the lower."""
ACTIVE_THREADS = 1000

_Pair: TypeAlias = tuple[Permission, Permission]
Overwrites: TypeAlias = Mapping[Role, _Pair] | Mapping[Member, _Pair] | Mapping[Role | Member, _Pair]
"""What is allowed and what is denied, to whom."""


@dataclass(eq=False)
class Guild(Membership):
    """A guild, also called a server."""

    premium_tier: int = 0
    locale: str = "en-US"
    max_active_threads: int = ACTIVE_THREADS
    upload_limit: int = 0
    """Bytes per file."""
    channels: dict[int, Channel] = field(default_factory=dict[int, Channel])
    all_threads: dict[int, Channel] = field(default_factory=dict[int, Channel])
    active: dict[int, Channel] = field(default_factory=dict[int, Channel])
    """The threads that are not archived."""

    def __post_init__(self) -> None:
        self.upload_limit = self.upload_limit or UPLOAD_LIMITS[self.premium_tier]
        super().__post_init__()

    @property
    def threads(self) -> list[Channel]:
        """All threads, the archived ones too, the oldest first."""
        return list(self.all_threads.values())

    def add_channel(
        self,
        name: str,
        *,
        kind: Kind | str = Kind.TEXT,
        overwrites: Overwrites | None = None,
        nsfw: bool = False,
        parent: Channel | None = None,
    ) -> Channel:
        """Make a channel.

        Args:
            name: The channel's name.
            kind: Its kind, or the kind's name: text, announcement, forum, voice, ...
            overwrites: What is allowed and what is denied, in this order, to roles and members.
            nsfw: Whether it is age-restricted.
            parent: Its category.
        """
        kind = Kind[kind.upper()] if isinstance(kind, str) else kind
        channel = Channel(
            self.hub.new_id(),
            name,
            kind,
            self.id,
            self.hub.clock(),
            position=len(self.channels),
            parent_id=parent.id if parent else None,
            is_nsfw=nsfw,
        )
        for target, (allow, deny) in (overwrites or {}).items():
            overwrite = Overwrite(target.id, isinstance(target, Role), allow, deny)
            channel.overwrites[target.id] = overwrite
        self.channels[channel.id] = self.hub.channels[channel.id] = channel
        self.tell_of(channel, "CHANNEL_CREATE", channel.payload)
        self.hub.changed(channel, is_new=True)
        return channel

    def set_upload_limit(self, limit_bytes: int) -> None:
        """Change how large a file may be, as boosts that come and go do it."""
        self.upload_limit = limit_bytes
        self.hub.changed(self)

    def set_overwrite(
        self,
        channel: Channel,
        target: Role | Member,
        *,
        allow: Permission = Permission.NONE,
        deny: Permission = Permission.NONE,
    ) -> None:
        """Change what a role or a member may do in a channel."""
        channel.overwrites[target.id] = Overwrite(target.id, isinstance(target, Role), allow, deny)
        self.tell("CHANNEL_UPDATE", channel.payload)

    def remove_channel(self, channel: Channel) -> None:
        """Delete a channel with its threads, or a thread."""
        if channel.is_thread:
            keys = ("id", "guild_id", "parent_id", "type")
            self.tell_of(channel, "THREAD_DELETE", lambda: {key: channel.payload()[key] for key in keys})
        else:
            for thread in [found for found in self.threads if found.parent_id == channel.id]:
                self._forget(thread)
            del self.channels[channel.id]
            self.tell("CHANNEL_DELETE", channel.payload)
        self._forget(channel)

    def _forget(self, channel: Channel) -> None:
        self.all_threads.pop(channel.id, None)
        self.active.pop(channel.id, None)
        del self.hub.channels[channel.id]
        channel.is_deleted = True
        self.hub.changed(channel)
        channel.bell.ring()

    def has_room_for_thread(self) -> bool:
        """Whether one more thread may be active; those whose time has passed are archived first."""
        if len(self.active) >= self.max_active_threads:
            for thread in list(self.active.values()):
                self.settle(thread)
        return len(self.active) < self.max_active_threads

    def adopt(self, thread: Channel) -> None:
        """Take in a new thread."""
        self.all_threads[thread.id] = self.active[thread.id] = self.hub.channels[thread.id] = thread
        self.tell_of(thread, "THREAD_CREATE", lambda: thread.payload() | {"newly_created": True})
        self.hub.changed(thread, is_new=True)

    def settle(self, thread: Channel) -> None:
        """Archive a thread in which nothing has happened for too long."""
        state = thread.thread
        if state and not state.is_archived:
            idle_s = self.hub.clock() - state.active_at_s
            if idle_s > state.auto_archive_min * 60:
                self.set_archived(thread, is_archived=True)

    def wake(self, thread: Channel) -> None:
        """Something happened in a thread: it opens again if it was archived."""
        assert thread.thread is not None
        thread.thread.active_at_s = self.hub.clock()
        if thread.thread.is_archived:
            self.set_archived(thread, is_archived=False)

    def set_archived(self, thread: Channel, *, is_archived: bool) -> None:
        """Archive or open a thread, or leave it so, and tell what it is like now."""
        state = thread.thread
        assert state is not None
        if state.is_archived != is_archived:
            state.is_archived, state.changed_at_s = is_archived, self.hub.clock()
        if is_archived:
            self.active.pop(thread.id, None)
        else:
            self.active[thread.id] = thread
            state.active_at_s = self.hub.clock()
        self.tell_of(thread, "THREAD_UPDATE", thread.payload)
        self.hub.changed(thread)
        thread.bell.ring()

    def tell_members(self, thread: Channel, *, added: int | None = None, removed: int | None = None) -> None:
        """Tell who joined or left a thread; without the members intent a bot hears only of itself."""
        assert thread.thread is not None
        body: Json = {"id": str(thread.id), "guild_id": str(self.id)}
        body["member_count"] = len(thread.thread.joined_at_s)
        if added is not None:
            body["added_members"] = [thread.member_payload(added) | {"member": self.members[added].payload()}]
        if removed is not None:
            body["removed_member_ids"] = [str(removed)]
        user_id = removed if added is None else added
        assert user_id is not None
        self.tell_about(user_id, "THREAD_MEMBERS_UPDATE", lambda: body)
        self.hub.changed(thread)

    def announce_to(self, bot: int) -> None:
        """Tell a bot of the guild that it has joined."""
        is_bot = bot.__eq__

        def payload(_viewer: Viewer) -> Json:
            return {key: value for key, value in self.payload(bot).items() if key != "unavailable"}

        self.hub.publish(Event("GUILD_CREATE", payload, GUILDS, self.id, is_bot))

    def announce_end_to(self, bot: int) -> None:
        """Tell a bot that it is no longer in the guild."""
        is_bot = bot.__eq__
        self.hub.publish(Event("GUILD_DELETE", lambda _: {"id": str(self.id)}, GUILDS, self.id, is_bot))

    def fail_for(self, bot: int) -> None:
        """Tell a bot that the guild cannot be reached for the time being, though the bot is in it still."""
        body = {"id": str(self.id), "unavailable": True}
        self.hub.publish(Event("GUILD_DELETE", lambda _: body, GUILDS, self.id, bot.__eq__))

    def recover_for(self, bot: int) -> None:
        """Tell a bot that the guild can be reached again."""
        self.hub.publish(Event("GUILD_CREATE", lambda _: self.payload(bot), GUILDS, self.id, bot.__eq__))

    def payload(self, user_id: int) -> Json:
        """The guild as GUILD_CREATE brings it to a bot."""
        channels = [channel.payload() for channel in self.channels.values()]
        threads = [
            thread
            for thread in self.all_threads.values()
            if thread.thread and not thread.thread.is_archived and self.sees(user_id, thread)
        ]
        return self.brief() | {
            "joined_at": iso(self.members[user_id].joined_at_s),
            "large": False,
            "unavailable": False,
            "member_count": len(self.members),
            "voice_states": [],
            "members": [self.members[user_id].payload()],
            "channels": channels,
            "threads": [self._joined(thread, user_id) for thread in threads],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _joined(self, thread: Channel, user_id: int) -> Json:
        assert thread.thread is not None
        if user_id not in thread.thread.joined_at_s:
            return thread.payload()
        return thread.payload() | {"member": thread.member_payload(user_id)}

    def brief(self) -> Json:
        """The guild as the API gives it."""
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "splash": None,
            "banner": None,
            "owner_id": str(self.owner.id),
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "roles": [role.payload() for role in self.roles.values()],
            "emojis": [],
            "stickers": [],
            "features": ["COMMUNITY", "NEWS"],
            "mfa_level": 0,
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "vanity_url_code": None,
            "description": None,
            "premium_tier": self.premium_tier,
            "premium_subscription_count": 0,
            "preferred_locale": self.locale,
            "public_updates_channel_id": None,
            "nsfw_level": 0,
            "nsfw": False,
        }
