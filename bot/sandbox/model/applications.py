"""Applications: the bot account, its switches, its commands."""

from dataclasses import dataclass, field

from bot.sandbox.model.people import User
from bot.sandbox.snowflake import Snowflakes
from bot.sandbox.waiting import Bell
from bot.sandbox.wire import Json, as_objects

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
_PRESENCE_LIMITED, _MEMBERS_LIMITED, _CONTENT_LIMITED = 1 << 13, 1 << 15, 1 << 19
_MEMBERS, _PRESENCES, _CONTENT = 1 << 1, 1 << 8, 1 << 15


@dataclass(frozen=True, slots=True)
class Command:
    """A registered command."""

    id: int
    type: int
    name: str
    body: Json
    guild_id: int | None

    def payload(self, application_id: int) -> Json:
        """The application command object."""
        permissions = self.body.get("default_member_permissions")
        return {
            "dm_permission": True,
            "contexts": None,
            "integration_types": [0],
            "nsfw": False,
            "description": "",
            "options": [],
            **self.body,
            "id": str(self.id),
            "application_id": str(application_id),
            "version": str(self.id),
            "type": self.type,
            "default_member_permissions": None if permissions is None else str(permissions),
            **({"guild_id": str(self.guild_id)} if self.guild_id else {}),
        }


@dataclass(eq=False)
class Application:
    """A bot's application; `commands` is by scope (None is global), then by type and name."""

    id: int
    name: str
    token: str
    user: User
    owner: User
    message_content: bool = False
    members: bool = False
    presences: bool = False
    public_key: str = "0" * 64
    commands: dict[int | None, dict[tuple[int, str], Command]] = field(
        default_factory=dict[int | None, dict[tuple[int, str], Command]]
    )
    recommended_shards: int = 1
    max_concurrency: int = 1
    """How many shards may identify at once, where the gateway goes by that."""
    starts_left: int = 1000
    """Sessions that may still be started today, of a thousand."""
    revision: int = 0
    """Grows whenever its commands are different."""
    live_sessions: int = 0
    """Gateway connections that have identified and are open."""
    bell: Bell = field(default_factory=Bell)

    @property
    def forbidden_intents(self) -> int:
        """The intents whose switch is off."""
        return (
            (0 if self.message_content else _CONTENT)
            | (0 if self.members else _MEMBERS)
            | (0 if self.presences else _PRESENCES)
        )

    @property
    def flags(self) -> int:
        """The application's flags; they tell which switches are on."""
        return (
            (_CONTENT_LIMITED if self.message_content else 0)
            | (_MEMBERS_LIMITED if self.members else 0)
            | (_PRESENCE_LIMITED if self.presences else 0)
        )

    def replace_commands(self, guild_id: int | None, bodies: object, new_id: Snowflakes) -> list[Command]:
        """Overwrite all commands of a scope; those that stay keep their ids."""
        before = self.commands.get(guild_id, {})
        after: dict[tuple[int, str], Command] = {}
        for body in as_objects(bodies):
            key = int(body.get("type") or SLASH), str(body["name"])
            identifier = before[key].id if key in before else new_id()
            after[key] = Command(identifier, key[0], key[1], body, guild_id)
        self.commands[guild_id] = after
        self._registered()
        return list(after.values())

    def put_command(self, guild_id: int | None, command: Command) -> None:
        """Add or replace one command."""
        self.commands.setdefault(guild_id, {})[command.type, command.name] = command
        self._registered()

    def drop_command(self, command: Command) -> None:
        """Remove one command."""
        del self.commands[command.guild_id][command.type, command.name]
        self._registered()

    def _registered(self) -> None:
        self.revision += 1
        self.bell.ring()

    def command_by_id(self, guild_id: int | None, command_id: int) -> Command | None:
        """The command with this id in a scope."""
        scope = self.commands.get(guild_id, {}).values()
        return next((command for command in scope if command.id == command_id), None)

    def find(self, kind: int, name: str, guild_id: int | None) -> Command | None:
        """The command a person in this guild gets under this name; a guild's own comes first."""
        own = self.commands.get(guild_id, {}).get((kind, name)) if guild_id else None
        return own or self.commands.get(None, {}).get((kind, name))

    @property
    def has_commands(self) -> bool:
        """Whether any command is registered."""
        return any(self.commands.values())

    def payload(self) -> Json:
        """The application object."""
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "description": "",
            "summary": "",
            "type": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": self.public_key,
            "flags": self.flags,
            "owner": self.owner.payload(),
            "team": None,
            "bot": self.user.payload(),
            "tags": [],
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "approximate_guild_count": 1,
            "integration_types_config": {"0": {}},
        }
