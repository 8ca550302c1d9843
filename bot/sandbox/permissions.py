"""Discord's permissions and how they are computed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntFlag


class Permission(IntFlag):
    """The permissions that matter to a bot that reads, posts and opens threads."""

    NONE = 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40
    USE_EXTERNAL_APPS = 1 << 50


ALL = Permission(2**53 - 1)
EVERYONE = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.ADD_REACTIONS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.USE_EXTERNAL_APPS
)
"""What @everyone has in a new guild."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies to one role or one member."""

    target_id: int
    is_role: bool
    allow: Permission = Permission.NONE
    deny: Permission = Permission.NONE


def _union(permissions: Iterable[Permission]) -> Permission:
    total = Permission.NONE
    for each in permissions:
        total |= each
    return total


def in_guild(role_permissions: Collection[Permission]) -> Permission:
    """What the roles, @everyone's among them, give together."""
    total = _union(role_permissions)
    return ALL if total & Permission.ADMINISTRATOR else total


def in_channel(
    base: Permission,
    overwrites: Mapping[int, Overwrite],
    *,
    everyone_id: int,
    role_ids: Collection[int],
    user_id: int,
) -> Permission:
    """What is left of `base` in a channel: @everyone's overwrite, then the roles', then the member's own."""
    if base & Permission.ADMINISTRATOR:
        return ALL
    total = base
    if everyone := overwrites.get(everyone_id):
        total = (total & ~everyone.deny) | everyone.allow
    roles = [overwrites[role_id] for role_id in role_ids if role_id in overwrites and role_id != everyone_id]
    total &= ~_union(overwrite.deny for overwrite in roles)
    total |= _union(overwrite.allow for overwrite in roles)
    if own := overwrites.get(user_id):
        total = (total & ~own.deny) | own.allow
    return total if total & Permission.VIEW_CHANNEL else Permission.NONE
