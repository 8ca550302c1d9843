"""Where clips go: what servers prefer, running threads, who wants direct messages, what went nowhere."""

from bot.db import guilds
from bot.db.rows import jobs_of
from bot.db.transaction import Transaction
from bot.domain.jobs import Job, Origin
from bot.domain.places import Preferred, preferred


def preferred_by(guild_id: int) -> Transaction[Preferred]:
    """Where a server wants its clips."""
    held = yield from guilds.preferences(guild_id)
    return preferred(held.get("thread_style", 0), held.get("gallery_channel_id"))


def member_thread(origin: Origin) -> Transaction[int]:
    """The running thread of a member below the channel where they ask; from now on that on this card, if they had none.

    A thread on a message has the message's id, so it is agreed on before anybody opens it. Of somebody who was forgotten
    meanwhile nothing is written down again.
    """
    yield _SETTLE, {**_member(origin), "thread_id": origin.card_id, "request_key": origin.request_key}
    rows = yield _MEMBER_THREAD, _member(origin)
    return rows[0]["thread_id"] if rows else origin.card_id


def replace_thread(origin: Origin, *, gone: int) -> Transaction[None]:
    """Let the thread on this card take the place of a running one that is gone or closed; nothing if it is none."""
    yield _REPLACE, {**_member(origin), "gone": gone, "new": origin.card_id}


def is_running(origin: Origin, thread_id: int) -> Transaction[bool]:
    """Whether a thread is the running one of who asked."""
    rows = yield _MEMBER_THREAD, _member(origin)
    return any(row["thread_id"] == thread_id for row in rows)


def _member(origin: Origin) -> dict[str, object]:
    return {"guild_id": origin.guild_id, "channel_id": origin.channel_id, "user_id": origin.user_id}


def allows_direct(user_id: int) -> Transaction[bool]:
    """Whether a person has allowed direct messages from the bot; nobody has by default."""
    rows = yield "SELECT allows_direct FROM members WHERE user_id = :user_id", {"user_id": user_id}
    return bool(rows and rows[0]["allows_direct"])


def allow_direct(user_id: int, is_allowed: bool) -> Transaction[None]:  # noqa: FBT001 - what it sets
    """Remember whether a person allows direct messages from the bot, in whatever server."""
    yield _ALLOW, {"user_id": user_id, "allows_direct": int(is_allowed)}


def undelivered(guild_id: int, user_id: int) -> Transaction[list[Job]]:
    """Clips of a member that no place took and that can be claimed, the newest first; the newest hundred of them."""
    rows = yield _UNDELIVERED, {"guild_id": guild_id, "user_id": user_id}
    return jobs_of(rows)


_SETTLE = """
    INSERT INTO member_threads (guild_id, channel_id, user_id, thread_id)
    SELECT guild_id, CAST(:channel_id AS BIGINT), user_id, CAST(:thread_id AS BIGINT) FROM jobs
    WHERE request_key = :request_key AND guild_id = :guild_id AND user_id = :user_id
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
_UNDELIVERED = """
    SELECT * FROM jobs WHERE guild_id = :guild_id AND user_id = :user_id AND state = 'undeliverable'
    ORDER BY id DESC LIMIT 100
"""
_ALLOW = """
    INSERT INTO members (user_id, allows_direct) VALUES (:user_id, :allows_direct)
    ON CONFLICT (user_id) DO UPDATE SET allows_direct = excluded.allows_direct
"""
