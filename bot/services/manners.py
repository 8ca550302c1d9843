"""How the bot behaves to messages in a server, as its moderators chose."""

from dataclasses import dataclass
from enum import IntEnum

from bot.db import guilds
from bot.db.transaction import Database
from bot.language import LANGUAGES


class ReplyStyle(IntEnum):
    """What follows from a reply to a clip that does not name the bot."""

    ASK = 0  # a question whether to go on with the clip
    MAKE = 1  # the clip is gone on with
    IGNORE = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """What a server chose."""

    replies: ReplyStyle
    language: str | None
    """None: the one it has in Discord."""


class Manners:
    """Reads it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, guild_id: int) -> Choice:
        """What holds in a server."""
        held = await self._db.read(guilds.preferences(guild_id))
        style, language = held.get("reply_style", 0), held.get("language")
        return Choice(
            ReplyStyle(style) if style in set(ReplyStyle) else ReplyStyle.ASK,
            language if language in LANGUAGES else None,
        )
