"""A database that says how long its transactions take."""

import time
from typing import TypeVar

from bot.db.transaction import Database, Transaction
from bot.domain.metrics import Metric, Spread, gauge

T = TypeVar("T")

_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class MeasuredDatabase:
    """Passes everything on."""

    def __init__(self, db: Database) -> None:
        """`db` is closed with it."""
        self._db = db
        self._waiting = 0
        self._seconds = Spread(
            "kinora_database_seconds",
            "How long transactions took, waiting for their turn included.",
            _BOUNDS_S,
            ("kind",),
        )

    async def write(self, transaction: Transaction[T]) -> T:
        """As the database does."""
        self._waiting += 1
        began_s = time.perf_counter()
        try:
            return await self._db.write(transaction)
        finally:
            self._waiting -= 1
            self._seconds.add(time.perf_counter() - began_s, "write")

    async def read(self, transaction: Transaction[T]) -> T:
        """As the database does."""
        began_s = time.perf_counter()
        try:
            return await self._db.read(transaction)
        finally:
            self._seconds.add(time.perf_counter() - began_s, "read")

    async def close(self) -> None:
        """As the database does."""
        await self._db.close()

    def metrics(self) -> list[Metric]:
        """How long transactions took, and how many writes wait."""
        waiting = gauge("kinora_database_writes_waiting", "Writes that are not durable yet.", self._waiting)
        return [self._seconds.read(), waiting]
