"""Where clips go: what servers and people chose about it."""

from bot.db import places
from bot.db.transaction import Database
from bot.domain.places import Preferred


class Places:
    """Reads it, and keeps what a person says about direct messages."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def preferred_by(self, guild_id: int) -> Preferred:
        """Where a server wants its clips."""
        return await self._db.read(places.preferred_by(guild_id))

    async def allows_direct(self, user_id: int) -> bool:
        """Whether a person gets clips as direct messages where no other place takes them."""
        return await self._db.read(places.allows_direct(user_id))

    async def allow_direct(self, user_id: int, is_allowed: bool) -> None:  # noqa: FBT001 - what it sets
        """Keep what a person wants, in whatever server."""
        await self._db.write(places.allow_direct(user_id, is_allowed))
