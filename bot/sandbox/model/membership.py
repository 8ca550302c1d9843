"""Who belongs to a guild, who may do what where, and who is told what."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bot.sandbox.model.channels import Channel, Kind
from bot.sandbox.model.hub import GUILDS, MEMBERS, Event, Hub
from bot.sandbox.model.messages import Viewer
from bot.sandbox.model.people import Member, Role, User
from bot.sandbox.permissions import ALL, EVERYONE, Permission, in_channel, in_guild
from bot.sandbox.wire import Json


@dataclass(eq=False)
class Membership:
    """Roles and members of a guild."""

    id: int
    name: str
    owner: User
    hub: Hub
    roles: dict[int, Role] = field(default_factory=dict[int, Role])
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    command_overwrites: dict[int, dict[int, bool]] = field(default_factory=dict[int, dict[int, bool]])
    """By command, the roles and members to whom an admin shows or hides it, whatever its default permissions say."""

    def __post_init__(self) -> None:
        self.roles[self.id] = Role(self.id, "@everyone", EVERYONE, 0)

    def __repr__(self) -> str:
        return f"<Guild {self.name!r} {self.id}>"

    @property
    def everyone(self) -> Role:
        """The role that everybody has."""
        return self.roles[self.id]

    def add_role(
        self, name: str, *, permissions: Permission = Permission.NONE, is_mentionable: bool = False
    ) -> Role:
        """Make a role."""
        role = Role(self.hub.new_id(), name, permissions, len(self.roles), is_mentionable)
        self.roles[role.id] = role
        self.tell("GUILD_ROLE_CREATE", lambda: {"guild_id": str(self.id), "role": role.payload()})
        return role

    def change_role(self, role: Role, permissions: Permission) -> None:
        """Give a role other permissions."""
        role.permissions = permissions
        self.tell("GUILD_ROLE_UPDATE", lambda: {"guild_id": str(self.id), "role": role.payload()})

    def remove_role(self, role: Role) -> None:
        """Delete a role."""
        del self.roles[role.id]
        for member in self.members.values():
            member.role_ids.discard(role.id)
        self.tell("GUILD_ROLE_DELETE", lambda: {"guild_id": str(self.id), "role_id": str(role.id)})

    def set_roles(self, member: Member, roles: Iterable[Role]) -> None:
        """Give a member exactly these roles."""
        member.role_ids = {role.id for role in roles}
        body = {"guild_id": str(self.id), **member.payload()}
        self.tell_about(member.id, "GUILD_MEMBER_UPDATE", lambda: body)
        self.hub.changed(self)

    def permissions_of(self, user_id: int, channel: Channel | None = None) -> Permission:
        """What a member may do, in a channel or a thread if one is given; nothing for a stranger."""
        member = self.members.get(user_id)
        if member is None:
            return Permission.NONE
        if self.owner.id == user_id:
            return ALL
        role_ids = (self.id, *member.role_ids)
        base = in_guild([self.roles[role_id].permissions for role_id in role_ids if role_id in self.roles])
        if channel is None:
            return base
        holder = channel.thread.parent if channel.thread else channel
        return in_channel(
            base, holder.overwrites, everyone_id=self.id, role_ids=member.role_ids, user_id=user_id
        )

    def shows_command(self, user_id: int, command_id: int) -> bool | None:
        """Whether admins have shown a command to a member or hidden it; None if they have said nothing.

        A word on the member counts most, then one role that shows it, then those that hide it, then @everyone
        (Discord's documentation, Application Command Permissions).
        """
        said = self.command_overwrites.get(command_id, {})
        if user_id in said:
            return said[user_id]
        of_roles = [said[role_id] for role_id in self.members[user_id].role_ids if role_id in said]
        return any(of_roles) if of_roles else said.get(self.id)

    def may(self, user_id: int, channel: Channel, needed: Permission) -> bool:
        """Whether a member has all of these permissions in a channel."""
        return self.permissions_of(user_id, channel) & needed == needed

    def sees(self, user_id: int, channel: Channel) -> bool:
        """Whether a member sees a channel; a private thread is seen by those in it and by moderators."""
        total = self.permissions_of(user_id, channel)
        if not total & Permission.VIEW_CHANNEL:
            return False
        if channel.kind is not Kind.PRIVATE_THREAD or channel.thread is None:
            return True
        return user_id in channel.thread.joined_at_s or bool(total & Permission.MANAGE_THREADS)

    def tell(self, name: str, payload: Callable[[], Json]) -> None:
        """Tell every bot of the guild."""
        self.hub.publish(Event(name, lambda _viewer: payload(), GUILDS, self.id, self.members.__contains__))
        self.hub.changed(self)

    def tell_about(self, user_id: int, name: str, payload: Callable[[], Json]) -> None:
        """Tell of a member: every bot with the members intent, and in any case the member itself."""

        def is_for_others(bot: int) -> bool:
            return bot in self.members and bot != user_id

        self.hub.publish(Event(name, lambda _viewer: payload(), MEMBERS, self.id, is_for_others))
        self.hub.publish(Event(name, lambda _viewer: payload(), 0, self.id, lambda bot: bot == user_id))

    def tell_of(
        self, channel: Channel, name: str, payload: Callable[[], Json], *, intent: int = GUILDS
    ) -> None:
        """Tell every bot that sees the channel."""
        self.publish_of(channel, name, lambda _viewer: payload(), intent=intent)

    def publish_of(
        self, channel: Channel, name: str, payload: Callable[[Viewer], Json], *, intent: int
    ) -> None:
        """Tell every bot that sees the channel what that bot may know."""
        self.hub.publish(Event(name, payload, intent, self.id, lambda bot: self.sees(bot, channel)))
