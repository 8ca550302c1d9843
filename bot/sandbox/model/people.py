"""Users, roles, members."""

from dataclasses import dataclass, field

from bot.sandbox.permissions import Permission
from bot.sandbox.wire import Json, iso


@dataclass(eq=False)
class User:
    """An account: a person's or a bot's."""

    id: int
    name: str
    is_bot: bool = False
    accepts_dms: bool = True
    locale: str = "en-US"

    def __repr__(self) -> str:
        return f"<User {self.name} {self.id}>"

    @property
    def mention(self) -> str:
        """The text that mentions this user."""
        return f"<@{self.id}>"

    def payload(self) -> Json:
        """The user object."""
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": "0",
            "global_name": None if self.is_bot else self.name.title(),
            "avatar": None,
            "bot": self.is_bot,
            "public_flags": 0,
            "primary_guild": None,
        }


@dataclass(eq=False)
class Role:
    """A role of a guild; @everyone has the guild's id."""

    id: int
    name: str
    permissions: Permission
    position: int
    is_mentionable: bool = False
    managed_by: int | None = None
    """The bot that Discord made this role for."""

    def payload(self) -> Json:
        """The role object."""
        return {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(int(self.permissions)),
            "position": self.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": self.managed_by is not None,
            "mentionable": self.is_mentionable,
            "flags": 0,
            **({"tags": {"bot_id": str(self.managed_by)}} if self.managed_by else {}),
        }


@dataclass(eq=False)
class Member:
    """A user in a guild."""

    user: User
    joined_at_s: float
    role_ids: set[int] = field(default_factory=set[int])
    nick: str | None = None

    @property
    def id(self) -> int:
        """The user's id."""
        return self.user.id

    @property
    def mention(self) -> str:
        """The text that mentions this member."""
        return self.user.mention

    def payload(self, *, with_user: bool = True) -> Json:
        """The member object."""
        return {
            **({"user": self.user.payload()} if with_user else {}),
            "nick": self.nick,
            "avatar": None,
            "banner": None,
            "roles": [str(role_id) for role_id in sorted(self.role_ids)],
            "joined_at": iso(self.joined_at_s),
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "communication_disabled_until": None,
            "flags": 0,
        }
