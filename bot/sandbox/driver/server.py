"""Guilds and applications with what a test does to them."""

from collections.abc import Iterable

from bot.sandbox.driver.person import Person
from bot.sandbox.model.applications import SLASH, Application
from bot.sandbox.model.guilds import Guild
from bot.sandbox.model.hub import Event
from bot.sandbox.model.people import Member, Role, User
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.waiting import DEFAULT_TIMEOUT_S
from bot.sandbox.world import World

BOT_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ATTACH_FILES
    | Permission.EMBED_LINKS
)
"""What a bot's own role has unless said otherwise."""


class App(Application):
    """An application that is waited for."""

    async def ready(
        self, *, commands: bool = True, sessions: int = 1, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> None:
        """Wait until the bot is connected, as often as it has shards, and its commands are known."""

        def look() -> bool | None:
            is_ready = self.live_sessions >= sessions and (self.has_commands or not commands)
            return is_ready or None

        await self.bell.until(
            look,
            timeout_s=timeout_s,
            awaited=f"{self.name} to be connected{' with its commands' if commands else ''}",
            there=lambda: f"{self.live_sessions} connections, commands {sorted(map(str, self.commands))}",
        )


class Server(Guild):
    """A guild that people and bots join."""

    def __init__(
        self, world: World, name: str, owner: User, *, premium_tier: int = 0, guild_id: int | None = None
    ) -> None:
        super().__init__(guild_id or world.hub.new_id(), name, owner, world.hub, premium_tier=premium_tier)
        self._world = world
        self._join(Person(world, owner, world.hub.clock()))

    def _join(self, member: Person) -> None:
        self.members[member.id] = member

    def add_member(
        self,
        name: str | Person,
        *,
        roles: Iterable[Role] = (),
        accepts_dms: bool = True,
        locale: str = "en-US",
    ) -> Person:
        """Let somebody join: a new account of this name, or a person from another guild."""
        world = self._world
        if isinstance(name, Person):
            user = name.user
        else:
            user = User(world.hub.new_id(), name, accepts_dms=accepts_dms, locale=locale)
            world.users[user.id] = user
        member = Person(world, user, world.hub.clock())
        member.role_ids = {role.id for role in roles}
        self._join(member)
        body = {"guild_id": str(self.id), **member.payload()}
        self.tell_about(member.id, "GUILD_MEMBER_ADD", lambda: body)
        world.hub.changed(self)
        return member

    def add_app(self, app: Application, *, permissions: Permission = BOT_PERMISSIONS) -> Member:
        """Let a bot join with a role of its own."""
        role = self.add_role(app.name, permissions=permissions)
        role.managed_by = app.user.id
        member = Member(app.user, self.hub.clock(), {role.id})
        self.members[app.user.id] = member
        self.announce_to(app.user.id)
        self.hub.changed(self)
        return member

    def show_command(self, app: Application, name: str, to: Role | Member, *, shown: bool = True) -> None:
        """As an admin does in the settings of a bot's integration: show a slash command to somebody, or hide it."""
        command = app.find(SLASH, name, self.id)
        if command is None:
            raise ClientRefused(f"{app.name} has no command {name}.")
        said = self.command_overwrites.setdefault(command.id, {})
        said[to.id] = shown
        app.revision += 1
        self.hub.changed(app)
        body = {
            "id": str(command.id),
            "application_id": str(app.id),
            "guild_id": str(self.id),
            "permissions": [
                {"id": str(one), "type": 1 if one in self.roles else 2, "permission": is_shown}
                for one, is_shown in said.items()
            ],
        }
        event = Event(
            "APPLICATION_COMMAND_PERMISSIONS_UPDATE", lambda _: body, 0, self.id, app.user.id.__eq__
        )
        self.hub.publish(event)

    def app_role(self, app: Application) -> Role:
        """The role that Discord made for the bot."""
        return next(role for role in self.roles.values() if role.managed_by == app.user.id)

    def remove_app(self, app: Application) -> None:
        """Throw a bot out."""
        role = self.app_role(app)
        self.announce_end_to(app.user.id)
        del self.members[app.user.id]
        del self.roles[role.id]
        self.hub.changed(self)
