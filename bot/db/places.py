"""Where clips go: what a server prefers, the running threads of its members, and who wants direct messages."""

from bot.db import guilds
from bot.db.transaction import Transaction
from bot.domain.places import Preferred, preferred


def preferred_by(guild_id: int) -> Transaction[Preferred]:
    """Where a server wants its clips."""
    held = yield from guilds.preferences(guild_id)
    return preferred(held.get("thread_style", 0), held.get("gallery_channel_id"))


def member_thread(guild_id: int, channel_id: int, user_id: int, *, otherwise: int) -> Transaction[int]:
    """The running thread of a member below a channel; from now on `otherwise` where they have none.

    A thread on a message has the message's id, so it can be agreed on before it is opened.
    """
    key = {"guild_id": guild_id, "channel_id": channel_id, "user_id": user_id}
    yield _SETTLE, {**key, "thread_id": otherwise}
    rows = yield _MEMBER_THREAD, key
    return rows[0]["thread_id"]


def replace_thread(guild_id: int, channel_id: int, user_id: int, *, gone: int, new: int) -> Transaction[int]:
    """Let another thread take the place of one that is gone or closed; returns the one that holds now.

    Whoever replaced the same thread before has decided for everybody.
    """
    key = {"guild_id": guild_id, "channel_id": channel_id, "user_id": user_id}
    yield _REPLACE, {**key, "gone": gone, "new": new}
    return (yield from member_thread(guild_id, channel_id, user_id, otherwise=new))


def allows_direct(user_id: int) -> Transaction[bool]:
    """Whether a person has allowed direct messages from the bot; nobody has by default."""
    rows = yield "SELECT allows_direct FROM members WHERE user_id = :user_id", {"user_id": user_id}
    return bool(rows and rows[0]["allows_direct"])


def allow_direct(user_id: int, is_allowed: bool) -> Transaction[None]:  # noqa: FBT001 - what it sets
    """Remember whether a person allows direct messages from the bot, in whatever server."""
    yield _ALLOW, {"user_id": user_id, "allows_direct": int(is_allowed)}


_SETTLE = """
    INSERT INTO member_threads (guild_id, channel_id, user_id, thread_id)
    VALUES (:guild_id, :channel_id, :user_id, :thread_id)
    ON CONFLICT (guild_id, channel_id, user_id) DO NOTHING
"""
_MEMBER_THREAD = """
    SELECT thread_id FROM member_threads
    WHERE guild_id = :guild_id AND channel_id = :channel_id AND user_id = :user_id
"""
_REPLACE = """
    UPDATE member_threads SET thread_id = :new
    WHERE guild_id = :guild_id AND channel_id = :channel_id AND user_id = :user_id AND thread_id = :gone
"""
_ALLOW = """
    INSERT INTO members (user_id, allows_direct) VALUES (:user_id, :allows_direct)
    ON CONFLICT (user_id) DO UPDATE SET allows_direct = excluded.allows_direct
"""
