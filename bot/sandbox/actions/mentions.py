"""Who a message mentions, and who of them is pinged."""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from bot.sandbox.model.channels import Channel
from bot.sandbox.model.messages import Mentions, Message
from bot.sandbox.model.people import User
from bot.sandbox.permissions import Permission
from bot.sandbox.wire import as_object
from bot.sandbox.world import World

_USER, _ROLE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(?:everyone|here)\b")
_EVERY_KIND = ("everyone", "roles", "users")

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What `allowed_mentions` lets through; the defaults are those of a message without it."""

    parse: frozenset[str] = frozenset(_EVERY_KIND)
    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    replied_user: bool = True

    @classmethod
    def of(cls, value: object, *, in_interaction: bool = False) -> "Allowed":
        """Read the body's `allowed_mentions`; interactions and webhooks mention only users by default."""
        if not isinstance(value, dict):
            return cls(parse=frozenset({"users"})) if in_interaction else cls()
        body = as_object(cast("object", value))
        return cls(
            frozenset(body.get("parse") or ()),
            frozenset(map(int, body.get("users") or ())),
            frozenset(map(int, body.get("roles") or ())),
            bool(body.get("replied_user", False)),
        )


def mentions(
    world: World,
    channel: Channel,
    author: User,
    text: str,
    *,
    allowed: Allowed,
    replied_to: Message | None = None,
) -> Mentions:
    """Read the mentions out of a text and apply what is allowed."""
    guild = world.guild_of(channel)
    is_loud = guild is not None and guild.may(author.id, channel, Permission.MENTION_EVERYONE)
    named = [int(found) for found in dict.fromkeys(_USER.findall(text))]
    user_ids = [u for u in named if ("users" in allowed.parse or u in allowed.users) and u in world.users]
    readers = set(user_ids)
    if replied_to is not None and allowed.replied_user and replied_to.author.id not in user_ids:
        user_ids.append(replied_to.author.id)
        if replied_to.interaction is None:  # replies to interaction responses do not open the content
            readers.add(replied_to.author.id)
    pinged = set(user_ids)
    role_ids: list[int] = []
    everyone = False
    if guild is not None:
        wanted = [int(found) for found in dict.fromkeys(_ROLE.findall(text))]
        role_ids = [
            role
            for role in wanted
            if role in guild.roles
            and ("roles" in allowed.parse or role in allowed.roles)
            and (is_loud or guild.roles[role].is_mentionable)
        ]
        everyone = is_loud and "everyone" in allowed.parse and bool(_EVERYONE.search(text))
        for member in guild.members.values() if role_ids or everyone else ():
            if everyone or member.role_ids & set(role_ids):
                pinged.add(member.id)
    users = tuple(world.users[found] for found in user_ids)
    pinged.discard(author.id)
    return Mentions(users, tuple(role_ids), everyone, frozenset(pinged), frozenset(readers))
