"""Who leads a cluster: one session at PostgreSQL holds a lock that only one can, and hears what others ring for.

The session is one of its own, past any pool, because the lock lasts as long as it: PostgreSQL ends one that it has heard
nothing of for some seconds, whatever has become of its process. So a pooler that hands connections on must not stand
in between.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg

from bot.db.errors import DatabaseUnavailable, DatabaseUnusable
from bot.db.postgres.lines import Address, Connection, connect, control

_LOCK = "SELECT pg_try_advisory_lock(1265200751, 2) AS taken"
"""Of the same class as the lock of writers; the class is `Kino` in ASCII."""
_CHANNEL = "kinora"
_ANSWERS_WITHIN_S = 5.0
_SESSION = """
    SET idle_session_timeout = '15s';  -- of a process that was frozen, or a machine that is gone
    SET tcp_keepalives_idle = 5;
    SET tcp_keepalives_interval = 2;
    SET tcp_keepalives_count = 3;
    SET statement_timeout = '5s';
    SET application_name = 'kinora leader'
"""


class Seat:
    """One process's session; used by one task at a time. All raise DatabaseUnavailable, and begin anew after that."""

    def __init__(self, url: str) -> None:
        """`url` may hold a password, so nothing shows it."""
        self._address = Address.of(url)
        self._session: Connection | None = None

    async def take(self) -> bool:
        """Try to lead; whether this process does now. What is rung from then on is heard."""
        async with self._talking() as session:
            [row] = await (await session.execute(_LOCK)).fetchall()
            if row["taken"]:
                await session.execute(f"LISTEN {_CHANNEL}")
            return bool(row["taken"])

    async def rung(self, *, within_s: float) -> set[str]:
        """What was rung for meanwhile: at once when something is, else after so long. It also proves that one still leads."""
        async with self._talking(within_s) as session:
            heard = {notice.payload async for notice in session.notifies(timeout=within_s, stop_after=1)}
            await session.execute("SELECT 1")
            return heard

    async def ring(self, *names: str) -> None:
        """Let the one that leads know; nobody hears it where none does."""
        async with self._talking() as session:
            for name in names:
                await session.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, name))

    async def leave(self) -> None:
        """End the session, and with it the lead."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def _talking(self, listens_s: float = 0.0) -> AsyncGenerator[Connection]:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S + listens_s):
                if self._session is None:
                    self._session = await connect(self._address, patient=True)
                    await control(self._session, _SESSION)
                yield self._session
        except (psycopg.Error, OSError, TimeoutError, DatabaseUnusable) as fault:
            await self.leave()
            raise DatabaseUnavailable from fault
        except (
            BaseException
        ):  # cut off in the middle: what the session says next is no answer to what is asked next
            await self.leave()
            raise
