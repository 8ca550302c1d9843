"""Where clips go, for those who ask before anything is charged."""

from bot.db import places
from bot.db.transaction import Database
from bot.domain.places import Preferred


class Places:
    """Reads what servers chose."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def preferred_by(self, guild_id: int) -> Preferred:
        """Where a server wants its clips."""
        return await self._db.read(places.preferred_by(guild_id))
